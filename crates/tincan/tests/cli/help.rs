//! Help, completions and the man page.

use crate::Cli;

#[test]
fn every_help_page_stays_as_it_is() {
    let cli = Cli::new();
    for words in [
        "",
        "chat",
        "hub",
        "id",
        "invite",
        "contact",
        "contact add",
        "contact list",
        "contact accept",
        "contact decline",
        "contact block",
        "contact unblock",
        "contact rename",
        "contact verify",
        "send",
        "listen",
        "history",
        "search",
        "export",
        "import",
        "status",
        "doctor",
        "completions",
        "man",
    ] {
        let mut line: Vec<&str> = words.split_whitespace().collect();
        line.push("--help");
        let name = if words.is_empty() { "tincan".to_owned() } else { words.replace(' ', "_") };
        insta::assert_snapshot!(name, cli.good(&line));
    }
}

#[test]
fn the_exit_codes_are_in_the_help_and_in_the_man_page() {
    let cli = Cli::new();
    for page in [cli.good(&["--help"]), cli.good(&["man"])] {
        assert!(page.contains("bad input"), "{page}");
    }
}

#[test]
fn there_are_completions_for_every_shell() {
    let cli = Cli::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(cli.good(&["completions", shell]).contains("listen"), "{shell}");
    }
}

#[test]
fn the_version_is_told() {
    assert!(Cli::new().good(&["--version"]).starts_with("tincan 0."));
}
