//! A conversation from its end to its beginning: the merge of three streams of blocks.

use std::collections::VecDeque;

use super::block::{Block, Entry, Place};
use super::fault::Fault;
use super::lookup::block_of;
use super::request::{Pending, range};
use super::schema::{self, AFTER_ALL, MESSAGES, OURS, STRAY, THEIRS};
use super::transaction::Transaction;

/// Blocks per stream of the first look: after it is known how much is in a block.
const FIRST_BLOCKS: usize = 2;

/// Most blocks per stream of one look: what is in memory at once stays small.
const MAX_BLOCKS: usize = 128;

/// Walks back through a conversation.
pub(super) struct History<'a> {
    transaction: &'a Transaction,
    conversation: u32,
    before: Place,
    streams: [Stream; AFTER_ALL as usize],
    limit: usize,
    seen_blocks: usize,
    seen_entries: usize,
}

/// What is read of one class, the last message first.
#[derive(Default)]
struct Stream {
    entries: VecDeque<(bool, u16, Entry)>,
    /// Where the next block is; `None` at the end.
    next: Option<Vec<u8>>,
}

impl<'a> History<'a> {
    /// Everything that is displayed before `before`. About `limit` messages will be wanted.
    pub(super) fn new(
        transaction: &'a Transaction,
        conversation: u32,
        before: Place,
        limit: usize,
    ) -> Self {
        let streams = [OURS, THEIRS, STRAY].map(|class| Stream {
            entries: VecDeque::new(),
            next: Some(schema::place(conversation, class, before.h)),
        });
        let (seen_blocks, seen_entries) = (0, 0);
        Self { transaction, conversation, before, streams, limit, seen_blocks, seen_entries }
    }

    /// The next message: direction, log, and itself.
    pub(super) async fn next(
        &mut self,
        rank: impl Fn(bool) -> u8,
    ) -> Result<Option<(bool, u16, Entry)>, Fault> {
        if self.streams.iter().any(Stream::is_dry) {
            self.read(&rank).await?;
        }
        let place = |stream: &Stream| {
            stream.entries.front().map(|(outgoing, _, entry)| entry.place(rank(*outgoing)))
        };
        let latest = self.streams.iter_mut().max_by_key(|stream| place(stream));
        Ok(latest.and_then(|stream| stream.entries.pop_front()))
    }

    /// Reads on in every stream that has run dry; all in one turn.
    async fn read(&mut self, rank: &impl Fn(bool) -> u8) -> Result<(), Fault> {
        while self.streams.iter().any(Stream::is_dry) {
            let count = self.count();
            let mut asked = Vec::new();
            for (class, stream) in (OURS..).zip(&mut self.streams) {
                if let Some(from) = stream.next.take_if(|_| stream.entries.is_empty()) {
                    let to = schema::class_start(self.conversation, class + 1);
                    let store = self.transaction.store(MESSAGES)?;
                    let range = range(&from, &to)?;
                    let values = store.get_all_with_key_and_limit(&range, count)?;
                    asked.push((stream, class, Pending::new(values)));
                }
            }
            for (stream, class, values) in asked {
                let values = values.list().await?;
                let is_cut = values.length() >= count;
                for value in values {
                    let block = block_of(&value)?;
                    self.seen_blocks += 1;
                    self.seen_entries += block.entries.len();
                    stream.next = is_cut.then(|| after(class, &block, rank));
                    stream.take(block, self.before, rank);
                }
            }
        }
        Ok(())
    }

    /// How many blocks are about as many messages as are wanted, and one more to tell whether
    /// there are more.
    fn count(&self) -> u32 {
        let blocks = match self.seen_entries {
            0 => FIRST_BLOCKS,
            entries => (self.limit + 1) * self.seen_blocks / entries + 1,
        };
        blocks.clamp(1, MAX_BLOCKS) as u32
    }
}

/// The key behind a block's.
fn after(class: u8, block: &Block, rank: &impl Fn(bool) -> u8) -> Vec<u8> {
    let mut key = match block.entries.first() {
        Some(entry) if class == STRAY => {
            schema::stray_place(block.conversation, entry.h, rank(block.outgoing), entry.id)
        }
        first => schema::place(block.conversation, class, first.map_or(0, |entry| entry.h)),
    };
    key.push(0);
    key
}

impl Stream {
    fn is_dry(&self) -> bool {
        self.entries.is_empty() && self.next.is_some()
    }

    fn take(&mut self, block: Block, before: Place, rank: &impl Fn(bool) -> u8) {
        let (outgoing, log) = (block.outgoing, block.log);
        let entries = block.entries.into_iter().rev();
        let wanted = entries.filter(|entry| entry.place(rank(outgoing)) < before);
        self.entries.extend(wanted.map(|entry| (outgoing, log, entry)));
    }
}
