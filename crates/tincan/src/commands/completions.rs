//! `tincan completions` and `tincan man`: what the argument parser knows, for shells and man.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Outcome;
use crate::cli::{Cli, EXIT_CODES};

/// Prints the completion script.
pub(crate) fn completions(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tincan", &mut script);
    print(&script)
}

/// Prints one man page with every subcommand in it.
pub(crate) fn man() -> Outcome {
    print(&man_page()?)
}

fn man_page() -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    // The exit codes stand in a section of their own, as man pages have it.
    let mut command = Cli::command().after_help("");
    command.build();
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    writeln!(page, ".SH OPTIONS\nThese go with every command.")?;
    for arg in command.get_arguments() {
        option(&mut page, arg)?;
    }
    writeln!(page, ".SH COMMANDS")?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        command_section(&mut page, sub, "tincan")?;
    }
    exit_section(&mut page)?;
    files_section(&mut page)?;
    Ok(page)
}

fn command_section(
    page: &mut Vec<u8>,
    command: &clap::Command,
    above: &str,
) -> std::io::Result<()> {
    let name = format!("{above} {}", command.get_name());
    let inner: Vec<_> = command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
    if !inner.is_empty() {
        for sub in inner {
            command_section(page, sub, &name)?;
        }
        return Ok(());
    }
    writeln!(page, ".SS \"{name}\"")?;
    if let Some(about) = command.get_about() {
        writeln!(page, "{}.", roff(&about.to_string()))?;
    }
    let own = command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && arg.get_id() != "help" && arg.get_id() != "version");
    for arg in own {
        option(page, arg)?;
    }
    Ok(())
}

fn option(page: &mut Vec<u8>, arg: &clap::Arg) -> std::io::Result<()> {
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    writeln!(page, ".TP\n\\fB{}{}\\fR", roff(&short), roff(&arg.to_string()))?;
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        text.push_str(&format!(" [default: {}]", defaults.join(" ")));
    }
    if let Some(variable) = arg.get_env() {
        text.push_str(&format!(" [variable: {}]", variable.to_string_lossy()));
    }
    writeln!(page, "{}", roff(&text))
}

fn exit_section(page: &mut Vec<u8>) -> std::io::Result<()> {
    writeln!(page, ".SH \"EXIT STATUS\"")?;
    for line in EXIT_CODES.lines().skip(1) {
        if let Some((code, meaning)) = line.trim().split_once("  ") {
            writeln!(page, ".TP\n\\fB{code}\\fR\n{}", roff(meaning))?;
        }
    }
    Ok(())
}

fn files_section(page: &mut Vec<u8>) -> std::io::Result<()> {
    writeln!(
        page,
        ".SH FILES\n.TP\n\\fI$XDG_DATA_HOME/tincan\\fR\nThe home: identity, contacts, history \
         and the control socket. Keep it to yourself.\n.TP\n\
         \\fI$XDG_CONFIG_HOME/tincan/config.toml\\fR\nThe keys home, hub, brokers, name, ca_file, \
         pinned_key, read_receipts, relay_only and admit_strangers. Flags and variables win over it."
    )
}

/// Text that roff prints as it is.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn print(bytes: &[u8]) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_man_page_has_every_command_and_the_exit_codes() {
        let page = String::from_utf8(man_page().expect("memory takes it")).expect("text");
        for part in ["tincan contact verify", "tincan send", "EXIT STATUS", "TINCAN_HOME", "FILES"]
        {
            assert!(page.contains(part), "{part}");
        }
    }

    #[test]
    fn a_line_of_text_is_no_request_to_roff() {
        assert_eq!(roff(".TH"), "\\&.TH");
        assert_eq!(roff("a\\b"), "a\\eb");
    }
}
