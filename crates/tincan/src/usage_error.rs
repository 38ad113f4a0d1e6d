//! What the argument parser has to say: help on stdout, a mistake as one line.

use clap::error::ErrorKind;

use crate::Outcome;
use crate::failure::Failure;

/// Prints help or the version; turns a mistake into a line that names it and the help.
pub(crate) fn show(error: &clap::Error) -> Outcome {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.print().map_err(Failure::from),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            Err(Failure::bad_input("a command is missing; `tincan --help` lists them"))
        }
        _ => Err(Failure::BadInput(line(&error.to_string()))),
    }
}

/// The mistake and the tips of the parser's page, without its usage block.
fn line(page: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for text in page.lines().map(str::trim).filter(|text| !text.is_empty()) {
        if text.starts_with("Usage:") || text.starts_with("For more information") {
            break;
        }
        parts.push(text.strip_prefix("error: ").unwrap_or(text));
    }
    let mistake = parts.join(" ").replace(" tip: ", "; ");
    format!("{mistake}; see `tincan --help`")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn check(words: &[&str], expected: &str) {
        let error = Cli::try_parse_from(words).unwrap_err();
        let Err(Failure::BadInput(line)) = show(&error) else { panic!("{words:?} is accepted") };
        assert!(line.contains(expected), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }

    #[test]
    fn every_mistake_is_one_line() {
        check(&["tincan", "send"], "<CONTACT>");
        check(&["tincan", "sned", "bob"], "unrecognized subcommand 'sned'");
        check(&["tincan", "status", "--jsn"], "exists: '--json'");
        check(&["tincan", "invite", "--uses", "many"], "invalid value 'many'");
        check(&["tincan", "send", "bob", "x", "--timeout", "soon"], "write one like");
        check(&["tincan"], "a command is missing");
    }
}
