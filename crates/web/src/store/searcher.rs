//! Searching, and keeping the search index. The index catches up before a search and in idle
//! moments; the newest few messages are never in it and are looked through as they are.

use std::collections::BTreeMap;

use js_sys::{Array, Uint8Array};
use tincan_engine::{Answer, MessageView};
use tincan_wire::UserId;
use wasm_bindgen::JsValue;

use super::block::{Block, Entry};
use super::conversation::Conversation;
use super::database::Database;
use super::fault::Fault;
use super::lookup::block_of;
use super::reader::{Page, conversations};
use super::request::{Pending, range, to_bytes, to_js};
use super::schema::{self, BOOK, BY_NUMBER, MESSAGES, WORDS};
use super::search_index::{self, Builder, Candidates};
use super::transaction::{Mode, Transaction};
use super::words::Question;

/// A segment has at least so many messages; fewer are looked through without one.
pub(super) const SEGMENT_MESSAGES: u32 = 1_024;

/// Messages that are read at once, to build a segment: what takes a few milliseconds, between
/// which a screen can move.
const CHUNK_MESSAGES: u32 = 256;

/// Segments that are read at once: about half a megabyte.
const CHUNK_SEGMENTS: usize = 8;

/// Blocks with messages that may match which are read at once.
const CHUNK_CANDIDATES: usize = 64;

/// Answers a search: newest insertion first.
pub(super) async fn search(
    database: &Database,
    text: &str,
    contact: Option<UserId>,
    limit: usize,
) -> Result<Answer, Fault> {
    match search_once(database, text, contact, limit).await {
        // It can be made again.
        Err(Fault::Damaged(search_index::WHAT)) => {
            begin_again(database).await?;
            search_once(database, text, contact, limit).await
        }
        result => result,
    }
}

async fn begin_again(database: &Database) -> Result<(), Fault> {
    let transaction = database.begin(&[WORDS], Mode::WriteRelaxed).await?;
    transaction.store(WORDS)?.clear()?;
    transaction.complete().await
}

async fn search_once(
    database: &Database,
    text: &str,
    contact: Option<UserId>,
    limit: usize,
) -> Result<Answer, Fault> {
    let nothing = Answer::Messages { messages: Vec::new(), more: false };
    let Some(question) = Question::new(text) else { return Ok(nothing) };
    let tail = loop {
        if let Some(tail) = catch_up(database).await? {
            break tail;
        }
    };
    let transaction = database.begin(&[BOOK, MESSAGES, WORDS], Mode::Read).await?;
    let conversations = conversations(&transaction).await?;
    let wanted = match contact {
        None => None,
        Some(contact) => {
            match conversations.iter().find(|conversation| conversation.contact == contact) {
                Some(conversation) => Some(conversation.number),
                None => return Ok(nothing),
            }
        }
    };
    let mut by_number = BTreeMap::new();
    by_number.extend(conversations.into_iter().map(|found| (found.number, found)));
    let (conversations, page) = (by_number, Page::new(limit));
    let mut search = Search { transaction, question, wanted, conversations, page };
    search.run(tail).await?;
    let (messages, more) = search.page.finish();
    Ok(Answer::Messages { messages, more })
}

/// The rest that is in no segment.
pub(super) struct Tail {
    /// The first commit of it.
    from: u64,
}

/// Adds one segment to the index, if there are messages enough for one; else tells what is left.
pub(super) async fn catch_up(database: &Database) -> Result<Option<Tail>, Fault> {
    let transaction = database.begin(&[MESSAGES, WORDS], Mode::Read).await?;
    let (is_legal, from) = covered(&transaction).await?;
    if !is_legal {
        begin_again(database).await?;
        return Ok(None);
    }
    let Some((builder, upto)) = build(&transaction, from).await? else {
        return Ok(Some(Tail { from }));
    };
    let segment = builder.finish(upto);
    let transaction = database.begin(&[WORDS], Mode::WriteRelaxed).await?;
    // Another tab may have done the same in the meantime: it is the same segment then.
    transaction.store(WORDS)?.put_with_key(&to_js(&segment), &to_js(&from.to_be_bytes()))?;
    transaction.complete().await?;
    Ok(None)
}

