//! Accepting connections, within limits.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::engine::{Engine, StorageError};
use super::{Census, websocket};
use crate::authority::Authority;
use crate::clock::Clock;
use crate::config::Limits;
use crate::limits::{AddressBuckets, Admission, Connections, Rate};
use crate::tasks::Stopped;
use crate::tls::Entry;

/// How long to wait after a failed `accept`, which is usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long clients may take to leave when the hub stops.
const GOODBYE: Duration = Duration::from_millis(1000);

/// Who may come in, whichever way. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Reception {
    pub(super) engine: Arc<Engine>,
    pub(super) connections: Connections,
    /// How fast an address may connect, at any listener.
    pub(super) rates: Arc<Mutex<AddressBuckets>>,
    pub(super) clock: Clock,
}

impl Reception {
    /// Opens the storage.
    ///
    /// # Errors
    /// The data directory cannot be used.
    pub(super) async fn open(
        data_dir: Option<PathBuf>,
        limits: &Limits,
        authority: Arc<Authority>,
    ) -> Result<Self, StorageError> {
        let clock = authority.clock();
        let engine = Arc::new(Engine::open(data_dir, limits, authority).await?);
        let connections = Connections::new(limits.connections, limits.connections_per_address);
        let rate = Rate::with_bursts(limits.connects_per_second, 20);
        let rates = Arc::new(Mutex::new(AddressBuckets::new(rate)));
        Ok(Self { engine, connections, rates, clock })
    }

    /// Who is there.
    pub(super) fn census(&self) -> Census {
        Census { connections: self.connections.clone(), engine: Arc::clone(&self.engine) }
    }

    /// Admits a connection, or says why not.
    pub(super) fn admit(&self, address: IpAddr) -> Result<Admission, &'static str> {
        let now_ms = self.clock.now_ms();
        let in_rate = {
            let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
            rates.take(address, now_ms)
        };
        let admitted =
            if in_rate { self.connections.admit(address) } else { Err("connects_per_second") };
        if let Err(reason) = admitted {
            tracing::info!(reason, "connection refused");
        }
        admitted
    }
}

/// What a listener's clients speak below MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp,
    WebSocket,
}

/// One listening socket of the broker.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) listener: TcpListener,
    pub(super) transport: Transport,
    pub(super) entry: Entry,
    pub(super) reception: Reception,
}

impl Listener {
    /// Serves until told to stop, then waits a moment for the clients to leave.
    pub(super) async fn run(self, mut stopped: Stopped) {
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                () = stopped.requested() => break,
                Some(_) = clients.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, address)) => self.accept(stream, address, &mut clients),
                    Err(error) => {
                        tracing::warn!(%error, "accepting a connection failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(self.listener);
        see_off(clients).await;
    }

    fn accept(&self, stream: TcpStream, address: SocketAddr, clients: &mut JoinSet<()>) {
        if let Ok(admission) = self.reception.admit(address.ip()) {
            let (engine, entry) = (Arc::clone(&self.reception.engine), self.entry.clone());
            clients.spawn(serve(engine, self.transport, entry, stream, address, admission));
        }
    }
}

/// Waits a moment for clients who were told to leave.
pub(super) async fn see_off(mut clients: JoinSet<()>) {
    let all_gone = async { while clients.join_next().await.is_some() {} };
    if tokio::time::timeout(GOODBYE, all_gone).await.is_err() {
        clients.abort_all();
    }
}

async fn serve(
    engine: Arc<Engine>,
    transport: Transport,
    entry: Entry,
    stream: TcpStream,
    address: SocketAddr,
    _admission: Admission,
) {
    let stream = match entry.admit(stream, address.ip()).await {
        Ok((stream, _)) => stream,
        Err(reason) => return tracing::debug!(%reason, "a client of the broker is not let in"),
    };
    match transport {
        Transport::Tcp => engine.serve_stream(stream, address).await,
        Transport::WebSocket => match websocket::accept(stream).await {
            Ok(stream) => engine.serve_websocket(stream, address).await,
            Err(error) => tracing::debug!(%error, "WebSocket handshake failed"),
        },
    }
}
