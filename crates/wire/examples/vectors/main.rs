//! Writes the test vectors and the fuzz corpus: `cargo run -p tincan-wire --example vectors`.
//!
//! They go to `docs/vectors/` and `fuzz/corpus/`, from fixed seeds, so that a run changes nothing
//! unless the wire format did. `tests/wire/vectors.rs` compares the former.

mod corpus;
mod files;

use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = files::all();
    for (name, value) in &files {
        fs::write(root.join("docs/vectors").join(name), format!("{value:#}\n"))?;
    }
    for (number, (target, input)) in corpus::all(&files).iter().enumerate() {
        let folder = root.join("fuzz/corpus").join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("seed-{number:03}")), input)?;
    }
    Ok(())
}