/// Whether the last segment can be read, and the first commit that is in none.
async fn covered(transaction: &Transaction) -> Result<(bool, u64), Fault> {
    let request = transaction
        .store(WORDS)?
        .open_cursor_with_range_and_direction(&JsValue::NULL, web_sys::IdbCursorDirection::Prev)?;
    let cursor = Pending::new(request).result().await?;
    if cursor.is_null() {
        return Ok((true, 0));
    }
    let value = js_sys::Reflect::get(&cursor, &"value".into())?;
    Ok(match to_bytes(&value).ok().and_then(|segment| search_index::upto(&segment)) {
        Some(upto) => (true, upto.saturating_add(1)),
        None => (false, 0),
    })
}

/// Reads whole commits from `from` on until they are enough for a segment; `None` if they never
/// are.
async fn build(transaction: &Transaction, from: u64) -> Result<Option<(Builder, u64)>, Fault> {
    let mut builder = Builder::default();
    let mut next = schema::number(from, 0);
    let (mut last, mut seen_blocks) = (None, 0);
    loop {
        // As many blocks as are likely to have that many messages.
        let count = match builder.messages() {
            0 => 2,
            messages => (CHUNK_MESSAGES * seen_blocks / messages).clamp(1, CHUNK_MESSAGES),
        };
        let blocks = blocks_from(transaction, &next, count).await?;
        let is_end = blocks.length() < count;
        seen_blocks += blocks.length();
        for value in blocks {
            let (block, place) = numbered(&value)?;
            if let Some((commit, _)) = last
                && commit != block.commit
                && builder.messages() >= SEGMENT_MESSAGES
            {
                return Ok(Some((builder, commit)));
            }
            builder.take(&block, place);
            last = Some((block.commit, place));
        }
        match last {
            // A commit is there whole or not at all.
            Some((commit, _)) if is_end && builder.messages() >= SEGMENT_MESSAGES => {
                return Ok(Some((builder, commit)));
            }
            Some((commit, place)) if !is_end => next = schema::number(commit, place + 1),
            _ => return Ok(None),
        }
    }
}

/// Blocks in the order of insertion, from a number on.
pub(super) async fn blocks_from(
    transaction: &Transaction,
    from: &[u8],
    limit: u32,
) -> Result<Array, Fault> {
    let index = transaction.index(MESSAGES, BY_NUMBER)?;
    let end = [u8::MAX; 13];
    Pending::new(index.get_all_with_key_and_limit(&range(from, &end)?.into(), limit)?).list().await
}

/// A block, and its place in its commit.
pub(super) fn numbered(value: &JsValue) -> Result<(Block, u32), Fault> {
    let number = to_bytes(&js_sys::Reflect::get(value, &BY_NUMBER.into())?)?;
    let place = number.last_chunk().ok_or(Fault::Damaged("the number of a message"))?;
    Ok((block_of(value)?, u32::from_be_bytes(*place)))
}

/// A search that is under way.
struct Search {
    transaction: Transaction,
    question: Question,
    /// Only in this conversation.
    wanted: Option<u32>,
    conversations: BTreeMap<u32, Conversation>,
    page: Page,
}

