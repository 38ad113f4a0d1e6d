//! Each test that the table of bounds names is there, and each buffer in it has one.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use crate::step::root;
use crate::tidy::{Faults, files};

const TABLE: &str = "docs/bounds.md";

pub(crate) fn check() -> Result<Faults> {
    let table = fs::read_to_string(root().join(TABLE)).context(TABLE)?;
    let mut functions = BTreeSet::new();
    for path in files::listed()?.iter().filter(|path| path.ends_with(".rs")) {
        // A file that was removed and is still listed has no tests.
        let text = fs::read_to_string(root().join(path)).unwrap_or_default();
        functions.extend(functions_of(&text).map(str::to_owned));
    }
    Ok(faults(&table, &functions))
}

/// The names of all functions of a source file.
fn functions_of(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split("fn ").skip(1);
    words.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(rest))
}

fn faults(table: &str, functions: &BTreeSet<String>) -> Faults {
    let mut faults = Faults::new();
    for (nth, line) in table.lines().enumerate() {
        // The first row of a table names its columns; none of them is in backticks.
        let Some(row) = line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) else {
            continue;
        };
        let last = row.rsplit(" | ").next().unwrap_or(row);
        let mut named = last.split('`').skip(1).step_by(2).peekable();
        if named.peek().is_none() && last != "test" {
            faults.push(format!("{TABLE}:{}: a buffer without a test", nth + 1));
        }
        for name in named.filter(|name| !functions.contains(*name)) {
            faults.push(format!("{TABLE}:{}: there is no test `{name}`", nth + 1));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_row(row: &str, expected: &[&str]) {
        let source = "#[test]\nfn it_is_bounded() {}\npub(crate) async fn so_is_this<S>() {}\n";
        let functions = functions_of(source).map(str::to_owned).collect();
        let table = format!("| buffer | test |\n|---|---|\n{row}\n");
        assert_eq!(faults(&table, &functions), expected, "{row}");
    }

    #[test]
    fn the_table_names_only_tests_that_are_there() {
        assert_eq!(super::check().unwrap(), Faults::new());
    }

    #[test]
    fn tests_that_are_not_there_are_found() {
        check_row("| a queue | `it_is_bounded`, `so_is_this` |", &[]);
        check_row("| a queue | `it_is` |", &["docs/bounds.md:3: there is no test `it_is`"]);
    }

    #[test]
    fn buffers_without_a_test_are_found() {
        check_row("| a `queue` | none |", &["docs/bounds.md:3: a buffer without a test"]);
    }
}
