//! Taking in a backup, all or nothing.
//!
//! What comes back is a new installation: another device with another log, so that no position
//! that a contact has seen is ever given out again (protocol §5). Messages of ours that were not
//! acknowledged go into that log with the ids they had: a contact who got one after all drops it
//! as known, and acknowledges it.

use rusqlite::{Connection, OptionalExtension as _, params};
use tincan_backup::{Installation, Log, Merging, Record, Step};
use tincan_engine::store::{Op, Snapshot, Stored};
use tincan_engine::{Delivery, MessageView, Time};
use tincan_wire::{LogId, UserId};

use super::columns::optional_number;
use super::database::{open_writer, opening_error};
use super::fault::{Fault, StoreError};
use super::operations::Operations;
use super::positions::Writer;
use super::{group, installation, snapshot};
use crate::home::Home;

/// What was taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restored {
    /// Whether there was something before.
    pub(crate) merged: bool,
    /// Contacts that were not there before.
    pub(crate) contacts: u64,
    /// Messages that were not there before.
    pub(crate) messages: u64,
    /// Messages of the backup that were there.
    pub(crate) known: u64,
    /// Of the new messages, those of ours that are sent now.
    pub(crate) waiting: u64,
    /// Messages of the backup whose id another message has here; that one stays.
    pub(crate) conflicts: u64,
}

/// The home belongs to another identity, and is in use.
#[derive(Debug)]
pub(crate) struct OtherIdentity {
    pub(crate) ours: UserId,
    pub(crate) theirs: UserId,
}

/// Takes `first` and then what `next` gives into the home. Either all of it is durable, or
/// nothing has changed. `settings` says which settings of the shell a new home is to have.
pub(crate) fn restore<E: From<StoreError> + From<OtherIdentity>>(
    home: &Home,
    first: &Installation,
    mut next: impl FnMut() -> Result<Option<Record>, E>,
    settings: &[(&str, String)],
    now: Time,
) -> Result<Restored, E> {
    let database = home.database();
    let connection = open_writer(&database)?;
    let opening = |fault: Fault| E::from(opening_error(fault, &database));
    let plan = match installation::load(&connection).map_err(opening)? {
        Some(ours) if ours.seed == first.seed => Plan::Merge(ours),
        Some(ours) if is_in_use(&connection).map_err(opening)? => {
            let (ours, theirs) = (installation::user_id(&ours), user_id(first));
            return Err(OtherIdentity { ours, theirs }.into());
        }
        _ => Plan::Begin,
    };
    let result = plan.carry_out(&connection, first, &mut next, settings, now);
    result.map_err(|stop| match stop {
        Stop::Fault(fault) => StoreError::of(fault, &database, None).into(),
        Stop::Source(error) => error,
    })
}

/// Why it ended early.
enum Stop<E> {
    Fault(Fault),
    Source(E),
}

impl<E> From<Fault> for Stop<E> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<E> From<rusqlite::Error> for Stop<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// What to do with what is there.
enum Plan {
    /// It is the same identity: add.
    Merge(Snapshot),
    /// There is nothing, or an identity that nobody knows: begin.
    Begin,
}

impl Plan {
    fn carry_out<E>(
        self,
        connection: &Connection,
        first: &Installation,
        next: &mut impl FnMut() -> Result<Option<Record>, E>,
        settings: &[(&str, String)],
        now: Time,
    ) -> Result<Restored, Stop<E>> {
        let (snapshot, is_new) = match self {
            Self::Merge(ours) => (ours, false),
            Self::Begin => (installation::of_seed(first.seed)?, true),
        };
        let lg = snapshot.lg;
        let mut operations = Operations::new(user_id(first), lg);
        group::attempt(connection, &mut operations, |operations| {
            if is_new {
                begin(connection, snapshot, first, settings)?;
            }
            let mut restore = Restore {
                connection,
                operations,
                lg,
                merging: Merging::new(
                    is_new,
                    now,
                    snapshot::contacts(connection)?,
                    snapshot::requests(connection)?,
                ),
                restored: Restored { merged: !is_new, ..Restored::default() },
            };
            restore.apply(&Op::SaveEpoch(first.epoch))?;
            while let Some(record) = next().map_err(Stop::Source)? {
                restore.take(record)?;
            }
            Ok(Restored { contacts: restore.merging.added(), ..restore.restored })
        })
    }
}

