//! What happens in a node, for those who want to know.

use std::sync::Arc;

use tincan_engine::Event;

use crate::control::Update;
use crate::feed::{NoItem, Reader};

/// What happens in a node, as it happens.
#[derive(Debug)]
pub struct Events {
    source: Source,
    missed: u64,
}

/// Says in the log what becomes of the connections; who it is that they lead to is nobody's business.
pub(crate) fn tell_states(event: &Event) {
    match event {
        Event::Broker(view) => {
            let reason = view.reason.as_deref();
            tracing::info!(state = ?view.state, reason, "broker");
        }
        Event::Peer(view) => {
            let session = view.sid.map(tracing::field::display);
            let kinds = view.path.as_ref().map(|path| (path.local.as_str(), path.remote.as_str()));
            let reason = view.reason.as_deref();
            tracing::info!(state = ?view.state, session, path = ?kinds, reason, "contact");
        }
        _ => {}
    }
}

#[derive(Debug)]
pub(crate) enum Source {
    Local(Reader<Arc<Event>>),
    Remote(Reader<Update>),
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
                    Err(NoItem::Missed(missed)) => missed,
                    Err(NoItem::Ended) => return None,
                },
                Source::Remote(updates) => match updates.recv().await {
                    Ok(Update::Event(event)) => return Some(Arc::unwrap_or_clone(event)),
                    Ok(Update::Missed(missed)) => missed,
                    Err(NoItem::Missed(missed)) => missed,
                    Err(NoItem::Ended) => return None,
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

/// About how many bytes an event takes in memory: what a contact can make large counts, the rest
/// is a constant.
pub(crate) fn size_of(event: &Event) -> usize {
    const REST: usize = 512;
    const ID: usize = 16;
    REST + match event {
        Event::Message { message } => message.content.len(),
        Event::Delivery { ids, .. } => ids.len() * ID,
        _ => 0,
    }
}
