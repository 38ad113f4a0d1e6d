//! A client without a socket, for the fuzz targets: it reads the same lines in the same way.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::Value;
use tokio::sync::oneshot;

use super::{Shared, State, Update, take};
use crate::feed::{Feed, Reader};
use crate::handle::EVENT_BOUNDS;
use crate::request::RequestError;

/// A client that waits for the answers to the requests from 1 to some number, and listens to
/// events.
#[derive(Debug)]
pub(crate) struct Screen {
    shared: Shared,
    answers: Vec<(u64, oneshot::Receiver<Result<Value, RequestError>>)>,
    updates: Reader<Update>,
}

/// What a line told it.
#[derive(Debug)]
pub(crate) enum Heard {
    Update(Update),
    Answer(u64, Result<Value, RequestError>),
}

impl Screen {
    pub(crate) fn new(requests: u64) -> Self {
        let updates_in = Feed::new(EVENT_BOUNDS);
        let updates = updates_in.subscribe();
        let mut state = State { waiting: HashMap::new(), updates: Some(updates_in) };
        let wait = |id| {
            let (answer, answered) = oneshot::channel();
            state.waiting.insert(id, answer);
            (id, answered)
        };
        let answers = (1..=requests).map(wait).collect();
        Self { shared: Shared { state: Mutex::new(state) }, answers, updates }
    }

    pub(crate) fn take(&mut self, line: &[u8]) -> Vec<Heard> {
        take(line, &self.shared);
        let mut heard = Vec::new();
        self.answers.retain_mut(|(id, answer)| match answer.try_recv() {
            Ok(result) => {
                heard.push(Heard::Answer(*id, result));
                false
            }
            Err(_) => true,
        });
        while let Some(Ok(update)) = self.updates.try_recv() {
            heard.push(Heard::Update(update));
        }
        heard
    }
}
