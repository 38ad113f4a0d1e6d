//! The small records: who we are, whom we know, what is asked, what was set.

use tincan_engine::store::{IssuedInvite, Replay, Request, Snapshot, StoredPrekey};
use tincan_engine::{Contact, ContactStatus, Time};
use tincan_wire::{
    DeviceId, DisplayName, InviteToken, LogId, PrekeyId, PrekeyPublic, SortedMap, UserId,
};

use super::bytes::{self, Parser, Record};
use super::conversation::Conversation;
use super::fault::Fault;
use super::schema::{Kind, book_key};

/// Number of different log ids: 8 characters of `a-z0-9`.
const LOG_IDS: u64 = 36_u64.pow(8);

const STATUSES: [ContactStatus; 4] = [
    ContactStatus::Requested,
    ContactStatus::Accepted,
    ContactStatus::Declined,
    ContactStatus::Blocked,
];

/// Who we are.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    pub(super) seed: [u8; 32],
    pub(super) dev: DeviceId,
    pub(super) lg: LogId,
    pub(super) epoch: u64,
    pub(super) name: DisplayName,
}

impl Installation {
    /// A new one, from the browser's randomness.
    pub(super) fn new() -> Result<Self, Fault> {
        Self::of_seed(random()?)
    }

    /// A new one of an identity that there is already: another device with another log.
    pub(super) fn of_seed(seed: [u8; 32]) -> Result<Self, Fault> {
        // 64 bits against 41: no id is likelier than another by more than one in eight million.
        let mut number = u64::from_be_bytes(random()?) % LOG_IDS;
        let mut text = String::new();
        for _ in 0..8 {
            text.extend(char::from_digit((number % 36) as u32, 36));
            number /= 36;
        }
        let lg = text.parse().map_err(|_| Fault::Damaged("a new log id"))?;
        Ok(Self { seed, dev: DeviceId(random()?), lg, epoch: 0, name: DisplayName::default() })
    }

    pub(super) fn me(&self) -> UserId {
        tincan_wire::Identity::from_seed(self.seed).user_id()
    }

    pub(super) fn key() -> Vec<u8> {
        book_key(Kind::Installation, &[])
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Record::default();
        out.byte(Kind::Installation as u8);
        out.raw(&self.seed);
        out.raw(&self.dev.0);
        out.raw(self.lg.as_str().as_bytes());
        out.number(self.epoch);
        out.text(self.name.as_str());
        out.0
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        bytes::read(bytes, "who you are", |record| {
            record.byte()?;
            Some(Self {
                seed: record.raw()?,
                dev: DeviceId(record.raw()?),
                lg: record.log()?,
                epoch: record.number()?,
                name: name(record)?,
            })
        })
    }
}

/// All of `book`, read.
#[derive(Default)]
pub(super) struct Book {
    pub(super) installation: Option<Installation>,
    pub(super) contacts: Vec<Contact>,
    pub(super) requests: Vec<Request>,
    pub(super) invites: Vec<IssuedInvite>,
    pub(super) prekeys: Vec<StoredPrekey>,
    pub(super) replays: Vec<Replay>,
    pub(super) conversations: Vec<Conversation>,
    pub(super) settings: SortedMap<String, String>,
}

impl Book {
    /// Takes in one record; they come in the order of their keys.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let kind = bytes.first().and_then(|byte| Kind::of(*byte));
        match kind.ok_or(Fault::Damaged("a record of no kind"))? {
            Kind::Installation => self.installation = Some(Installation::decode(bytes)?),
            Kind::Contact => self.contacts.push(decode_contact(bytes)?),
            Kind::Request => self.requests.push(decode_request(bytes)?),
            Kind::Invite => self.invites.push(decode_invite(bytes)?),
            Kind::Prekey => self.prekeys.push(decode_prekey(bytes)?),
            Kind::Replay => self.replays.push(decode_replay(bytes)?),
            Kind::Conversation => self.conversations.push(Conversation::decode(bytes)?),
            Kind::Setting => {
                let (key, value) = decode_setting(bytes)?;
                self.settings.insert(key, value);
            }
        }
        Ok(())
    }

    /// What the engine must know at its start.
    pub(super) fn snapshot(&self, installation: &Installation) -> Snapshot {
        let Installation { seed, dev, lg, epoch, ref name } = *installation;
        Snapshot {
            seed,
            dev,
            lg,
            epoch,
            name: name.clone(),
            contacts: self.contacts.clone(),
            conversations: self.conversations.iter().map(|found| found.for_engine(lg)).collect(),
            requests: self.requests.clone(),
            invites: self.invites.clone(),
            prekeys: self.prekeys.clone(),
            replays: self.replays.clone(),
        }
    }
}

fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| Fault::Other("the browser gives no randomness".to_owned()))?;
    Ok(bytes)
}

fn name(record: &mut Parser<'_>) -> Option<DisplayName> {
    record.text().map(DisplayName::clean)
}

fn time(record: &mut Parser<'_>) -> Option<Time> {
    record.number().map(Time::from_millis)
}

fn write_time(out: &mut Record, time: Time) {
    out.number(time.as_millis());
}

fn prekey_public(record: &mut Parser<'_>) -> Option<PrekeyPublic> {
    Some(PrekeyPublic { id: PrekeyId(record.raw()?), key: record.raw()? })
}

fn write_prekey_public(out: &mut Record, prekey: &PrekeyPublic) {
    out.raw(&prekey.id.0);
    out.raw(&prekey.key);
}