impl Search {
    async fn run(&mut self, tail: Tail) -> Result<(), Fault> {
        // What another tab has written since is in the tail, too.
        let rest = blocks_from(&self.transaction, &schema::number(tail.from, 0), u32::MAX).await?;
        let mut found = Vec::new();
        for value in rest {
            let block = block_of(&value)?;
            if self.wanted.is_none_or(|wanted| wanted == block.conversation) {
                found.push(block);
            }
        }
        if !self.show(found)? {
            return Ok(());
        }
        let mut keys = self.segments_before(tail.from).await?;
        while !keys.is_empty() {
            let chunk = keys.split_off(keys.len().saturating_sub(CHUNK_SEGMENTS));
            for segment in self.segments(&chunk).await?.iter().rev() {
                let candidates = search_index::find(segment, &self.question, self.wanted)?;
                if !self.show_candidates(candidates).await? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The keys of all segments before a commit, rising.
    async fn segments_before(&self, before: u64) -> Result<Vec<Vec<u8>>, Fault> {
        if before == 0 {
            return Ok(Vec::new());
        }
        let all = range(&[0; 8], &before.to_be_bytes())?;
        let keys = self.transaction.store(WORDS)?.get_all_keys_with_key(&all)?;
        let keys = Pending::new(keys).list().await?;
        Ok(keys.iter().map(|key| Uint8Array::new(&key).to_vec()).collect())
    }

    /// Segments that follow one another, by their keys.
    async fn segments(&self, keys: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Fault> {
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
            return Ok(Vec::new());
        };
        let behind_last = [last.as_slice(), &[0]].concat();
        let segments = range(first, &behind_last)?;
        let segments = self.transaction.store(WORDS)?.get_all_with_key(&segments)?;
        Pending::new(segments).list().await?.iter().map(|segment| to_bytes(&segment)).collect()
    }

    /// Loads what may match, the newest first and some at once; false once the page is full.
    async fn show_candidates(&mut self, mut candidates: Vec<Candidates>) -> Result<bool, Fault> {
        while !candidates.is_empty() {
            let from = candidates.len().saturating_sub(CHUNK_CANDIDATES);
            // A commit is shown at once, since its blocks are one among the other.
            let from = candidates.get(from).map_or(0, |first| {
                let commit = first.block.commit;
                candidates.partition_point(|candidates| candidates.block.commit < commit)
            });
            let chunk = candidates.split_off(from);
            let index = self.transaction.index(MESSAGES, BY_NUMBER)?;
            let mut asked = Vec::with_capacity(chunk.len());
            for Candidates { block, entries } in chunk {
                let number = schema::number(block.commit, block.place);
                asked.push((Pending::new(index.get(&to_js(&number))?), entries));
            }
            let mut found = Vec::with_capacity(asked.len());
            for (pending, places) in asked {
                let value = pending.result().await?;
                if !value.is_undefined() {
                    let mut block = block_of(&value)?;
                    keep(&mut block, &places);
                    found.push(block);
                }
            }
            if !self.show(found)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Shows what matches, newest first; false once the page is full.
    fn show(&mut self, blocks: Vec<Block>) -> Result<bool, Fault> {
        let mut found: Vec<((u64, u32), MessageView)> = Vec::new();
        for block in blocks {
            let (outgoing, log, commit) = (block.outgoing, block.log, block.commit);
            let conversation = self
                .conversations
                .get(&block.conversation)
                .ok_or(Fault::Damaged("a message without a conversation"))?;
            for entry in block.entries {
                if self.question.matches(&entry.content) {
                    let inserted = (commit, entry.ordinal);
                    found.push((inserted, conversation.view(outgoing, log, entry)?));
                }
            }
        }
        in_order(&mut found);
        Ok(found.into_iter().rev().all(|(_, message)| self.page.push(message)))
    }
}

/// Sorts messages as they were inserted: by commit, and place in it.
pub(super) fn in_order(found: &mut [((u64, u32), MessageView)]) {
    found.sort_unstable_by_key(|(inserted, _)| *inserted);
}

/// Only the entries at these places.
fn keep(block: &mut Block, places: &[u32]) {
    let entries = std::mem::take(&mut block.entries).into_iter();
    let kept = (0_u32..).zip(entries).filter(|(place, _)| places.binary_search(place).is_ok());
    block.entries = kept.map(|(_, entry): (u32, Entry)| entry).collect();
}
