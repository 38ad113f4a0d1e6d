//! Taking in a backup, some records at a time.
//!
//! What comes back is a new installation: another device with another log, so that no position
//! that a contact has seen is ever given out again (protocol §5). Messages of ours that were not
//! acknowledged go into that log with the ids they had: a contact who got one after all drops it
//! as known, and acknowledges it.
//!
//! Each call is durable by itself. A restore that was broken off is completed by doing it again:
//! what is there already is known.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tincan_backup::{Installation, Log, Record};
use tincan_engine::store::{Op, Request, StoredPrekey};
use tincan_engine::{Contact, ContactStatus, MessageView, StoreFailure, Time};
use tincan_wire::UserId;

use super::book::{self, Book};
use super::database::Database;
use super::fault::Fault;
use super::request::{Pending, range, to_bytes, to_js};
use super::schema::{BOOK, Kind};
use super::transaction::Mode;
use super::writer::Writer;

/// The engine forgets prekeys of this age (protocol §3); older ones must not come back.
const PREKEY_LIFETIME: Duration = Duration::from_secs(14 * 24 * 3_600);

/// Most records of one commit.
const MAX_COMMIT_RECORDS: usize = 4_096;

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

/// Why a backup is not taken in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RestoreError {
    /// This browser belongs to another identity, which is in use.
    OtherIdentity {
        /// Who lives here.
        ours: UserId,
        /// Whose backup it is.
        theirs: UserId,
    },
    /// The browser refuses.
    Store(StoreFailure),
}

impl From<Fault> for RestoreError {
    fn from(fault: Fault) -> Self {
        Self::Store(fault.failure())
    }
}

/// A change that a backup makes.
pub(super) enum Step {
    Op(Op),
    Log(Log),
    Message(MessageView),
}

/// What a store is made to be at the beginning of a restore.
pub(super) struct Beginning {
    pub(super) installation: book::Installation,
    pub(super) settings: Vec<(String, String)>,
}

/// A restore that is under way. The engine must not run meanwhile: what it knows gets old.
pub(crate) struct Restore {
    writer: Rc<Writer>,
    is_new: bool,
    now: Time,
    contacts: BTreeMap<UserId, Contact>,
    requests: BTreeMap<UserId, Request>,
    restored: Restored,
}

impl Restore {
    pub(super) async fn begin(
        writer: &Rc<Writer>,
        database: &Database,
        first: &Installation,
        settings: &[(&str, String)],
        now: Time,
    ) -> Result<Self, RestoreError> {
        let book = read(database).await?;
        let is_in_use = !book.contacts.is_empty()
            || !book.requests.is_empty()
            || book.conversations.iter().any(|conversation| conversation.last.is_some());
        let mut installation = book::Installation::of_seed(first.seed)?;
        let is_new = match &book.installation {
            Some(ours) if ours.seed == first.seed => false,
            Some(ours) if is_in_use => {
                let (ours, theirs) = (ours.me(), installation.me());
                return Err(RestoreError::OtherIdentity { ours, theirs });
            }
            _ => true,
        };
        if is_new {
            installation.name = first.name.clone();
            installation.epoch = first.epoch;
            let settings = settings.iter().filter(|(key, _)| !book.settings.contains_key(*key));
            let settings = settings.map(|(key, value)| ((*key).to_owned(), value.clone()));
            let beginning = Beginning { installation, settings: settings.collect() };
            writer.begin_anew(beginning).await.map_err(RestoreError::Store)?;
        }
        let mut restore = Self {
            writer: Rc::clone(writer),
            is_new,
            now,
            contacts: book.contacts.into_iter().map(|found| (found.id, found)).collect(),
            requests: book.requests.into_iter().map(|found| (found.from, found)).collect(),
            restored: Restored { merged: !is_new, ..Restored::default() },
        };
        let epoch = vec![Step::Op(Op::SaveEpoch(first.epoch))];
        restore.apply(epoch).await.map_err(RestoreError::Store)?;
        Ok(restore)
    }

