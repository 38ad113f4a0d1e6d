//! The way in for connections that another part of the hub accepted: a browser comes to the
//! site's port, so that page, credentials and broker need only one.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::engine::Engine;
use super::listener::{Reception, see_off};
use super::websocket;
use crate::limits::Admission;
use crate::stream::ClientStream;
use crate::tasks::Stopped;

/// Guests between the site and the broker, which takes them as fast as they come.
const WAITING: usize = 64;

/// The broker's side of the door takes in who comes through [`Door`].
pub(super) fn door(reception: Reception) -> (Door, Hall) {
    let (sender, guests) = mpsc::channel(WAITING);
    let engine = Arc::clone(&reception.engine);
    (Door { reception, sender }, Hall { engine, guests })
}

/// Lets WebSocket clients in. Ask [`admit`](Self::admit), answer the handshake with
/// [`websocket::welcome`], then [`hand_over`](Self::hand_over).
#[derive(Clone, Debug)]
pub(crate) struct Door {
    reception: Reception,
    sender: mpsc::Sender<Guest>,
}

/// Becomes the socket once the answer to the handshake is on its way, with what was read of it
/// too early; `None` if the client went away instead.
pub(crate) type Upgrading = Pin<Box<dyn Future<Output = Option<(ClientStream, Bytes)>> + Send>>;

struct Guest {
    upgrading: Upgrading,
    address: SocketAddr,
    admission: Admission,
}

impl Door {
    /// The right to one connection from this address.
    ///
    /// # Errors
    /// Why not: the name of the limit.
    pub(crate) fn admit(&self, address: SocketAddr) -> Result<Admission, &'static str> {
        self.reception.admit(address.ip())
    }

    /// Gives a client to the broker.
    ///
    /// # Errors
    /// The broker is stopping, or more come than it can take.
    pub(crate) fn hand_over(
        &self,
        upgrading: Upgrading,
        address: SocketAddr,
        admission: Admission,
    ) -> Result<(), &'static str> {
        let guest = Guest { upgrading, address, admission };
        self.sender.try_send(guest).map_err(|_| "door")
    }
}

/// Where guests are served.
#[derive(Debug)]
pub(super) struct Hall {
    engine: Arc<Engine>,
    guests: mpsc::Receiver<Guest>,
}

impl Hall {
    /// Serves until told to stop, then waits a moment for the clients to leave.
    pub(super) async fn run(mut self, mut stopped: Stopped) {
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                () = stopped.requested() => break,
                Some(_) = clients.join_next() => {}
                Some(guest) = self.guests.recv() => {
                    clients.spawn(serve(Arc::clone(&self.engine), guest));
                }
            }
        }
        drop(self.guests);
        see_off(clients).await;
    }
}

async fn serve(engine: Arc<Engine>, guest: Guest) {
    let Guest { upgrading, address, admission } = guest;
    match tokio::time::timeout(websocket::HANDSHAKE, upgrading).await {
        Ok(Some((stream, read))) => {
            let stream = websocket::after_handshake(stream, read).await;
            engine.serve_websocket(stream, address).await;
        }
        Ok(None) | Err(_) => tracing::debug!("WebSocket handshake failed"),
    }
    drop(admission);
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").finish_non_exhaustive()
    }
}
