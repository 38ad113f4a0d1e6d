//! `tincan import`: takes in a backup of `tincan export`, or of the page. No node may run.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::json;
use tincan_node::{Home, ImportError, Imported, ReadError, import};

use super::export::counted;
use super::passphrase;
use crate::Outcome;
use crate::cli;
use crate::failure::Failure;
use crate::settings::Settings;

pub(crate) fn run(args: cli::Import, settings: Settings) -> Outcome {
    let name = args.file.display();
    let mut input: Box<dyn Read> = if args.file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(open(&args.file)?)
    };
    // Whether the home is free, before anybody types a passphrase.
    if settings.home.exists() {
        drop(Home::open(&settings.home).map_err(Failure::failed)?);
    }
    let passphrase = passphrase::for_reading(args.passphrase_file.as_deref())?;
    let imported = import(&settings.home, &passphrase, &mut input);
    let imported = imported.map_err(|error| match error {
        ImportError::Read(ReadError::NoMemory { .. }) => Failure::failed(error),
        ImportError::Read(_) => Failure::BadInput(format!("{name}: {error}")),
        ImportError::OtherIdentity { .. } => Failure::bad_input(error),
        ImportError::Home(_) | ImportError::Store(_) => Failure::failed(error),
        ImportError::Input(_) => Failure::Failed(format!("{name}: {error}")),
    })?;
    let value = json!({
        "id": imported.id,
        "made": imported.made,
        "merged": imported.merged,
        "contacts": imported.contacts,
        "messages": imported.messages,
        "known": imported.known,
        "waiting": imported.waiting,
        "conflicts": imported.conflicts,
    });
    settings.output.value(&value, || text(&imported, &settings.home))
}

fn open(path: &Path) -> Result<File, Failure> {
    let opened = File::open(path).and_then(|file| match file.metadata()?.is_dir() {
        true => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        false => Ok(file),
    });
    opened.map_err(|error| Failure::BadInput(format!("{} can't be read: {error}", path.display())))
}

fn text(imported: &Imported, home: &Path) -> String {
    let whose = imported.id.short();
    let (contacts, messages) =
        (counted(imported.contacts, "contact"), counted(imported.messages, "message"));
    let mut lines = vec![match imported.merged {
        true => format!("{} has {contacts} and {messages} more.", home.display()),
        false => format!("{} is {whose} now, with {contacts} and {messages}.", home.display()),
    }];
    if imported.known > 0 {
        lines.push(format!("{} had been there.", counted(imported.known, "message")));
    }
    if imported.waiting > 0 {
        let waiting = counted(imported.waiting, "message");
        lines.push(format!("{waiting} of yours will be sent when tincan runs."));
    }
    if imported.conflicts > 0 {
        let conflicts = counted(imported.conflicts, "message");
        lines.push(format!("{conflicts} differ from what is here; what is here was kept."));
    }
    if !imported.merged {
        lines.push(format!(
            "Don't use {whose} on the old machine any more: a message reaches only one of two."
        ));
    }
    lines.join("\n")
}
