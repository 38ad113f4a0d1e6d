//! One commit of the database: all transactions of a group, durable together.

use std::cell::RefCell;

use js_sys::{Object, Reflect};
use tincan_backup::Step;
use tincan_engine::store::{Op, Snapshot, Stored};
use wasm_bindgen::JsValue;

use super::book::{Book, Installation};
use super::bounds;
use super::database::Database;
use super::fault::Fault;
use super::group::{self, Found, Group, Known, Name, Names};
use super::lookup::{self, Lookup};
use super::request::{Pending, to_bytes, to_js};
use super::restore::Restored;
use super::schema::{BLOCK, BOOK, BY_ID, BY_NUMBER, BY_POSITION, MESSAGES};
use super::state::State;
use super::transaction::{Mode, Transaction};
use super::write::Write;

/// What waits to be written together.
pub(super) enum Task {
    /// A transaction of the engine.
    Ops(Vec<Op>),
    /// A setting of the shell.
    Setting { key: String, value: Option<String> },
    /// Records of a backup.
    Restore(Vec<Step>),
}

/// What a task that became durable reports back.
#[derive(Default)]
pub(super) struct Report {
    /// For the engine.
    pub(super) stored: Stored,
    /// For who restores a backup.
    pub(super) restored: Restored,
}

/// What became of each task, in their order.
pub(super) type Results = Vec<Result<Report, Fault>>;

/// What became of a group.
pub(super) struct Done {
    pub(super) results: Results,
    /// How many messages are new.
    pub(super) appended: u32,
    /// Whether the browser has refused, so that what the writer knows may be wrong.
    pub(super) has_failed: bool,
}

/// Makes all of them durable. One that can't be kept fails alone, before anything is written;
/// where the browser refuses, all fail for the same reason.
pub(super) async fn commit(database: &Database, state: &RefCell<State>, tasks: Vec<Task>) -> Done {
    let mut results = Results::new();
    let mut legal = Vec::with_capacity(tasks.len());
    for task in tasks {
        match check(task) {
            Ok(task) => {
                legal.push(task);
                results.push(Ok(Report::default()));
            }
            Err(fault) => results.push(Err(fault)),
        }
    }
    match write(database, state, legal).await {
        Ok((reports, appended)) => {
            let written = results.iter_mut().filter_map(|result| result.as_mut().ok());
            written.zip(reports).for_each(|(result, report)| *result = report);
            Done { results, appended, has_failed: false }
        }
        Err(fault) => {
            let failed = results.iter_mut().filter(|result| result.is_ok());
            failed.for_each(|result| *result = Err(fault.clone()));
            Done { results, appended: 0, has_failed: true }
        }
    }
}

fn check(task: Task) -> Result<Task, Fault> {
    match &task {
        Task::Ops(ops) => ops.iter().try_for_each(bounds::check)?,
        Task::Restore(steps) => steps.iter().try_for_each(bounds::check_step)?,
        Task::Setting { .. } => {}
    }
    Ok(task)
}

async fn write(
    database: &Database,
    state: &RefCell<State>,
    tasks: Vec<Task>,
) -> Result<(Vec<Report>, u32), Fault> {
    if tasks.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let transaction = database.begin(&[BOOK, MESSAGES], Mode::Write).await?;
    let found = find(&transaction, &state.borrow(), &tasks)?;
    let found = finish_find(found).await?;
    let result = {
        let state = &mut *state.borrow_mut();
        put(&transaction, state, tasks, &found)
    };
    match result {
        Ok(done) => transaction.complete().await.map(|()| done),
        Err(fault) => {
            transaction.abort();
            Err(fault)
        }
    }
}

type Finding = Vec<(Name, Lookup)>;

