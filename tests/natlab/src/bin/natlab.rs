//! Runs the pairs and the scenes of the NAT laboratory, and writes down what came of them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task speaks to its terminal")]

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tincan_natlab::{Browser, Expect, Lab, Record, Visit, Visits, pairs, svg};
use tincan_natlab::{Condition, Enclosure, Kind, Matrix, Nat, Outcome, Pair, Scene, Trial};

const HELP: &str = "\
natlab [--runs N] [--jobs N] [--pair A,B]… [--rtt MS] [--loss PERCENT] [--scenes | --no-scenes |
       --scene WORD] [--browsers | --browser NAME | --no-browsers] [--record FILE] [--docs FOLDER]
       [--shell COMMAND]

--pair      only this pair; may be repeated
--rtt       on a path with this round trip; --loss: with this loss
--scenes    only the worse paths and what happens under a live chat
--scene     only what happens and has this word in it; on a path with --rtt and --loss
--browsers  only the page in each browser at the first host, with a node at the second
--browser   only the page in this one: chromium or firefox
--shell     no node: a shell in the laboratory of the pair; `ip netns` lists its machines
--record    add each visit of a browser to this file; those in it count as done
--docs      write natlab.md and natlab.svg there, of pairs of nodes, and natlab-browsers.md";

/// Paths on which some pairs are tried again, and how often.
const WORSE: [(u64, u32); 5] = [(50, 0), (200, 0), (50, 1), (50, 5), (50, 10)];

/// So many visits have one browser and one laboratory; further ones come after all other pairs, so
/// that whoever stops halfway knows a part of every pair.
const SERIES: usize = 10;

