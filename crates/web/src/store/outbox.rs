//! Reading the outbox: messages of ours that are neither acknowledged nor failed.

use js_sys::Array;
use tincan_engine::MessageView;
use tincan_engine::store::OutboxPage;
use tincan_wire::{Ranges, UserId};

use super::block::{Block, Entry};
use super::conversation::Conversation;
use super::database::Database;
use super::fault::Fault;
use super::lookup::block_of;
use super::request::{Pending, range};
use super::schema::{self, BY_POSITION, MESSAGES};
use super::transaction::{Mode, Transaction};

/// Blocks that are read at once.
const CHUNK_BLOCKS: u32 = 8;

/// Messages out of order that are read at once.
const CHUNK_STRAYS: u32 = 64;

/// A question for a page of the outbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) contact: UserId,
    /// Positions above this one.
    pub(super) after: u64,
    /// At most so many messages.
    pub(super) limit: usize,
    /// Stop once their contents reach so many bytes; the page has one message at least.
    pub(super) limit_bytes: usize,
}

/// Loads the page from the log `log` of ours.
///
/// Acknowledged stretches are skipped without being read: a conversation of a million delivered
/// messages costs as much as an empty one.
pub(super) async fn load(
    database: &Database,
    question: Question,
    conversation: Option<(Conversation, u16)>,
) -> Result<OutboxPage, Fault> {
    let Question { contact, after, .. } = question;
    let mut page = OutboxPage { contact, after, messages: Vec::new(), upto: after };
    let Some((conversation, at)) = conversation else { return Ok(page) };
    let Some(log) = conversation.logs.get(usize::from(at)) else { return Ok(page) };
    let mut done = log.held.clone();
    done.insert_all(&log.failed);
    let transaction = database.begin(&[MESSAGES], Mode::Read).await?;
    let mut from = after;
    while let Some(first) = first_missing(&done, from).filter(|first| *first <= log.written) {
        let chunk = Chunk::read(&transaction, conversation.number, at, first).await?;
        for entry in chunk.entries {
            if entry.s < first || done.contains(entry.s) {
                continue;
            }
            page.messages.push(conversation.view(true, at, entry)?);
            if is_full(&page.messages, question) {
                page.upto = page.messages.last().map_or(after, |message| message.s);
                return Ok(page);
            }
        }
        match chunk.upto {
            Some(upto) => from = upto,
            None => break,
        }
    }
    page.upto = after.max(log.written);
    Ok(page)
}

fn is_full(messages: &[MessageView], question: Question) -> bool {
    let size_bytes: usize = messages.iter().map(|message| message.content.len()).sum();
    messages.len() >= question.limit || size_bytes >= question.limit_bytes.max(1)
}

/// Some of a log's messages, by position.
struct Chunk {
    entries: Vec<Entry>,
    /// How far it has looked; `None` to the end.
    upto: Option<u64>,
}

impl Chunk {
    async fn read(
        transaction: &Transaction,
        conversation: u32,
        log: u16,
        first: u64,
    ) -> Result<Self, Fault> {
        let index = transaction.index(MESSAGES, BY_POSITION)?;
        let ask = |stray, limit| {
            let from = schema::position(conversation, log, stray, first);
            let mut to = schema::position(conversation, log, stray, u64::MAX);
            to.push(0);
            let request = index.get_all_with_key_and_limit(&range(&from, &to)?.into(), limit)?;
            Ok::<_, Fault>(Pending::new(request))
        };
        let (run, strays) = (ask(false, CHUNK_BLOCKS)?, ask(true, CHUNK_STRAYS)?);
        let (run, run_upto) = entries(&run.list().await?, CHUNK_BLOCKS)?;
        let (strays, stray_upto) = entries(&strays.list().await?, CHUNK_STRAYS)?;
        let upto = match (run_upto, stray_upto) {
            (Some(run), Some(stray)) => Some(run.min(stray)),
            (run, stray) => run.or(stray),
        };
        let mut entries = run;
        for stray in strays {
            entries.insert(entries.partition_point(|entry| entry.s <= stray.s), stray);
        }
        entries.retain(|entry| upto.is_none_or(|upto| entry.s <= upto));
        Ok(Self { entries, upto })
    }
}

/// The entries of the blocks, and the last position if there may be more.
fn entries(values: &Array, limit: u32) -> Result<(Vec<Entry>, Option<u64>), Fault> {
    let mut entries = Vec::new();
    for value in values.iter() {
        let Block { entries: more, .. } = block_of(&value)?;
        entries.extend(more);
    }
    let last = entries.iter().map(|entry| entry.s).max();
    Ok((entries, last.filter(|_| values.length() >= limit)))
}

/// The first position above `after` that is not in the set; `None` if all are.
fn first_missing(set: &Ranges, after: u64) -> Option<u64> {
    let next = after.checked_add(1)?;
    match set.iter().find(|(_, last)| *last >= next) {
        Some((first, last)) if first <= next => last.checked_add(1),
        _ => Some(next),
    }
}
