//! What goes into one frame (protocol §5, batching).

use tincan_wire::{Kind, Message, MessageId, Position, Ranges};

use crate::event::{MessageKind, MessageView};
use crate::outbox::{Outbox, What};

/// How far the next frame reaches. To find out copies nothing: it is asked whenever a message
/// comes to those that wait.
pub(crate) struct Extent {
    slots: usize,
    /// Whether no more fits.
    pub(crate) is_full: bool,
}

/// What one frame carries, or two where holes come first.
pub(crate) struct Batch {
    pub(crate) messages: Vec<Message>,
    pub(crate) ids: Vec<MessageId>,
    pub(crate) gone: Ranges,
    pub(crate) slots: usize,
}

impl Extent {
    /// Of the next unsent slots up to `limit` bytes; `None` if there are none.
    pub(crate) fn of(outbox: &Outbox, limit: usize) -> Option<Self> {
        let mut extent = Self { slots: 0, is_full: false };
        let mut gone = Ranges::new();
        let (mut messages, mut size_bytes) = (0_usize, 0_usize);
        for slot in outbox.unsent() {
            match &slot.what {
                // Holes are told before the messages of their frame: the order does not matter
                // to them, and a hole after messages waits for the next frame.
                What::Gone if messages == 0 => {
                    gone.insert(slot.s);
                    extent.is_full = gone.range_count() >= tincan_wire::ranges::MAX_RANGES;
                }
                What::Gone => break,
                What::Message(_) => {
                    if messages > 0 && size_bytes + slot.encoded_bytes > limit {
                        extent.is_full = true;
                        break;
                    }
                    messages += 1;
                    size_bytes += slot.encoded_bytes;
                    extent.is_full = size_bytes >= limit;
                }
            }
            extent.slots += 1;
            if extent.is_full {
                break;
            }
        }
        (extent.slots > 0).then_some(extent)
    }
}

impl Batch {
    /// What the slots of the next frame hold.
    pub(crate) fn gather(outbox: &Outbox, extent: &Extent) -> Self {
        let (messages, ids) = (Vec::with_capacity(extent.slots), Vec::with_capacity(extent.slots));
        let mut batch = Self { messages, ids, gone: Ranges::new(), slots: extent.slots };
        for slot in outbox.unsent().take(extent.slots) {
            match &slot.what {
                What::Gone => {
                    batch.gone.insert(slot.s);
                }
                What::Message(view) => {
                    batch.ids.push(view.id);
                    batch.messages.push(wire_message(view));
                }
            }
        }
        batch
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
