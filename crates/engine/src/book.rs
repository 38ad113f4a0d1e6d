//! Commands of a person, and the contacts they are about.

use std::time::Duration;

use tincan_wire::{
    DisplayName, InviteToken, MAX_CONTENT_BYTES, MAX_FRAME_BYTES, PairSecret, SafetyNumber, UserId,
    encoded_len_of,
};

use crate::command::{Command, CommandError, Reply, Target};
use crate::contact::{Contact, ContactStatus};
use crate::engine::Engine;
use crate::event::RequestView;
use crate::peer::Peer;
use crate::store::{IssuedInvite, Op};
use crate::time::Time;
use crate::transactions::Pending;

/// Contacts, at most: each costs a few kilobytes and one heartbeat every 5 min.
pub(crate) const MAX_CONTACTS: usize = 10_000;
/// Invites that are good at the same time, at most: each request's proof is tried on all.
const MAX_INVITES: usize = 64;

type Outcome = Result<After, CommandError>;

/// What answers a command.
enum After {
    /// This, now.
    Now(Reply),
    /// This, once the changes are durable.
    Stored(Vec<Op>, Reply),
    /// The command answers by itself later.
    Later,
}

impl Engine {
    pub(crate) fn handle_command(&mut self, id: u64, command: Command, now: Time) {
        match self.carry_out(id, command, now) {
            Ok(After::Now(reply)) => self.reply(id, Ok(reply)),
            Ok(After::Stored(ops, reply)) => self.store(ops, Pending::Reply(id, reply)),
            Ok(After::Later) => {}
            Err(error) => self.reply(id, Err(error)),
        }
    }

    fn carry_out(&mut self, id: u64, command: Command, now: Time) -> Outcome {
        match command {
            Command::Connect => {
                self.broker_connect_now(now);
                Ok(After::Now(Reply::Done))
            }
            Command::Disconnect => {
                self.broker_disconnect(now);
                Ok(After::Now(Reply::Done))
            }
            Command::SetName { name } => {
                self.name = name.clone();
                Ok(After::Stored(vec![Op::SaveName(name)], Reply::Done))
            }
            Command::CreateInvite { hub, brokers, uses, ttl_secs } => {
                self.create_invite(hub, brokers, uses, ttl_secs, now)
            }
            Command::AddContact { target, nickname } => self.add_contact(target, nickname, now),
            Command::AcceptContact { contact } => self.accept_request(contact, now),
            Command::DeclineContact { contact } => self.decline_request(contact, now),
            Command::BlockContact { contact } => self.block(contact, now),
            Command::UnblockContact { contact } => self.unblock(contact, now),
            Command::RenameContact { contact, nickname } => {
                self.change(contact, |record| record.nickname = nickname)
            }
            Command::VerifyContact { contact, verified } => {
                self.change(contact, |record| record.verified = verified)
            }
            Command::SetReadReceipts { contact, on } => {
                self.change(contact, |record| record.read_receipts = on)
            }
            Command::SetDefaultReadReceipts { on } => {
                self.config.read_receipts = on;
                Ok(After::Now(Reply::Done))
            }
            Command::SetRelayOnly { contact, on } => {
                let stored = self.change(contact, |record| record.relay_only = on)?;
                self.follow_relay_only(contact, now);
                Ok(stored)
            }
            Command::SetDefaultRelayOnly { on } => {
                self.config.relay_only = on;
                self.follow_default_relay_only(now);
                Ok(After::Now(Reply::Done))
            }
            Command::OpenChat { contact, screen } => {
                self.accepted(contact)?;
                self.open_chat(contact, screen, now);
                Ok(After::Now(Reply::Done))
            }
            Command::CloseChat { contact, screen } => {
                self.close_chat(contact, screen, now);
                Ok(After::Now(Reply::Done))
            }
            Command::CloseScreen { screen } => {
                let ids: Vec<_> = self.peers.keys().copied().collect();
                ids.into_iter().for_each(|contact| self.close_chat(contact, screen, now));
                Ok(After::Now(Reply::Done))
            }
            Command::SendMessage { contact, content, reply } => {
                check_content(&content)?;
                self.accepted(contact)?;
                self.send_message(id, contact, content, reply, now)?;
                Ok(After::Later)
            }
            Command::CancelMessage { contact, id: message } => {
                self.cancel_message(id, contact, message)?;
                Ok(After::Later)
            }
            Command::MarkRead { contact } => {
                self.known(contact)?;
                let ops = self.mark_read(contact, now);
                Ok(After::Stored(ops, Reply::Done))
            }
            Command::Typing { contact, on } => {
                self.accepted(contact)?;
                self.say_typing(contact, on, now);
                Ok(After::Now(Reply::Done))
            }
            Command::ListContacts => {
                let contacts = self.peers.keys().filter_map(|id| self.contact_view(*id)).collect();
                Ok(After::Now(Reply::Contacts { contacts }))
            }
            Command::ListRequests => {
                let requests = self.requests.values().filter(|request| !request.declined);
                let requests = requests.map(RequestView::from).collect();
                Ok(After::Now(Reply::Requests { requests }))
            }
            Command::GetStatus => Ok(After::Now(Reply::Status { status: Box::new(self.status()) })),
            Command::GetSafetyNumber { contact } => {
                let number = SafetyNumber::new(&self.me, &contact).to_string();
                Ok(After::Now(Reply::SafetyNumber { number }))
            }
        }
    }

