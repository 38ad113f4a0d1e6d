//! The database: its object stores, its keys, and how an older format becomes a newer one.
//!
//! All keys and all values are bytes; keys compare byte by byte.
//!
//! - `book`: everything but the messages, small records in the form of [`super::bytes`]. The
//!   first byte of the key is a [`Kind`], then comes what names the record; the value repeats
//!   what it needs of the key. One `getAll` reads it at the start.
//!   - Installation: seed, device, log, last epoch, name.
//!   - Contact, request, invite, prekey, replay position: as the engine has them.
//!   - Conversation: its number, its last message, the positions of every log, ours and theirs,
//!     and where its blocks end ([`super::conversation`]). Written once per commit, however many
//!     messages came.
//!   - Setting of the shell.
//! - `messages`: blocks of messages that never change ([`super::block`]). Objects of
//!   - `b` the block,
//!   - `n` the number of the commit that wrote it and its place in it: the order of insertion,
//!   - `i` where its ids are looked up,
//!   - `s` where its positions are looked up; only where the log is ours,
//!
//!   the last three with an index each. The key is conversation, class, and the `h` of the
//!   first message with its bits turned, so that a rising key is falling time.
//!   A block of class 0 (ours) or 1 (theirs) holds a run of messages in which `h` rises, and no
//!   other block of its class overlaps it. A message that does not rise above what is there is
//!   alone in a block of class 2. So a page of history is the merge of three sorted streams,
//!   whatever a peer sends.
//! - `words`: segments of the search index ([`super::search_index`]), by the number of the
//!   first commit that they hold. They may be thrown away at any time.

use js_sys::{Array, JsString};
use tincan_wire::MessageId;
use wasm_bindgen::JsValue;
use web_sys::IdbDatabase;

use super::fault::Fault;

/// The newest format that this page knows.
pub(super) const VERSION: u32 = 1;

/// Name of the store of small records.
pub(super) const BOOK: &str = "book";
/// Name of the store of messages.
pub(super) const MESSAGES: &str = "messages";
/// Name of the store of the search index.
pub(super) const WORDS: &str = "words";
/// Index and property of the order of insertion.
pub(super) const BY_NUMBER: &str = "n";
/// Index and property of ids.
pub(super) const BY_ID: &str = "i";
/// Index and property of positions.
pub(super) const BY_POSITION: &str = "s";
/// Property of a block's bytes.
pub(super) const BLOCK: &str = "b";

/// What a record of `book` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Installation = 0,
    Contact = 1,
    Request = 2,
    Invite = 3,
    Prekey = 4,
    Replay = 5,
    Conversation = 6,
    Setting = 7,
}

impl Kind {
    pub(super) fn of(byte: u8) -> Option<Self> {
        [
            Self::Installation,
            Self::Contact,
            Self::Request,
            Self::Invite,
            Self::Prekey,
            Self::Replay,
            Self::Conversation,
            Self::Setting,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// Messages of ours that rise.
pub(super) const OURS: u8 = 0;
/// Messages of theirs that rise.
pub(super) const THEIRS: u8 = 1;
/// Messages out of order, each alone.
pub(super) const STRAY: u8 = 2;
/// Above every class.
pub(super) const AFTER_ALL: u8 = 3;

/// Brings a database of version `from` to [`VERSION`]; called inside the upgrade transaction.
pub(super) fn upgrade(database: &IdbDatabase, from: u32) -> Result<(), Fault> {
    if from < 1 {
        database.create_object_store(BOOK)?;
        let messages = database.create_object_store(MESSAGES)?;
        for index in [BY_NUMBER, BY_ID, BY_POSITION] {
            messages.create_index_with_str(index, index)?;
        }
        database.create_object_store(WORDS)?;
    }
    Ok(())
}

/// A list of store names, as the browser wants it.
pub(super) fn names(stores: &[&str]) -> JsValue {
    stores.iter().map(|name| JsString::from(*name)).collect::<Array>().into()
}

/// The key of a record of `book`.
pub(super) fn book_key(kind: Kind, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![kind as u8];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// Where blocks of a conversation and class begin whose first `h` is this or below.
pub(super) fn place(conversation: u32, class: u8, h: u64) -> Vec<u8> {
    let mut key = class_start(conversation, class);
    key.extend((!h).to_be_bytes());
    key
}

/// The key of a message out of order.
pub(super) fn stray_place(conversation: u32, h: u64, rank: u8, id: MessageId) -> Vec<u8> {
    let mut key = place(conversation, STRAY, h);
    key.push(!rank);
    key.extend(id.as_bytes().map(|byte| !byte));
    key
}

/// Before all blocks of a conversation and class; also before all their ids.
pub(super) fn class_start(conversation: u32, class: u8) -> Vec<u8> {
    let mut key = conversation.to_be_bytes().to_vec();
    key.push(class);
    key
}

/// In `i`: of a run, where its ids end by their time.
pub(super) fn run_ids(conversation: u32, class: u8, last_time: u64) -> Vec<u8> {
    let mut key = class_start(conversation, class);
    key.extend(last_time.to_be_bytes());
    key
}

/// In `i`: of a message out of order, its id.
pub(super) fn stray_id(conversation: u32, outgoing: bool, id: MessageId) -> Vec<u8> {
    let mut key = class_start(conversation, STRAY);
    key.push(u8::from(outgoing));
    key.extend(id.as_bytes());
    key
}

/// In `s`: the last position of a block of a log of ours.
pub(super) fn position(conversation: u32, log: u16, stray: bool, last: u64) -> Vec<u8> {
    let mut key = conversation.to_be_bytes().to_vec();
    key.extend(log.to_be_bytes());
    key.push(u8::from(stray));
    key.extend(last.to_be_bytes());
    key
}

/// In `n`: commit and place in it.
pub(super) fn number(commit: u64, place: u32) -> Vec<u8> {
    let mut key = commit.to_be_bytes().to_vec();
    key.extend(place.to_be_bytes());
    key
}
