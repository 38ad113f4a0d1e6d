//! What waits for a client over a stream until it reads on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tincan_relay::Transport;
use tokio::sync::mpsc;

/// Messages that wait. Each costs an allocation, whatever its size.
const MAX_MESSAGES: usize = 256;

/// Bytes that wait, those being written included: at 4 MB a second what comes in 60 ms, in which a
/// client that reads at all has read some.
const MAX_BYTES: usize = 256 * 1024;

/// How many bytes are written at once, as long as small messages wait.
const BATCH_BYTES: usize = 16 * 1024;

/// Where messages go in. What finds no room is lost, as a datagram would be.
#[derive(Debug)]
pub(super) struct Unsent {
    messages: mpsc::Sender<Vec<u8>>,
    waiting_bytes: Arc<AtomicUsize>,
}

/// Where they come out, in order.
#[derive(Debug)]
pub(super) struct ToSend {
    messages: mpsc::Receiver<Vec<u8>>,
    waiting_bytes: Arc<AtomicUsize>,
    /// What has been taken and may not be written yet.
    batch: Vec<u8>,
    /// No more is put together beyond this.
    batch_bytes: usize,
}

/// Both ends for one client. Over TCP small messages are written together. Under TLS each is
/// written by itself and so gets a record of its own: coturn's clients take one from each record.
pub(super) fn unsent(transport: Transport) -> (Unsent, ToSend) {
    let batch_bytes = if transport == Transport::Tls { 0 } else { BATCH_BYTES };
    let (sender, receiver) = mpsc::channel(MAX_MESSAGES);
    let waiting_bytes = Arc::new(AtomicUsize::new(0));
    let to_send = ToSend {
        messages: receiver,
        waiting_bytes: Arc::clone(&waiting_bytes),
        batch: Vec::new(),
        batch_bytes,
    };
    (Unsent { messages: sender, waiting_bytes }, to_send)
}

impl Unsent {
    /// Adds a message; says whether there was room.
    pub(super) fn push(&self, message: &[u8]) -> bool {
        let room = |waiting: usize| {
            waiting.checked_add(message.len()).filter(|waiting| *waiting <= MAX_BYTES)
        };
        let taken = self.waiting_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        if taken.is_err() {
            return false;
        }
        let has_room = self.messages.try_send(message.to_vec()).is_ok();
        if !has_room {
            self.waiting_bytes.fetch_sub(message.len(), Ordering::Relaxed);
        }
        has_room
    }
}

impl ToSend {
    /// Waits for something to write. What was given out before has been written. `None` once
    /// nothing more will come.
    pub(super) async fn next(&mut self) -> Option<&[u8]> {
        self.waiting_bytes.fetch_sub(self.batch.len(), Ordering::Relaxed);
        self.batch.clear();
        self.batch = self.messages.recv().await?;
        while self.batch.len() < self.batch_bytes
            && let Ok(more) = self.messages.try_recv()
        {
            self.batch.extend(more);
        }
        Some(&self.batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many messages of so many bytes find room.
    fn fill(unsent: &Unsent, size_bytes: usize) -> usize {
        (0..10_000).take_while(|_| unsent.push(&vec![7; size_bytes])).count()
    }

    #[tokio::test]
    async fn bytes_are_bounded_as_well_as_messages() {
        let check = |size_bytes, expected| {
            let (unsent, _to_send) = unsent(Transport::Tcp);
            assert_eq!(fill(&unsent, size_bytes), expected, "{size_bytes}");
        };
        check(20, MAX_MESSAGES);
        check(1_200, MAX_BYTES / 1_200);
        check(60_000, MAX_BYTES / 60_000);
        check(MAX_BYTES, 1);
        check(MAX_BYTES + 1, 0);
    }

    #[tokio::test]
    async fn what_is_being_written_counts_until_more_is_asked_for() {
        let (unsent, mut to_send) = unsent(Transport::Tls);
        let size_bytes = MAX_BYTES / 2;
        assert_eq!(fill(&unsent, size_bytes), 2);
        assert_eq!(to_send.next().await.map(<[u8]>::len), Some(size_bytes));
        assert!(!unsent.push(&[7]));
        to_send.next().await.expect("the other one");
        assert_eq!(fill(&unsent, size_bytes), 1);
    }

    #[tokio::test]
    async fn small_messages_are_written_together_over_tcp_and_one_by_one_under_tls() {
        let check = async |transport, expected: &[&[u8]]| {
            let (unsent, mut to_send) = unsent(transport);
            for byte in 1..=3 {
                assert!(unsent.push(&[byte; 2]));
            }
            for batch in expected {
                assert_eq!(to_send.next().await, Some(*batch));
            }
            drop(unsent);
            assert_eq!(to_send.next().await, None);
        };
        check(Transport::Tcp, &[&[1, 1, 2, 2, 3, 3]]).await;
        check(Transport::Tls, &[&[1, 1], &[2, 2], &[3, 3]]).await;
    }
}
