//! `tincan doctor` without a hub, or with one that is not there.

use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use crate::Cli;

/// Where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn without_a_hub_it_says_what_to_name() {
    let cli = Cli::new();
    let output = cli.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(output.stderr.is_empty(), "the findings say it all");
    assert!(text.contains("No hub and no broker is known."), "{text}");
    assert!(text.contains("→ Name a hub with --hub"), "{text}");
    assert!(text.contains("✓ storage"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours are for terminals: {text}");
}

#[test]
fn a_hub_that_is_not_there_is_a_problem_in_json_too() {
    let cli = Cli::new();
    let output = cli.run(&["--hub", &nowhere(), "doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["verdict"], "problem");
    let findings = value["findings"].as_array().unwrap();
    let hub = findings.iter().find(|finding| finding["check"] == "hub").unwrap();
    assert_eq!((&hub["code"], &hub["verdict"]), (&"refused".into(), &"problem".into()));
}

#[test]
fn a_report_goes_to_a_file_or_to_standard_output_and_names_nothing() {
    let cli = Cli::new();
    let (hub, file) = (nowhere(), cli.folder.path().join("report.txt"));
    let shown = cli.run(&["--hub", &hub, "doctor", "--report", file.to_str().unwrap()]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    let host = hub.strip_prefix("http://").unwrap();
    assert!(shown.contains(host), "{shown}");
    let printed = cli.run(&["--hub", &hub, "doctor", "--report", "-"]);
    let printed = String::from_utf8(printed.stdout).unwrap();
    for report in [fs::read_to_string(file).unwrap(), printed] {
        assert!(report.starts_with("tincan "), "{report}");
        assert!(report.contains("refuses the connection"), "{report}");
        let home = cli.folder.path().to_str().unwrap();
        assert!(!report.contains("127.0.0.1") && !report.contains(home), "{report}");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_a_failure() {
    let cli = Cli::new();
    let line = cli.complaint(&["doctor", "--report", "/proc/no/report"], 1);
    assert!(line.contains("cannot write the report"), "{line}");
}
