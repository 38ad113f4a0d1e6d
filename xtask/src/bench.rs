//! `cargo xtask bench`: one table of the product's figures, each with its target, beside the raw
//! limits of the machine that it ran on.

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::step::{cargo, output, root};
use crate::system::install_relay_programs;
use crate::{browser, web};

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Figure {
    figure: String,
    value: f64,
    unit: String,
    /// `None` for what has no target: the machine's limits.
    target: Option<f64>,
    ok: bool,
}

/// Programs that print one `Figure` a line.
const PROGRAMS: [(&str, &[&str]); 3] = [
    ("the machine", &["run", "--quiet", "--release", "-p", "tincan-bench", "--bin", "machine"]),
    ("the link", &["run", "--quiet", "--release", "-p", "tincan-link", "--example", "link_bench"]),
    ("the product", &["run", "--quiet", "--release", "-p", "tincan-bench", "--bin", "product"]),
];

pub(crate) fn bench(flags: &[&str]) -> Result<()> {
    let (mut json, mut build) = (false, true);
    for flag in flags {
        match *flag {
            "--json" => json = true,
            "--no-build" => build = false,
            other => bail!("bench knows --json and --no-build, not `{other}`"),
        }
    }
    let mut figures = Vec::new();
    if build {
        figures.push(clean_build()?);
    }
    build_product()?;
    for (what, arguments) in PROGRAMS {
        eprintln!("measuring {what} …");
        let lines = output(what, &mut cargo(arguments))?;
        figures.extend(parse(&lines).with_context(|| format!("what {what} printed"))?);
    }
    tell(&figures, json)
}

fn tell(figures: &[Figure], json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(figures)?);
    } else {
        print_table(figures);
    }
    if figures.iter().any(|figure| !figure.ok) {
        bail!("some figures miss their targets");
    }
    Ok(())
}

/// The page's figures, in headless Chromium and Firefox.
pub(crate) fn web(flags: &[&str]) -> Result<()> {
    let json = wants_json("web", flags)?;
    build_product()?;
    eprintln!("measuring the page …");
    tell(&parse(&browser::bench()?).context("what the browsers' program printed")?, json)
}

/// How soon a conversation goes on after what happens to people. Takes eleven minutes: ten of them
/// a hub is away.
pub(crate) fn recovery(flags: &[&str]) -> Result<()> {
    let json = wants_json("recovery", flags)?;
    build_product()?;
    eprintln!("measuring recoveries …");
    let lines = output(
        "the recoveries",
        &mut cargo(&["run", "--quiet", "--release", "-p", "tincan-bench", "--bin", "recovery"]),
    )?;
    tell(&parse(&lines).context("what the program of recoveries printed")?, json)
}

/// The hub's relay beside coturn. Takes three minutes, and two cores that have nothing else to do.
pub(crate) fn relay(flags: &[&str]) -> Result<()> {
    let json = wants_json("relay", flags)?;
    install_relay_programs()?;
    eprintln!("measuring the relay …");
    let lines = output(
        "the relay",
        &mut cargo(&["run", "--quiet", "--release", "-p", "tincan-bench", "--bin", "relay"]),
    )?;
    tell(&parse(&lines).context("what the relay's program printed")?, json)
}

/// Whether the only flag that such a bench has is given.
fn wants_json(which: &str, flags: &[&str]) -> Result<bool> {
    match *flags {
        [] => Ok(false),
        ["--json"] => Ok(true),
        _ => bail!("bench {which} knows --json, not `{}`", flags.join(" ")),
    }
}

/// The figures are those of the binary, which must be the one of this source.
fn build_product() -> Result<()> {
    web::make()?;
    output("build", &mut cargo(&["build", "--quiet", "--release", "-p", "tincan"]))?;
    Ok(())
}

fn parse(lines: &str) -> Result<Vec<Figure>> {
    let json = lines.lines().filter(|line| line.starts_with('{'));
    let figures: Vec<Figure> = json.map(serde_json::from_str).collect::<Result<_, _>>()?;
    if figures.is_empty() {
        bail!("no figure");
    }
    Ok(figures)
}

fn print_table(figures: &[Figure]) {
    println!("| figure | measured | target | |\n|---|---:|---:|---|");
    for Figure { figure, value, unit, target, ok } in figures {
        let target = target.map_or("–".to_owned(), |target| format!("{target} {unit}"));
        let verdict = if *ok { "" } else { "MISSED" };
        println!("| {figure} | {} {unit} | {target} | {verdict} |", rounded(*value));
    }
}

/// Three digits are what a shared machine can give.
fn rounded(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A clean release build of the binary, in a folder of its own.
fn clean_build() -> Result<Figure> {
    eprintln!("measuring a clean release build …");
    let folder = root().join("target").join("clean-build");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let start = Instant::now();
    let mut build = cargo(&["build", "--release", "--quiet", "-p", "tincan", "--target-dir"]);
    output("clean build", build.arg(&folder))?;
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    std::fs::remove_dir_all(&folder)?;
    Ok(Figure {
        figure: "clean release build of the binary".to_owned(),
        value: minutes,
        unit: "min".to_owned(),
        target: Some(8.0),
        ok: minutes <= 8.0,
    })
}

#[cfg(test)]
mod tests {
    use super::{parse, rounded};

    #[test]
    fn lines_that_are_figures_are_taken() {
        let line = r#"{"figure":"open","value":1.7,"unit":"ms","target":5.0,"ok":true}"#;
        let figures = parse(&format!("warming up\n{line}\n")).unwrap();
        assert_eq!((figures.len(), figures[0].value), (1, 1.7));
    }

    #[test]
    fn a_program_without_figures_is_an_error() {
        assert!(parse("nothing\n").is_err());
    }

    #[test]
    fn figures_are_shown_with_three_digits() {
        for (value, shown) in
            [(12_345.6, "12346"), (45.67, "45.7"), (1.234, "1.23"), (0.1234, "0.123")]
        {
            assert_eq!(rounded(value), shown);
        }
    }
}
