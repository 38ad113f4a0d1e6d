//! Replays the corpus on stable, and checks that the package is complete.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::path::{Path, PathBuf};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use tincan_fuzz::TARGETS;

/// Damaged copies of each input. Few, since a fuzzer does this better; enough to notice a parser
/// that trusts its input.
const DAMAGED_COPIES: usize = 20;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The inputs of a target, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder().join("corpus").join(name)).expect(name);
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect(name).path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a readable input")).collect()
}

#[test]
fn every_target_survives_its_corpus() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name} has no corpus");
        corpus.iter().for_each(|input| target(input));
    }
}

#[test]
fn every_target_survives_damaged_inputs() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        for input in &corpus {
            for _ in 0..DAMAGED_COPIES {
                target(&damage(input, &corpus, &mut rng));
            }
        }
    }
}

/// Changes, removes, repeats or takes from another input, one to four times.
fn damage(input: &[u8], others: &[Vec<u8>], rng: &mut ChaCha20Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let mut below = |bound: usize| rng.next_u32() as usize % bound.max(1);
    for _ in 0..=below(4) {
        let (from, until) = (below(bytes.len() + 1), below(bytes.len() + 1));
        let (from, until) = (from.min(until), from.max(until).min(from.min(until) + 16));
        let other = &others[below(others.len())];
        let taken = &other[below(other.len())..];
        match below(5) {
            0 => drop(bytes.drain(from..until)),
            1 => drop(bytes.splice(from..from, bytes[from..until].to_vec())),
            2 => drop(bytes.splice(from..until, taken[..taken.len().min(16)].to_vec())),
            3 => bytes.truncate(from),
            _ => bytes.get_mut(from).into_iter().for_each(|byte| *byte = 32 + below(96) as u8),
        }
    }
    bytes
}

#[test]
fn every_target_has_its_binary() {
    let manifest = std::fs::read_to_string(folder().join("Cargo.toml")).expect("a manifest");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        let binary = std::fs::read_to_string(folder().join(format!("fuzz_targets/{name}.rs")));
        assert!(binary.expect(name).contains(&format!("tincan_fuzz::{name}(data)")), "{name}");
    }
    let files = std::fs::read_dir(folder().join("fuzz_targets")).expect("the targets").count();
    assert_eq!(files, TARGETS.len());
}
