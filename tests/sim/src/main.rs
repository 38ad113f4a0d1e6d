//! `cargo xtask sim`: runs the world for many seeds, or for one plan.
#![allow(clippy::print_stdout, reason = "a program speaks to its terminal")]

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use tincan_sim::draw::draw;
use tincan_sim::run::{Tally, run_seeds};
use tincan_sim::shrink::shrink;
use tincan_sim::{Plan, run};

/// What is asked for.
struct Wish {
    from: u64,
    seeds: u64,
    threads: usize,
    plan: Option<String>,
    covered: bool,
    failures: usize,
    traced: bool,
    /// A plan that fails is not made small.
    raw: bool,
}

const HELP: &str =
    "--seeds N --from S [--threads T] [--failures F] [--covered]  or  --plan FILE [--trace]";

fn main() -> ExitCode {
    match parse().and_then(|wish| carry_out(&wish)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("sim: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn parse() -> Result<Wish> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut wish = Wish {
        from: 0,
        seeds: 1_000,
        threads,
        plan: None,
        covered: false,
        failures: 1,
        traced: false,
        raw: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--seeds" => wish.seeds = value()?.parse().context("--seeds")?,
            "--from" => wish.from = value()?.parse().context("--from")?,
            "--threads" => wish.threads = value()?.parse().context("--threads")?,
            "--plan" => wish.plan = Some(value()?),
            "--failures" => wish.failures = value()?.parse().context("--failures")?,
            "--covered" => wish.covered = true,
            "--raw" => wish.raw = true,
            "--trace" => wish.traced = true,
            other => bail!("sim knows {HELP}, not `{other}`"),
        }
    }
    Ok(wish)
}

fn carry_out(wish: &Wish) -> Result<bool> {
    match &wish.plan {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| file.clone())?;
            run_plan(&Plan::parse(&text)?, wish.traced)
        }
        None if wish.seeds == 1 && wish.traced => run_plan(&draw(wish.from), true),
        None => run_many(wish),
    }
}

fn run_plan(plan: &Plan, traced: bool) -> Result<bool> {
    let outcome = run(plan, traced);
    outcome.trace.iter().for_each(|line| println!("{line}"));
    match &outcome.breach {
        Some(breach) => println!("{breach}"),
        None => println!("delivered {:?} after the last fault", outcome.drained_in),
    }
    Ok(outcome.breach.is_none())
}

fn run_many(wish: &Wish) -> Result<bool> {
    let start = Instant::now();
    let tally = run_seeds(wish.from, wish.seeds, wish.threads, wish.failures);
    let secs = start.elapsed().as_secs_f64();
    println!("{}", tally.coverage);
    let rate = tally.runs as f64 / secs;
    println!("{} runs in {secs:.1} s: {rate:.0} runs a second", tally.runs);
    let (slowest, seed) = tally.slowest;
    println!("slowest to deliver everything once the faults stop: {slowest:?}, seed {seed}");
    tell_failures(&tally, wish.raw)?;
    let missing = tally.coverage.missing();
    if wish.covered && tally.failed.is_empty() {
        missing.iter().for_each(|row| println!("never entered: {row}"));
    }
    Ok(tally.failed.is_empty() && (missing.is_empty() || !wish.covered))
}

fn tell_failures(tally: &Tally, raw: bool) -> Result<()> {
    for (seed, breach) in &tally.failed {
        println!("seed {seed}, after {} runs: {breach}", tally.runs);
        if raw {
            continue;
        }
        let plan = shrink(&draw(*seed), |plan| {
            run(plan, false).breach.is_some_and(|again| again.invariant == breach.invariant)
        });
        println!("the smallest plan that breaks it, to be kept in tests/sim/scenarios:");
        print!("{}", plan.print()?);
        if let Some(breach) = run(&plan, false).breach {
            println!("{breach}");
        }
    }
    Ok(())
}
