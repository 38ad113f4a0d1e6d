//! Backups of what this browser has: the file that native node and page share
//! (`docs/backup.md`).

use js_sys::JsString;
use tincan_backup::{
    Installation, Parameters, Passphrase, PassphraseError, ReadError, Reader, Record, WriteError,
    Writer,
};
use tincan_engine::{StoreFailure, Time};

use crate::browser;
use crate::client::{Imported, RequestError};
use crate::clock::to_millis;
use crate::origin;
use crate::standing::Settings;
use crate::store::{RestoreError, Store};

/// Everything in the store as one file. Deriving the key blocks the tab for about a second.
pub(crate) async fn export(
    store: &Store,
    hub: &str,
    passphrase: &str,
) -> Result<Vec<u8>, RequestError> {
    let passphrase = normal(passphrase)?;
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)
        .map_err(|_| failed("this browser gives no random numbers; try again".to_owned()))?;
    let mut moment = store.moment().await?;
    let mut file = Vec::new();
    let mut writer = Writer::new(&passphrase, Parameters::default(), salt, &mut file)?;
    let first = Installation {
        seed: moment.snapshot.seed,
        name: moment.snapshot.name.clone(),
        epoch: moment.snapshot.epoch,
        made: now(),
        hub: Some(hub.to_owned()),
        brokers: Vec::new(),
    };
    writer.push(&Record::Installation(first), &mut file)?;
    loop {
        let records = moment.next().await?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            writer.push(record, &mut file)?;
        }
    }
    writer.finish(&mut file)?;
    Ok(file)
}

/// A file that was read to its end, and is whole.
pub(crate) struct Read {
    first: Installation,
    rest: Vec<Record>,
}

/// Opens a file. Deriving the key blocks the tab for about a second.
pub(crate) fn read(file: &[u8], passphrase: &str) -> Result<Read, RequestError> {
    let passphrase = normal(passphrase)?;
    let mut reader = Reader::open(&passphrase, file)?;
    reader.end();
    let Some(Record::Installation(first)) = reader.next()? else {
        return Err(ReadError::Damaged.into());
    };
    let mut rest = Vec::new();
    while let Some(record) = reader.next()? {
        rest.push(record);
    }
    Ok(Read { first, rest })
}

/// Takes it into the store, whose engine has ended. `settings_key` is where the settings of a
/// new installation go.
pub(crate) async fn restore(
    store: &Store,
    read: Read,
    settings_key: &str,
) -> Result<Imported, RequestError> {
    let Read { first, rest } = read;
    let hub = first.hub.as_deref().and_then(origin::of);
    let hub = hub.filter(|hub| *hub != browser::own_origin());
    let settings = Settings { hub, ..Settings::default() };
    let settings = [(settings_key, settings.to_text())];
    let mut restore = store.restore(&first, &settings, now()).await?;
    restore.take(rest).await?;
    let restored = restore.finish();
    Ok(Imported { contacts: restored.contacts, messages: restored.messages })
}

fn normal(typed: &str) -> Result<Passphrase, PassphraseError> {
    let nfc = |typed: &str| String::from(JsString::from(typed).normalize("NFC"));
    Passphrase::with(typed, |typed, text| text.push_str(&nfc(typed)))
}

fn now() -> Time {
    Time::from_millis(to_millis(js_sys::Date::now()))
}

fn failed(reason: String) -> RequestError {
    RequestError::Backup { reason }
}

impl From<PassphraseError> for RequestError {
    fn from(error: PassphraseError) -> Self {
        failed(error.to_string())
    }
}

impl From<WriteError> for RequestError {
    fn from(error: WriteError) -> Self {
        failed(error.to_string())
    }
}

impl From<ReadError> for RequestError {
    fn from(error: ReadError) -> Self {
        failed(error.to_string())
    }
}

impl From<StoreFailure> for RequestError {
    fn from(failure: StoreFailure) -> Self {
        Self::Store { reason: failure.0 }
    }
}

impl From<RestoreError> for RequestError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Store(failure) => failure.into(),
            RestoreError::OtherIdentity { ours, theirs } => failed(format!(
                "This browser belongs to {} and has contacts or messages, and the backup is of \
                 {}. Import it in another browser, or in a new profile of this one.",
                ours.short(),
                theirs.short(),
            )),
        }
    }
}