/// Routers behind which scenes are played.
const BEHIND: Nat = Nat::PortRestricted;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let asked = match Asked::parse(&arguments) {
        Ok(asked) => asked,
        Err(words) => {
            eprintln!("natlab: {words}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    if !Enclosure::is_here() {
        return match Enclosure::rerun(&arguments) {
            Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
            Err(why) => {
                eprintln!("natlab: NOTHING WAS RUN: {why}");
                ExitCode::FAILURE
            }
        };
    }
    if let Some(command) = &asked.shell {
        return shell(asked.pairs[0], command);
    }
    let matrix = asked.run();
    let written = asked.visit().and_then(|visits| asked.write(&matrix, &visits).map(|()| visits));
    let visits = match written {
        Ok(visits) => visits,
        Err(error) => {
            eprintln!("natlab: {error}");
            return ExitCode::FAILURE;
        }
    };
    for line in matrix.loud().into_iter().chain(visits.loud()) {
        println!("{line}");
    }
    if matrix.is_right() && visits.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a command of the shell beside a laboratory.
fn shell(pair: Pair, command: &str) -> ExitCode {
    let _lab = Lab::up(pair.a, pair.b);
    let status = Command::new("sh").args(["-c", command]).status();
    if status.is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the command line asks for.
#[derive(Debug)]
struct Asked {
    runs: usize,
    jobs: usize,
    pairs: Vec<Pair>,
    visits: Vec<Pair>,
    condition: Condition,
    table: bool,
    scenes: bool,
    scene: Option<String>,
    browsers: Vec<Browser>,
    record: Option<PathBuf>,
    docs: Option<PathBuf>,
    shell: Option<String>,
}

impl Asked {
    fn parse(arguments: &[OsString]) -> Result<Self, String> {
        let mut asked = Self {
            runs: 1,
            jobs: 2,
            pairs: Vec::new(),
            visits: Vec::new(),
            condition: Condition::default(),
            table: true,
            scenes: true,
            scene: None,
            browsers: Browser::ALL.to_vec(),
            record: None,
            docs: None,
            shell: None,
        };
        let mut words = arguments.iter().map(|word| word.to_string_lossy().into_owned());
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--runs" => asked.runs = number(&value()?)?,
                "--jobs" => asked.jobs = number(&value()?)?,
                "--pair" => asked.pairs.push(pair(&value()?)?),
                "--rtt" => asked.condition.round_trip = Duration::from_millis(number(&value()?)?),
                "--loss" => asked.condition.loss_percent = number(&value()?)?,
                "--scenes" => {
                    asked.table = false;
                    asked.browsers.clear();
                }
                "--scene" => {
                    (asked.table, asked.scenes) = (false, false);
                    asked.browsers.clear();
                    asked.scene = Some(value()?);
                }
                "--browsers" => (asked.table, asked.scenes) = (false, false),
                "--browser" => {
                    (asked.table, asked.scenes) = (false, false);
                    asked.browsers = vec![value()?.parse()?];
                }
                "--no-browsers" => asked.browsers.clear(),
                "--no-scenes" => asked.scenes = false,
                "--record" => asked.record = Some(value()?.into()),
                "--docs" => asked.docs = Some(value()?.into()),
                "--shell" => asked.shell = Some(value()?),
                other => return Err(format!("there is no `{other}`")),
            }
        }
        asked.visits = if asked.pairs.is_empty() { Visit::pairs() } else { asked.pairs.clone() };
        if asked.pairs.is_empty() {
            asked.pairs = pairs();
        } else {
            asked.scenes &= !asked.table;
            // One pair of nodes, unless a page is asked for.
            if asked.table {
                asked.browsers.clear();
            }
        }
        Ok(asked)
    }

    fn run(&self) -> Matrix {
        let matrix = Mutex::new(Matrix::default());
        let locked = || matrix.lock().unwrap_or_else(PoisonError::into_inner);
        if self.table {
            let all = self.pairs.iter().flat_map(|pair| vec![*pair; self.runs]).collect();
            side_by_side(self.jobs, all, |pair| {
                let trial = Trial::run(pair, self.condition);
                tell(&trial, self.condition);
                locked().add(&trial);
            });
        }
        if self.scenes {
            side_by_side(self.jobs, self.worse(), |(pair, condition)| {
                let trial = Trial::run(pair, condition);
                tell(&trial, condition);
                locked().add_under(condition, &trial);
            });
        }
        let scenes = Scene::ALL.into_iter().filter(|scene| match &self.scene {
            Some(word) => scene.to_string().contains(word),
            None => self.scenes,
        });
        // The two longest take half a minute each: many of them tell little more.
        let runs = self.runs.min(3);
        let scenes = scenes.flat_map(|scene| vec![scene; runs]).collect();
        let far = Condition { round_trip: Duration::from_millis(50), loss_percent: 0 };
        let condition = if self.scene.is_some() { self.condition } else { far };
        side_by_side(self.jobs, scenes, |scene| {
            let figure = scene.play(BEHIND, condition);
            println!("{}: {:?}", figure.what, figure.took);
            locked().add_figure(figure);
        });
        matrix.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every pair with every browser, so many times, and what was done before.
    fn visit(&self) -> io::Result<Visits> {
        let mut visits = Visits::default();
        let record = match &self.record {
            None => None,
            Some(path) => {
                let (record, before) = Record::open(path)?;
                before.iter().for_each(|visit| visits.add(visit));
                Some(record)
            }
        };
        let missing = self.missing(&visits);
        let visits = Mutex::new(visits);
        side_by_side(self.jobs, missing, |(browser, pair, runs)| {
            Visit::series(browser, pair, runs, |visit| {
                println!("{visit}: {}", words(&visit.outcome));
                if let Some(Err(error)) = record.as_ref().map(|record| record.add(&visit)) {
                    eprintln!("natlab: {error}");
                }
                visits.lock().unwrap_or_else(PoisonError::into_inner).add(&visit);
            });
        });
        Ok(visits.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is still to be done.
    fn missing(&self, done: &Visits) -> VecDeque<(Browser, Pair, usize)> {
        let mut all = VecDeque::new();
        for browser in &self.browsers {
            for begun in (0..self.runs).step_by(SERIES) {
                let end = self.runs.min(begun + SERIES);
                let of = |pair: &Pair| {
                    (*browser, *pair, end - done.runs(*browser, *pair).clamp(begun, end))
                };
                all.extend(self.visits.iter().map(of).filter(|(.., runs)| *runs > 0));
            }
        }
        all
    }

    /// Pairs on worse paths.
    fn worse(&self) -> VecDeque<(Pair, Condition)> {
        let alike = Kind::of(BEHIND);
        let pair = Pair { a: alike, b: alike, expect: Expect::Direct };
        let conditions = WORSE.map(|(ms, loss_percent)| Condition {
            round_trip: Duration::from_millis(ms),
            loss_percent,
        });
        // One bad run in twenty must show.
        conditions.iter().flat_map(|condition| vec![(pair, *condition); self.runs.max(5)]).collect()
    }

    fn write(&self, matrix: &Matrix, visits: &Visits) -> io::Result<()> {
        let Some(folder) = &self.docs else { return Ok(()) };
        if !matrix.rows().is_empty() {
            fs::write(folder.join("natlab.md"), matrix.markdown())?;
            fs::write(folder.join("natlab.svg"), svg(matrix))?;
        }
        if !visits.is_empty() {
            fs::write(folder.join("natlab-browsers.md"), visits.markdown())?;
        }
        Ok(())
    }
}

/// Does everything that waits, so many at a time: laboratories do not see each other.
fn side_by_side<T: Send>(jobs: usize, waiting: VecDeque<T>, work: impl Fn(T) + Sync) {
    let waiting = Mutex::new(waiting);
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(item) = next() {
                    work(item);
                }
            });
        }
    });
}

fn tell(trial: &Trial, condition: Condition) {
    println!("{}, {condition}: {}", trial.pair, words(&trial.outcome));
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Right { way, kinds, opened, .. } => format!(
            "{way} ({kinds}), verified {} ms, delivered {} ms",
            opened.verified.as_millis(),
            opened.delivered.as_millis()
        ),
        Outcome::Wrong(words) => format!("FAILED: {words}"),
        Outcome::NotRun(words) => format!("NOT RUN: {words}"),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is no number that fits"))
}

/// A pair with what the table says of it; of one that it does not have, that it is direct.
fn pair(text: &str) -> Result<Pair, String> {
    let (a, b) =
        text.split_once(',').ok_or(format!("`{text}` is no pair; write open,symmetric"))?;
    Ok(Pair::expected(a.parse()?, b.parse()?))
}
