//! Reading everything that a backup holds, of one moment, beside a node that goes on writing.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tincan_backup::{Log, Record};
use tincan_engine::store::Snapshot;

use super::columns::{number, read};
use super::database::{open_reader, opening_error};
use super::fault::{Fault, StoreError};
use super::message_row::{COLUMNS, Views};
use super::schema::{self, KNOWN_VERSION};
use super::snapshot;
use crate::home::Home;

/// A home's database as it was when this was opened. While it lives the database's write-ahead
/// log can only grow, so don't keep it.
pub(crate) struct Moment {
    connection: Connection,
    database: PathBuf,
    /// Who we are and everything but the messages.
    pub(crate) snapshot: Snapshot,
}

impl Moment {
    /// Opens it; `None` if there is no identity in that home.
    pub(crate) fn open(home: &Path) -> Result<Option<Self>, StoreError> {
        let database = Home::database_in(home);
        if !database.exists() {
            return Ok(None);
        }
        let opening = |fault: Fault| opening_error(fault, &database);
        let connection = open_reader(&database).map_err(opening)?;
        match schema::version(&connection).map_err(opening)? {
            0 => return Ok(None),
            found if found > KNOWN_VERSION => {
                let (path, known) = (database, KNOWN_VERSION);
                return Err(StoreError::NewerVersion { path, found, known });
            }
            found if found < KNOWN_VERSION => {
                let detail = "an older tincan has written it; run `tincan id` once, which brings \
                              it up to date, and try again";
                return Err(StoreError::Unusable { path: database, detail: detail.to_owned() });
            }
            _ => {}
        }
        let begun = connection.execute_batch("BEGIN").map_err(Fault::from);
        let snapshot =
            begun.and_then(|()| snapshot::load_existing(&connection)).map_err(opening)?;
        Ok(snapshot.map(|snapshot| Self { connection, database, snapshot }))
    }

    /// A setting of the shell's own.
    pub(crate) fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let settings = snapshot::settings(&self.connection);
        Ok(settings.map_err(|fault| self.error(fault))?.remove(key))
    }

    /// Hands every record but the first to `take`, in the order in which a backup has them.
    pub(crate) fn records<E: From<StoreError>>(
        &self,
        mut take: impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let Snapshot { contacts, requests, invites, prekeys, replays, .. } = self.snapshot.clone();
        let people = contacts.into_iter().map(Record::Contact);
        let requests = requests.into_iter().map(Record::Request);
        let invites = invites.into_iter().map(Record::Invite);
        let prekeys = prekeys.into_iter().map(Record::Prekey);
        let replays = replays.into_iter().map(Record::Replay);
        let known = people.chain(requests).chain(invites).chain(prekeys).chain(replays);
        known.into_iter().try_for_each(|record| take(&record))?;
        for log in self.logs().map_err(|fault| self.error(fault))? {
            take(&Record::Log(log))?;
        }
        self.messages(take)
    }

    fn logs(&self) -> Result<Vec<Log>, Fault> {
        let sql = "SELECT c.contact, l.own, l.lg, l.held, l.read \
                   FROM logs l JOIN conversations c ON c.key = l.conversation ORDER BY l.key";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut logs = Vec::new();
        while let Some(row) = rows.next()? {
            logs.push(Log {
                contact: read(row, 0)?,
                own: row.get(1)?,
                lg: read(row, 2)?,
                held: read(row, 3)?,
                read: number(row, 4)?,
            });
        }
        Ok(logs)
    }

    /// In the order in which they were written, which a search shows the other way round.
    fn messages<E: From<StoreError>>(
        &self,
        mut take: impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let fault = |error: rusqlite::Error| self.error(error.into());
        let sql = format!("SELECT {COLUMNS} FROM messages ORDER BY key");
        let mut statement = self.connection.prepare(&sql).map_err(fault)?;
        let mut rows = statement.query([]).map_err(fault)?;
        let mut views = Views::default();
        while let Some(row) = rows.next().map_err(fault)? {
            let view = views.view(&self.connection, row).map_err(|fault| self.error(fault))?;
            take(&Record::Message(view))?;
        }
        Ok(())
    }

    fn error(&self, fault: Fault) -> StoreError {
        StoreError::of(fault, &self.database, None)
    }
}
