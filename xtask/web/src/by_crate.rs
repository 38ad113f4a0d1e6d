//! How many bytes of code come from which crate, by the names that the linker leaves.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::bindings::Bindings;
use crate::module::{Function, functions};

/// Functions that are listed by themselves.
const LARGEST: usize = 40;

pub(crate) fn print(wasm: &[u8]) -> Result<()> {
    let functions = functions(&Bindings::named(wasm)?.wasm)?;
    let mut crates: BTreeMap<&str, usize> = BTreeMap::new();
    for Function { name, bytes } in &functions {
        *crates.entry(crate_of(name)).or_default() += bytes;
    }
    let mut crates: Vec<(&str, usize)> = crates.into_iter().collect();
    crates.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    println!("| crate | bytes of code |\n|---|---:|");
    for (name, bytes) in crates {
        println!("| {name} | {bytes} |");
    }
    let mut functions = functions;
    functions.sort_by_key(|function| std::cmp::Reverse(function.bytes));
    println!("\n| function | bytes |\n|---|---:|");
    for Function { name, bytes } in functions.iter().take(LARGEST) {
        println!("| {name} | {bytes} |");
    }
    Ok(())
}

/// The first path of a name such as `<alloc::vec::Vec<T> as core::fmt::Debug>::fmt`.
fn crate_of(name: &str) -> &str {
    let start = name.trim_start_matches(['<', '&', '(', '[', '*', ' ']);
    let start = start.strip_prefix("mut ").or_else(|| start.strip_prefix("dyn ")).unwrap_or(start);
    let end = start.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(start.len());
    match &start[..end] {
        "" => "(no name)",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_the_crate_of_its_first_path() {
        assert_eq!(crate_of("tincan_engine::engine::Engine::handle"), "tincan_engine");
        assert_eq!(crate_of("<alloc::vec::Vec<T> as core::fmt::Debug>::fmt"), "alloc");
        assert_eq!(crate_of("<&mut serde_json::de::Deserializer<R>>::parse"), "serde_json");
        assert_eq!(crate_of("memcpy"), "memcpy");
        assert_eq!(crate_of(""), "(no name)");
    }
}
