//! Clients over TCP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tincan_relay::{Client, Frames, MAX_FRAME_BYTES, MAX_STRANGER_FRAME_BYTES, Transport};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::switchboard::Switchboard;
use crate::limits::Connections;
use crate::tasks::Stopped;

/// How long to wait after a failed `accept`, which is usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a client may take to get an allocation.
const STRANGER: Duration = Duration::from_secs(20);

/// How long a client may take to read what waits for it.
const WRITE: Duration = Duration::from_secs(20);

/// Messages that wait for a client; beyond it they are lost, as datagrams would be.
const MAX_UNSENT: usize = 128;

/// Bytes read at once.
const READ_BYTES: usize = 8 * 1024;

/// The way in for clients over TCP, whichever listener accepted them. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct StreamDoor {
    board: Arc<Switchboard>,
    connections: Connections,
    /// The number of the next connection; 0 is the socket for datagrams.
    next: Arc<AtomicU64>,
}

impl StreamDoor {
    pub(super) fn new(board: Arc<Switchboard>, connections: Connections) -> Self {
        Self { board, connections, next: Arc::new(AtomicU64::new(1)) }
    }

    /// Serves one client until it is gone, if it is admitted.
    pub(crate) async fn serve(&self, stream: TcpStream, remote: SocketAddr) {
        let _admission = match self.connections.admit(remote.ip()) {
            Ok(admission) => admission,
            Err(reason) => return tracing::info!(reason, "client of the relay refused"),
        };
        let Ok(local) = stream.local_addr() else { return };
        // Without it a small message waits for the acknowledgement of the one before; a client
        // that is gone already fails at the first read.
        let _gone = stream.set_nodelay(true);
        let connection = self.next.fetch_add(1, Ordering::Relaxed);
        let client = Client { transport: Transport::Tcp, remote, local, connection };
        serve(stream, client, Arc::clone(&self.board)).await;
    }
}

/// Accepts clients until told to stop.
pub(super) async fn accept(listener: TcpListener, door: StreamDoor, mut stopped: Stopped) {
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopped.requested() => return,
            Some(_) = clients.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a client of the relay failed");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let door = door.clone();
        clients.spawn(async move { door.serve(stream, remote).await });
    }
}

/// Serves one client until it is gone.
async fn serve(stream: impl AsyncRead + AsyncWrite, client: Client, board: Arc<Switchboard>) {
    let (unsent, to_send) = mpsc::channel(MAX_UNSENT);
    board.stream_opened(client.connection, unsent);
    let (reader, writer) = tokio::io::split(stream);
    tokio::select! {
        () = read(reader, &client, &board) => {}
        () = write(writer, to_send) => {}
        () = wait_for_an_allocation(&client, &board) => {}
    }
    board.stream_closed(&client);
}

async fn read(mut reader: impl AsyncRead + Unpin, client: &Client, board: &Arc<Switchboard>) {
    let mut frames = Frames::new(MAX_STRANGER_FRAME_BYTES);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match reader.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(len) => frames.push(buffer.get(..len).unwrap_or_default()),
        }
        let now = board.now();
        loop {
            match frames.next_frame() {
                Ok(Some(frame)) => board.take_from_client(now, client, frame),
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, "a client of the relay is cut off");
                    return;
                }
            }
        }
        board.settle(now);
        if board.has_allocation(client) {
            frames.set_limit(MAX_FRAME_BYTES);
        }
    }
}

/// Ends when the switchboard hangs up, or the client does not read.
async fn write(mut writer: impl AsyncWrite + Unpin, mut to_send: mpsc::Receiver<Vec<u8>>) {
    while let Some(mut bytes) = to_send.recv().await {
        while bytes.len() < READ_BYTES
            && let Ok(more) = to_send.try_recv()
        {
            bytes.extend(more);
        }
        match timeout(WRITE, writer.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// Ends when a client has had long enough to get one, and has none; never for one that has.
async fn wait_for_an_allocation(client: &Client, board: &Switchboard) {
    sleep(STRANGER).await;
    if board.has_allocation(client) {
        std::future::pending::<()>().await;
    }
}
