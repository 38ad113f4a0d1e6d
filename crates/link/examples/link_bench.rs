//! Two links over real loopback UDP, a thread each: throughput, message rate, opening and
//! round-trip time, as JSON lines `{"figure","value","unit","target","ok"}`.
//!
//! `cargo run --release -p tincan-link --example link_bench [seconds of a stream] [figure]`, where
//! the figure is one of `bulk`, `messages`, `open`, `ping-pong`.

#![expect(clippy::expect_used, reason = "a bench ends with the reason when its machine fails it")]

use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use tincan_link::{Channel, Config, Event, Link, LocalCandidate, Role};

const OPENINGS: usize = 20;
const PINGS: usize = 5_000;

fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3);
    let time = Duration::from_secs(seconds);
    let only = std::env::args().nth(2).unwrap_or_default();
    let wanted = |name: &str| name.contains(&only);
    if wanted("bulk") {
        let bytes = stream(64 * 1024, time);
        figure("link bulk, 64 KiB messages", bytes / 1e6, "MB/s", 150.0, true);
    }
    if wanted("messages") {
        let bytes = stream(200, time);
        figure("link messages of 200 bytes", bytes / 200.0, "1/s", 400_000.0, true);
    }
    if wanted("open") {
        figure("link open, median of 20", median_opening(), "ms", 5.0, false);
    }
    if wanted("ping-pong") {
        let (p50, p99) = ping_pong();
        figure("link ping-pong of 200 bytes, p50", p50, "ms", 0.2, false);
        figure("link ping-pong of 200 bytes, p99", p99, "ms", f64::INFINITY, false);
    }
}

#[allow(clippy::print_stdout)]
fn figure(name: &str, value: f64, unit: &str, target: f64, more_is_better: bool) {
    let ok = if more_is_better { value >= target } else { value <= target };
    let value = (value * 1000.0).round() / 1000.0;
    let line = serde_json::json!({
        "figure": name, "value": value, "unit": unit,
        "target": target.is_finite().then_some(target), "ok": ok,
    });
    println!("{line}");
}

/// Bytes a second that the receiver took, in messages of one size.
fn stream(size: usize, time: Duration) -> f64 {
    let (offerer, answerer) = pair();
    let sender = thread::spawn(move || {
        let mut peer = offerer.open();
        let message = vec![7u8; size];
        let start = Instant::now();
        while start.elapsed() < time {
            let now = Instant::now();
            while peer.link.send(now, Channel::File, &message).is_ok() {}
            peer.exchange(|_| {});
        }
        peer.finish();
    });
    let receiver = thread::spawn(move || {
        let mut peer = answerer.open();
        let (mut bytes, mut first, mut last) = (0usize, None, None);
        while !peer.over {
            peer.exchange(|data| bytes += data.len());
            if bytes > 0 && !peer.over {
                first = first.or(Some((Instant::now(), bytes)));
                last = Some((Instant::now(), bytes));
            }
        }
        match (first, last) {
            (Some((from, before)), Some((to, after))) => {
                (after - before) as f64 / (to - from).as_secs_f64()
            }
            _ => 0.0,
        }
    });
    sender.join().expect("the sender");
    receiver.join().expect("the receiver")
}

