//! Taking in a backup, all or nothing.
//!
//! What comes back is a new installation: another device with another log, so that no position
//! that a contact has seen is ever given out again (protocol §5). Messages of ours that were not
//! acknowledged go into that log with the ids they had: a contact who got one after all drops it
//! as known, and acknowledges it.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use tincan_backup::{Installation, Log, Record};
use tincan_engine::store::{Op, Request, Snapshot, Stored, StoredPrekey};
use tincan_engine::{Contact, ContactStatus, Delivery, MessageView, Time};
use tincan_wire::{LogId, UserId};

use super::columns::optional_number;
use super::database::{open_writer, opening_error};
use super::fault::{Fault, StoreError};
use super::operations::Operations;
use super::positions::Writer;
use super::{group, installation, snapshot};
use crate::home::Home;

/// The engine forgets prekeys of this age (protocol §3); older ones must not come back.
const PREKEY_LIFETIME: Duration = Duration::from_secs(14 * 24 * 3_600);

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
                is_new,
                now,
                contacts: people(connection)?,
                requests: requests(connection)?,
                restored: Restored { merged: !is_new, ..Restored::default() },
            };
            restore.apply(&Op::SaveEpoch(first.epoch))?;
            while let Some(record) = next().map_err(Stop::Source)? {
                restore.take(record)?;
            }
            Ok(restore.restored)
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

fn people(connection: &Connection) -> Result<BTreeMap<UserId, Contact>, Fault> {
    let contacts = snapshot::contacts(connection)?;
    Ok(contacts.into_iter().map(|contact| (contact.id, contact)).collect())
}

fn requests(connection: &Connection) -> Result<BTreeMap<UserId, Request>, Fault> {
    let requests = snapshot::requests(connection)?;
    Ok(requests.into_iter().map(|request| (request.from, request)).collect())
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
    is_new: bool,
    now: Time,
    contacts: BTreeMap<UserId, Contact>,
    requests: BTreeMap<UserId, Request>,
    restored: Restored,
}

