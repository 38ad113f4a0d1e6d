//! Damaged, forged and replayed datagrams, before and after the opening, from the peer's address
//! and from strangers: a link survives them and stays calm.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod world;

use std::time::Duration;

use rand_chacha::rand_core::Rng;
use tincan_link::{Channel, Config, DtlsVersions, Event, Failure};
use world::{A, B, Net, World, addr};

/// Wake-ups and datagrams of one end in one virtual second that count as calm.
const TICKS: u32 = 400;
const SENT: u32 = 400;

fn versions() -> [Config; 3] {
    [DtlsVersions::Both, DtlsVersions::Only12, DtlsVersions::Only13]
        .map(|dtls| Config { dtls, ..Config::default() })
}

fn exchange(world: &mut World, count: u32) {
    let before = [world.ends[A].messages.len(), world.ends[B].messages.len()];
    for number in 0..count {
        for end in [A, B] {
            assert!(world.send(end, Channel::Chat, &number.to_be_bytes()));
        }
        world.run_for(Duration::from_millis(20));
    }
    let arrived = move |world: &World| {
        [A, B].iter().all(|&end| world.ends[end].messages.len() == before[end] + count as usize)
    };
    assert!(world.run_until(Duration::from_secs(30), arrived), "messages are missing");
    for end in [A, B] {
        let numbers = world.ends[end].messages[before[end]..].iter().map(|(_, data)| data.clone());
        assert!(numbers.eq((0..count).map(|number| number.to_be_bytes().to_vec())));
    }
}

fn check_opens_under(net: impl Fn() -> Net, runs: u64) {
    check_versions_open_under(&versions(), net, runs);
}

fn check_versions_open_under(versions: &[Config], net: impl Fn() -> Net, runs: u64) {
    for config in versions {
        let mut worst = Duration::ZERO;
        for seed in 0..runs {
            let mut world = World::with(seed, net(), config.clone(), config.clone());
            world.connect();
            let open = world.run_until(Duration::from_secs(15), World::is_open);
            let rejects = |end: usize| world.ends[end].link.stats().rejects;
            assert!(open, "{:?} seed {seed}: {:?} {:?}", config.dtls, rejects(A), rejects(B));
            worst = worst.max(world.open_time());
            exchange(&mut world, 5);
            world.assert_calm(TICKS, SENT);
        }
        println!("{:?}: worst {worst:?}", config.dtls);
    }
}

#[test]
fn opens_while_every_tenth_datagram_has_a_damaged_copy() {
    check_opens_under(|| Net { corruption: 0.1, ..Net::default() }, 60);
}

#[test]
fn opens_while_every_second_datagram_has_a_damaged_copy() {
    let [both, only12, only13] = versions();
    check_versions_open_under(&[both, only13], || Net { corruption: 0.5, ..Net::default() }, 40);
    // DTLS 1.2 shows its whole handshake in the clear, so fewer attempts survive: of 20,000 runs
    // one in a thousand took longer than 4.7 s, the longest 8.2 s.
    check_versions_open_under(&[only12], || Net { corruption: 0.15, ..Net::default() }, 40);
}

#[test]
fn opens_while_everything_is_followed_by_a_damaged_copy() {
    let spread = Duration::ZERO;
    check_opens_under(|| Net { corruption: 1.0, corruption_spread: spread, ..Net::default() }, 40);
}

#[test]
fn opens_while_datagrams_are_replayed_lost_and_reordered() {
    let jitter = Duration::from_millis(10);
    check_opens_under(|| Net { replay: 0.5, loss: 0.05, jitter, ..Net::default() }, 40);
}

#[test]
fn a_storm_of_damaged_copies_ends_and_the_link_opens() {
    for config in versions() {
        for seed in 0..20 {
            let net = Net { corruption: 1.0, ..Net::default() };
            let mut world = World::with(seed, net, config.clone(), config.clone());
            world.connect();
            world.run_for(Duration::from_secs(3));
            world.net.corruption = 0.0;
            let open = world.run_until(Duration::from_secs(12), World::is_open);
            assert!(open, "{:?} seed {seed}", config.dtls);
            exchange(&mut world, 3);
            world.assert_calm(TICKS, SENT);
        }
    }
}

