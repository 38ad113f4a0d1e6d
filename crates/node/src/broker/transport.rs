//! The bytes of one transport to the broker.

use std::time::Duration;

use bytes::BytesMut;
use tincan_mqtt::{Output, Session};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::timeout;

use crate::dial::ByteStream;

/// How long the last bytes may take when the link is left.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(500);

/// How much is read at a time.
const READ_BYTES: usize = 8 * 1024;

/// `false` at the end of the stream.
pub(super) async fn read(reader: &mut ReadHalf<ByteStream>, inbox: &mut BytesMut) -> bool {
    inbox.reserve(READ_BYTES);
    matches!(reader.read_buf(inbox).await, Ok(size) if size > 0)
}

/// What is still to be written; the session bounds it by its own queue.
#[derive(Default)]
pub(super) struct Unsent {
    pub(super) bytes: BytesMut,
    unflushed: bool,
}

impl Unsent {
    pub(super) fn wants_write(&self) -> bool {
        self.unflushed || !self.bytes.is_empty()
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

    /// Writes the rest and ends the stream, within [`GOODBYE_TIMEOUT`].
    pub(super) async fn finish(&mut self, writer: &mut WriteHalf<ByteStream>) {
        let rest = async {
            while self.wants_write() {
                if !self.write(writer).await {
                    return;
                }
            }
            // The other end may have gone first.
            let _ = writer.shutdown().await;
        };
        let _ = timeout(GOODBYE_TIMEOUT, rest).await;
    }
}
