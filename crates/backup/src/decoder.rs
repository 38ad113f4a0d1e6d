//! Bytes as records, one by one: whatever is not exactly what [`Encoder`](crate::Encoder) writes
//! is refused.

use thiserror::Error;
use tincan_engine::store::{IssuedInvite, Replay, Request, StoredPrekey};
use tincan_engine::{Contact, ContactStatus, MessageKind, MessageView, Time};
use tincan_wire::display_name::MAX_DISPLAY_NAME_BYTES;
use tincan_wire::invite::{MAX_BROKER_BYTES, MAX_BROKERS};
use tincan_wire::json::MAX_INTEGER;
use tincan_wire::message::MAX_HYBRID_TIME;
use tincan_wire::{
    DeviceId, DisplayName, InviteToken, Leaf, MAX_CONTENT_BYTES, MessageId, PrekeyId, PrekeyPublic,
    PrekeySecret, Ranges, UserId,
};

use crate::encoder::{
    CONTACT, DELETE, EDIT, FAILED, INSTALLATION, INVITE, LOG, MAX_HUB_BYTES, MAX_LOG_RANGES,
    MAX_LOGS, MAX_RANGES, MAX_RECORD_BYTES, MESSAGE, PREKEY, REACT, REPLAY, REPLY, REQUEST, TEXT,
};
use crate::record::{Installation, Log, Record};
use crate::varint::{self, Varint};

/// Turns bytes into records; [`Reader`](crate::Reader) decrypts them before.
///
/// [`Decoder::push`] bytes as they come, take records with [`Decoder::next`] until it has none,
/// in turn, and ask [`Decoder::is_between_records`] at the end. It keeps what was not taken, and
/// the logs.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// What of `bytes` was taken.
    taken: usize,
    begun: bool,
    logs: Vec<Log>,
    ranges: usize,
}