#[test]
fn messages_pass_unharmed_among_damaged_and_replayed_datagrams() {
    for config in versions() {
        let mut world = World::with(7, Net::default(), config.clone(), config.clone());
        world.connect();
        assert!(world.run_until(Duration::from_secs(5), World::is_open));
        world.net = Net { corruption: 0.5, replay: 0.5, loss: 0.02, ..Net::default() };
        exchange(&mut world, 100);
        world.assert_calm(TICKS, SENT);
    }
}

/// What a stranger might send: noise of each protocol's first byte, and hellos that look real.
fn forgeries(world: &mut World) -> Vec<Vec<u8>> {
    let mut forged = Vec::new();
    for first in [0, 1, 3, 20, 21, 22, 23, 25, 26, 32, 47, 60, 63, 64, 128, 255] {
        for length in [1, 12, 13, 20, 60, 200, 1200] {
            let mut bytes = vec![0; length];
            world.rng.fill_bytes(&mut bytes);
            bytes[0] = first;
            forged.push(bytes.clone());
            if length > 13 && (20..=25).contains(&first) {
                // A record of DTLS 1.2 in epoch 0 and 1 with a matching length.
                bytes[1..3].copy_from_slice(&[0xfe, 0xfd]);
                bytes[3..11].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 9]);
                bytes[11..13].copy_from_slice(&((length - 13) as u16).to_be_bytes());
                forged.push(bytes.clone());
                bytes[4] = 1;
                forged.push(bytes);
            }
        }
    }
    // A fatal alert in the clear.
    forged.push(vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5, 0, 2, 2, 40]);
    forged
}

fn inject_forgeries(world: &mut World) {
    let peers = [world.ends[B].addrs[0], world.ends[A].addrs[0]];
    let stranger = addr("203.0.113.66:6666");
    for bytes in forgeries(world) {
        for end in [A, B] {
            world.inject(end, peers[end], &bytes);
            world.inject(end, stranger, &bytes);
        }
    }
}

#[test]
fn forgeries_before_during_and_after_the_opening_do_no_harm() {
    for config in versions() {
        for seed in 0..10 {
            let mut world = World::with(seed, Net::default(), config.clone(), config.clone());
            inject_forgeries(&mut world);
            world.connect();
            inject_forgeries(&mut world);
            for _ in 0..20 {
                world.run_for(Duration::from_millis(20));
                inject_forgeries(&mut world);
            }
            let open = world.run_until(Duration::from_secs(14), World::is_open);
            let rejects = |world: &World, end: usize| world.ends[end].link.stats().rejects;
            assert!(
                open,
                "{:?} seed {seed} {:?} {:?}",
                config.dtls,
                rejects(&world, A),
                rejects(&world, B)
            );
            inject_forgeries(&mut world);
            exchange(&mut world, 3);
            world.assert_calm(TICKS, 20 * SENT);
            assert!(rejects(&world, A)["dtls_from_unvalidated_address"] > 0);
        }
    }
}

#[test]
fn everything_sent_so_far_may_be_replayed_at_any_time() {
    for config in versions() {
        let mut world = World::with(4, Net::default(), config.clone(), config.clone());
        world.tap = Some(Vec::new());
        world.connect();
        for round in 0..12 {
            world.run_for(Duration::from_millis(25));
            let past = world.tap.as_ref().unwrap().clone();
            for (from, source, _, bytes) in past {
                world.inject(1 - from, source, &bytes);
                if round % 3 == 0 {
                    world.inject(1 - from, addr("203.0.113.66:6666"), &bytes);
                }
            }
            world.tap.as_mut().unwrap().truncate(100);
        }
        world.tap = None;
        let open = world.run_until(Duration::from_secs(14), World::is_open);
        assert!(open, "{:?}", config.dtls);
        exchange(&mut world, 5);
        world.assert_calm(TICKS, SENT);
    }
}

