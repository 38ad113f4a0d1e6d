//! Segments of the search index. A segment holds the words of some commits, sorted, each with
//! the messages that have it. It is small beside the messages, is read whole, and never changes.

use std::collections::HashMap;

use super::block::Block;
use super::bytes::{self, Parser, Record};
use super::fault::Fault;
use super::words::{Phrase, Question, each_word};

/// What is damaged when a segment is.
pub(super) const WHAT: &str = "the search index";

/// Format of a segment; raised whenever text would be cut into words differently. Segments of
/// another format are thrown away.
pub(super) const FORMAT: u8 = 1;

/// Characters of a word that are kept, in bytes; a longer one is found by its beginning, and the
/// message itself decides.
const MAX_WORD_BYTES: usize = 48;

/// What a segment says of a block: enough to find it, and to know whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockRef {
    pub(super) commit: u64,
    /// Its place in its commit.
    pub(super) place: u32,
    pub(super) conversation: u32,
    pub(super) messages: u32,
}

/// Makes a segment.
#[derive(Default)]
pub(super) struct Builder {
    blocks: Vec<BlockRef>,
    /// For each word the numbers of the messages that have it, rising. Sorted at the end.
    words: HashMap<Box<str>, Vec<u32>>,
    messages: u32,
}

impl Builder {
    /// Takes in a block; blocks come in the order of insertion.
    pub(super) fn take(&mut self, block: &Block, place: u32) {
        let messages = u32::try_from(block.entries.len()).unwrap_or_default();
        let (commit, conversation) = (block.commit, block.conversation);
        self.blocks.push(BlockRef { commit, place, conversation, messages });
        for entry in &block.entries {
            let (words, message) = (&mut self.words, self.messages);
            each_word(&entry.content, |word| {
                let word = word.get(..cut(word)).unwrap_or_default();
                match words.get_mut(word) {
                    Some(found) if found.last() == Some(&message) => {}
                    Some(found) => found.push(message),
                    None => drop(words.insert(word.into(), vec![message])),
                }
            });
            self.messages += 1;
        }
    }

    pub(super) fn messages(&self) -> u32 {
        self.messages
    }

    /// The segment, of all commits up to and with `upto`.
    pub(super) fn finish(self, upto: u64) -> Vec<u8> {
        let mut out = Record::default();
        out.byte(FORMAT);
        out.number(upto);
        out.size(self.blocks.len());
        let mut last = 0;
        for block in &self.blocks {
            out.number(block.commit - last);
            out.number(u64::from(block.place));
            out.number(u64::from(block.conversation));
            out.number(u64::from(block.messages));
            last = block.commit;
        }
        let mut words: Vec<(Box<str>, Vec<u32>)> = self.words.into_iter().collect();
        words.sort_unstable();
        let mut before: Box<str> = "".into();
        for (word, messages) in words {
            let shared = shared(&before, &word);
            out.size(shared);
            out.text(word.get(shared..).unwrap_or_default());
            let mut postings = Record::default();
            let mut last = 0;
            for message in messages {
                postings.number(u64::from(message - last));
                last = message;
            }
            out.size(postings.0.len());
            out.raw(&postings.0);
            before = word;
        }
        out.0
    }
}

/// Where a word is cut: at a character's boundary.
fn cut(word: &str) -> usize {
    (0..=word.len().min(MAX_WORD_BYTES)).rev().find(|at| word.is_char_boundary(*at)).unwrap_or(0)
}

/// Length in bytes of the beginning that both have.
fn shared(one: &str, other: &str) -> usize {
    let equal = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    (0..=equal).rev().find(|at| other.is_char_boundary(*at)).unwrap_or(0)
}

/// Whether this is a segment that can be read, and the last commit in it.
pub(super) fn upto(segment: &[u8]) -> Option<u64> {
    let mut record = Parser::new(segment);
    (record.byte()? == FORMAT).then(|| record.number())?
}

/// Messages of one block that may be what is looked for.
#[derive(Debug)]
pub(super) struct Candidates {
    pub(super) block: BlockRef,
    /// Their places in the block.
    pub(super) entries: Vec<u32>,
}

/// The candidates of a segment, by block, in the order of insertion.
pub(super) fn find(
    segment: &[u8],
    question: &Question,
    conversation: Option<u32>,
) -> Result<Vec<Candidates>, Fault> {
    bytes::read(segment, WHAT, |record| {
        record.byte()?;
        record.number()?;
        let mut last = 0;
        let blocks = record.list(|record| {
            last += record.number()?;
            Some(BlockRef {
                commit: last,
                place: record.number()?.try_into().ok()?,
                conversation: record.number()?.try_into().ok()?,
                messages: record.number()?.try_into().ok()?,
            })
        })?;
        let messages = messages_with(record, question)?;
        Some(by_block(&blocks, &messages, conversation))
    })
}

/// The messages that have all words of the question, rising. Whether they stand where a phrase
/// wants them, the messages themselves say.
fn messages_with(record: &mut Parser<'_>, question: &Question) -> Option<Vec<u32>> {
    let wanted: Vec<(&str, bool)> = question.phrases().iter().flat_map(wanted).collect();
    let mut found: Vec<Vec<u32>> = wanted.iter().map(|_| Vec::new()).collect();
    let mut word = String::new();
    while !record.is_empty() {
        let shared = record.size()?;
        word.truncate(shared);
        if word.len() != shared {
            return None;
        }
        word.push_str(record.text()?);
        let size = record.size()?;
        let postings = record.slice(size)?;
        for ((wanted, open), found) in wanted.iter().zip(&mut found) {
            if word == *wanted || (*open && word.starts_with(wanted)) {
                let mut postings = Parser::new(postings);
                let mut last = 0_u32;
                while !postings.is_empty() {
                    last = last.checked_add(postings.number()?.try_into().ok()?)?;
                    found.push(last);
                }
            }
        }
    }
    let mut all: Option<Vec<u32>> = None;
    for mut found in found {
        found.sort_unstable();
        found.dedup();
        all = Some(match all {
            None => found,
            Some(mut all) => {
                all.retain(|message| found.binary_search(message).is_ok());
                all
            }
        });
    }
    all
}

/// The words of a phrase as the index has them, and whether each may be a beginning.
fn wanted(phrase: &Phrase) -> impl Iterator<Item = (&str, bool)> {
    let last = phrase.words.len().saturating_sub(1);
    phrase.words.iter().enumerate().map(move |(at, word)| {
        let cut = cut(word);
        (word.get(..cut).unwrap_or_default(), phrase.open && at == last)
    })
}

fn by_block(blocks: &[BlockRef], messages: &[u32], conversation: Option<u32>) -> Vec<Candidates> {
    let (mut first, mut rest, mut found) = (0_u32, messages, Vec::new());
    for block in blocks {
        let end = first.saturating_add(block.messages);
        let (inside, beyond) = rest.split_at(rest.partition_point(|message| *message < end));
        if !inside.is_empty() && conversation.is_none_or(|wanted| wanted == block.conversation) {
            let entries = inside.iter().map(|message| message - first).collect();
            found.push(Candidates { block: *block, entries });
        }
        (first, rest) = (end, beyond);
    }
    found
}
