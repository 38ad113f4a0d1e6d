//! The search index: the words of every message, in a file of its own.
//!
//! It is no part of what must be durable. Nothing is written to it when a message comes; it
//! catches up before a search and in idle moments. A file of its own means that this never
//! holds up a commit, and that it can be thrown away and made again whenever it does not fit.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, params};
use tincan_wire::LogId;

use super::columns::Column as _;
use super::database::connect;
use super::fault::Fault;
use super::segment::segment;

/// Format of the file; raised whenever text would be cut into words differently.
const VERSION: u32 = 1;

/// Messages per step of catching up: a few milliseconds.
const STEP: u32 = 500;

/// Most characters of a question that are looked at: more than a person types, and few enough
/// for SQLite's limits on expressions.
const MAX_QUESTION_CHARS: usize = 1_000;

/// Most words of a question that are looked at.
const MAX_WORDS: usize = 32;

/// Contentless: the words point at messages by their key, and the text is only in the database.
/// Letters, marks, numbers and symbols make words. The second column holds one word that names
/// the conversation.
const SCHEMA: &str = "
CREATE VIRTUAL TABLE words USING fts5 (
    content, conversation, content = '', columnsize = 0,
    tokenize = \"unicode61 remove_diacritics 2 categories 'L* M* N* Co So'\"
);
CREATE TABLE progress (
    lg TEXT NOT NULL,       -- of the database that this belongs to
    key INTEGER NOT NULL,   -- every message up to this one is in
    id BLOB NOT NULL        -- its id
);
";

/// The open index.
pub(super) struct SearchIndex {
    connection: Connection,
    file: PathBuf,
    lg: LogId,
    /// Every message up to this key is in.
    upto: i64,
}

impl SearchIndex {
    /// Opens the index of the database behind `messages`, or begins a new one where there is
    /// none that fits.
    pub(super) fn open(file: &Path, lg: LogId, messages: &Connection) -> Result<Self, Fault> {
        match Self::open_existing(file, lg, messages) {
            Ok(Some(index)) => Ok(index),
            Ok(None) | Err(Fault::Damaged(_) | Fault::Other(_)) => Self::begin(file, lg),
            Err(fault) => Err(fault),
        }
    }

    /// Begins anew after the index has turned out to be damaged.
    pub(super) fn begin_again(self) -> Result<Self, Fault> {
        drop(self.connection);
        Self::begin(&self.file, self.lg)
    }

    /// Takes in some more messages; whether that were all.
    pub(super) fn catch_up(&mut self, messages: &Connection) -> Result<bool, Fault> {
        let sql = "SELECT key, conversation, content, id FROM messages \
                   WHERE key > ?1 ORDER BY key LIMIT ?2";
        let mut select = messages.prepare_cached(sql)?;
        let mut rows = select.query(params![self.upto, STEP])?;
        let step = self.connection.unchecked_transaction()?;
        let (mut upto, mut count) = (self.upto, 0);
        let mut last_id: Option<Vec<u8>> = None;
        while let Some(row) = rows.next()? {
            upto = row.get(0)?;
            let content = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
            insert(&step, upto, row.get(1)?, content)?;
            last_id = Some(row.get(3)?);
            count += 1;
        }
        if let Some(id) = last_id {
            step.prepare_cached("UPDATE progress SET key = ?1, id = ?2")?
                .execute(params![upto, id])?;
        }
        step.commit()?;
        self.upto = upto;
        Ok(count < STEP)
    }

