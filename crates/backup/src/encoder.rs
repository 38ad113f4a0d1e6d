//! Records as bytes: a kind, a length, and fields in a fixed order.

use std::collections::BTreeMap;

use thiserror::Error;
use tincan_engine::store::{IssuedInvite, Replay, Request, StoredPrekey};
use tincan_engine::{Contact, ContactStatus, Delivery, MessageKind, MessageView, Time};
use tincan_wire::invite::{MAX_BROKER_BYTES, MAX_BROKERS};
use tincan_wire::json::MAX_INTEGER;
use tincan_wire::message::MAX_HYBRID_TIME;
use tincan_wire::{Leaf, LogId, MAX_CONTENT_BYTES, PrekeyId, PrekeyPublic, UserId};

use crate::record::{Installation, Log, Record};
use crate::varint;

/// Longest body of a record: a log of [`MAX_LOG_RANGES`] takes most.
pub(crate) const MAX_RECORD_BYTES: usize = 80 * 1024;
/// Most ranges of one log. Both sides hold at most 256 positions out of order, and a few more
/// gaps for what had failed.
pub(crate) const MAX_LOG_RANGES: usize = 4_096;
/// Most logs in a file, since a reader keeps all of them: six for each of the 10,000 contacts
/// that an engine has at most.
pub(crate) const MAX_LOGS: usize = 65_536;
/// Most ranges of all logs together, for the same reason: 16 MiB.
pub(crate) const MAX_RANGES: usize = 1 << 20;
/// Longest origin of a hub.
pub(crate) const MAX_HUB_BYTES: usize = 256;

pub(crate) const INSTALLATION: u8 = 1;
pub(crate) const CONTACT: u8 = 2;
pub(crate) const REQUEST: u8 = 3;
pub(crate) const INVITE: u8 = 4;
pub(crate) const PREKEY: u8 = 5;
pub(crate) const REPLAY: u8 = 6;
pub(crate) const LOG: u8 = 7;
pub(crate) const MESSAGE: u8 = 8;

/// In the kind of a message: it has failed.
pub(crate) const FAILED: u8 = 0x80;
/// Kinds of messages.
pub(crate) const TEXT: u8 = 0;
pub(crate) const EDIT: u8 = 1;
pub(crate) const DELETE: u8 = 2;
pub(crate) const REACT: u8 = 3;
pub(crate) const REPLY: u8 = 4;

/// Turns records into bytes, without encrypting them: [`Writer`](crate::Writer) does both.
#[derive(Debug, Default)]
pub struct Encoder {
    begun: bool,
    logs: BTreeMap<(UserId, bool, LogId), usize>,
    ranges: usize,
    body: Vec<u8>,
}