/// Key and value of a contact.
pub(super) fn contact(contact: &Contact) -> (Vec<u8>, Vec<u8>) {
    let key = book_key(Kind::Contact, &[contact.id.as_bytes()]);
    let mut out = Record(key.clone());
    let status = STATUSES.iter().position(|status| *status == contact.status);
    out.byte(status.unwrap_or_default() as u8);
    out.text(contact.name.as_str());
    out.optional(contact.nickname.as_ref(), |out, name| out.text(name.as_str()));
    out.byte(u8::from(contact.verified));
    out.optional(contact.prekey.as_ref(), |out, (prekey, at)| {
        write_prekey_public(out, prekey);
        write_time(out, *at);
    });
    out.optional(contact.token, |out, token| out.raw(&token.0));
    out.optional(contact.asked, write_time);
    out.optional(contact.read_receipts, |out, on| out.byte(u8::from(on)));
    write_time(&mut out, contact.added);
    out.optional(contact.relay_only, |out, on| out.byte(u8::from(on)));
    (key, out.0)
}

fn decode_contact(bytes: &[u8]) -> Result<Contact, Fault> {
    bytes::read(bytes, "a contact", |record| {
        record.byte()?;
        Some(Contact {
            id: record.user()?,
            status: *STATUSES.get(usize::from(record.byte()?))?,
            name: name(record)?,
            nickname: record.optional(name)?,
            verified: record.flag()?,
            prekey: record.optional(|record| Some((prekey_public(record)?, time(record)?)))?,
            token: record.optional(|record| record.raw().map(InviteToken))?,
            asked: record.optional(time)?,
            read_receipts: record.optional(Parser::flag)?,
            added: time(record)?,
            // Records of earlier versions end before it.
            relay_only: match record.is_empty() {
                true => None,
                false => record.optional(Parser::flag)?,
            },
        })
    })
}

/// Key and value of a request.
pub(super) fn request(request: &Request) -> (Vec<u8>, Vec<u8>) {
    let key = request_key(&request.from);
    let mut out = Record(key.clone());
    out.text(request.name.as_str());
    write_prekey_public(&mut out, &request.pk);
    write_time(&mut out, request.at);
    out.byte(u8::from(request.declined));
    (key, out.0)
}

pub(super) fn request_key(from: &UserId) -> Vec<u8> {
    book_key(Kind::Request, &[from.as_bytes()])
}

fn decode_request(bytes: &[u8]) -> Result<Request, Fault> {
    bytes::read(bytes, "a request", |record| {
        record.byte()?;
        Some(Request {
            from: record.user()?,
            name: name(record)?,
            pk: prekey_public(record)?,
            at: time(record)?,
            declined: record.flag()?,
        })
    })
}

/// Key and value of an invite.
pub(super) fn invite(invite: &IssuedInvite) -> (Vec<u8>, Vec<u8>) {
    let key = invite_key(&invite.token);
    let mut out = Record(key.clone());
    out.number(u64::from(invite.uses));
    write_time(&mut out, invite.expiry);
    (key, out.0)
}

pub(super) fn invite_key(token: &InviteToken) -> Vec<u8> {
    book_key(Kind::Invite, &[&token.0])
}

fn decode_invite(bytes: &[u8]) -> Result<IssuedInvite, Fault> {
    bytes::read(bytes, "an invite", |record| {
        record.byte()?;
        Some(IssuedInvite {
            token: InviteToken(record.raw()?),
            uses: record.number()?.try_into().ok()?,
            expiry: time(record)?,
        })
    })
}

/// Key and value of a prekey.
pub(super) fn prekey(prekey: &StoredPrekey) -> (Vec<u8>, Vec<u8>) {
    let key = prekey_key(&prekey.id);
    let mut out = Record(key.clone());
    out.raw(&prekey.bytes);
    write_time(&mut out, prekey.made);
    (key, out.0)
}

pub(super) fn prekey_key(id: &PrekeyId) -> Vec<u8> {
    book_key(Kind::Prekey, &[&id.0])
}

fn decode_prekey(bytes: &[u8]) -> Result<StoredPrekey, Fault> {
    bytes::read(bytes, "a prekey", |record| {
        record.byte()?;
        Some(StoredPrekey {
            id: PrekeyId(record.raw()?),
            bytes: record.raw()?,
            made: time(record)?,
        })
    })
}

/// Key and value of a replay position.
pub(super) fn replay(replay: &Replay) -> (Vec<u8>, Vec<u8>) {
    let mut out = Record::default();
    out.byte(Kind::Replay as u8);
    out.raw(replay.from.as_bytes());
    out.raw(&replay.dev.0);
    out.text(replay.leaf.as_str());
    out.number(replay.ep);
    out.number(replay.seq);
    (replay_key(replay), out.0)
}

pub(super) fn replay_key(replay: &Replay) -> Vec<u8> {
    let leaf = replay.leaf.as_str();
    book_key(Kind::Replay, &[replay.from.as_bytes(), &replay.dev.0, leaf.as_bytes()])
}

fn decode_replay(bytes: &[u8]) -> Result<Replay, Fault> {
    bytes::read(bytes, "a replay position", |record| {
        record.byte()?;
        Some(Replay {
            from: record.user()?,
            dev: DeviceId(record.raw()?),
            leaf: record.text()?.parse().ok()?,
            ep: record.number()?,
            seq: record.number()?,
        })
    })
}

/// Key and value of a setting.
pub(super) fn setting(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
    let mut out = Record::default();
    out.byte(Kind::Setting as u8);
    out.text(name);
    out.text(value);
    (setting_key(name), out.0)
}

pub(super) fn setting_key(name: &str) -> Vec<u8> {
    book_key(Kind::Setting, &[name.as_bytes()])
}

pub(super) fn decode_setting(bytes: &[u8]) -> Result<(String, String), Fault> {
    bytes::read(bytes, "a setting", |record| {
        record.byte()?;
        Some((record.text()?.to_owned(), record.text()?.to_owned()))
    })
}