fn find(transaction: &Transaction, state: &State, tasks: &[Task]) -> Result<Finding, Fault> {
    let mut names = Names::new();
    for task in tasks {
        match task {
            Task::Ops(ops) => ops.iter().for_each(|op| group::lookups(state, op, &mut names)),
            Task::Restore(steps) => {
                steps.iter().for_each(|step| group::step_lookups(state, step, &mut names));
            }
            Task::Setting { .. } => {}
        }
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let index = lookup::ids(transaction)?;
    names
        .into_iter()
        .filter_map(|(name, ())| Some((name, state.conversations.get(&name.0)?.number)))
        .map(|(name, number)| Ok((name, Lookup::begin(&index, number, name.1, name.2)?)))
        .collect()
}

async fn finish_find(finding: Finding) -> Result<Found, Fault> {
    let mut found = Found::new();
    for (name, lookup) in finding {
        if let Some((block, entry)) = lookup.result().await? {
            let known =
                Known { log: block.log, s: entry.s, kind: entry.kind, content: entry.content };
            found.insert(name, known);
        }
    }
    Ok(found)
}

fn put(
    transaction: &Transaction,
    state: &mut State,
    tasks: Vec<Task>,
    found: &Found,
) -> Result<(Vec<Report>, u32), Fault> {
    let mut group = Group::default();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        let mut report = Report::default();
        match task {
            Task::Ops(ops) => {
                for op in ops {
                    group.apply(state, op, found, &mut report.stored)?;
                }
            }
            Task::Setting { key, value } => group.set(state, &key, value.as_deref()),
            Task::Restore(steps) => {
                for step in steps {
                    group.restore(state, step, found, &mut report.restored)?;
                }
            }
        }
        results.push(report);
    }
    let appended = group.appended();
    let book = transaction.store(BOOK)?;
    let messages = transaction.store(MESSAGES)?;
    for write in group.finish(state) {
        match write {
            Write::Book { key, value: Some(value) } => {
                book.put_with_key(&to_js(&value), &to_js(&key))?;
            }
            Write::Book { key, value: None } => {
                book.delete(&to_js(&key))?;
            }
            Write::Block { place, number, ids, position, block } => {
                let value = Object::new();
                let set = |name: &str, bytes: &[u8]| {
                    Reflect::set(&value, &JsValue::from_str(name), &to_js(bytes))
                };
                set(BLOCK, &block)?;
                set(BY_NUMBER, &number)?;
                set(BY_ID, &ids)?;
                if let Some(position) = position {
                    set(BY_POSITION, &position)?;
                }
                // Nothing is ever written over.
                messages.add_with_key(&value, &to_js(&place))?;
            }
        }
    }
    Ok((results, appended))
}

/// Reads all that the writer must know; makes the identity at the first start.
pub(super) async fn load(database: &Database) -> Result<(State, Snapshot), Fault> {
    let transaction = database.begin(&[BOOK, MESSAGES], Mode::Write).await?;
    let records = Pending::new(transaction.store(BOOK)?.get_all()?);
    let last = last_number(&transaction)?;
    let mut book = Book::default();
    for record in records.list().await? {
        book.take(&to_bytes(&record)?)?;
    }
    let next_commit = next_commit(&last.result().await?)?;
    let installation = match &book.installation {
        Some(installation) => installation.clone(),
        None if book.contacts.is_empty() && book.conversations.is_empty() => {
            let new = Installation::new()?;
            transaction
                .store(BOOK)?
                .put_with_key(&to_js(&new.encode()), &to_js(&Installation::key()))?;
            new
        }
        None => return Err(Fault::Damaged("who you are")),
    };
    transaction.complete().await?;
    State::new(book, installation, next_commit)
}

/// Asks for the last number; [`next_commit`] reads the answer.
pub(super) fn last_number(transaction: &Transaction) -> Result<Pending, Fault> {
    let index = transaction.index(MESSAGES, BY_NUMBER)?;
    let last = index.open_key_cursor_with_range_and_direction(
        &JsValue::NULL,
        web_sys::IdbCursorDirection::Prev,
    )?;
    Ok(Pending::new(last))
}

/// The number of the commit after the last.
pub(super) fn next_commit(cursor: &JsValue) -> Result<u64, Fault> {
    if cursor.is_null() {
        return Ok(1);
    }
    let key = Reflect::get(cursor, &"key".into())?;
    let key = js_sys::Uint8Array::new(&key).to_vec();
    match key.first_chunk() {
        Some(commit) => Ok(u64::from_be_bytes(*commit).saturating_add(1)),
        None => Err(Fault::Damaged("the number of a commit")),
    }
}
