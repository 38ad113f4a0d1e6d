//! The WebRTC link: session descriptions, candidates and datagrams, before and after the opening.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tincan_link::{
    Channel, Config, Event, Link, LocalCandidate, Role, StunProbe, Transmit, ufrag_of_stun,
};

use crate::pieces::pieces;

const HERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 1_001);
const THERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)), 1_002);
const ELSEWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 3)), 1_003);

/// Wake-ups at one instant that are no spinning.
const MAX_WAKES: usize = 50;

/// How long an opening or a message may take, in milliseconds; nothing is lost on the way.
const PATIENCE_MS: u32 = 50;

/// What a piece of the input does.
pub mod piece {
    /// A datagram of the peer.
    pub const FROM_PEER: u8 = 0;
    /// A datagram of a stranger.
    pub const FROM_STRANGER: u8 = 1;
    /// An offer.
    pub const OFFER: u8 = 2;
    /// An answer.
    pub const ANSWER: u8 = 3;
    /// A candidate of the peer.
    pub const CANDIDATE: u8 = 4;
    /// Ten times as many milliseconds pass as it has bytes.
    pub const WAIT: u8 = 5;
}

/// A link that hears anything instead of its peer: it never opens, and never spins.
pub fn link(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let role = if first % 2 == 0 { Role::Offerer } else { Role::Answerer };
    let mut now = Instant::now();
    let mut end = new_link(role, now, HERE);
    if role == Role::Offerer {
        end.create_offer(now).expect("a new link can offer");
    }
    for (kind, bytes) in pieces(data) {
        // What is refused is refused with a reason; that is all that is wanted here.
        match kind {
            piece::FROM_PEER => end.handle_datagram(now, HERE, THERE, bytes),
            piece::FROM_STRANGER => end.handle_datagram(now, HERE, ELSEWHERE, bytes),
            piece::OFFER => drop(end.accept_offer(now, &String::from_utf8_lossy(bytes))),
            piece::ANSWER => drop(end.accept_answer(now, &String::from_utf8_lossy(bytes))),
            piece::CANDIDATE => {
                drop(end.add_remote_candidate(now, &String::from_utf8_lossy(bytes)));
            }
            _ => now += Duration::from_millis(10) * u32::try_from(bytes.len()).unwrap_or(0),
        }
        let events = run(&mut end, now, |_, _| {});
        assert!(!events.contains(&Event::Connected), "nobody is there");
    }
}

/// An open connection between the datagrams of anybody: it stays open, nothing of them comes out
/// as a message, and what the peer says still arrives.
pub fn link_open(data: &[u8]) {
    let mut now = Instant::now();
    let mut ends = [new_link(Role::Offerer, now, HERE), new_link(Role::Answerer, now, THERE)];
    let offer = ends[0].create_offer(now).expect("a new link can offer");
    let answer = ends[1].accept_offer(now, &offer).expect("it is a link's");
    ends[0].accept_answer(now, &answer).expect("it is a link's");
    let mut open = [false; 2];
    for _ in 0..PATIENCE_MS {
        for (end, events) in exchange(&mut ends, now).into_iter().enumerate() {
            open[end] |= events.contains(&Event::Connected);
        }
        now += Duration::from_millis(1);
    }
    assert_eq!(open, [true; 2], "nothing is in their way");
    for (kind, bytes) in pieces(data) {
        let from = if kind % 2 == 0 { THERE } else { ELSEWHERE };
        ends[0].handle_datagram(now, HERE, from, bytes);
        let events = exchange(&mut ends, now);
        assert_eq!(events, [vec![], vec![]]);
        now += Duration::from_millis(1);
    }
    ends[1].send(now, Channel::Chat, b"still here").expect("it is open");
    let message = Event::Message { channel: Channel::Chat, data: b"still here".to_vec() };
    for _ in 0..PATIENCE_MS {
        if exchange(&mut ends, now)[0].contains(&message) {
            return;
        }
        now += Duration::from_millis(1);
    }
    panic!("what the peer says no longer arrives");
}

/// What routes a datagram to its link, and the answers of STUN servers.
pub fn stun(data: &[u8]) {
    if let Some(ufrag) = ufrag_of_stun(data) {
        assert!(ufrag.len() < data.len());
    }
    let transaction = data.get(8..20).and_then(|bytes| bytes.try_into().ok());
    let probe = StunProbe::new(transaction.unwrap_or_default());
    if probe.handle(data).is_some() {
        assert!(data.len() >= 20, "a header at least");
    }
}

fn new_link(role: Role, now: Instant, host: SocketAddr) -> Link {
    let mut link = Link::new(Config::default(), role, [7; 32], now).expect("a certificate");
    link.add_local_candidate(now, LocalCandidate::host(host)).expect("an address");
    link
}

/// Takes everything out that is due now.
fn run(link: &mut Link, now: Instant, mut sent: impl FnMut(Transmit, &[u8])) -> Vec<Event> {
    let (mut events, mut out) = (Vec::new(), Vec::new());
    for _ in 0..MAX_WAKES {
        while let Some(transmit) = link.poll_transmit(now, &mut out) {
            for datagram in out.chunks(transmit.segment_size.unwrap_or(out.len()).max(1)) {
                sent(transmit, datagram);
            }
        }
        while let Some(event) = link.poll_event() {
            events.push(event);
        }
        if link.poll_timeout().is_none_or(|at| at > now) {
            return events;
        }
        link.handle_timeout(now);
    }
    panic!("it spins");
}

/// Carries what both have to send, once; the events of each.
fn exchange(ends: &mut [Link; 2], now: Instant) -> [Vec<Event>; 2] {
    let addresses = [HERE, THERE];
    let mut events = [Vec::new(), Vec::new()];
    for from in [0, 1] {
        let mut flight = Vec::new();
        events[from] = run(&mut ends[from], now, |transmit, bytes| {
            if transmit.remote == addresses[1 - from] {
                flight.push(bytes.to_vec());
            }
        });
        for bytes in flight {
            ends[1 - from].handle_datagram(now, addresses[1 - from], addresses[from], &bytes);
        }
    }
    events
}
