//! Resident memory of idle, connected links, measured over pairs in one process without sockets.
//!
//! `cargo run --release -p tincan-link --example link_memory [pairs]`

#![expect(clippy::expect_used, reason = "a bench ends with the reason when its machine fails it")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tincan_link::{Channel, Config, Event, Link, LocalCandidate, Role};

#[allow(clippy::print_stdout)]
fn main() {
    let pairs = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(200);
    let mut now = Instant::now();
    // The first pair warms up what is allocated once.
    let warm = open_pair(&mut now);
    let before = resident();
    let links: Vec<[Link; 2]> = (0..pairs).map(|_| open_pair(&mut now)).collect();
    let bytes = resident().saturating_sub(before);
    let each = bytes as f64 / (2 * links.len()) as f64 / 1000.0;
    let line = serde_json::json!({
        "figure": "link memory, idle and connected", "value": (each * 10.0).round() / 10.0,
        "unit": "KB", "target": null, "ok": true,
    });
    println!("{line}");
    drop((warm, links));
}

/// Two connected links that have exchanged a message.
fn open_pair(now: &mut Instant) -> [Link; 2] {
    let addrs: [SocketAddr; 2] = [([10, 0, 0, 1], 4000).into(), ([10, 0, 0, 2], 4000).into()];
    let mut links = [Role::Offerer, Role::Answerer].map(|role| {
        Link::new(Config::default(), role, [role as u8 + 1; 32], *now).expect("a link")
    });
    for (link, addr) in links.iter_mut().zip(addrs) {
        link.add_local_candidate(*now, LocalCandidate::host(addr)).expect("a candidate");
    }
    let offer = links[0].create_offer(*now).expect("an offer");
    let answer = links[1].accept_offer(*now, &offer).expect("an answer");
    links[0].accept_answer(*now, &answer).expect("an accepted answer");
    let (mut connected, mut delivered) = (0, 0);
    while delivered < 2 {
        for from in [0, 1] {
            let mut out = Vec::new();
            while let Some(transmit) = links[from].poll_transmit(*now, &mut out) {
                for data in out.chunks(transmit.segment_size.unwrap_or(out.len())) {
                    links[1 - from].handle_datagram(*now, transmit.remote, transmit.local, data);
                }
            }
            while let Some(event) = links[from].poll_event() {
                match event {
                    Event::Connected => connected += 1,
                    Event::Message { .. } => delivered += 1,
                    Event::Failed(failure) => unreachable!("{failure}"),
                    _ => {}
                }
            }
        }
        if connected == 2 {
            connected = 0;
            for link in &mut links {
                let _ = link.send(*now, Channel::Chat, &[1; 200]);
            }
        }
        *now += Duration::from_millis(5);
        for link in &mut links {
            link.handle_timeout(*now);
        }
    }
    links
}

/// Resident bytes of this process, from the kernel.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    let kilobytes = line.split_whitespace().nth(1).and_then(|text| text.parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}
