//! What a backup changes in an installation: the rules that every store follows which takes one
//! in.

use std::collections::BTreeMap;
use std::time::Duration;

use tincan_engine::store::{Op, Request, StoredPrekey};
use tincan_engine::{Contact, ContactStatus, MessageView, Time};
use tincan_wire::UserId;

use crate::record::{Log, Record};

/// The engine forgets prekeys of this age (protocol §3); older ones must not come back.
const PREKEY_LIFETIME: Duration = Duration::from_secs(14 * 24 * 3_600);

/// A change that a backup makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// As if the engine had asked for it.
    Op(Op),
    /// Positions of a log, to be added to what is known of it.
    Log(Log),
    /// A message, to be put into the history unless it is there.
    Message(MessageView),
}

/// Turns the records of a backup into changes of the installation that takes it in. It adds, and
/// never undoes: doing it twice is doing it once.
///
/// Make it of what is there, and call [`Merging::take`] for each record in the order of the file.
#[derive(Debug)]
pub struct Merging {
    is_new: bool,
    now: Time,
    contacts: BTreeMap<UserId, Contact>,
    requests: BTreeMap<UserId, Request>,
    added: u64,
}

impl Merging {
    /// Into an installation with these contacts and requests; `is_new` says that it is made of
    /// the backup.
    pub fn new(
        is_new: bool,
        now: Time,
        contacts: impl IntoIterator<Item = Contact>,
        requests: impl IntoIterator<Item = Request>,
    ) -> Self {
        let (mut ours, mut asked) = (BTreeMap::new(), BTreeMap::new());
        ours.extend(contacts.into_iter().map(|contact| (contact.id, contact)));
        asked.extend(requests.into_iter().map(|request| (request.from, request)));
        Self { is_new, now, contacts: ours, requests: asked, added: 0 }
    }

    /// Contacts so far that were not there before.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Appends what a record changes, if it changes anything.
    pub fn take(&mut self, record: Record, steps: &mut Vec<Step>) {
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
                self.added += 1;
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
        relay_only: ours.relay_only.or(theirs.relay_only),
        added: ours.added.min(theirs.added),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tincan_wire::{DisplayName, Identity, InviteToken, PrekeyId, PrekeyPublic};

    fn contact(status: ContactStatus) -> Contact {
        Contact::new(Identity::from_seed([2; 32]).user_id(), status, Time::from_millis(5))
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
            relay_only: Some(true),
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
