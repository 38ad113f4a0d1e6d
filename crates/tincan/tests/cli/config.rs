//! The config file and the variables.

use std::fs;

use crate::{Cli, complaint};

fn with_config(text: &str) -> Cli {
    let cli = Cli::new();
    let folder = cli.folder.path().join(".config/tincan");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), text).unwrap();
    cli
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_file() {
    let cli = with_config("name = 'Ada'\n\nhubb = 'http://127.0.0.1:1'\n");
    let line = cli.complaint(&["id"], 2);
    for part in ["hubb", "line 3", "config.toml", "`hub`"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let line = Cli::new().complaint(&["--config", "/nonexistent.toml", "id"], 2);
    assert!(line.contains("/nonexistent.toml"), "{line}");
}

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let cli = with_config("hub = 'http://127.0.0.1:1'\nname = 'File'\n");
    let shown = |more: &[&str], variable: Option<&str>| {
        let mut command = cli.command(&["status", "--json"]);
        command.args(more);
        if let Some(hub) = variable {
            command.env("TINCAN_HUB", hub);
        }
        let output = command.output().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(value["name"], "File");
        value["hub"].as_str().unwrap().to_owned()
    };
    assert_eq!(shown(&[], None), "http://127.0.0.1:1");
    assert_eq!(shown(&[], Some("http://127.0.0.1:2")), "http://127.0.0.1:2");
    let flag = ["--hub", "http://127.0.0.1:3"];
    assert_eq!(shown(&flag, Some("http://127.0.0.1:2")), "http://127.0.0.1:3");
}

#[test]
fn a_log_filter_that_is_none_is_named() {
    let output = Cli::new().command(&["id"]).env("TINCAN_LOG", "a=b=c").output().unwrap();
    assert!(complaint(&output, 2).contains("TINCAN_LOG"));
}
