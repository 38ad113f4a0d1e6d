//! An adversary's end of a WebRTC connection: a link on a loopback socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use tincan_link::{Channel, Config, Event, Link, LocalCandidate, Role, SendError};
use tincan_wire::{Body, Description, Fingerprint, SessionId, SessionRef};
use tokio::net::UdpSocket;
use tokio::time::{sleep_until, timeout};

use crate::person::PATIENCE;

/// A link that moves while one of its methods is awaited.
pub struct LinkEnd {
    link: Link,
    socket: UdpSocket,
    local: SocketAddr,
    session: SessionRef,
}

impl LinkEnd {
    /// A link with a certificate of its own and one candidate, for this session.
    pub async fn new(role: Role, sid: SessionId) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let local = socket.local_addr()?;
        let now = Instant::now();
        let seed = std::array::from_fn(|at| sid.0[at % 16]);
        let mut link = Link::new(Config::default(), role, seed, now)?;
        link.add_local_candidate(now, LocalCandidate::host(local)).context("a candidate")?;
        Ok(Self { link, socket, local, session: SessionRef { sid, generation: 0 } })
    }

    /// Its certificate's fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.link.fingerprint())
    }

    /// Its offer, as a body.
    pub fn offer(&mut self) -> Result<Body> {
        let description = self.describe(|link, now| link.create_offer(now))?;
        Ok(Body::Offer { session: self.session, description })
    }

    /// An offer that restarts ICE of a connection that stands, as a body.
    pub fn restart(&mut self) -> Result<Body> {
        self.session.generation += 1;
        let description = self.describe(|link, now| link.restart_ice(now))?;
        Ok(Body::Offer { session: self.session, description })
    }

    /// Its answer to an offer, as a body.
    pub fn answer(&mut self, offer: &Body) -> Result<Body> {
        let sdp = &description(offer)?.sdp;
        let description = self.describe(|link, now| link.accept_offer(now, sdp))?;
        Ok(Body::Answer { session: self.session, description })
    }

    fn describe(
        &mut self,
        make: impl FnOnce(&mut Link, Instant) -> Result<String, tincan_link::LinkError>,
    ) -> Result<Description> {
        let sdp = make(&mut self.link, Instant::now())?;
        Ok(Description { sdp, fp: self.fingerprint(), caps: Vec::new(), pk: None })
    }

    /// Takes an answer.
    pub fn accept(&mut self, answer: &Body) -> Result<()> {
        let sdp = &description(answer)?.sdp;
        Ok(self.link.accept_answer(Instant::now(), sdp)?)
    }

    /// Says something on the channel, whatever it is.
    pub fn say(&mut self, frame: &str) -> Result<()> {
        Ok(self.link.send(Instant::now(), Channel::Chat, frame.as_bytes())?)
    }

    /// Moves until it is connected, closed or has failed.
    pub async fn outcome(&mut self) -> Result<Event> {
        timeout(PATIENCE, self.run()).await.context("the link neither opens nor fails")?
    }

    async fn run(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.step().await? {
                return Ok(event);
            }
            self.wait().await?;
        }
    }

    /// Takes what has come, or waits for the first of it, or for the next deadline.
    async fn wait(&mut self) -> Result<()> {
        let mut datagram = [0; 2_048];
        let deadline = self.link.poll_timeout().context("an idle link")?;
        tokio::select! {
            received = self.socket.recv_from(&mut datagram) => {
                let mut received = received?;
                loop {
                    let (length, remote) = received;
                    let now = Instant::now();
                    self.link.handle_datagram(now, self.local, remote, &datagram[..length]);
                    match self.socket.try_recv_from(&mut datagram) {
                        Ok(next) => received = next,
                        Err(_) => return Ok(()),
                    }
                }
            }
            () = sleep_until(deadline.into()) => self.link.handle_timeout(Instant::now()),
        }
        Ok(())
    }

    /// Says all that `next` gives, as fast as the other end takes it, and waits until that has
    /// acknowledged the last.
    pub async fn pour(
        &mut self,
        channel: Channel,
        mut next: impl FnMut() -> Option<Vec<u8>>,
    ) -> Result<()> {
        let mut waiting = next();
        loop {
            while let Some(frame) = &waiting {
                match self.link.send(Instant::now(), channel, frame) {
                    Ok(()) => waiting = next(),
                    Err(SendError::Full) => break,
                    Err(error) => return Err(error.into()),
                }
            }
            if let Some(event) = self.step().await? {
                bail!("the link is over: {event:?}");
            }
            if waiting.is_none() && self.link.buffered_amount(channel) == 0 {
                return Ok(());
            }
            timeout(PATIENCE, self.wait()).await.context("a link that stands still")??;
        }
    }

    /// Sends a datagram of any bytes past the link.
    pub fn throw(&self, to: SocketAddr, bytes: &[u8]) -> Result<()> {
        match self.socket.try_send_to(bytes, to) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Where the other end is.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.link.stats().path.map(|path| path.remote)
    }

    async fn step(&mut self) -> Result<Option<Event>> {
        let mut out = Vec::new();
        let mut outcome = None;
        while let Some(event) = self.link.poll_event() {
            if matches!(event, Event::Connected | Event::Failed(_) | Event::Closed) {
                outcome = Some(event);
            }
        }
        while let Some(transmit) = self.link.poll_transmit(Instant::now(), &mut out) {
            let size = transmit.segment_size.unwrap_or(out.len()).max(1);
            for datagram in out.chunks(size) {
                // What cannot be sent is lost, as on any network.
                let _ = self.socket.send_to(datagram, transmit.remote).await;
            }
        }
        Ok(outcome)
    }
}

pub(crate) fn description(body: &Body) -> Result<&Description> {
    match body {
        Body::Offer { description, .. } | Body::Answer { description, .. } => Ok(description),
        other => bail!("neither offer nor answer: {other:?}"),
    }
}

/// An offer or answer with another description in it.
pub fn redescribed(body: &Body, change: impl FnOnce(&Description) -> Description) -> Result<Body> {
    let description = change(description(body)?);
    let session = body.session().context("a session")?;
    Ok(match body {
        Body::Offer { .. } => Body::Offer { session, description },
        _ => Body::Answer { session, description },
    })
}
