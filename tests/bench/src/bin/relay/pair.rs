//! One client with a channel, and its peer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tincan_relay::Transport;
use tincan_relay::request;

use crate::dialog::{Dialog, Next};
use crate::server::Server;
use crate::socket::Socket;

/// What a data channel puts into a datagram.
const DATA_BYTES: usize = 1_200;

/// How long one measurement takes, and how long before it everything gets warm.
const SPAN: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(200);

/// Datagrams on their way: the most, and how few there are when more are sent. So many fit into the
/// buffer that a socket has by default.
const MOST: u64 = 32;
const FEW: u64 = 16;

/// What is not there by then is lost.
const LOST_AFTER: Duration = Duration::from_millis(50);

/// The wait before a request is repeated, and how long it may take altogether.
const RTO: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(5);

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// ChannelData in, the bare data out.
    ToPeer,
    /// The other way round.
    ToClient,
}

impl Direction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ToPeer => "to the peer",
            Self::ToClient => "to the client",
        }
    }
}

/// How data is sent to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Each datagram with a call of its own.
    OneByOne,
    /// As many at once as are missing, which the kernel divides (UDP_SEGMENT): before the server's
    /// socket, unless that asks for them as they are (UDP_GRO), as it might of a network card.
    Together,
}

impl Sending {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneByOne => "one by one",
            Self::Together => "16 at once",
        }
    }
}

/// What a measurement has found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    /// Datagrams that arrived a second.
    pub(crate) rate: f64,
    /// The share of those sent that did not.
    pub(crate) lost: f64,
    /// For what share of the time the server had a core.
    pub(crate) busy: f64,
}

/// A client, its allocation, and a peer with a channel.
#[derive(Debug)]
pub(crate) struct Pair {
    client: Socket,
    peer: Socket,
    server: SocketAddr,
    dialog: Dialog,
}

impl Pair {
    pub(crate) fn open(server: &Server) -> Result<Self> {
        let (client, peer) = (Socket::open()?, Socket::open()?);
        let dialog = Dialog::new(Server::credential(0), Some(peer.address()?));
        let mut pair = Self { client, peer, server: server.address(), dialog };
        pair.talk()?;
        Ok(pair)
    }

    /// Goes through all requests.
    fn talk(&mut self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        let (mut request, mut due) = (self.dialog.request()?, Instant::now());
        loop {
            let now = Instant::now();
            ensure!(now < end, "the server does not answer");
            if due <= now {
                self.client.send(self.server, &request, None)?;
                due = now + RTO;
            }
            let mut answers = Vec::new();
            self.client.receive(|answer| answers.push(answer.to_vec()))?;
            for answer in answers {
                match self.dialog.take(&answer)? {
                    Next::Ask(next) => (request, due) = (next, now),
                    Next::Done => return Ok(()),
                    Next::Wait => {}
                }
            }
        }
    }

    /// Keeps the server at work, with never more on the way than its buffers hold.
    pub(crate) fn pass(
        &mut self,
        direction: Direction,
        sending: Sending,
        server: &Server,
    ) -> Result<Flow> {
        self.run(direction, sending, WARM_UP)?;
        let busy = server.busy()?;
        let start = Instant::now();
        let (sent, arrived) = self.run(direction, sending, SPAN)?;
        let took = start.elapsed().as_secs_f64();
        let busy = server.busy()?.saturating_sub(busy).as_secs_f64();
        let lost = sent.saturating_sub(arrived) as f64 / sent as f64;
        Ok(Flow { rate: arrived as f64 / took, lost, busy: busy / took })
    }

    /// So many datagrams were sent, and so many arrived.
    fn run(
        &mut self,
        direction: Direction,
        sending: Sending,
        span: Duration,
    ) -> Result<(u64, u64)> {
        let message = self.message(direction)?;
        let many = message.repeat(MOST as usize);
        let (mut sent, mut arrived, mut lost) = (0, 0, 0);
        let start = Instant::now();
        let mut heard = start;
        loop {
            let now = Instant::now();
            let is_over = now - start >= span;
            if is_over && (sent == arrived + lost || now - heard > LOST_AFTER) {
                return Ok((sent, arrived));
            }
            if now - heard > LOST_AFTER {
                lost = sent - arrived;
                heard = now;
            }
            if !is_over && sent - arrived - lost <= FEW {
                let missing = MOST - (sent - arrived - lost);
                match sending {
                    Sending::OneByOne => {
                        (0..missing).try_for_each(|_| self.send(direction, &message, None))?;
                    }
                    Sending::Together => {
                        let bytes = &many[..missing as usize * message.len()];
                        self.send(direction, bytes, Some(message.len()))?;
                    }
                }
                sent += missing;
            }
            let came = self.receive(direction)?;
            // What was given up may come after all.
            arrived += came;
            lost = lost.min(sent - arrived);
            if came > 0 {
                heard = now;
            }
        }
    }

    /// Sends so many a second to the peer, whatever becomes of them.
    pub(crate) fn flood(&mut self, offered: f64) -> Result<Flow> {
        let message = self.message(Direction::ToPeer)?;
        let (mut sent, mut arrived) = (0, 0);
        let start = Instant::now();
        loop {
            let elapsed = start.elapsed();
            if elapsed >= SPAN {
                break;
            }
            let due = (elapsed.as_secs_f64() * offered) as u64;
            // Not too many at a time, so that what arrives is taken in between.
            let burst = due.saturating_sub(sent).min(FEW);
            for _ in 0..burst {
                self.send(Direction::ToPeer, &message, None)?;
            }
            sent += burst;
            arrived += self.receive(Direction::ToPeer)?;
        }
        let rate = arrived as f64 / start.elapsed().as_secs_f64();
        let lost = sent.saturating_sub(arrived) as f64 / sent as f64;
        Ok(Flow { rate, lost, busy: 0.0 })
    }

    fn message(&self, direction: Direction) -> Result<Vec<u8>> {
        let data = [7; DATA_BYTES];
        Ok(match direction {
            Direction::ToPeer => {
                let message = request::channel_data(Dialog::channel()?, &data, Transport::Udp);
                message.unwrap_or_default()
            }
            Direction::ToClient => data.to_vec(),
        })
    }

    fn send(&self, direction: Direction, bytes: &[u8], segment: Option<usize>) -> Result<()> {
        match direction {
            Direction::ToPeer => self.client.send(self.server, bytes, segment)?,
            Direction::ToClient => self.peer.send(self.dialog.relayed()?, bytes, segment)?,
        }
        Ok(())
    }

    /// Counts what arrived whole.
    fn receive(&mut self, direction: Direction) -> Result<u64> {
        let (socket, len) = match direction {
            Direction::ToPeer => (&mut self.peer, DATA_BYTES),
            // The channel's number and the length go before it.
            Direction::ToClient => (&mut self.client, DATA_BYTES + 4),
        };
        let mut whole = 0;
        socket.receive(|datagram| whole += u64::from(datagram.len() == len))?;
        Ok(whole)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // What is lost ends by itself some day.
        let _ = self.client.send(self.server, &self.dialog.release(), None);
    }
}
