//! Writes the test vectors: `cargo run -p tincan-wire --example vectors`.
//!
//! They go to `docs/vectors/`, from fixed seeds, so that a run changes nothing unless the wire
//! format did. `tests/wire/vectors.rs` compares.

mod files;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vectors");
    for (name, value) in files::all() {
        std::fs::write(folder.join(name), format!("{value:#}\n"))?;
    }
    Ok(())
}
