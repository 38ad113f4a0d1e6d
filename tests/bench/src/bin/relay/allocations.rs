//! Many clients that get an allocation each, from ports of their own.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::dialog::{Dialog, Next};
use crate::server::Server;

/// Clients that wait for an answer at the same time.
const AT_ONCE: usize = 64;

/// The wait before a request is repeated.
const RTO: Duration = Duration::from_millis(500);

/// How often that happens before the server is given up.
const TRIES: u32 = 6;

/// The peer of all channels: nobody sends to it.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), 9);

/// One client.
#[derive(Debug)]
struct Client {
    socket: UdpSocket,
    dialog: Dialog,
}

/// Allocations that are there, until they are released.
#[derive(Debug)]
pub(crate) struct Allocations {
    from: Ipv4Addr,
    clients: Vec<Client>,
}

impl Allocations {
    /// The clients have an address of their own in each round: who takes a port that had an
    /// allocation a moment ago is refused (RFC 8656 §7.2).
    pub(crate) fn of_round(round: u8) -> Self {
        Self { from: Ipv4Addr::new(127, 0, 1, round), clients: Vec::new() }
    }

    /// Makes so many more, each of a user of its own; gives the time from the first request to the
    /// last answer. `with_channel`: each with a permission and a channel.
    pub(crate) fn make(
        &mut self,
        server: &Server,
        count: usize,
        with_channel: bool,
    ) -> Result<Duration> {
        let peer = with_channel.then_some(PEER);
        let (first, from) = (self.clients.len(), self.from);
        // Sockets are opened, and passwords made, before the time counts.
        let mut waiting: VecDeque<Client> = (first..first + count)
            .map(|user| Client::new(server, from, user, peer))
            .collect::<Result<_>>()?;
        let mut asking: VecDeque<Client> = VecDeque::with_capacity(AT_ONCE);
        let start = Instant::now();
        loop {
            while asking.len() < AT_ONCE
                && let Some(client) = waiting.pop_front()
            {
                client.socket.send(&client.dialog.request()?)?;
                asking.push_back(client);
            }
            // Who has waited longest is answered first.
            let Some(mut client) = asking.pop_front() else { break };
            match client.step()? {
                Step::Asked => asking.push_back(client),
                Step::Done => self.clients.push(client),
            }
        }
        Ok(start.elapsed())
    }

    /// Ends all of them, and waits until the server has.
    pub(crate) fn release(mut self) -> Result<()> {
        for clients in self.clients.chunks_mut(AT_ONCE) {
            for client in &*clients {
                client.socket.send(&client.dialog.release())?;
            }
            for client in clients {
                // What was lost ends by itself some day.
                let _ = client.socket.recv(&mut [0; 1500]);
            }
        }
        Ok(())
    }
}

/// What became of a client's request.
enum Step {
    /// The next one is on its way.
    Asked,
    Done,
}

impl Client {
    fn new(server: &Server, from: Ipv4Addr, user: usize, peer: Option<SocketAddr>) -> Result<Self> {
        let socket = UdpSocket::bind((from, 0))?;
        socket.connect(server.address())?;
        socket.set_read_timeout(Some(RTO))?;
        Ok(Self { socket, dialog: Dialog::new(Server::credential(user), peer) })
    }

    fn step(&mut self) -> Result<Step> {
        let mut buffer = [0; 1500];
        let mut tries = 0;
        loop {
            let len = match self.socket.recv(&mut buffer) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    tries += 1;
                    ensure!(tries < TRIES, "a request is not answered");
                    self.socket.send(&self.dialog.request()?)?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            match self.dialog.take(&buffer[..len])? {
                Next::Wait => {}
                Next::Done => return Ok(Step::Done),
                Next::Ask(request) => {
                    self.socket.send(&request)?;
                    return Ok(Step::Asked);
                }
            }
        }
    }
}