    fn known(&self, id: UserId) -> Result<&Peer, CommandError> {
        self.peers.get(&id).ok_or(CommandError::UnknownContact)
    }

    fn accepted(&self, id: UserId) -> Result<&Peer, CommandError> {
        let peer = self.known(id)?;
        match peer.contact.status {
            // Words for who has not answered yet wait in the outbox like any others.
            ContactStatus::Accepted | ContactStatus::Requested => Ok(peer),
            status => Err(CommandError::NotAccepted { status }),
        }
    }

    fn change(&mut self, id: UserId, change: impl FnOnce(&mut Contact)) -> Outcome {
        let peer = self.peers.get_mut(&id).ok_or(CommandError::UnknownContact)?;
        change(&mut peer.contact);
        let record = peer.contact.clone();
        self.tell_contact(id);
        self.stored_contact(record)
    }

    fn stored_contact(&self, record: Contact) -> Outcome {
        let contact = self.contact_view(record.id).ok_or(CommandError::UnknownContact)?;
        Ok(After::Stored(vec![Op::SaveContact(record)], Reply::Contact { contact }))
    }

    fn create_invite(
        &mut self,
        hub: Option<String>,
        brokers: Vec<String>,
        uses: u32,
        ttl_secs: u64,
        now: Time,
    ) -> Outcome {
        within("the number of uses", uses.into(), 1, 1_000)?;
        within("the life of an invite in seconds", ttl_secs, 60, 365 * 24 * 3_600)?;
        self.expire_invites(now);
        if self.invites.len() >= MAX_INVITES {
            return Err(CommandError::TooManyInvites { limit: MAX_INVITES });
        }
        let token = InviteToken::random(&mut self.rng);
        let expiry = now + Duration::from_secs(ttl_secs);
        let issued = IssuedInvite { token, uses, expiry };
        self.invites.insert(token, issued.clone());
        let name = (!self.name.is_empty()).then(|| self.name.clone());
        let invite = tincan_wire::Invite {
            hub,
            key: self.me,
            token,
            expiry: expiry.as_millis(),
            name,
            brokers,
        };
        Ok(After::Stored(vec![Op::SaveInvite(issued)], Reply::Invite { invite }))
    }

    fn add_contact(&mut self, target: Target, nickname: Option<DisplayName>, now: Time) -> Outcome {
        let (id, token, name) = match target {
            Target::Id(id) => (id, None, None),
            Target::Invite(invite) => {
                if invite.expiry <= now.as_millis() {
                    return Err(CommandError::InviteExpired);
                }
                (invite.key, Some(invite.token), invite.name)
            }
        };
        if id == self.me {
            return Err(CommandError::OwnId);
        }
        if self.requests.contains_key(&id) {
            // They asked first: to ask them is to accept.
            return self.accept_with(id, nickname, now);
        }
        let peer = match self.peers.contains_key(&id) {
            true => self.peers.get_mut(&id).ok_or(CommandError::UnknownContact)?,
            false => self.new_peer(id, ContactStatus::Requested, now)?,
        };
        let record = &mut peer.contact;
        record.nickname = nickname.or(record.nickname.take());
        if record.name.is_empty() {
            record.name = name.unwrap_or_default();
        }
        if record.status != ContactStatus::Accepted {
            record.status = ContactStatus::Requested;
            record.token = token.or(record.token);
            record.asked = None;
        }
        let record = record.clone();
        self.tell_contact(id);
        self.ask(id, now);
        self.stored_contact(record)
    }

