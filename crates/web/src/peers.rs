//! The WebRTC connections of all sessions.

mod connection;
mod path;

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use tincan_engine::{PeerInput, PeerOutput};
use tincan_wire::{SessionId, SortedMap};
use wasm_bindgen_futures::spawn_local;

use crate::hub::IceServer;
use crate::timer::sleep;
use connection::Connection;
pub(crate) use connection::{channel, configuration};

/// Hands what a connection says to the shell.
pub(crate) type Tell = Rc<dyn Fn(SessionId, PeerInput)>;

/// How long a connection waits for the hub to name its ICE servers. Whoever opens a chat with the
/// page may be quicker than that answer, and a browser asks only the servers that it was told of
/// when the connection was made.
const SERVERS_MS: i32 = 1_000;

/// All connections, by session.
pub(crate) struct Peers {
    tell: Tell,
    connections: RefCell<SortedMap<SessionId, Connection>>,
    /// None until the hub has said so, or did not in time.
    servers: RefCell<Option<Vec<IceServer>>>,
    /// What waits for that.
    held: RefCell<Vec<(SessionId, PeerOutput)>>,
    me: Weak<Self>,
}

impl Peers {
    pub(crate) fn new(tell: Tell) -> Rc<Self> {
        Rc::new_cyclic(|me| Self {
            tell,
            connections: RefCell::new(SortedMap::new()),
            servers: RefCell::new(None),
            held: RefCell::default(),
            me: me.clone(),
        })
    }

    /// What connections may use that are made from now on, or look for a new path.
    pub(crate) fn set_servers(&self, servers: Vec<IceServer>) {
        for connection in self.connections.borrow().values() {
            connection.set_servers(&servers);
        }
        self.servers.replace(Some(servers));
        for (sid, output) in self.held.take() {
            self.act(sid, output);
        }
    }

    /// Does what the engine says.
    pub(crate) fn handle(&self, sid: SessionId, output: PeerOutput) {
        if self.servers.borrow().is_some() {
            return self.act(sid, output);
        }
        let mut held = self.held.borrow_mut();
        if let PeerOutput::Close = output {
            return held.retain(|(waiting, _)| *waiting != sid);
        }
        held.push((sid, output));
        if held.len() > 1 {
            return;
        }
        let me = self.me.clone();
        spawn_local(async move {
            sleep(SERVERS_MS).await;
            if let Some(me) = me.upgrade()
                && me.servers.borrow().is_none()
            {
                me.set_servers(Vec::new());
            }
        });
    }

    fn act(&self, sid: SessionId, output: PeerOutput) {
        let created = match output {
            PeerOutput::Offer { relay_only } | PeerOutput::Answer { relay_only, .. } => {
                Some(relay_only)
            }
            _ => None,
        };
        if let Some(relay_only) = created
            && !self.connections.borrow().contains_key(&sid)
        {
            let servers = self.servers.borrow().clone().unwrap_or_default();
            match Connection::new(sid, &servers, relay_only, Rc::clone(&self.tell)) {
                Ok(connection) => drop(self.connections.borrow_mut().insert(sid, connection)),
                Err(reason) => return (self.tell)(sid, PeerInput::Failed { reason }),
            }
        }
        let mut connections = self.connections.borrow_mut();
        // The session is closed or was never opened: nothing to do it with.
        let Some(connection) = connections.get(&sid) else { return };
        match output {
            PeerOutput::Close => {
                if let Some(connection) = connections.remove(&sid) {
                    connection.close_soon();
                }
            }
            output => connection.handle(output),
        }
    }

    /// Tells the engine what is still buffered, where it is wrong about it.
    pub(crate) fn report_buffered(&self) {
        for connection in self.connections.borrow().values() {
            connection.report_buffered();
        }
    }

    /// Looks at the paths, which change without an event.
    pub(crate) fn look_at_paths(&self) {
        for connection in self.connections.borrow().values() {
            connection.look_at_path();
        }
    }
}
