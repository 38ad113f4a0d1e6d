//! The project's tasks: `cargo xtask run`, `test`, `bench` and `tidy`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task speaks to its terminal")]

mod bench;
mod run;
mod step;
mod system;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask run             build everything, start a hub and a chat, and print an invite link
cargo xtask test            format, lints, docs, licences, tidiness and every test
cargo xtask bench [--json] [--build]
                            one table of the figures that matter, measured on this machine;
                            --build measures a clean release build too
cargo xtask tidy            crate directions, file names and sizes, licences, wasm32";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["run", more @ ..] => run::run(more),
        ["test"] => test::test(),
        ["bench", flags @ ..] => bench::bench(flags),
        ["tidy"] => tidy::tidy(),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
