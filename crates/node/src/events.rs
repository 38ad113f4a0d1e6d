//! What happens in a node, for those who want to know.

use std::sync::Arc;

use tincan_engine::Event;
use tokio::sync::broadcast;

use crate::control::Update;

/// What happens in a node, as it happens.
#[derive(Debug)]
pub struct Events {
    source: Source,
    missed: u64,
}

#[derive(Debug)]
pub(crate) enum Source {
    Local(broadcast::Receiver<Arc<Event>>),
    Remote(broadcast::Receiver<Update>),
}

impl Events {
    pub(crate) fn new(source: Source) -> Self {
        Self { source, missed: 0 }
    }

    /// The next event; `None` when the node is gone. May be cancelled without loss.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let lagged = match &mut self.source {
                Source::Local(events) => match events.recv().await {
                    Ok(event) => return Some(Arc::unwrap_or_clone(event)),
                    Err(broadcast::error::RecvError::Lagged(missed)) => missed,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                Source::Remote(updates) => match updates.recv().await {
                    Ok(Update::Event(event)) => return Some(Arc::unwrap_or_clone(event)),
                    Ok(Update::Missed(missed)) => missed,
                    Err(broadcast::error::RecvError::Lagged(missed)) => missed,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            };
            self.missed += lagged;
        }
    }

    /// How many events were lost because this reader was too slow for them. After a loss, ask
    /// for the state anew.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }
}
