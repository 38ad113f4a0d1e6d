//! The project's tasks: `cargo xtask run`, `test`, `bench` and `tidy`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task speaks to its terminal")]

mod bench;
mod browser;
mod run;
mod step;
mod system;
mod test;
mod tidy;
mod web;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask run             build everything, start a hub and a chat, print an invite link and open
                            the page
cargo xtask test            format, lints, docs, licences, tidiness and every test
cargo xtask bench [--json] [--no-build]
                            one table of the figures that matter, measured on this machine;
                            --no-build leaves the clean release build out
cargo xtask bench web [--json]
                            the same of the page, in headless Chromium and Firefox
cargo xtask web             the page, into target/web, and a table of its sizes
cargo xtask web --by-crate  how much of its code comes from which crate
cargo xtask web --features LIST
                            a bare page with these features for tests, into target/web-test
cargo xtask tidy            crate directions, file names and sizes, licences, wasm32";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["run", more @ ..] => run::run(more),
        ["show-page", hub] => run::show_page(hub),
        ["test"] => test::test(),
        ["bench", "web", flags @ ..] => bench::web(flags),
        ["bench", flags @ ..] => bench::bench(flags),
        ["web", flags @ ..] => web::web(flags),
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