    /// The keys of messages that have all the words of the question, the last perhaps only
    /// begun, newest first.
    pub(super) fn find(
        &self,
        text: &str,
        conversation: Option<i64>,
        limit: i64,
    ) -> Result<Vec<i64>, Fault> {
        let sql = "SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid DESC LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![expression(text, conversation), limit])?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next()? {
            keys.push(row.get(0)?);
        }
        Ok(keys)
    }

    fn open_existing(file: &Path, lg: LogId, messages: &Connection) -> Result<Option<Self>, Fault> {
        if !file.exists() {
            return Ok(None);
        }
        let connection = connect(file)?;
        let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version != VERSION {
            return Ok(None);
        }
        let sql = "SELECT lg, key, id FROM progress";
        let (found, upto, id): (String, i64, Vec<u8>) =
            connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let indexed: Option<Vec<u8>> = messages
            .query_row("SELECT id FROM messages WHERE key = ?1", params![upto], |row| row.get(0))
            .optional()?;
        // A home restored from a backup may hold another message under the same key.
        let fits = found == lg.to_column() && (upto == 0 || indexed == Some(id));
        set_up(&connection)?;
        Ok(fits.then(|| Self { connection, file: file.to_owned(), lg, upto }))
    }

    fn begin(file: &Path, lg: LogId) -> Result<Self, Fault> {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = file.as_os_str().to_owned();
            name.push(suffix);
            match fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        let connection = connect(file)?;
        set_up(&connection)?;
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute(
            "INSERT INTO progress (lg, key, id) VALUES (?1, 0, x'')",
            params![lg.to_column()],
        )?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
        Ok(Self { connection, file: file.to_owned(), lg, upto: 0 })
    }
}

/// It must be whole after a crash, not complete: one flush per checkpoint is enough.
fn set_up(connection: &Connection) -> Result<(), Fault> {
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
    Ok(())
}

fn insert(
    connection: &Connection,
    key: i64,
    conversation: i64,
    content: &str,
) -> Result<(), Fault> {
    let sql = "INSERT INTO words (rowid, content, conversation) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![
        key,
        segment(content),
        conversation_word(conversation)
    ])?;
    Ok(())
}

fn conversation_word(key: i64) -> String {
    format!("c{key}")
}

