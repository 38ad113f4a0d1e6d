//! The scenes do to a network what they say, and a live chat outlasts one of them.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use tincan_natlab::{Condition, Cut, Enclosure, Kind, Lab, Layout, Loss, Nat, Scene, Side, Wire};

/// Where the server listens in these tests.
const PORT: u16 = 7;

/// A socket on the server, and one on the first host that sends to it.
struct Line {
    server: UdpSocket,
    host: UdpSocket,
}

impl Line {
    fn open(lab: &Lab) -> Self {
        let bind = |at: &str| {
            let socket = UdpSocket::bind(at).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
            socket
        };
        let server = lab.server().enter(|| bind(&format!("203.0.113.10:{PORT}")));
        let host = lab.host(Side::A).enter(|| {
            let host = bind("0.0.0.0:0");
            host.connect(("203.0.113.10", PORT)).unwrap();
            host
        });
        Self { server, host }
    }

    /// From where the server hears the host, if it does.
    fn says(&self) -> Option<std::net::SocketAddr> {
        // A host without a link is told so.
        let _ = self.host.send(b"?");
        Some(self.server.recv_from(&mut [0; 8]).ok()?.1)
    }

    /// There and back.
    fn round_trip(&self) -> Option<Duration> {
        let start = Instant::now();
        let from = self.says()?;
        self.server.send_to(b"!", from).unwrap();
        self.host.recv(&mut [0; 8]).ok()?;
        Some(start.elapsed())
    }
}

fn is_free(test: &str) -> bool {
    Enclosure::is_free_for(&format!("scenes::{test}"))
}

fn lab() -> Lab {
    let narrow = Kind::of(Nat::PortRestricted);
    Lab::laid(Layout { second: Some(narrow), ..Layout::of(narrow, Kind::of(Nat::Open)) })
}

#[test]
fn a_wire_takes_its_time_both_ways() {
    if !is_free("a_wire_takes_its_time_both_ways") {
        return;
    }
    let lab = lab();
    let line = Line::open(&lab);
    assert!(line.round_trip().unwrap() < Duration::from_millis(45));
    let wire = Wire::lay(&lab, Side::A, Duration::from_millis(25), Duration::ZERO);
    let took = line.round_trip().unwrap();
    assert!((50..150).contains(&took.as_millis()), "{took:?}");
    drop(wire);
    assert!(line.round_trip().unwrap() < Duration::from_millis(45));
}

#[test]
fn loss_is_the_share_that_was_asked_for() {
    if !is_free("loss_is_the_share_that_was_asked_for") {
        return;
    }
    let lab = lab();
    let line = Line::open(&lab);
    let loss = Loss::of(&lab, Side::A, 10);
    let (sent, mut heard) = (3_000, 0);
    line.server.set_nonblocking(true).unwrap();
    let mut hear = || {
        while line.server.recv(&mut [0; 8]).is_ok() {
            heard += 1;
        }
    };
    for _ in 0..sent {
        line.host.send(b"?").unwrap();
        hear();
    }
    std::thread::sleep(Duration::from_millis(100));
    hear();
    line.server.set_nonblocking(false).unwrap();
    assert!((210..400).contains(&(sent - heard)), "{heard} of {sent}");
    drop(loss);
    assert!(line.round_trip().is_some());
}

#[test]
fn a_cut_lets_nothing_pass_until_it_is_over() {
    if !is_free("a_cut_lets_nothing_pass_until_it_is_over") {
        return;
    }
    let lab = lab();
    let line = Line::open(&lab);
    for cut in [Cut::silent, Cut::cable] {
        let cut = cut(&lab, Side::A);
        assert_eq!(line.says(), None);
        drop(cut);
        let end = Instant::now() + Duration::from_secs(5);
        while line.round_trip().is_none() {
            assert!(Instant::now() < end, "the line stays cut");
        }
    }
}

#[test]
fn a_router_that_forgets_lets_nobody_in_until_it_is_asked_anew() {
    if !is_free("a_router_that_forgets_lets_nobody_in_until_it_is_asked_anew") {
        return;
    }
    let lab = lab();
    let line = Line::open(&lab);
    let from = line.says().unwrap();
    let is_let_in = || {
        line.server.send_to(b"!", from).unwrap();
        line.host.recv(&mut [0; 8]).is_ok()
    };
    assert!(is_let_in());
    lab.forget_mappings(Side::A);
    assert!(!is_let_in());
    assert!(line.round_trip().is_some());
}

#[test]
fn another_address_is_seen_outside() {
    if !is_free("another_address_is_seen_outside") {
        return;
    }
    let lab = lab();
    let line = Line::open(&lab);
    let before = line.says().unwrap();
    lab.renumber(Side::A);
    let after = line.says().unwrap();
    assert_ne!(before.ip(), after.ip());
    assert!(line.round_trip().is_some());
}

#[test]
fn a_host_that_walks_is_on_the_other_lan() {
    if !is_free("a_host_that_walks_is_on_the_other_lan") {
        return;
    }
    let lab = lab();
    assert!(Line::open(&lab).round_trip().is_some());
    lab.walk();
    lab.await_server(Side::A);
    assert!(Line::open(&lab).round_trip().is_some());
}

#[test]
fn a_chat_goes_on_when_a_router_has_forgotten_it() {
    if !is_free("a_chat_goes_on_when_a_router_has_forgotten_it") {
        return;
    }
    let figure = Scene::Forgotten.play(Nat::PortRestricted, Condition::default());
    assert!(figure.took.is_ok(), "{figure:?}");
}

#[test]
fn a_relayed_chat_goes_on_over_another_relay_when_its_own_is_killed() {
    if !is_free("a_relayed_chat_goes_on_over_another_relay_when_its_own_is_killed") {
        return;
    }
    let figure = Scene::RelayKilled.play(Nat::Symmetric, Condition::default());
    assert!(figure.took.is_ok() && !figure.is_missed(), "{figure:?}");
}
