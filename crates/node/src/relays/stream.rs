//! A relay over TCP or TLS: a task that carries frames both ways.

use tincan_relay::{Frames, MAX_FRAME_BYTES, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::dial::Dialer;
use crate::ice_servers::TurnServer;

/// Messages that wait to be written; beyond it they are lost, as datagrams would be.
const MAX_UNSENT: usize = 256;

/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;

/// What a stream brought.
#[derive(Debug)]
pub(crate) enum StreamReport {
    /// It is open.
    Open,
    /// A whole message.
    Frame(Vec<u8>),
    /// It is over, or never was, for this reason.
    Ended(String),
}

/// Our end of the task, which ends with it.
#[derive(Debug)]
pub(super) struct Stream {
    unsent: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<()>,
}

impl Stream {
    /// Connects and reports under `id`.
    pub(super) fn open(
        id: u64,
        dialer: Dialer,
        server: &TurnServer,
        reports: mpsc::Sender<(u64, StreamReport)>,
    ) -> Self {
        let (unsent, to_send) = mpsc::channel(MAX_UNSENT);
        let (host, port) = (server.host.clone(), server.port);
        let secure = server.transport == Transport::Tls;
        let task = tokio::spawn(async move {
            let reason = match dialer.relay(&host, port, secure).await {
                Ok(stream) => carry(id, stream, to_send, &reports).await,
                Err(error) => error.to_string(),
            };
            // A shell that is gone needs no report.
            let _ = reports.send((id, StreamReport::Ended(reason))).await;
        });
        Self { unsent, task }
    }

    pub(super) fn send(&self, bytes: &[u8]) {
        // A stream that is full or over loses it.
        let _ = self.unsent.try_send(bytes.to_vec());
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Until the stream ends; the reason is a sentence.
async fn carry(
    id: u64,
    stream: crate::dial::ByteStream,
    mut to_send: mpsc::Receiver<Vec<u8>>,
    reports: &mpsc::Sender<(u64, StreamReport)>,
) -> String {
    let (mut reader, mut writer) = tokio::io::split(stream);
    if reports.send((id, StreamReport::Open)).await.is_err() {
        return "the node is shutting down".to_owned();
    }
    let write = async {
        while let Some(bytes) = to_send.recv().await {
            if let Err(error) = writer.write_all(&bytes).await {
                return error.to_string();
            }
            if to_send.is_empty()
                && let Err(error) = writer.flush().await
            {
                return error.to_string();
            }
        }
        "the node has no more use for it".to_owned()
    };
    let read = async {
        let mut frames = Frames::new(MAX_FRAME_BYTES);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match reader.read(&mut buffer).await {
                Ok(0) => return "the relay closed the connection".to_owned(),
                Ok(len) => frames.push(buffer.get(..len).unwrap_or_default()),
                Err(error) => return error.to_string(),
            }
            loop {
                match frames.next_frame() {
                    Ok(Some(frame)) => {
                        let report = (id, StreamReport::Frame(frame.to_vec()));
                        if reports.send(report).await.is_err() {
                            return "the node is shutting down".to_owned();
                        }
                    }
                    Ok(None) => break,
                    Err(error) => return error.to_string(),
                }
            }
        }
    };
    tokio::select! {
        reason = write => reason,
        reason = read => reason,
    }
}
