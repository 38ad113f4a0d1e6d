//! `tincan export`: an encrypted backup of identity, contacts and history. A node may run.

use std::io::{self, IsTerminal};
use std::path::Path;

use serde_json::json;
use tincan_node::{ExportError, Exported, WriteError, export};

use super::new_file::{self, NewFile};
use super::passphrase;
use crate::Outcome;
use crate::cli;
use crate::failure::Failure;
use crate::settings::Settings;

pub(crate) fn run(args: cli::Export, settings: Settings) -> Outcome {
    if args.file == Path::new("-") {
        return to_stdout(&args, &settings);
    }
    check(&args)?;
    let passphrase = passphrase::for_writing(args.passphrase_file.as_deref())?;
    let mut file = NewFile::create(&args.file)?;
    let exported = export(&settings.home, &passphrase, &mut file).map_err(refused)?;
    file.keep(args.force)?;
    let Exported { id, contacts, messages, bytes } = exported;
    let value = json!({
        "file": args.file, "id": id, "contacts": contacts, "messages": messages, "bytes": bytes,
    });
    settings.output.value(&value, || {
        format!(
            "{} holds {} and {} of {}.\nKeep the passphrase: without it nobody can read the \
             file, not even you.",
            args.file.display(),
            counted(contacts, "contact"),
            counted(messages, "message"),
            id.short(),
        )
    })
}

fn to_stdout(args: &cli::Export, settings: &Settings) -> Outcome {
    let mut stdout = io::stdout().lock();
    if stdout.is_terminal() {
        return Err(Failure::bad_input(
            "a backup is no text for a terminal; name a file, or send the output into one",
        ));
    }
    let passphrase = passphrase::for_writing(args.passphrase_file.as_deref())?;
    export(&settings.home, &passphrase, &mut stdout).map(drop).map_err(refused)
}

/// A number of things in words.
pub(super) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn refused(error: ExportError) -> Failure {
    match error {
        ExportError::Write(WriteError::Passphrase(_)) => Failure::bad_input(error),
        ExportError::Output(error) => Failure::from(error),
        other => Failure::failed(other),
    }
}

/// What can be said before anybody types a passphrase.
fn check(args: &cli::Export) -> Outcome {
    if !args.force && args.file.symlink_metadata().is_ok() {
        return Err(new_file::exists(&args.file));
    }
    if args.file.is_dir() {
        return Err(Failure::BadInput(format!(
            "{} is a directory; name a file in it",
            args.file.display()
        )));
    }
    Ok(())
}