#[test]
fn wrong_fingerprint_never_opens() {
    for config in versions() {
        for wrong in [A, B] {
            let mut world = World::with(5, Net::default(), config.clone(), config.clone());
            let now = world.now;
            for end in &mut world.ends {
                let host = tincan_link::LocalCandidate::host(end.addrs[0]);
                end.link.add_local_candidate(now, host).unwrap();
            }
            let swap = |sdp: String| {
                let start = sdp.find("sha-256 ").unwrap() + 8;
                let digit = if sdp.as_bytes()[start] == b'0' { "1" } else { "0" };
                format!("{}{digit}{}", &sdp[..start], &sdp[start + 1..])
            };
            let mut offer = world.ends[A].link.create_offer(now).unwrap();
            if wrong == B {
                offer = swap(offer);
            }
            let mut answer = world.ends[B].link.accept_offer(now, &offer).unwrap();
            if wrong == A {
                answer = swap(answer);
            }
            world.ends[A].link.accept_answer(now, &answer).unwrap();
            world.settle();
            assert!(world.run_until(Duration::from_secs(40), World::is_over), "both must end");
            let (_, reason) = world.ends[wrong].ended.clone().unwrap();
            assert_eq!(reason, Event::Failed(Failure::FingerprintMismatch), "{:?}", config.dtls);
            for end in &world.ends {
                assert_eq!(end.connected_at, None);
            }
            world.assert_calm(TICKS, SENT);
        }
    }
}

/// The first plaintext hello of a kind (1 from the client, 2 from the server) that was sent.
fn captured_hello(world: &World, kind: u8) -> Option<Vec<u8>> {
    let sent = world.tap.as_ref().unwrap();
    let hello = sent.iter().find(|(_, _, _, bytes)| bytes[0] == 22 && bytes.get(13) == Some(&kind));
    hello.map(|(_, _, _, bytes)| bytes.clone())
}

/// Sends forged hellos for three seconds from the peer's address and requires the link to open
/// afterwards.
fn check_flood(config: &Config, kind: u8, victim: usize) {
    let mut world = World::with(31, Net::default(), config.clone(), config.clone());
    world.tap = Some(Vec::new());
    world.connect();
    let until = world.start + Duration::from_secs(3);
    let peer = world.ends[1 - victim].addrs[0];
    while world.now < until {
        world.run_for(Duration::from_millis(1));
        if let Some(mut hello) = captured_hello(&world, kind) {
            world.rng.fill_bytes(&mut hello[27..59]);
            world.inject(victim, peer, &hello);
        }
    }
    let open = world.run_until(Duration::from_secs(12), World::is_open);
    let rejects = world.ends[victim].link.stats().rejects;
    assert!(open, "{:?} hello {kind}: {rejects:?}", config.dtls);
    println!("{:?} hello {kind}: open after {:?}, {rejects:?}", config.dtls, world.open_time());
    exchange(&mut world, 3);
    world.assert_calm(TICKS, 3000);
}

#[test]
fn a_flood_of_forged_hellos_is_bounded_work_and_ends() {
    for config in versions() {
        check_flood(&config, 1, A);
        check_flood(&config, 2, B);
    }
}

/// Opens with each version while `disturb` acts when the client's hello is under way; the times.
fn open_times_with(disturb: impl Fn(&mut World, [std::net::SocketAddr; 2])) -> Vec<Duration> {
    let open = |config: &Config| {
        let net = Net { latency: Duration::from_millis(50), ..Net::default() };
        let mut world = World::with(32, net, config.clone(), config.clone());
        world.tap = Some(Vec::new());
        world.connect();
        let peers = [world.ends[B].addrs[0], world.ends[A].addrs[0]];
        world.run_for(Duration::from_millis(110));
        disturb(&mut world, peers);
        assert!(world.run_until(Duration::from_secs(5), World::is_open));
        world.open_time()
    };
    versions().iter().map(open).collect()
}

#[test]
fn strays_during_the_opening_cost_no_time() {
    let times = open_times_with(|world, peers| {
        for first in [20, 21, 22, 23, 40, 63] {
            let mut stray = [7; 64];
            stray[0] = first;
            world.inject(B, peers[B], &stray);
            world.inject(A, peers[A], &stray);
        }
    });
    // DTLS 1.2 takes a round trip more.
    let limits = [450, 600, 450].map(Duration::from_millis);
    assert!(times.iter().zip(limits).all(|(time, limit)| *time <= limit), "{times:?}");
}

#[test]
fn a_forged_hello_that_overtakes_the_real_one_costs_one_patience() {
    // The server answers it too, and nothing in that answer tells the client that it is not for
    // its own hello: it finds out by getting nowhere.
    let times = open_times_with(|world, peers| {
        let mut hello = captured_hello(world, 1).unwrap();
        world.rng.fill_bytes(&mut hello[27..59]);
        world.inject(A, peers[A], &hello);
    });
    println!("{times:?}");
    assert!(times.iter().all(|time| *time < Duration::from_millis(1300)), "{times:?}");
}
