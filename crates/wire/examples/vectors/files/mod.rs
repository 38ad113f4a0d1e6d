//! The content of every vector file. What is given in hex is bytes; what is invalid names the
//! reason by which this implementation counts it.
#![expect(clippy::expect_used, reason = "the inputs of the vectors are ours and valid")]

mod channel;
pub(crate) mod forge;
mod hub;
mod identity;
mod invites;
mod sealed;
mod sessions;
mod signals;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use serde_json::{Value, json};
use tincan_wire::Identity;

/// Every file by its name.
pub(crate) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("access_tokens.json", hub::access_tokens()),
        ("display_names.json", identity::display_names()),
        ("envelopes.json", sealed::envelopes()),
        ("frames.json", channel::frames()),
        ("hello.json", sessions::hello()),
        ("invite_proofs.json", invites::proofs()),
        ("invites.json", invites::invites()),
        ("pair_secrets.json", sealed::pair_secrets()),
        ("safety_numbers.json", identity::safety_numbers()),
        ("sdp.json", sessions::sdp()),
        ("signals.json", signals::signals()),
        ("stamps.json", invites::stamps()),
        ("topics.json", identity::topics()),
        ("user_ids.json", identity::user_ids()),
    ]
}

/// The identity whose seed is `number` 32 times.
fn user(number: u8) -> Identity {
    Identity::from_seed([number; 32])
}

/// The generator of randomness of one case.
fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Texts that `parse` refuses, each with the reason it gives.
fn refused<T, E>(
    key: &str,
    texts: impl IntoIterator<Item = String>,
    parse: impl Fn(&str) -> Result<T, E>,
    reason: impl Fn(&E) -> &'static str,
) -> Value {
    texts
        .into_iter()
        .map(|text| {
            let error = parse(&text).err().expect("an invalid text");
            json!({ key: text, "reason": reason(&error) })
        })
        .collect()
}
