//! Scenarios that failed once, and what the world itself promises.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};

use tincan_sim::draw::draw;
use tincan_sim::{Plan, Row, run};

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_scenario_that_failed_once_holds() {
    let paths = scenarios();
    assert!(!paths.is_empty());
    for path in paths {
        let plan = Plan::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        if let Some(breach) = run(&plan, false).breach {
            panic!("{}: {breach}", path.display());
        }
    }
}

#[test]
fn the_same_plan_makes_the_same_run() {
    for seed in 0..8 {
        let plan = draw(seed);
        assert_eq!(run(&plan, true).trace, run(&plan, true).trace, "seed {seed}");
    }
}

#[test]
fn a_plan_reads_as_it_was_printed() {
    for seed in 0..200 {
        let plan = draw(seed);
        assert_eq!(Plan::parse(&plan.print().unwrap()).unwrap(), plan, "seed {seed}");
    }
}

#[test]
fn actions_of_a_drawn_plan_come_in_the_order_of_time() {
    for seed in 0..200 {
        let plan = draw(seed);
        assert!(plan.actions.is_sorted_by_key(|timed| timed.at), "seed {seed}");
    }
}

#[test]
fn one_word_of_one_person_is_delivered() {
    let mut plan = draw(1);
    plan.setting.friends = true;
    let text = r#"{"at":1000,"do":{"send":{"from":0,"to":1,"count":1,"bytes":0}}}"#;
    plan.actions = vec![serde_json::from_str(text).unwrap()];
    let outcome = run(&plan, false);
    assert!(outcome.breach.is_none(), "{:?}", outcome.breach);
    assert_eq!(outcome.coverage.of(Row::MessageDelivered), 1);
}
