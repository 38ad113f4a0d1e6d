//! The hub's broker, behind a boundary of the hub's own.
//!
//! What the rest of the hub sees is [`Broker`]: it opens listeners, asks an [`Authority`] about
//! everything a client wants, reports where it listens and how many are there, and stops. What
//! speaks MQTT behind it is `engine`, the one module that knows the library in use; listeners,
//! handshakes and connection limits are the hub's own, so that they outlive it.

mod door;
mod engine;
mod gate;
mod listener;
mod websocket;

pub(crate) use door::Door;
pub(crate) use engine::MAX_PACKET_BYTES;
pub(crate) use gate::claimed;
pub(crate) use websocket::{PATH as WEBSOCKET_PATH, welcome};

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::authority::Authority;
use crate::config::Limits;
use crate::limits::Connections;
use crate::tasks::Tasks;
use crate::tls::Entry;

use engine::Engine;
pub use engine::StorageError;
use listener::{Listener, Reception, Transport};

/// What a broker is started with.
#[derive(Debug)]
pub(crate) struct BrokerConfig {
    pub(crate) mqtt: TcpListener,
    pub(crate) websocket: TcpListener,
    pub(crate) entry: Entry,
    pub(crate) limits: Limits,
    pub(crate) data_dir: Option<PathBuf>,
}

/// Who is there. Cheap to clone and to keep.
#[derive(Clone, Debug)]
pub(crate) struct Census {
    connections: Connections,
    engine: Arc<Engine>,
}

impl Census {
    /// Connections of the moment, admitted or still shaking hands.
    pub(crate) fn connections(&self) -> usize {
        self.connections.total()
    }

    /// Sessions, connected or kept. At most a minute old.
    pub(crate) fn sessions(&self) -> usize {
        self.engine.sessions()
    }
}

/// A running broker. Dropping it ends it at once, [`stop`](Self::stop) in good order.
#[derive(Debug)]
pub(crate) struct Broker {
    census: Census,
    door: Door,
    tasks: Tasks,
}

impl Broker {
    /// Opens the storage and begins to accept.
    ///
    /// # Errors
    /// The data directory cannot be used.
    pub(crate) async fn start(
        config: BrokerConfig,
        authority: Arc<Authority>,
    ) -> Result<Self, StorageError> {
        let reception = Reception::open(config.data_dir, &config.limits, authority).await?;
        let (census, housekeeping) = (reception.census(), Arc::clone(&reception.engine));
        let (door, hall) = door::door(reception.clone());
        let mut tasks = Tasks::new();
        for (listener, transport) in
            [(config.mqtt, Transport::Tcp), (config.websocket, Transport::WebSocket)]
        {
            let (entry, reception) = (config.entry.clone(), reception.clone());
            let listener = Listener { listener, transport, entry, reception };
            tasks.spawn(|stopped| listener.run(stopped));
        }
        tasks.spawn(|stopped| hall.run(stopped));
        tasks.spawn(|stopped| async move { housekeeping.keep_house(stopped).await });
        Ok(Self { census, door, tasks })
    }

    /// A way in for connections that the site accepted.
    pub(crate) fn door(&self) -> Door {
        self.door.clone()
    }

    pub(crate) fn census(&self) -> Census {
        self.census.clone()
    }

    /// What a site asks of a broker at whose door nobody listens.
    ///
    /// # Errors
    /// None, since it keeps nothing on disk.
    pub(crate) async fn deserted(
        limits: &Limits,
        authority: Arc<Authority>,
    ) -> Result<(Census, Door), StorageError> {
        let reception = Reception::open(None, limits, authority).await?;
        let (door, _hall) = door::door(reception.clone());
        Ok((reception.census(), door))
    }

    /// Stops accepting, says good-bye to clients and writes what is to be kept.
    pub(crate) async fn stop(self) {
        self.tasks.tell();
        self.census.engine.say_goodbye();
        self.tasks.stop().await;
        self.census.engine.close().await;
    }
}

/// Opens a listening socket.
pub(crate) async fn bind(address: IpAddr, port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::new(address, port)).await
}