fn user_id(installation: &Installation) -> UserId {
    tincan_wire::Identity::from_seed(installation.seed).user_id()
}

/// Whether anybody could miss the identity that is there.
fn is_in_use(connection: &Connection) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM contacts) OR EXISTS (SELECT 1 FROM requests) \
               OR EXISTS (SELECT 1 FROM messages)";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// Makes the new installation, in the place of one that nobody knows.
fn begin(
    connection: &Connection,
    mut snapshot: Snapshot,
    first: &Installation,
    settings: &[(&str, String)],
) -> Result<(), Fault> {
    connection.execute_batch(
        "DELETE FROM installation; DELETE FROM prekeys; DELETE FROM replays; \
         DELETE FROM invites; DELETE FROM logs; DELETE FROM conversations;",
    )?;
    snapshot.name = first.name.clone();
    snapshot.epoch = first.epoch;
    installation::insert(connection, &snapshot)?;
    for (key, value) in settings {
        let sql = "INSERT INTO settings (key, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        connection.execute(sql, params![key, value])?;
    }
    Ok(())
}

/// The work, inside a transaction.
struct Restore<'a> {
    connection: &'a Connection,
    operations: &'a mut Operations,
    lg: LogId,
    merging: Merging,
    restored: Restored,
}

impl Restore<'_> {
    fn take(&mut self, record: Record) -> Result<(), Fault> {
        let mut steps = Vec::new();
        self.merging.take(record, &mut steps);
        for step in steps {
            match step {
                Step::Op(op) => drop(self.apply(&op)?),
                Step::Log(log) => self.log(&log)?,
                Step::Message(message) => self.message(message)?,
            }
        }
        Ok(())
    }

    fn apply(&mut self, op: &Op) -> Result<Stored, Fault> {
        let mut stored = Stored::default();
        self.operations.apply(self.connection, op, &mut stored)?;
        Ok(stored)
    }

    fn log(&mut self, log: &Log) -> Result<(), Fault> {
        // Of the log that we write here, nobody knows more than we do.
        if log.own && log.lg == self.lg {
            return Ok(());
        }
        let positions = &mut self.operations.positions;
        let conversation = positions.conversation(self.connection, log.contact)?;
        let writer = if log.own { Writer::Us } else { Writer::Contact };
        let ours = positions.log(self.connection, conversation, writer, log.lg)?;
        ours.add_held(&log.held);
        ours.read_to(log.read);
        Ok(())
    }

    fn message(&mut self, mut message: MessageView) -> Result<(), Fault> {
        // A message under the name of our log that we don't have was written by a copy of this
        // home; its position may be another message's by now.
        let is_of_a_copy = message.lg == self.lg;
        let goes_out = message.outgoing && (message.state == Delivery::Queued || is_of_a_copy);
        if goes_out {
            message.lg = self.lg;
            message.s = self.next_position(message.contact)?;
        }
        let (contact, ids) = (message.contact, vec![message.id]);
        let has_failed = message.state == Delivery::Failed;
        match self.apply(&Op::Append(message))?.present.pop() {
            Some(present) if present.same => self.restored.known += 1,
            Some(_) => self.restored.conflicts += 1,
            None => {
                self.restored.messages += 1;
                self.restored.waiting += u64::from(goes_out && !has_failed);
                if has_failed {
                    self.apply(&Op::Fail { contact, ids })?;
                }
            }
        }
        Ok(())
    }

    /// The first position of the log that we write for a contact that was never given out.
    fn next_position(&mut self, contact: UserId) -> Result<u64, Fault> {
        let positions = &mut self.operations.positions;
        let conversation = positions.conversation(self.connection, contact)?;
        let log = positions.log(self.connection, conversation, Writer::Us, self.lg)?;
        let (key, held) = (log.key, log.highest_held());
        let written = self
            .connection
            .prepare_cached("SELECT max(s) FROM messages WHERE log = ?1")?
            .query_row(params![key], |row| Ok(optional_number(row, 0)))
            .optional()?
            .transpose()?;
        Ok(written.flatten().unwrap_or_default().max(held) + 1)
    }
}
