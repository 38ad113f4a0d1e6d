//! Finding one message by its id.

use js_sys::{Array, Reflect};
use tincan_wire::MessageId;
use wasm_bindgen::JsValue;
use web_sys::IdbIndex;

use super::block::{Block, Entry};
use super::fault::Fault;
use super::request::{Pending, range, to_bytes, to_js};
use super::schema::{self, BLOCK, BY_ID, MESSAGES, OURS, THEIRS};
use super::transaction::Transaction;

/// At most so many blocks of a run hold ids of the same millisecond.
const RUN_BLOCKS: u32 = 2;

/// A search for one message that is under way.
pub(super) struct Lookup {
    id: MessageId,
    stray: Pending,
    run: Pending,
}

impl Lookup {
    /// Begins it; several may be under way in one transaction.
    pub(super) fn begin(
        index: &IdbIndex,
        conversation: u32,
        outgoing: bool,
        id: MessageId,
    ) -> Result<Self, Fault> {
        let class = if outgoing { OURS } else { THEIRS };
        let stray = index.get(&to_js(&schema::stray_id(conversation, outgoing, id)))?;
        let from = schema::run_ids(conversation, class, id.timestamp_ms());
        let blocks = range(&from, &schema::class_start(conversation, class + 1))?;
        let run = index.get_all_with_key_and_limit(&blocks, RUN_BLOCKS)?;
        Ok(Self { id, stray: Pending::new(stray), run: Pending::new(run) })
    }

    /// The message, and the block that it was in, now without it.
    pub(super) async fn result(self) -> Result<Option<(Block, Entry)>, Fault> {
        let Self { id, stray, run } = self;
        let (stray, run) = (stray.result().await?, run.list().await?);
        let found = if stray.is_undefined() { run } else { Array::of1(&stray) };
        for value in found {
            let mut block = block_of(&value)?;
            if let Some(at) = block.entries.iter().position(|entry| entry.id == id) {
                let entry = block.entries.swap_remove(at);
                return Ok(Some((block, entry)));
            }
        }
        Ok(None)
    }
}

/// The index of ids.
pub(super) fn ids(transaction: &Transaction) -> Result<IdbIndex, Fault> {
    transaction.index(MESSAGES, BY_ID)
}

/// The block of a value in `messages`.
pub(super) fn block_of(value: &JsValue) -> Result<Block, Fault> {
    Block::decode(&to_bytes(&Reflect::get(value, &BLOCK.into())?)?)
}