    pub(crate) fn new_peer(
        &mut self,
        id: UserId,
        status: ContactStatus,
        now: Time,
    ) -> Result<&mut Peer, CommandError> {
        if self.peers.len() >= MAX_CONTACTS {
            return Err(CommandError::TooManyContacts { limit: MAX_CONTACTS });
        }
        let contact = Contact::new(id, status, now);
        let secret = PairSecret::derive(&self.identity, &id);
        Ok(self.peers.entry(id).or_insert_with(|| Peer::new(contact, secret, now)))
    }

    fn accept_request(&mut self, id: UserId, now: Time) -> Outcome {
        self.accept_with(id, None, now)
    }

    fn accept_with(&mut self, id: UserId, nickname: Option<DisplayName>, now: Time) -> Outcome {
        let Some(request) = self.requests.remove(&id) else {
            let peer = self.known(id)?;
            return match peer.contact.status {
                ContactStatus::Accepted => {
                    let contact = self.contact_view(id).ok_or(CommandError::UnknownContact)?;
                    Ok(After::Now(Reply::Contact { contact }))
                }
                status => Err(CommandError::NotAccepted { status }),
            };
        };
        let mut record = self.befriend(id, request.name, Some(request.pk), now)?;
        if let (Some(_), Some(peer)) = (&nickname, self.peers.get_mut(&id)) {
            peer.contact.nickname = nickname;
            record = peer.contact.clone();
            self.tell_contact(id);
        }
        let contact = self.contact_view(id).ok_or(CommandError::UnknownContact)?;
        let ops = vec![Op::SaveContact(record), Op::RemoveRequest(id)];
        Ok(After::Stored(ops, Reply::Contact { contact }))
    }

    fn decline_request(&mut self, id: UserId, now: Time) -> Outcome {
        let request = self.requests.get_mut(&id).ok_or(CommandError::UnknownContact)?;
        request.declined = true;
        let request = request.clone();
        self.respond(id, false, now);
        self.event(crate::event::Event::RequestGone { contact: id });
        Ok(After::Stored(vec![Op::SaveRequest(request)], Reply::Done))
    }

    fn block(&mut self, id: UserId, now: Time) -> Outcome {
        if id == self.me {
            return Err(CommandError::OwnId);
        }
        let mut ops = Vec::new();
        if self.requests.remove(&id).is_some() {
            ops.push(Op::RemoveRequest(id));
            self.event(crate::event::Event::RequestGone { contact: id });
        }
        if !self.peers.contains_key(&id) {
            self.new_peer(id, ContactStatus::Blocked, now)?;
        }
        self.say_bye(id, "closed", now);
        self.forget_presence(id);
        let record = {
            let peer = self.peers.get_mut(&id).ok_or(CommandError::UnknownContact)?;
            peer.contact.status = ContactStatus::Blocked;
            peer.contact.token = None;
            peer.contact.clone()
        };
        self.tell_contact(id);
        ops.push(Op::SaveContact(record));
        Ok(After::Stored(ops, Reply::Done))
    }

    fn unblock(&mut self, id: UserId, now: Time) -> Outcome {
        match self.known(id)?.contact.status {
            ContactStatus::Blocked => {}
            status => return Err(CommandError::NotAccepted { status }),
        }
        let outcome = self.change(id, |record| {
            let was_contact = record.prekey.is_some() || !record.name.is_empty();
            record.status = match record.asked {
                // We asked, and they have not said yes.
                Some(_) => ContactStatus::Requested,
                None if was_contact => ContactStatus::Accepted,
                // Who never was a contact does not become one by this.
                None => ContactStatus::Declined,
            };
        });
        self.ask(id, now);
        self.greet(id, now);
        self.drive(id, now);
        outcome
    }
}

fn check_content(content: &str) -> Result<(), CommandError> {
    match content.len() {
        0 => Err(CommandError::EmptyMessage),
        size_bytes if size_bytes > MAX_CONTENT_BYTES => {
            Err(CommandError::MessageTooLong { size_bytes, limit_bytes: MAX_CONTENT_BYTES })
        }
        // Control characters grow sixfold on the wire, and a frame has its bound.
        _ => match encoded_len_of(content) {
            size_bytes if size_bytes > MAX_FRAME_BYTES => {
                Err(CommandError::MessageTooLong { size_bytes, limit_bytes: MAX_FRAME_BYTES })
            }
            _ => Ok(()),
        },
    }
}

fn within(what: &str, value: u64, min: u64, max: u64) -> Result<(), CommandError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(CommandError::OutOfBounds { what: what.to_owned(), min, max })
}