/// Milliseconds from two fresh links to two open ones, with signaling by a channel.
fn median_opening() -> f64 {
    let mut times: Vec<f64> = (0..OPENINGS)
        .map(|_| {
            let (offerer, answerer) = pair();
            let start = Instant::now();
            let ends = [offerer, answerer].map(|end| {
                thread::spawn(move || {
                    let mut peer = end.open();
                    let at = Instant::now();
                    while start.elapsed() < Duration::from_millis(50) {
                        peer.exchange(|_| {});
                    }
                    at
                })
            });
            let open = ends.map(|end| end.join().expect("an end")).into_iter().max();
            (open.expect("two ends") - start).as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Median and 99th percentile of a round trip, in milliseconds.
fn ping_pong() -> (f64, f64) {
    let (offerer, answerer) = pair();
    let echo = thread::spawn(move || {
        let mut peer = answerer.open();
        let mut answers = Vec::new();
        while !peer.over {
            peer.exchange(|data| answers.push(data));
            for data in answers.drain(..) {
                let _ = peer.link.send(Instant::now(), Channel::Chat, &data);
            }
            peer.transmit();
        }
    });
    let mut peer = offerer.open();
    let mut times = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        let start = Instant::now();
        let _ = peer.link.send(start, Channel::Chat, &[1; 200]);
        peer.transmit();
        let mut back = false;
        while !back {
            peer.exchange(|_| back = true);
        }
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    peer.finish();
    echo.join().expect("the echo");
    times.sort_by(f64::total_cmp);
    (times[PINGS / 2], times[PINGS * 99 / 100])
}

/// An end that has a socket and a way to signal, and no link yet.
struct End {
    socket: UdpSocket,
    role: Role,
    to_peer: Sender<String>,
    from_peer: Receiver<String>,
}

fn pair() -> (End, End) {
    let (to_answerer, from_offerer) = channel();
    let (to_offerer, from_answerer) = channel();
    let bind = || UdpSocket::bind("127.0.0.1:0").expect("a socket on loopback");
    (
        End { socket: bind(), role: Role::Offerer, to_peer: to_answerer, from_peer: from_answerer },
        End { socket: bind(), role: Role::Answerer, to_peer: to_offerer, from_peer: from_offerer },
    )
}

impl End {
    /// Signals and runs until the channels are usable.
    fn open(self) -> Peer {
        let state = UdpSocketState::new(UdpSockRef::from(&self.socket)).expect("socket options");
        for bytes in [4 << 20, 1 << 20] {
            let _ = state.set_recv_buffer_size(UdpSockRef::from(&self.socket), bytes);
            let _ = state.set_send_buffer_size(UdpSockRef::from(&self.socket), bytes);
        }
        self.socket.set_nonblocking(false).expect("a blocking socket");
        self.socket.set_read_timeout(Some(Duration::from_millis(2))).expect("a timeout");
        let local = self.socket.local_addr().expect("an address");
        let now = Instant::now();
        let seed = std::array::from_fn(|i| (local.port() >> (i % 2 * 8)) as u8 ^ i as u8);
        let config = Config { inbox: 1 << 20, ..Config::default() };
        let mut link = Link::new(config, self.role, seed, now).expect("a link");
        link.add_local_candidate(now, LocalCandidate::host(local)).expect("a candidate");
        match self.role {
            Role::Offerer => {
                let offer = link.create_offer(now).expect("an offer");
                self.to_peer.send(offer).expect("the peer");
                let answer = self.from_peer.recv().expect("an answer");
                link.accept_answer(Instant::now(), &answer).expect("a good answer");
            }
            Role::Answerer => {
                let offer = self.from_peer.recv().expect("an offer");
                let answer = link.accept_offer(Instant::now(), &offer).expect("a good offer");
                self.to_peer.send(answer).expect("the peer");
            }
        }
        let buffer = vec![0; 64 * 1024];
        let (out, connected, over) = (Vec::new(), false, false);
        let mut peer =
            Peer { link, socket: self.socket, state, local, buffer, out, connected, over };
        peer.transmit();
        while !peer.connected && !peer.over {
            peer.exchange(|_| {});
        }
        assert!(peer.connected, "{:?}", peer.link);
        peer
    }
}

/// A link on its socket.
struct Peer {
    link: Link,
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    buffer: Vec<u8>,
    out: Vec<u8>,
    connected: bool,
    over: bool,
}

impl Peer {
    /// Sends what is due, waits for one receive buffer, takes it and its consequences.
    fn exchange(&mut self, mut message: impl FnMut(Vec<u8>)) {
        self.transmit();
        let mut meta = [RecvMeta::default()];
        let mut buffers = [IoSliceMut::new(&mut self.buffer)];
        let received = self.state.recv(UdpSockRef::from(&self.socket), &mut buffers, &mut meta);
        let now = Instant::now();
        if received.is_ok() {
            let [meta] = meta;
            for data in self.buffer[..meta.len].chunks(meta.stride.max(1)) {
                self.link.handle_datagram(now, self.local, meta.addr, data);
            }
        }
        if self.link.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.link.handle_timeout(now);
        }
        while let Some(event) = self.link.poll_event() {
            match event {
                Event::Connected => self.connected = true,
                Event::Message { data, .. } => message(data),
                Event::Failed(_) | Event::Closed => self.over = true,
                _ => {}
            }
        }
        self.transmit();
    }

    fn transmit(&mut self) {
        let now = Instant::now();
        while let Some(transmit) = self.link.poll_transmit(now, &mut self.out) {
            let transmit = quinn_udp::Transmit {
                destination: transmit.remote,
                ecn: None,
                contents: &self.out,
                segment_size: transmit.segment_size,
                src_ip: None,
            };
            // A full socket buffer drops datagrams like any network; SCTP repairs it.
            let _ = self.state.try_send(UdpSockRef::from(&self.socket), &transmit);
        }
    }

    fn finish(&mut self) {
        self.link.close(Instant::now());
        self.transmit();
    }
}
