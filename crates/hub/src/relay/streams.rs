//! Clients over TCP and TLS.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tincan_relay::{Client, Frames, MAX_FRAME_BYTES, MAX_STRANGER_FRAME_BYTES, Transport};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::switchboard::Switchboard;
use super::unsent::{ToSend, unsent};
use crate::limits::{AddressBuckets, Connections, Rate};
use crate::stream::ClientStream;
use crate::tasks::Stopped;
use crate::tls::Entry;

/// How long to wait after a failed `accept`, which is usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a client may be without an allocation.
const STRANGER: Duration = Duration::from_secs(20);

/// How often it is looked in that time.
const STRANGER_LOOKS: u32 = 8;

/// How long a client may take to read what waits for it.
const WRITE: Duration = Duration::from_secs(20);

/// Bytes read at once.
const READ_BYTES: usize = 8 * 1024;

/// The way in for clients over streams, whichever listener accepted them. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct StreamDoor {
    board: Arc<Switchboard>,
    connections: Connections,
    entry: Entry,
    /// How fast those without an allocation may ask.
    rates: Arc<Mutex<AddressBuckets>>,
    /// The number of the next connection; 0 is the socket for datagrams.
    next: Arc<AtomicU64>,
}

impl StreamDoor {
    pub(super) fn new(
        board: Arc<Switchboard>,
        connections: Connections,
        entry: Entry,
        requests_per_second: u32,
    ) -> Self {
        let rate = Rate::with_bursts(requests_per_second, 20);
        let rates = Arc::new(Mutex::new(AddressBuckets::new(rate)));
        Self { board, connections, entry, rates, next: Arc::new(AtomicU64::new(1)) }
    }

    /// Serves one client until it is gone, if it is admitted.
    pub(crate) async fn serve(&self, stream: ClientStream, remote: SocketAddr) {
        match self.connections.admit(remote.ip()) {
            Ok(_admission) => self.serve_admitted(stream, remote).await,
            Err(reason) => tracing::info!(reason, "client of the relay refused"),
        }
    }

    /// The same of one that a listener has accepted, who may want TLS.
    async fn receive(&self, stream: TcpStream, remote: SocketAddr) {
        let _admission = match self.connections.admit(remote.ip()) {
            Ok(admission) => admission,
            Err(reason) => return tracing::info!(reason, "client of the relay refused"),
        };
        match self.entry.admit(stream, remote.ip()).await {
            Ok((stream, _)) => self.serve_admitted(stream, remote).await,
            Err(reason) => tracing::debug!(%reason, "a client of the relay is not let in"),
        }
    }

    async fn serve_admitted(&self, stream: ClientStream, remote: SocketAddr) {
        let Ok(local) = stream.local_addr() else { return };
        let connection = self.next.fetch_add(1, Ordering::Relaxed);
        let transport = if stream.is_tls() { Transport::Tls } else { Transport::Tcp };
        let client = Client { transport, remote, local, connection };
        let (unsent, to_send) = unsent(transport);
        self.board.stream_opened(client.connection, unsent);
        let (reader, writer) = tokio::io::split(stream);
        tokio::select! {
            () = self.read(reader, &client) => {}
            () = write(writer, to_send) => {}
            () = until_a_stranger(STRANGER, || self.board.has_allocation(&client)) => {}
        }
        self.board.stream_closed(&client);
    }

    async fn read(&self, mut reader: impl AsyncRead + Unpin, client: &Client) {
        let board = &self.board;
        let mut frames = Frames::new(MAX_STRANGER_FRAME_BYTES);
        let mut buffer = vec![0; READ_BYTES];
        let mut is_stranger = true;
        loop {
            match reader.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(len) => frames.push(buffer.get(..len).unwrap_or_default()),
            }
            loop {
                let frame = match frames.next_frame() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(error) => {
                        tracing::debug!(%error, "a client of the relay is cut off");
                        return;
                    }
                };
                if is_stranger {
                    self.wait_for_turn(client).await;
                }
                let now = board.now();
                board.turn(|turn| board.take_from_client(now, client, frame, &mut turn.trains));
                if is_stranger {
                    // It may be none any more, before its next frame is looked at.
                    board.settle(now);
                    is_stranger = !board.has_allocation(client);
                }
            }
            board.settle(board.now());
            is_stranger = !board.has_allocation(client);
            frames.set_limit(if is_stranger { MAX_STRANGER_FRAME_BYTES } else { MAX_FRAME_BYTES });
        }
    }

    /// Holds up who asks too fast; what it sends meanwhile waits in its own buffers.
    async fn wait_for_turn(&self, client: &Client) {
        loop {
            let now_ms = self.board.now().ms;
            let taken = {
                let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
                rates.take_or_wait(client.remote.ip(), now_ms)
            };
            match taken {
                Ok(()) => return,
                Err(wait_ms) => sleep(Duration::from_millis(wait_ms)).await,
            }
        }
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
        clients.spawn(async move { door.receive(stream, remote).await });
    }
}

/// Ends when the switchboard hangs up, or the client does not read.
async fn write(mut writer: impl AsyncWrite + Unpin, mut to_send: ToSend) {
    while let Some(bytes) = to_send.next().await {
        let written = async {
            writer.write_all(bytes).await?;
            // TLS may hold some of it back.
            writer.flush().await
        };
        match timeout(WRITE, written).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// Ends when a client has had no allocation for so long: since its beginning, or since one has
/// ended.
async fn until_a_stranger(patience: Duration, has_allocation: impl Fn() -> bool) {
    let mut looks = 0;
    while looks < STRANGER_LOOKS {
        sleep(patience / STRANGER_LOOKS).await;
        looks = if has_allocation() { 0 } else { looks + 1 };
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(80);

    #[tokio::test]
    async fn who_has_never_had_an_allocation_is_given_up() {
        let began = Instant::now();
        until_a_stranger(PATIENCE, || false).await;
        assert!(began.elapsed() >= PATIENCE);
    }

    #[tokio::test]
    async fn who_has_one_stays_and_is_given_up_after_it_has_ended() {
        let (looks, ended) = (Cell::new(0), 3 * STRANGER_LOOKS);
        let has_allocation = || {
            looks.set(looks.get() + 1);
            looks.get() <= ended
        };
        until_a_stranger(PATIENCE, has_allocation).await;
        assert_eq!(looks.get(), ended + STRANGER_LOOKS);
    }
}
