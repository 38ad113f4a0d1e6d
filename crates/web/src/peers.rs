//! The WebRTC connections of all sessions.

mod connection;
mod path;

use std::cell::RefCell;
use std::rc::Rc;

use tincan_engine::{PeerInput, PeerOutput};
use tincan_wire::{SessionId, SortedMap};

use crate::hub::IceServer;
use connection::Connection;
pub(crate) use connection::{channel, configuration};

/// Hands what a connection says to the shell.
pub(crate) type Tell = Rc<dyn Fn(SessionId, PeerInput)>;

/// All connections, by session.
pub(crate) struct Peers {
    tell: Tell,
    connections: RefCell<SortedMap<SessionId, Connection>>,
    servers: RefCell<Vec<IceServer>>,
}

impl Peers {
    pub(crate) fn new(tell: Tell) -> Self {
        Self {
            tell,
            connections: RefCell::new(SortedMap::new()),
            servers: RefCell::new(Vec::new()),
        }
    }

    /// What connections made from now on may use.
    pub(crate) fn set_servers(&self, servers: Vec<IceServer>) {
        self.servers.replace(servers);
    }

    /// Does what the engine says.
    pub(crate) fn handle(&self, sid: SessionId, output: PeerOutput) {
        let mut connections = self.connections.borrow_mut();
        let created = match output {
            PeerOutput::Offer { relay_only } | PeerOutput::Answer { relay_only, .. } => {
                Some(relay_only)
            }
            _ => None,
        };
        if let Some(relay_only) = created
            && !connections.contains_key(&sid)
        {
            let made =
                Connection::new(sid, &self.servers.borrow(), relay_only, Rc::clone(&self.tell));
            match made {
                Ok(connection) => drop(connections.insert(sid, connection)),
                Err(reason) => return (self.tell)(sid, PeerInput::Failed { reason }),
            }
        }
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
