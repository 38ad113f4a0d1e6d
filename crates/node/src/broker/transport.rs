//! The bytes of one transport to the broker.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::BytesMut;
use tincan_mqtt::{Output, Session};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::timeout;

use crate::dial::ByteStream;

/// How long the last bytes may take when the link is left.
pub(super) const GOODBYE_TIMEOUT: Duration = Duration::from_millis(500);

/// How much is read at a time.
const READ_BYTES: usize = 8 * 1024;

/// How much may wait to be written before nothing more is read. Every publish with QoS 1 asks for
/// an answer of 4 bytes, so a broker that writes and does not read would fill our memory with
/// them. One that keeps to the 65,535 publishes that MQTT 5 lets it have unanswered (§3.1.2.11.3)
/// causes a quarter of this.
const MAX_UNSENT_BYTES: usize = 1024 * 1024;

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// There is something in the inbox.
    Bytes,
    /// The stream has ended or broken.
    End,
    /// The other end sent what is no TLS or no WebSocket.
    Unreadable,
}

/// Waits for bytes, and puts them into the inbox.
pub(super) async fn read(reader: &mut ReadHalf<ByteStream>, inbox: &mut BytesMut) -> Read {
    inbox.reserve(READ_BYTES);
    match reader.read_buf(inbox).await {
        Ok(0) => Read::End,
        Ok(_) => Read::Bytes,
        Err(error) if error.kind() == ErrorKind::InvalidData => Read::Unreadable,
        Err(_) => Read::End,
    }
}

/// What is still to be written: what the session has queued, and answers to what was read.
#[derive(Default)]
pub(super) struct Unsent {
    pub(super) bytes: BytesMut,
    unflushed: bool,
}

impl Unsent {
    pub(super) fn wants_write(&self) -> bool {
        self.unflushed || !self.bytes.is_empty()
    }

    /// Whether what is read now may be answered.
    pub(super) fn has_room(&self) -> bool {
        self.bytes.len() < MAX_UNSENT_BYTES
    }

    /// All that the session still wants to say; what it reports is not wanted any more.
    pub(super) fn take(&mut self, session: &mut Session) {
        while let Some(output) = session.poll() {
            if let Output::Transmit(bytes) = output {
                self.bytes.extend_from_slice(&bytes);
            }
        }
    }

    /// A step that may be dropped at any point without losing bytes; `false` at an error.
    pub(super) async fn write(&mut self, writer: &mut WriteHalf<ByteStream>) -> bool {
        if self.bytes.is_empty() {
            let flushed = writer.flush().await.is_ok();
            self.unflushed = false;
            return flushed;
        }
        let written = writer.write_buf(&mut self.bytes).await.is_ok_and(|size| size > 0);
        self.unflushed = true;
        written
    }

    /// Writes the rest, ends the stream and reads it to its end, within [`GOODBYE_TIMEOUT`]. A
    /// socket that is closed while something comes in is reset, and who is told of the reset
    /// before reading our last words never reads them.
    pub(super) async fn finish(
        mut self,
        mut reader: ReadHalf<ByteStream>,
        mut writer: WriteHalf<ByteStream>,
    ) {
        let rest = async {
            while self.wants_write() {
                if !self.write(&mut writer).await {
                    return;
                }
            }
            // The other end may have gone first.
            let _ = writer.shutdown().await;
            let mut unwanted = BytesMut::new();
            while read(&mut reader, &mut unwanted).await == Read::Bytes {
                unwanted.clear();
            }
        };
        let _ = timeout(GOODBYE_TIMEOUT, rest).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex, split};
    use tokio::time::Instant;

    use super::*;

    /// Last words, and a stream whose other end is given.
    fn leaving() -> (impl Future<Output = ()>, DuplexStream) {
        let (ours, theirs) = duplex(64);
        let (reader, writer) = split(Box::new(ours) as ByteStream);
        let mut unsent = Unsent::default();
        unsent.bytes.extend_from_slice(b"bye");
        (unsent.finish(reader, writer), theirs)
    }

    #[tokio::test]
    async fn whoever_leaves_hears_the_broker_out() {
        let (leaving, mut broker) = leaving();
        let broker = async {
            let mut last = Vec::new();
            broker.read_to_end(&mut last).await.unwrap();
            assert_eq!(last, b"bye");
            // More than the stream holds: it is being read.
            broker.write_all(&[0; 100]).await.unwrap();
        };
        tokio::join!(leaving, broker);
    }

    #[tokio::test]
    async fn a_broker_that_keeps_the_stream_open_is_left_after_a_while() {
        let (leaving, _broker) = leaving();
        let started = Instant::now();
        leaving.await;
        assert!(started.elapsed() >= GOODBYE_TIMEOUT);
    }
}