/// Why a record cannot be in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// The first record is an installation, and no other is.
    #[error("a backup begins with its installation, and has one")]
    Order,
    /// A message before its log.
    #[error("a message of a log that was not said before")]
    NoLog,
    /// The same log twice.
    #[error("a log that was said before")]
    LogTwice,
    /// A number, a text or a count beyond what is allowed.
    #[error("{0} is too large")]
    TooLarge(&'static str),
    /// A message with the highest place, a position of 0, or the like.
    #[error("{0} makes no sense")]
    Senseless(&'static str),
}

impl Encoder {
    /// Appends a record to `out`; where it is unfit, nothing.
    ///
    /// # Errors
    /// See [`Unfit`].
    pub fn push(&mut self, record: &Record, out: &mut Vec<u8>) -> Result<(), Unfit> {
        let is_first = matches!(record, Record::Installation(_));
        if is_first == self.begun {
            return Err(Unfit::Order);
        }
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        let kind = self.encode(record, &mut Fields(&mut body));
        if let Ok(kind) = kind {
            out.push(kind);
            varint::write(out, body.len() as u64);
            out.extend_from_slice(&body);
            self.begun = true;
        }
        self.body = body;
        kind.map(|_| ())
    }

    fn encode(&mut self, record: &Record, to: &mut Fields<'_>) -> Result<u8, Unfit> {
        match record {
            Record::Installation(installation) => encode_installation(installation, to),
            Record::Contact(contact) => encode_contact(contact, to),
            Record::Request(request) => encode_request(request, to),
            Record::Invite(invite) => encode_invite(invite, to),
            Record::Prekey(prekey) => encode_prekey(prekey, to),
            Record::Replay(replay) => encode_replay(replay, to),
            Record::Log(log) => self.encode_log(log, to),
            Record::Message(message) => self.encode_message(message, to),
        }
    }

    fn encode_log(&mut self, log: &Log, to: &mut Fields<'_>) -> Result<u8, Unfit> {
        let (number, ranges) = (self.logs.len(), self.ranges + log.held.range_count());
        if log.held.range_count() > MAX_LOG_RANGES || ranges > MAX_RANGES {
            return Err(Unfit::TooLarge("the number of gaps in a log"));
        }
        if number >= MAX_LOGS {
            return Err(Unfit::TooLarge("the number of logs"));
        }
        let key = (log.contact, log.own, log.lg);
        if self.logs.contains_key(&key) {
            return Err(Unfit::LogTwice);
        }
        to.bytes(log.contact.as_bytes());
        to.flag(log.own);
        to.bytes(log.lg.as_str().as_bytes());
        to.number(log.read, "a read position")?;
        to.number(log.held.range_count() as u64, "a count")?;
        let mut after = 0;
        for (first, last) in log.held.iter() {
            to.number(first - after, "a position")?;
            to.number(last - first, "a position")?;
            if last > MAX_INTEGER {
                return Err(Unfit::TooLarge("a position"));
            }
            after = last;
        }
        self.logs.insert(key, number);
        self.ranges = ranges;
        Ok(LOG)
    }

    fn encode_message(&self, message: &MessageView, to: &mut Fields<'_>) -> Result<u8, Unfit> {
        let key = (message.contact, message.outgoing, message.lg);
        let log = *self.logs.get(&key).ok_or(Unfit::NoLog)?;
        let has_failed = message.state == Delivery::Failed;
        if message.s == 0 || message.h > MAX_HYBRID_TIME || (has_failed && !message.outgoing) {
            return Err(Unfit::Senseless("a message's position or state"));
        }
        to.number(log as u64, "a count")?;
        to.bytes(message.id.as_bytes());
        to.number(message.s, "a position")?;
        to.number(message.h, "a message's place")?;
        to.number(message.timestamp, "a message's time")?;
        let (kind, target) = match message.kind {
            MessageKind::Text { reply: None } => (TEXT, None),
            MessageKind::Text { reply: Some(reply) } => (REPLY, Some(reply)),
            MessageKind::Edit { target } => (EDIT, Some(target)),
            MessageKind::Delete { target } => (DELETE, Some(target)),
            MessageKind::React { target } => (REACT, Some(target)),
        };
        to.byte(kind | if has_failed { FAILED } else { 0 });
        if let Some(target) = target {
            to.bytes(target.as_bytes());
        }
        to.text(&message.content, MAX_CONTENT_BYTES, "a message")?;
        Ok(MESSAGE)
    }
}

fn encode_installation(from: &Installation, to: &mut Fields<'_>) -> Result<u8, Unfit> {
    to.bytes(&from.seed);
    to.text(from.name.as_str(), usize::MAX, "a name")?;
    to.number(from.epoch, "the epoch")?;
    to.time(from.made)?;
    to.address(from.hub.as_deref().unwrap_or_default(), MAX_HUB_BYTES)?;
    if from.brokers.len() > MAX_BROKERS {
        return Err(Unfit::TooLarge("the number of brokers"));
    }
    to.byte(from.brokers.len() as u8);
    for broker in &from.brokers {
        to.address(broker, MAX_BROKER_BYTES)?;
    }
    Ok(INSTALLATION)
}

fn encode_contact(from: &Contact, to: &mut Fields<'_>) -> Result<u8, Unfit> {
    to.bytes(from.id.as_bytes());
    to.byte(match from.status {
        ContactStatus::Requested => 0,
        ContactStatus::Accepted => 1,
        ContactStatus::Declined => 2,
        ContactStatus::Blocked => 3,
    });
    to.text(from.name.as_str(), usize::MAX, "a name")?;
    to.flag(from.nickname.is_some());
    if let Some(nickname) = &from.nickname {
        to.text(nickname.as_str(), usize::MAX, "a name")?;
    }
    to.flag(from.verified);
    to.flag(from.prekey.is_some());
    if let Some((prekey, at)) = &from.prekey {
        to.prekey(prekey)?;
        to.time(*at)?;
    }
    to.flag(from.token.is_some());
    if let Some(token) = &from.token {
        to.bytes(&token.0);
    }
    to.flag(from.asked.is_some());
    if let Some(asked) = from.asked {
        to.time(asked)?;
    }
    to.byte(setting(from.read_receipts) + 3 * setting(from.relay_only));
    to.time(from.added)?;
    Ok(CONTACT)
}

fn setting(of: Option<bool>) -> u8 {
    match of {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    }
}

fn encode_request(from: &Request, to: &mut Fields<'_>) -> Result<u8, Unfit> {
    to.bytes(from.from.as_bytes());
    to.text(from.name.as_str(), usize::MAX, "a name")?;
    to.prekey(&from.pk)?;
    to.time(from.at)?;
    to.flag(from.declined);
    Ok(REQUEST)
}

fn encode_invite(from: &IssuedInvite, to: &mut Fields<'_>) -> Result<u8, Unfit> {
    to.bytes(&from.token.0);
    to.number(from.uses.into(), "a count")?;
    to.time(from.expiry)?;
    Ok(INVITE)
}

fn encode_prekey(from: &StoredPrekey, to: &mut Fields<'_>) -> Result<u8, Unfit> {
    if from.id == PrekeyId::IDENTITY {
        return Err(Unfit::Senseless("a prekey"));
    }
    to.bytes(&from.bytes);
    to.time(from.made)?;
    Ok(PREKEY)
}

fn encode_replay(from: &Replay, to: &mut Fields<'_>) -> Result<u8, Unfit> {
    to.bytes(from.from.as_bytes());
    to.bytes(&from.dev.0);
    let leaf = Leaf::ALL.iter().position(|leaf| *leaf == from.leaf).unwrap_or_default();
    to.byte(leaf as u8);
    to.number(from.ep, "an epoch")?;
    to.number(from.seq, "a sequence number")?;
    Ok(REPLAY)
}

/// Appends fields to a body.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn flag(&mut self, flag: bool) {
        self.byte(flag.into());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn number(&mut self, number: u64, what: &'static str) -> Result<(), Unfit> {
        if number > MAX_INTEGER {
            return Err(Unfit::TooLarge(what));
        }
        varint::write(self.0, number);
        Ok(())
    }

    fn time(&mut self, time: Time) -> Result<(), Unfit> {
        self.number(time.as_millis(), "a time")
    }

    fn text(&mut self, text: &str, max_bytes: usize, what: &'static str) -> Result<(), Unfit> {
        if text.len() > max_bytes {
            return Err(Unfit::TooLarge(what));
        }
        self.number(text.len() as u64, what)?;
        self.bytes(text.as_bytes());
        Ok(())
    }

    fn address(&mut self, text: &str, max_bytes: usize) -> Result<(), Unfit> {
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Unfit::Senseless("an address"));
        }
        self.text(text, max_bytes, "an address")
    }

    fn prekey(&mut self, prekey: &PrekeyPublic) -> Result<(), Unfit> {
        if prekey.id == PrekeyId::IDENTITY {
            return Err(Unfit::Senseless("a prekey"));
        }
        self.bytes(&prekey.id.0);
        self.bytes(&prekey.key);
        Ok(())
    }
}
