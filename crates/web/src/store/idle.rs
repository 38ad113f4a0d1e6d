//! Lets the search index catch up when nothing has come in for a while.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::database::Database;
use super::searcher;

/// How long nothing may have come in before the index catches up by itself: under load the disk
/// and the processor have better things to do.
const QUIET_MS: u32 = 2_000;

/// The pause between two segments.
const PAUSE_MS: u32 = 50;

/// Catches up when it is told of new messages, in its own time.
pub(super) struct Idle {
    worker: Rc<Worker>,
}

struct Worker {
    database: Database,
    nudges: Cell<u64>,
    is_waiting: Cell<bool>,
    is_closed: Cell<bool>,
}

impl Idle {
    pub(super) fn new(database: Database) -> Self {
        let worker = Rc::new(Worker {
            database,
            nudges: Cell::new(0),
            is_waiting: Cell::new(false),
            is_closed: Cell::new(false),
        });
        let idle = Self { worker };
        // The last run may have left something undone.
        idle.nudge();
        idle
    }

    /// A commit had messages in it. Costs next to nothing.
    pub(super) fn nudge(&self) {
        self.worker.nudges.set(self.worker.nudges.get() + 1);
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
        let nudges = Some(self.nudges.get());
        if std::mem::replace(seen, nudges) != nudges {
            return Some(QUIET_MS);
        }
        match searcher::catch_up(&self.database).await {
            Ok(None) => Some(PAUSE_MS),
            // A search says what is wrong.
            Ok(Some(_)) | Err(_) => None,
        }
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
