//! Reading everything that a backup holds, of one moment, beside a store that goes on writing.

use std::collections::{BTreeMap, VecDeque};

use tincan_backup::{Log, Record};
use tincan_engine::StoreFailure;
use tincan_engine::store::Snapshot;

use super::block::Block;
use super::book::Book;
use super::conversation::Conversation;
use super::database::Database;
use super::fault::Fault;
use super::request::{Pending, to_bytes};
use super::schema::{self, BOOK, MESSAGES};
use super::transaction::Mode;
use super::{commit, searcher};

/// Blocks that are read at once: at most about 4 MB.
const CHUNK_BLOCKS: u32 = 64;

/// The database as it was when this was opened. Nothing is held up by it: messages never change,
/// and what came later is left out by its number.
pub(crate) struct Moment {
    database: Database,
    /// Who we are and everything but the messages.
    pub(crate) snapshot: Snapshot,
    known: Vec<Record>,
    conversations: BTreeMap<u32, Conversation>,
    /// Where the next block is: commit, and place in it.
    next: (u64, u32),
    /// The first commit that came later.
    end: u64,
    /// Blocks of a commit that may not be whole yet.
    begun: VecDeque<Block>,
}

impl Moment {
    /// Opens it; `None` if there is no identity yet.
    pub(super) async fn open(database: &Database) -> Result<Option<Self>, Fault> {
        let transaction = database.begin(&[BOOK, MESSAGES], Mode::Read).await?;
        let records = Pending::new(transaction.store(BOOK)?.get_all()?);
        let last = commit::last_number(&transaction)?;
        let mut book = Book::default();
        for record in records.list().await? {
            book.take(&to_bytes(&record)?)?;
        }
        let end = commit::next_commit(&last.result().await?)?;
        let Some(installation) = book.installation.clone() else { return Ok(None) };
        let snapshot = book.snapshot(&installation);
        let known = known(&snapshot, &book.conversations);
        let mut conversations = BTreeMap::new();
        conversations.extend(book.conversations.into_iter().map(|found| (found.number, found)));
        Ok(Some(Self {
            database: database.clone(),
            snapshot,
            known,
            conversations,
            next: (0, 0),
            end,
            begun: VecDeque::new(),
        }))
    }

    /// The next records, in the order in which a backup has them and without its first; none at
    /// the end.
    ///
    /// # Errors
    /// The browser could not read them.
    pub(crate) async fn next(&mut self) -> Result<Vec<Record>, StoreFailure> {
        if !self.known.is_empty() {
            return Ok(std::mem::take(&mut self.known));
        }
        self.messages().await.map_err(|fault| fault.failure())
    }

    /// Whole commits, since the blocks of a commit are one among the other.
    async fn messages(&mut self) -> Result<Vec<Record>, Fault> {
        loop {
            let transaction = self.database.begin(&[MESSAGES], Mode::Read).await?;
            let from = schema::number(self.next.0, self.next.1);
            let values = searcher::blocks_from(&transaction, &from, CHUNK_BLOCKS).await?;
            let mut is_end = values.length() < CHUNK_BLOCKS;
            for value in values {
                let (block, place) = searcher::numbered(&value)?;
                if block.commit >= self.end {
                    is_end = true;
                    break;
                }
                self.next = (block.commit, place + 1);
                self.begun.push_back(block);
            }
            let open = self.begun.back().map(|block| block.commit).filter(|_| !is_end);
            let whole = self.begun.partition_point(|block| Some(block.commit) != open);
            let blocks: Vec<Block> = self.begun.drain(..whole).collect();
            if is_end || !blocks.is_empty() {
                return self.records(blocks);
            }
        }
    }

    fn records(&self, blocks: Vec<Block>) -> Result<Vec<Record>, Fault> {
        let mut found = Vec::new();
        for block in blocks {
            let conversation = self
                .conversations
                .get(&block.conversation)
                .ok_or(Fault::Damaged("a message without a conversation"))?;
            for entry in block.entries {
                let inserted = (block.commit, entry.ordinal);
                found.push((inserted, conversation.view(block.outgoing, block.log, entry)?));
            }
        }
        searcher::in_order(&mut found);
        Ok(found.into_iter().map(|(_, message)| Record::Message(message)).collect())
    }
}

fn known(snapshot: &Snapshot, conversations: &[Conversation]) -> Vec<Record> {
    let Snapshot { contacts, requests, invites, prekeys, replays, .. } = snapshot.clone();
    let people = contacts.into_iter().map(Record::Contact);
    let requests = requests.into_iter().map(Record::Request);
    let invites = invites.into_iter().map(Record::Invite);
    let prekeys = prekeys.into_iter().map(Record::Prekey);
    let replays = replays.into_iter().map(Record::Replay);
    let logs = conversations.iter().flat_map(|conversation| {
        conversation.logs.iter().map(|log| {
            Record::Log(Log {
                contact: conversation.contact,
                own: log.own,
                lg: log.lg,
                held: log.held.clone(),
                read: log.read,
            })
        })
    });
    people.chain(requests).chain(invites).chain(prekeys).chain(replays).chain(logs).collect()
}
