//! Lets the search index catch up when nothing has come in for a while.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::block::MAX_BLOCK_MESSAGES;
use super::database::Database;
use super::fault::Fault;
use super::later;
use super::request::Pending;
use super::schema::{BY_NUMBER, MESSAGES};
use super::searcher::SEGMENT_MESSAGES;
use super::transaction::Mode;
use crate::loading::load_later;

/// How long nothing may have come in before the index catches up by itself: under load the disk
/// and the processor have better things to do.
const QUIET_MS: u32 = 2_000;

/// The pause between two segments.
const PAUSE_MS: u32 = 50;

/// New messages that are worth a look: fewer are seldom enough for another segment.
const ENOUGH: u64 = 256;

/// A segment has at least so many blocks; where there are fewer, nobody need load the index.
const ENOUGH_BLOCKS: f64 = (SEGMENT_MESSAGES as usize / MAX_BLOCK_MESSAGES) as f64;

/// Catches up when it is told of new messages, in its own time.
pub(super) struct Idle {
    worker: Rc<Worker>,
}

struct Worker {
    database: Database,
    /// Messages that came in this run.
    appended: Cell<u64>,
    /// How many of them there were at the last look.
    looked_at: Cell<u64>,
    is_waiting: Cell<bool>,
    is_closed: Cell<bool>,
}

impl Idle {
    pub(super) fn new(database: Database) -> Self {
        let worker = Rc::new(Worker {
            database,
            appended: Cell::new(0),
            looked_at: Cell::new(0),
            is_waiting: Cell::new(false),
            is_closed: Cell::new(false),
        });
        let idle = Self { worker };
        // The last run may have left something undone.
        idle.wake();
        idle
    }

    /// A commit had so many messages in it. Costs next to nothing.
    pub(super) fn nudge(&self, count: u32) {
        let appended = self.worker.appended.get() + u64::from(count);
        self.worker.appended.set(appended);
        if appended - self.worker.looked_at.get() >= ENOUGH {
            self.wake();
        }
    }

    fn wake(&self) {
        if !self.worker.is_waiting.replace(true) {
            let worker = Rc::downgrade(&self.worker);
            spawn_local(async move {
                let mut wait_ms = QUIET_MS;
                let mut seen = None;
                loop {
                    pause(wait_ms).await;
                    let Some(worker) = Weak::upgrade(&worker) else { return };
                    match worker.turn(&mut seen).await {
                        Some(next_ms) => wait_ms = next_ms,
                        None => return worker.is_waiting.set(false),
                    }
                }
            });
        }
    }

    /// Nothing more is done.
    pub(super) fn close(&self) {
        self.worker.is_closed.set(true);
    }
}

impl Worker {
    /// Does one segment if it is quiet; when to come again, or `None` when there is no more.
    async fn turn(&self, seen: &mut Option<u64>) -> Option<u32> {
        if self.is_closed.get() {
            return None;
        }
        let appended = Some(self.appended.get());
        if std::mem::replace(seen, appended) != appended {
            return Some(QUIET_MS);
        }
        self.looked_at.set(self.appended.get());
        if !self.has_enough().await.unwrap_or(false) {
            return None;
        }
        load_later().await.ok()?;
        match later::catch_up(&self.database).await {
            Ok(None) => Some(PAUSE_MS),
            // A search says what is wrong.
            Ok(Some(_)) | Err(_) => None,
        }
    }

    async fn has_enough(&self) -> Result<bool, Fault> {
        let transaction = self.database.begin(&[MESSAGES], Mode::Read).await?;
        let index = transaction.index(MESSAGES, BY_NUMBER)?;
        let count = Pending::new(index.count()?).result().await?;
        Ok(count.as_f64().is_some_and(|count| count >= ENOUGH_BLOCKS))
    }
}

async fn pause(millis: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        let timer = Reflect::get(&js_sys::global(), &"setTimeout".into());
        if let Some(timer) = timer.ok().and_then(|timer| timer.dyn_into::<Function>().ok()) {
            // Without a timer nobody is called, and the index waits for a search.
            let _ = timer.call2(&JsValue::UNDEFINED, &resolve, &millis.into());
        }
    });
    // A timer never fails.
    let _ = JsFuture::from(promise).await;
}
