//! The link's end of the browser test: a link on a loopback socket, driven by a thread, that
//! echoes what begins with `ping` and can ask and burst by itself.

use std::net::UdpSocket;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tincan_link::{Channel, Config, Event, Link, LinkError, LocalCandidate, Role};

/// Messages of a burst, and questions of a round, each way.
pub const COUNT: usize = 1000;
/// How long one step of the test may take.
const STEP: Duration = Duration::from_secs(30);

/// A driven link.
#[derive(Clone)]
pub struct DrivenLink(Arc<Mutex<State>>);

struct State {
    link: Link,
    socket: Arc<UdpSocket>,
    out: Vec<u8>,
    /// What came on the file channel, where the link asks.
    files: Vec<Vec<u8>>,
    ended: Option<Event>,
    reconnects: usize,
}

impl DrivenLink {
    /// A link with one host candidate on loopback, its thread running.
    pub fn start(role: Role) -> Result<DrivenLink> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(2)))?;
        let local = socket.local_addr()?;
        let now = Instant::now();
        let salt = local.port().to_be_bytes();
        let seed = std::array::from_fn(|i| salt[i % 2].wrapping_mul(i as u8 + 1));
        let mut link = Link::new(Config::default(), role, seed, now)?;
        link.add_local_candidate(now, LocalCandidate::host(local)).context("a candidate")?;
        let socket = Arc::new(socket);
        let state = State {
            link,
            socket: socket.clone(),
            out: Vec::new(),
            files: Vec::new(),
            ended: None,
            reconnects: 0,
        };
        let driven = DrivenLink(Arc::new(Mutex::new(state)));
        let weak = Arc::downgrade(&driven.0);
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            loop {
                let received = socket.recv_from(&mut buffer);
                let Some(state) = weak.upgrade() else { return };
                let Ok(mut state) = state.lock() else { return };
                let now = Instant::now();
                if let Ok((length, remote)) = received {
                    state.link.handle_datagram(now, local, remote, &buffer[..length]);
                }
                if state.link.poll_timeout().is_some_and(|deadline| deadline <= now) {
                    state.link.handle_timeout(now);
                }
                state.work(now);
            }
        });
        Ok(driven)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock means that the driver panicked; its state is good enough to report.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The link's offer.
    pub fn offer(&self) -> Result<String> {
        Ok(self.state().link.create_offer(Instant::now())?)
    }

    /// The answer to the browser's offer, also to one that restarts ICE.
    pub fn answer(&self, offer: &str) -> Result<String> {
        let now = Instant::now();
        let mut state = self.state();
        let answer = state.link.accept_offer(now, offer)?;
        state.work(now);
        Ok(answer)
    }

    /// Takes the browser's answer.
    pub fn accept(&self, answer: &str) -> Result<()> {
        let now = Instant::now();
        let mut state = self.state();
        state.link.accept_answer(now, answer)?;
        state.work(now);
        Ok(())
    }

    /// Takes a candidate of the browser; one that hides its address may be ignored.
    pub fn candidate(&self, line: &str) -> Result<()> {
        let now = Instant::now();
        let mut state = self.state();
        let result = state.link.add_remote_candidate(now, line);
        state.work(now);
        match result {
            Ok(()) | Err(LinkError::Candidate(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks `COUNT` times on the file channel, one at a time; the slowest echo.
    pub fn ping(&self) -> Result<Duration> {
        let mut slowest = Duration::ZERO;
        for number in 0..COUNT {
            let mut question = vec![number as u8; 200];
            question[..4].copy_from_slice(&(number as u32).to_be_bytes());
            let start = Instant::now();
            self.send(&question)?;
            let echo = self.files(1)?.pop();
            ensure!(echo == Some(question), "echo {number} differs");
            slowest = slowest.max(start.elapsed());
        }
        self.send(&[])?;
        Ok(slowest)
    }

    /// Sends `COUNT` numbered messages of 1,000 bytes while as many come, and checks those.
    pub fn burst(&self) -> Result<()> {
        for number in 0..COUNT as u32 {
            let mut message = vec![5; 1000];
            message[..4].copy_from_slice(&number.to_be_bytes());
            self.send(&message)?;
        }
        for (number, message) in self.files(COUNT)?.into_iter().enumerate() {
            let expected = (number as u32).to_be_bytes();
            ensure!(message.len() == 1000 && message[..4] == expected, "burst: {number} differs");
        }
        Ok(())
    }

    /// The last event, once there is one.
    pub fn ended(&self) -> Option<Event> {
        self.state().ended.clone()
    }

    /// The link's numbers, for a report.
    pub fn report(&self) -> String {
        let state = self.state();
        format!("{:?} {:?}", state.link, state.link.stats())
    }

    fn send(&self, message: &[u8]) -> Result<()> {
        let now = Instant::now();
        let mut state = self.state();
        state.link.send(now, Channel::File, message)?;
        state.work(now);
        Ok(())
    }

    fn files(&self, count: usize) -> Result<Vec<Vec<u8>>> {
        let until = Instant::now() + STEP;
        loop {
            let mut state = self.state();
            if state.files.len() >= count {
                return Ok(std::mem::take(&mut state.files));
            }
            let (have, ended) = (state.files.len(), state.ended.clone());
            ensure!(ended.is_none(), "the link ended: {ended:?}");
            ensure!(Instant::now() < until, "{have} of {count} messages came");
            drop(state);
            thread::sleep(Duration::from_micros(200));
        }
    }
}

impl State {
    fn work(&mut self, now: Instant) {
        while let Some(event) = self.link.poll_event() {
            match event {
                Event::Message { channel: Channel::Chat, data } => {
                    if data.starts_with(b"ping") {
                        // A full buffer shows as a missing echo.
                        let _ = self.link.send(now, Channel::Chat, &data);
                    }
                }
                Event::Message { channel: Channel::File, data } => self.files.push(data),
                Event::Failed(_) | Event::Closed => self.ended = Some(event),
                Event::IceReconnected | Event::PathChanged => self.reconnects += 1,
                Event::Connected
                | Event::BufferedLow { .. }
                | Event::IceDisconnected
                | Event::RelayedPathQuiet => {}
            }
        }
        while let Some(transmit) = self.link.poll_transmit(now, &mut self.out) {
            let size = transmit.segment_size.unwrap_or(self.out.len()).max(1);
            for datagram in self.out.chunks(size) {
                // What the socket refuses counts as lost.
                let _ = self.socket.send_to(datagram, transmit.remote);
            }
        }
    }
}
