//! What a commit writes, with its keys.

use tincan_wire::UserId;

use super::block::{Block, Entry, sender_rank};
use super::schema::{self, STRAY};

/// A record to be written.
pub(super) enum Write {
    /// A record of `book`; none removes it.
    Book { key: Vec<u8>, value: Option<Vec<u8>> },
    /// A block of messages, with its keys.
    Block {
        place: Vec<u8>,
        number: Vec<u8>,
        ids: Vec<u8>,
        position: Option<Vec<u8>>,
        block: Vec<u8>,
    },
}

/// The record of a block, which is the `place`th of its commit.
pub(super) fn write_of(
    me: &UserId,
    class: u8,
    block: &Block,
    place: u32,
    first: &Entry,
    last: &Entry,
    contact: &UserId,
) -> Write {
    let (number, outgoing) = (block.conversation, block.outgoing);
    let (key, ids) = if class == STRAY {
        let rank = sender_rank(me, contact, outgoing);
        let key = schema::stray_place(number, last.h, rank, last.id);
        (key, schema::stray_id(number, outgoing, last.id))
    } else {
        let ids = schema::run_ids(number, class, last.id.timestamp_ms());
        (schema::place(number, class, first.h), ids)
    };
    let position = outgoing.then(|| schema::position(number, block.log, class == STRAY, last.s));
    Write::Block {
        place: key,
        number: schema::number(block.commit, place),
        ids,
        position,
        block: block.encode(),
    }
}
