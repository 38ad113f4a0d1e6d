//! `tincan export`: an encrypted backup of identity, contacts and history. A node may run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use tincan_node::{ExportError, Exported, WriteError, export};

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
        return Err(exists(&args.file));
    }
    if args.file.is_dir() {
        return Err(Failure::BadInput(format!(
            "{} is a directory; name a file in it",
            args.file.display()
        )));
    }
    Ok(())
}

fn exists(path: &Path) -> Failure {
    Failure::BadInput(format!(
        "{} is there already; name another file, or say --force to replace it",
        path.display()
    ))
}

/// A file that gets its name only once it is complete, for its owner alone.
struct NewFile {
    file: File,
    partial: PathBuf,
    path: PathBuf,
}

impl NewFile {
    fn create(path: &Path) -> Result<Self, Failure> {
        let Some(name) = path.file_name() else {
            return Err(Failure::BadInput(format!("{} is no file name", path.display())));
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.partial", std::process::id()));
        let partial = path.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Failure::BadInput(format!(
                "the directory of {} is not there; make it, or name another file",
                path.display()
            )),
            _ => Failure::Failed(format!("{} can't be written: {error}", path.display())),
        })?;
        Ok(Self { file, partial, path: path.to_owned() })
    }

    fn keep(self, force: bool) -> Outcome {
        let failed = |error: io::Error| {
            Failure::Failed(format!("{} can't be written: {error}", self.path.display()))
        };
        self.file.sync_all().map_err(failed)?;
        if force {
            fs::rename(&self.partial, &self.path).map_err(failed)?;
        } else {
            // A second name never takes the place of a file that came meanwhile.
            match fs::hard_link(&self.partial, &self.path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(exists(&self.path));
                }
                // Sticks and cards often know no second names.
                Err(_) if self.path.symlink_metadata().is_ok() => return Err(exists(&self.path)),
                Err(_) => fs::rename(&self.partial, &self.path).map_err(failed)?,
            }
        }
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        // The name itself shall outlive a power cut; where that can't be asked for, it is as it is.
        let _ = File::open(directory.unwrap_or(Path::new("."))).and_then(|dir| dir.sync_all());
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // It has its own name by now, or is half a backup.
        let _ = fs::remove_file(&self.partial);
    }
}