/// The question in FTS5's own language. Each word is a quoted string, in which nothing has a
/// meaning but the quote; quotes and control characters are no part of any word and become
/// spaces.
fn expression(text: &str, conversation: Option<i64>) -> String {
    let text: String = text.chars().take(MAX_QUESTION_CHARS).collect();
    let words: Vec<String> = text
        .split_whitespace()
        .take(MAX_WORDS)
        .map(|word| format!("\"{}\"", segment(word).replace('"', " ")))
        .collect();
    let words = if words.is_empty() { "\"\"".to_owned() } else { format!("{} *", words.join(" ")) };
    match conversation {
        Some(key) => {
            format!("conversation : \"{}\" AND content : ({words})", conversation_word(key))
        }
        None => format!("content : ({words})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(texts: &[&str]) -> SearchIndex {
        let dir = tempfile::tempdir().unwrap();
        let index =
            SearchIndex::begin(&dir.path().join("search.db"), "aaaaaaaa".parse().unwrap()).unwrap();
        for (key, text) in (1..).zip(texts) {
            insert(&index.connection, key, key % 2, text).unwrap();
        }
        index
    }

    fn check(text: &str, question: &str, found: bool) {
        let keys = index(&[text]).find(question, None, 10).unwrap();
        assert_eq!(keys, if found { vec![1] } else { vec![] }, "{question} in {text}");
    }

    #[test]
    fn all_words_must_occur_in_any_order_and_case() {
        check("The quick brown fox", "BROWN quick", true);
        check("The quick brown fox", "brown cat", false);
        check("The quick brown fox", "quick  ,  fox !", true);
    }

    #[test]
    fn only_the_last_word_may_be_a_beginning() {
        check("extraordinary weather", "weather extra", true);
        check("extraordinary weather", "extra weather", false);
        check("extraordinary weather", "ordinary", false);
    }

    #[test]
    fn accents_do_not_count() {
        check("Où est la crème brûlée?", "ou creme brulee", true);
        check("creme", "crème", true);
        check("Ελληνικά, Σίσυφος", "ελληνικα σισυφος", true);
        check("Ёлка и йод", "елка иод", true);
    }

    #[test]
    fn any_part_of_a_text_without_spaces_is_found() {
        check("我们明天去北京吃饭", "北京", true);
        check("我们明天去北京吃饭", "饭", true);
        check("我们明天去北京吃饭", "京北", false);
        check("我们明天去北京吃饭", "北京 明天", true);
        check("今日は東京タワーに行きました", "タワー", true);
        check("ขอบคุณมากครับ", "มาก", true);
        check("សួស្តីពិភពលោក", "ពិភព", true);
    }

    #[test]
    fn every_script_with_spaces_is_found_by_its_words() {
        check("안녕하세요 세계", "세", true);
        check("مُحَمَّد يكتب رسالة", "محمد رسالة", true);
        check("שָׁלוֹם עולם", "שלום", true);
        check("नमस्ते दुनिया", "दुनिया", true);
        check("नमस्ते दुनिया", "नम", true);
        check("ሰላም ዓለም", "ዓለም", true);
    }

    #[test]
    fn pictures_are_found() {
        check("well done 🎉👍🏽", "🎉", true);
        check("well done 🎉👍🏽", "👍", true);
        check("I ❤\u{fe0f} you", "❤", true);
        check("well done 🎉", "👍", false);
    }

    #[test]
    fn operators_and_quotes_are_plain_words() {
        check("to be OR not to be", "OR", true);
        check("cats and dogs", "cats NOT dogs", false);
        check("cats and dogs", "cats* dog", true);
        check("say \"hello\" now", "\"hello\"", true);
        check("it's (fine)", "it's (fi", true);
        check("content here", "conversation : c0", false);
        check("a-b c+d", "a-b", true);
        check("NEAR(a b)", "NEAR(a b, 3)", false);
    }

    #[test]
    fn question_without_words_finds_nothing() {
        for question in ["", "   ", "!?", "\"", "\"\"", "*", "\0", "()", "^"] {
            check("anything", question, false);
        }
    }

    #[test]
    fn endless_question_is_cut() {
        let word = "長い".repeat(100_000);
        check("長い長い", &word, false);
        check("a a", &"a ".repeat(100_000), true);
        check("a", &format!("{}b", "a ".repeat(32)), true);
    }

    #[test]
    fn conversation_is_no_word_and_no_word_is_a_conversation() {
        let index = index(&["c0 c1", "c0 c1", "plain"]);
        assert_eq!(index.find("c1", None, 10).unwrap(), [2, 1]);
        assert_eq!(index.find("c1", Some(1), 10).unwrap(), [1]);
        assert_eq!(index.find("plain", Some(0), 10).unwrap(), [] as [i64; 0]);
        assert_eq!(index.find("", Some(1), 10).unwrap(), [] as [i64; 0]);
    }

    #[test]
    fn newest_comes_first_and_no_more_than_asked() {
        let index = index(&["x", "x", "x"]);
        assert_eq!(index.find("x", None, 2).unwrap(), [3, 2]);
    }

    #[test]
    fn no_question_is_an_error() {
        let index = index(&["some text"]);
        let wild = "[\"*():^+\\-{} \0a-zANDORT]{0,200}";
        proptest::proptest!(|(any in ".*", wild in wild)| {
            index.find(&any, None, 10).unwrap();
            index.find(&wild, Some(1), 10).unwrap();
            index.find(&format!("{wild}{any}"), Some(1), 10).unwrap();
        });
    }

    #[test]
    fn every_text_is_indexed_and_found_by_itself() {
        let index = index(&[]);
        let key = std::cell::Cell::new(0);
        proptest::proptest!(|(text in "\\PC{0,200}", word in "[a-z]{1,9}")| {
            key.set(key.get() + 1);
            insert(&index.connection, key.get(), 1, &format!("{text} {word}")).unwrap();
            assert_eq!(index.find(&word, None, 1).unwrap(), [key.get()]);
        });
    }
}