    /// Takes records in, in the order of the file; durable when it returns.
    ///
    /// # Errors
    /// The browser refuses.
    pub(crate) async fn take(&mut self, records: Vec<Record>) -> Result<(), StoreFailure> {
        let mut steps = Vec::with_capacity(records.len());
        for record in records {
            self.steps_of(record, &mut steps);
            if steps.len() >= MAX_COMMIT_RECORDS {
                self.apply(std::mem::take(&mut steps)).await?;
            }
        }
        self.apply(steps).await
    }

    /// What was taken in.
    pub(crate) fn finish(self) -> Restored {
        self.restored
    }

    async fn apply(&mut self, steps: Vec<Step>) -> Result<(), StoreFailure> {
        let counts = self.writer.restore(steps).await?;
        self.restored.messages += counts.messages;
        self.restored.known += counts.known;
        self.restored.waiting += counts.waiting;
        self.restored.conflicts += counts.conflicts;
        Ok(())
    }

    fn steps_of(&mut self, record: Record, steps: &mut Vec<Step>) {
        match record {
            // There is one, at the beginning.
            Record::Installation(_) => {}
            Record::Contact(contact) => self.contact(contact, steps),
            Record::Request(request) => self.request(request, steps),
            // Where the identity lives already, what is not there any more was spent.
            Record::Invite(_) if !self.is_new => {}
            Record::Invite(invite) => steps.push(Step::Op(Op::SaveInvite(invite))),
            Record::Prekey(prekey) => self.prekey(prekey, steps),
            Record::Replay(replay) => steps.push(Step::Op(Op::SaveReplay(replay))),
            Record::Log(log) => steps.push(Step::Log(log)),
            Record::Message(message) => steps.push(Step::Message(message)),
        }
    }

    fn contact(&mut self, contact: Contact, steps: &mut Vec<Step>) {
        let id = contact.id;
        let merged = match self.contacts.get(&id) {
            Some(ours) => merge(ours, contact),
            None => {
                self.restored.contacts += 1;
                contact
            }
        };
        if self.contacts.get(&id) != Some(&merged) {
            steps.push(Step::Op(Op::SaveContact(merged.clone())));
            self.contacts.insert(id, merged);
        }
        if self.requests.remove(&id).is_some() {
            steps.push(Step::Op(Op::RemoveRequest(id)));
        }
    }

    fn request(&mut self, request: Request, steps: &mut Vec<Step>) {
        let id = request.from;
        if !self.contacts.contains_key(&id) && !self.requests.contains_key(&id) {
            steps.push(Step::Op(Op::SaveRequest(request.clone())));
            self.requests.insert(id, request);
        }
    }

    fn prekey(&self, prekey: StoredPrekey, steps: &mut Vec<Step>) {
        if self.now.since(prekey.made) < PREKEY_LIFETIME {
            steps.push(Step::Op(Op::SavePrekey(prekey)));
        }
    }
}

async fn read(database: &Database) -> Result<Book, Fault> {
    let transaction = database.begin(&[BOOK], Mode::Read).await?;
    let mut book = Book::default();
    for record in Pending::new(transaction.store(BOOK)?.get_all()?).list().await? {
        book.take(&to_bytes(&record)?)?;
    }
    Ok(book)
}

/// Makes the new installation, in the place of one that nobody knows: there are neither people
/// nor messages.
pub(super) async fn write_beginning(
    database: &Database,
    beginning: Beginning,
) -> Result<(), Fault> {
    let Beginning { installation, settings } = beginning;
    let transaction = database.begin(&[BOOK], Mode::Write).await?;
    let book = transaction.store(BOOK)?;
    book.delete(&range(&[Kind::Invite as u8], &[Kind::Conversation as u8 + 1])?.into())?;
    book.put_with_key(&to_js(&installation.encode()), &to_js(&book::Installation::key()))?;
    for (key, value) in settings {
        let (key, value) = book::setting(&key, &value);
        book.put_with_key(&to_js(&value), &to_js(&key))?;
    }
    transaction.complete().await
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
