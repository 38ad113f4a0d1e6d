//! What goes into one frame (protocol §5, batching).

use tincan_wire::{Kind, Message, MessageId, Position, Ranges, encoded_len_estimate};

use crate::event::{MessageKind, MessageView};
use crate::outbox::{Outbox, What};

/// What one frame carries, or two where holes come first.
pub(crate) struct Batch {
    pub(crate) messages: Vec<Message>,
    pub(crate) ids: Vec<MessageId>,
    pub(crate) gone: Ranges,
    pub(crate) slots: usize,
    pub(crate) is_full: bool,
}

impl Batch {
    /// The next unsent slots up to `limit` bytes; `None` if there are none.
    pub(crate) fn gather(outbox: &Outbox, limit: usize) -> Option<Self> {
        let mut batch = Self {
            messages: Vec::new(),
            ids: Vec::new(),
            gone: Ranges::new(),
            slots: 0,
            is_full: false,
        };
        let mut size_bytes = 0;
        for slot in outbox.unsent() {
            match &slot.what {
                // Holes are told before the messages of their frame: the order does not matter
                // to them, and a hole after messages waits for the next frame.
                What::Gone if batch.messages.is_empty() => {
                    batch.gone.insert(slot.s);
                    if batch.gone.range_count() >= tincan_wire::ranges::MAX_RANGES {
                        batch.slots += 1;
                        batch.is_full = true;
                        break;
                    }
                }
                What::Gone => break,
                What::Message(view) => {
                    let message = wire_message(view);
                    let len = encoded_len_estimate(&message);
                    if !batch.messages.is_empty() && size_bytes + len > limit {
                        batch.is_full = true;
                        break;
                    }
                    size_bytes += len;
                    batch.ids.push(view.id);
                    batch.messages.push(message);
                    batch.is_full = size_bytes >= limit;
                }
            }
            batch.slots += 1;
            if batch.is_full {
                break;
            }
        }
        (batch.slots > 0).then_some(batch)
    }
}

fn wire_message(view: &MessageView) -> Message {
    Message {
        id: view.id,
        content: view.content.clone(),
        timestamp: view.timestamp,
        kind: match view.kind {
            MessageKind::Text { reply } => Kind::Text { reply },
            MessageKind::Edit { target } => Kind::Edit { target },
            MessageKind::Delete { target } => Kind::Delete { target },
            MessageKind::React { target } => Kind::React { target },
        },
        position: Some(Position { lg: view.lg, s: view.s, h: view.h }),
    }
}