impl Restore<'_> {
    fn take(&mut self, record: Record) -> Result<(), Fault> {
        match record {
            // There is one, at the beginning.
            Record::Installation(_) => Ok(()),
            Record::Contact(contact) => self.contact(contact),
            Record::Request(request) => self.request(request),
            // Where the identity lives already, what is not there any more was spent.
            Record::Invite(_) if !self.is_new => Ok(()),
            Record::Invite(invite) => self.apply(&Op::SaveInvite(invite)).map(drop),
            Record::Prekey(prekey) => self.prekey(prekey),
            Record::Replay(replay) => self.apply(&Op::SaveReplay(replay)).map(drop),
            Record::Log(log) => self.log(&log),
            Record::Message(message) => self.message(message),
        }
    }

    fn apply(&mut self, op: &Op) -> Result<Stored, Fault> {
        let mut stored = Stored::default();
        self.operations.apply(self.connection, op, &mut stored)?;
        Ok(stored)
    }

    fn contact(&mut self, contact: Contact) -> Result<(), Fault> {
        let id = contact.id;
        let merged = match self.contacts.get(&id) {
            Some(ours) => merge(ours, contact),
            None => {
                self.restored.contacts += 1;
                contact
            }
        };
        if self.contacts.get(&id) != Some(&merged) {
            self.apply(&Op::SaveContact(merged.clone()))?;
            self.contacts.insert(id, merged);
        }
        if self.requests.remove(&id).is_some() {
            self.apply(&Op::RemoveRequest(id))?;
        }
        Ok(())
    }

    fn request(&mut self, request: Request) -> Result<(), Fault> {
        let id = request.from;
        if self.contacts.contains_key(&id) || self.requests.contains_key(&id) {
            return Ok(());
        }
        self.apply(&Op::SaveRequest(request.clone()))?;
        self.requests.insert(id, request);
        Ok(())
    }

    fn prekey(&mut self, prekey: StoredPrekey) -> Result<(), Fault> {
        if self.now.since(prekey.made) >= PREKEY_LIFETIME {
            return Ok(());
        }
        self.apply(&Op::SavePrekey(prekey)).map(drop)
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

/// What is known of a contact here and in a backup, put together: what was decided here stands,
/// and the backup fills in what is not known here. Doing it twice is doing it once.
fn merge(ours: &Contact, theirs: Contact) -> Contact {
    let status = match (ours.status, theirs.status) {
        (ContactStatus::Requested, ContactStatus::Accepted) => ContactStatus::Accepted,
        (status, _) => status,
    };
    let prekey = match (ours.prekey, theirs.prekey) {
        (Some(ours), Some(theirs)) if theirs.1 > ours.1 => Some(theirs),
        (ours, theirs) => ours.or(theirs),
    };
    let is_asking = status == ContactStatus::Requested;
    Contact {
        id: ours.id,
        status,
        name: if ours.name.is_empty() { theirs.name } else { ours.name.clone() },
        nickname: ours.nickname.clone().or(theirs.nickname),
        // The key is the id: who compared it there need not do it again here.
        verified: ours.verified || theirs.verified,
        prekey,
        token: ours.token.filter(|_| is_asking),
        asked: ours.asked.filter(|_| is_asking),
        read_receipts: ours.read_receipts.or(theirs.read_receipts),
        added: ours.added.min(theirs.added),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tincan_wire::{DisplayName, Identity, InviteToken, PrekeyId, PrekeyPublic};

    fn contact(status: ContactStatus) -> Contact {
        Contact {
            id: Identity::from_seed([2; 32]).user_id(),
            status,
            name: DisplayName::default(),
            nickname: None,
            verified: false,
            prekey: None,
            token: None,
            asked: None,
            read_receipts: None,
            added: Time::from_millis(5),
        }
    }

    fn full() -> Contact {
        let prekey = PrekeyPublic { id: PrekeyId([1; 4]), key: [1; 32] };
        Contact {
            name: DisplayName::clean("Bob"),
            nickname: Some(DisplayName::clean("Bobby")),
            verified: true,
            prekey: Some((prekey, Time::from_millis(9))),
            token: Some(InviteToken([1; 16])),
            asked: Some(Time::from_millis(7)),
            read_receipts: Some(true),
            added: Time::from_millis(3),
            ..contact(ContactStatus::Accepted)
        }
    }

    #[test]
    fn a_backup_fills_in_what_is_not_known() {
        let merged = merge(&contact(ContactStatus::Requested), full());
        assert_eq!(merged, Contact { token: None, asked: None, ..full() });
    }

    #[test]
    fn what_was_decided_here_stands() {
        let mut ours = contact(ContactStatus::Blocked);
        ours.nickname = Some(DisplayName::clean("Robert"));
        ours.read_receipts = Some(false);
        let merged = merge(&ours, full());
        assert_eq!(merged.status, ContactStatus::Blocked);
        assert_eq!((merged.nickname, merged.read_receipts), (ours.nickname, Some(false)));
    }

    #[test]
    fn the_newer_prekey_counts() {
        let mut ours = full();
        for at in [8, 10] {
            let prekey = PrekeyPublic { id: PrekeyId([2; 4]), key: [2; 32] };
            ours.prekey = Some((prekey, Time::from_millis(at)));
            let newest = merge(&ours, full()).prekey.map(|(prekey, _)| prekey.id.0[0]);
            assert_eq!(newest, Some(if at > 9 { 2 } else { 1 }));
        }
    }

    #[test]
    fn merging_twice_is_merging_once() {
        for status in [ContactStatus::Requested, ContactStatus::Declined, ContactStatus::Accepted] {
            let once = merge(&contact(status), full());
            assert_eq!(merge(&once, full()), once);
        }
    }
}