/// What is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} makes no sense")]
pub struct Malformed(pub &'static str);

impl Decoder {
    /// Takes what follows.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next record; `None` if more bytes are needed for it.
    ///
    /// # Errors
    /// What follows is no record; it stays so.
    #[expect(clippy::should_implement_trait, reason = "none now may be some later")]
    pub fn next(&mut self) -> Result<Option<Record>, Malformed> {
        let Some((kind, rest)) = self.bytes.get(self.taken..).and_then(<[u8]>::split_first) else {
            return Ok(None);
        };
        let (length, start) = match varint::read(rest) {
            Varint::Number(length, size) => (length, self.taken + 1 + size),
            Varint::Unfinished => return Ok(None),
            Varint::Illegal => return Err(Malformed("a record's length")),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_RECORD_BYTES {
            return Err(Malformed("a record's length"));
        }
        let Some(body) = self.bytes.get(start..start + length) else { return Ok(None) };
        if (*kind == INSTALLATION) == self.begun {
            return Err(Malformed("the order of the records"));
        }
        let mut fields = Fields(body);
        let record = decode(*kind, &mut fields, &self.logs)?;
        if !fields.0.is_empty() {
            return Err(Malformed("the length of a record"));
        }
        if let Record::Log(log) = &record {
            self.ranges += log.held.range_count();
            if self.logs.len() >= MAX_LOGS || self.ranges > MAX_RANGES {
                return Err(Malformed("the number of logs"));
            }
            self.logs.push(log.clone());
        }
        self.begun = true;
        self.taken = start + length;
        Ok(Some(record))
    }

    /// Whether a backup may end here.
    #[must_use]
    pub fn is_between_records(&self) -> bool {
        self.begun && self.taken == self.bytes.len()
    }
}

fn decode(kind: u8, from: &mut Fields<'_>, logs: &[Log]) -> Result<Record, Malformed> {
    Ok(match kind {
        INSTALLATION => Record::Installation(installation(from)?),
        CONTACT => Record::Contact(contact(from)?),
        REQUEST => Record::Request(request(from)?),
        INVITE => Record::Invite(invite(from)?),
        PREKEY => Record::Prekey(stored_prekey(from)?),
        REPLAY => Record::Replay(replay(from)?),
        LOG => Record::Log(log(from)?),
        MESSAGE => Record::Message(message(from, logs)?),
        _ => return Err(Malformed("the kind of a record")),
    })
}

fn installation(from: &mut Fields<'_>) -> Result<Installation, Malformed> {
    Ok(Installation {
        seed: from.array()?,
        name: from.name()?,
        epoch: from.number()?,
        made: from.time()?,
        hub: Some(from.address(MAX_HUB_BYTES)?).filter(|hub| !hub.is_empty()),
        brokers: {
            let count = usize::from(from.byte()?);
            if count > MAX_BROKERS {
                return Err(Malformed("the number of brokers"));
            }
            (0..count).map(|_| from.address(MAX_BROKER_BYTES)).collect::<Result<_, _>>()?
        },
    })
}

/// A setting of a contact: none, off or on.
fn setting(number: u8) -> Option<bool> {
    match number {
        0 => None,
        other => Some(other == 2),
    }
}

fn contact(from: &mut Fields<'_>) -> Result<Contact, Malformed> {
    let mut contact = Contact {
        id: from.user()?,
        status: match from.byte()? {
            0 => ContactStatus::Requested,
            1 => ContactStatus::Accepted,
            2 => ContactStatus::Declined,
            3 => ContactStatus::Blocked,
            _ => return Err(Malformed("the status of a contact")),
        },
        name: from.name()?,
        nickname: from.optional(Fields::name)?,
        verified: from.flag()?,
        prekey: from.optional(|from| Ok((from.prekey()?, from.time()?)))?,
        token: from.optional(|from| Ok(InviteToken(from.array()?)))?,
        asked: from.optional(Fields::time)?,
        read_receipts: None,
        relay_only: None,
        added: Time::default(),
    };
    let settings = from.byte()?;
    if settings >= 9 {
        return Err(Malformed("a setting of a contact"));
    }
    (contact.read_receipts, contact.relay_only) = (setting(settings % 3), setting(settings / 3));
    contact.added = from.time()?;
    Ok(contact)
}

fn request(from: &mut Fields<'_>) -> Result<Request, Malformed> {
    Ok(Request {
        from: from.user()?,
        name: from.name()?,
        pk: from.prekey()?,
        at: from.time()?,
        declined: from.flag()?,
    })
}

fn invite(from: &mut Fields<'_>) -> Result<IssuedInvite, Malformed> {
    Ok(IssuedInvite {
        token: InviteToken(from.array()?),
        uses: u32::try_from(from.number()?).map_err(|_| Malformed("the uses of an invite"))?,
        expiry: from.time()?,
    })
}

fn stored_prekey(from: &mut Fields<'_>) -> Result<StoredPrekey, Malformed> {
    let bytes = from.array()?;
    let id = PrekeySecret::from_bytes(&bytes).id();
    if id == PrekeyId::IDENTITY {
        return Err(Malformed("a prekey"));
    }
    Ok(StoredPrekey { id, bytes, made: from.time()? })
}

fn replay(from: &mut Fields<'_>) -> Result<Replay, Malformed> {
    Ok(Replay {
        from: from.user()?,
        dev: DeviceId(from.array()?),
        leaf: *Leaf::ALL.get(usize::from(from.byte()?)).ok_or(Malformed("a leaf"))?,
        ep: from.number()?,
        seq: from.number()?,
    })
}

fn log(from: &mut Fields<'_>) -> Result<Log, Malformed> {
    let contact = from.user()?;
    let own = from.flag()?;
    let lg: [u8; 8] = from.array()?;
    let lg = std::str::from_utf8(&lg).ok().and_then(|text| text.parse().ok());
    let lg = lg.ok_or(Malformed("the name of a log"))?;
    let read = from.number()?;
    let mut held = Ranges::new();
    let count = from.number()?;
    if count > MAX_LOG_RANGES as u64 {
        return Err(Malformed("the number of gaps in a log"));
    }
    for index in 0..count {
        // Ranges that touch would be one: between two of them lies a position at least.
        let gap = from.number()?;
        if gap < if index == 0 { 1 } else { 2 } {
            return Err(Malformed("a position"));
        }
        let first = held.highest() + gap;
        let last = first + from.number()?;
        if last > MAX_INTEGER {
            return Err(Malformed("a position"));
        }
        held.insert_range(first, last);
    }
    Ok(Log { contact, own, lg, held, read })
}

fn message(from: &mut Fields<'_>, logs: &[Log]) -> Result<MessageView, Malformed> {
    let log = usize::try_from(from.number()?).ok().and_then(|number| logs.get(number));
    let log = log.ok_or(Malformed("the log of a message"))?;
    let id = from.message_id()?;
    let (s, h, timestamp) = (from.number()?, from.number()?, from.number()?);
    if s == 0 || h > MAX_HYBRID_TIME {
        return Err(Malformed("the position of a message"));
    }
    let kind = from.byte()?;
    let has_failed = kind & FAILED != 0;
    if has_failed && !log.own {
        return Err(Malformed("the state of a message"));
    }
    let kind = match kind & !FAILED {
        TEXT => MessageKind::Text { reply: None },
        REPLY => MessageKind::Text { reply: Some(from.message_id()?) },
        EDIT => MessageKind::Edit { target: from.message_id()? },
        DELETE => MessageKind::Delete { target: from.message_id()? },
        REACT => MessageKind::React { target: from.message_id()? },
        _ => return Err(Malformed("the kind of a message")),
    };
    Ok(MessageView {
        contact: log.contact,
        outgoing: log.own,
        id,
        lg: log.lg,
        s,
        h,
        timestamp,
        kind,
        content: from.text(MAX_CONTENT_BYTES)?.to_owned(),
        state: log.delivery(s, has_failed),
    })
}

/// Takes fields from a body.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or(Malformed("the length of a record"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed("the length of a record"))
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a flag")),
        }
    }

    fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        match varint::read(self.0) {
            Varint::Number(number, size) => {
                self.take(size)?;
                Ok(number)
            }
            Varint::Unfinished | Varint::Illegal => Err(Malformed("a number")),
        }
    }

    fn time(&mut self) -> Result<Time, Malformed> {
        Ok(Time::from_millis(self.number()?))
    }

    fn text(&mut self, max_bytes: usize) -> Result<&'a str, Malformed> {
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if length > max_bytes {
            return Err(Malformed("the length of a text"));
        }
        std::str::from_utf8(self.take(length)?).map_err(|_| Malformed("a text"))
    }

    /// The address of a hub or broker: looked at more closely by whoever uses it.
    fn address(&mut self, max_bytes: usize) -> Result<String, Malformed> {
        let text = self.text(max_bytes)?;
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Malformed("an address"));
        }
        Ok(text.to_owned())
    }

    fn name(&mut self) -> Result<DisplayName, Malformed> {
        let text = self.text(MAX_DISPLAY_NAME_BYTES)?;
        let name = DisplayName::clean(text);
        if name.as_str() == text { Ok(name) } else { Err(Malformed("a name")) }
    }

    fn user(&mut self) -> Result<UserId, Malformed> {
        UserId::from_bytes(self.array()?).map_err(|_| Malformed("a user id"))
    }

    fn message_id(&mut self) -> Result<MessageId, Malformed> {
        MessageId::from_bytes(self.array()?).map_err(|_| Malformed("a message's id"))
    }

    fn prekey(&mut self) -> Result<PrekeyPublic, Malformed> {
        let id = PrekeyId(self.array()?);
        if id == PrekeyId::IDENTITY {
            return Err(Malformed("a prekey"));
        }
        Ok(PrekeyPublic { id, key: self.array()? })
    }
}
