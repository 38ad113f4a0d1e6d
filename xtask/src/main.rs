//! The project's tasks: `cargo xtask run`, `test`, `sim`, `natlab`, `bench` and `tidy`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task speaks to its terminal")]

mod bench;
mod browser;
mod natlab;
mod run;
mod sim;
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
cargo xtask bench recovery [--json]
                            how soon a conversation goes on after an outage, a sleep, a new network
cargo xtask bench relay [--json]
                            the hub's relay beside coturn, on the same core in the same run
cargo xtask web             the page, into target/web, and a table of its sizes
cargo xtask web --by-crate  how much of its code comes from which crate
cargo xtask web --features LIST
                            a bare page with these features for tests, into target/web-test
cargo xtask sim [--seeds N] [--from S] [--failures F]
                            so many runs of the simulated world, with what they entered
cargo xtask sim --plan FILE [--trace]
                            one plan of it, as tests/sim/scenarios keeps them
cargo xtask sim --mutants [NAME…]
                            how soon it catches the engine broken on purpose
cargo xtask natlab [--runs N] [--pair A,B]… [--no-scenes] [--browsers]
                            real kernels' NATs of every kind with two nodes, or a page and a node,
                            between them; all of it is written to docs/natlab*
cargo xtask screens         the pictures of the README, from the page in the release binary
cargo xtask tidy            crate directions, file names and sizes, licences, wasm32";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["run", more @ ..] => run::run(more),
        ["show-page", hub] => run::show_page(hub),
        ["test"] => test::test(),
        ["bench", "web", flags @ ..] => bench::web(flags),
        ["bench", "recovery", flags @ ..] => bench::recovery(flags),
        ["bench", "relay", flags @ ..] => bench::relay(flags),
        ["bench", flags @ ..] => bench::bench(flags),
        ["web", flags @ ..] => web::web(flags),
        ["sim", flags @ ..] => sim::sim(flags),
        ["natlab", flags @ ..] => natlab::natlab(flags),
        ["screens"] => browser::screens(),
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
