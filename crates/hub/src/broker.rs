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
pub(crate) use websocket::{PATH as WEBSOCKET_PATH, welcome};

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;

use crate::authority::Authority;
use crate::config::Limits;
use crate::limits::{AddressBuckets, Connections, Rate};
use crate::tasks::Tasks;

use engine::Engine;
pub use engine::StorageError;
use listener::{Listener, Reception, Transport};

/// What a broker is started with.
#[derive(Debug)]
pub(crate) struct BrokerConfig {
    pub(crate) mqtt: TcpListener,
    pub(crate) websocket: TcpListener,
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
        let (limits, clock) = (config.limits, authority.clock());
        let engine = Arc::new(Engine::open(config.data_dir, &limits, authority).await?);
        let connections = Connections::new(limits.connections, limits.connections_per_address);
        let rate = Rate::with_bursts(limits.connects_per_second, 20);
        let rates = Arc::new(Mutex::new(AddressBuckets::new(rate)));
        let (census, housekeeping) = (
            Census { connections: connections.clone(), engine: Arc::clone(&engine) },
            Arc::clone(&engine),
        );
        let reception = Reception { engine, connections, rates, clock };
        let (door, hall) = door::door(reception.clone());
        let mut tasks = Tasks::new();
        for (listener, transport) in
            [(config.mqtt, Transport::Tcp), (config.websocket, Transport::WebSocket)]
        {
            let listener = Listener { listener, transport, reception: reception.clone() };
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
