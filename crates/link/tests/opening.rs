//! Opening over good and bad paths.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod world;

use std::net::SocketAddr;
use std::time::Duration;

use tincan_link::{CandidateKind, Channel, Config, DtlsVersions, LocalCandidate};
use world::{A, B, Net, World, addr};

#[test]
fn two_links_open_and_exchange_a_message() {
    let mut world = World::open(1, Net::default());
    assert!(world.send(A, Channel::Chat, b"hello"));
    assert!(world.send(B, Channel::File, b"\0\x01"));
    world.run_for(Duration::from_millis(200));
    assert_eq!(world.ends[B].messages, [(Channel::Chat, b"hello".to_vec())]);
    assert_eq!(world.ends[A].messages, [(Channel::File, vec![0, 1])]);
}

/// Opens 200 times and returns the sorted times.
fn open_200(loss: f64) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..200)
        .map(|seed| World::open(seed, Net { loss, ..Net::default() }).open_time())
        .collect();
    times.sort();
    println!("loss {loss}: p50 {:?} p90 {:?} worst {:?}", times[100], times[180], times[199]);
    times
}

fn check_opens(loss: f64, median_ms: u64, of_ten_nine_ms: u64) {
    let times = open_200(loss);
    assert!(times[180] <= Duration::from_millis(of_ten_nine_ms), "nine of ten {:?}", times[180]);
    assert!(times[100] <= Duration::from_millis(median_ms), "median {:?}", times[100]);
    assert!(times[199] <= Duration::from_secs(15), "an attempt of the protocol lasts 15 s");
}

#[test]
fn opens_in_200_of_200_without_loss() {
    check_opens(0.0, 250, 250);
}

#[test]
fn opens_in_200_of_200_at_1_percent_loss() {
    check_opens(0.01, 250, 300);
}

#[test]
fn opens_in_200_of_200_at_5_percent_loss() {
    check_opens(0.05, 250, 400);
}

#[test]
fn opens_in_200_of_200_at_10_percent_loss() {
    check_opens(0.10, 300, 600);
}

#[test]
fn opens_although_the_last_word_of_the_server_is_lost_for_seconds() {
    let mut world = World::new(0, Net::default());
    world.connect();
    let connected = |world: &World, end: usize| world.ends[end].connected_at.is_some();
    let one_is_open = move |world: &World| connected(world, A) || connected(world, B);
    assert!(world.run_until(Duration::from_secs(5), one_is_open));
    assert!(!world.is_open(), "the other waits for the word that is lost now");
    world.lose_what_is_in_flight();
    world.net.blackout = Some((world.now, world.now + Duration::from_secs(4)));
    assert!(world.run_until(Duration::from_secs(10), World::is_open));
}

#[test]
fn opens_with_each_dtls_version() {
    for a in [DtlsVersions::Both, DtlsVersions::Only12, DtlsVersions::Only13] {
        for b in [DtlsVersions::Both, DtlsVersions::Only12, DtlsVersions::Only13] {
            let apart =
                [a, b].contains(&DtlsVersions::Only12) && [a, b].contains(&DtlsVersions::Only13);
            if apart {
                continue;
            }
            let config = |dtls| Config { dtls, ..Config::default() };
            for seed in 0..20 {
                let net = Net { loss: 0.05, ..Net::default() };
                let mut world = World::with(seed, net, config(a), config(b));
                world.connect();
                let open = world.run_until(Duration::from_secs(15), World::is_open);
                assert!(open, "{a:?} {b:?} seed {seed}: {:?}", world.ends[A].link.stats().rejects);
            }
        }
    }
}

#[test]
fn opens_over_ipv6() {
    let a = (Config::default(), addr("[2001:db8::1]:4000"));
    let b = (Config::default(), addr("[2001:db8::2]:4000"));
    let mut world = World::at(3, Net::default(), a, b);
    world.connect();
    assert!(world.run_until(Duration::from_secs(2), World::is_open));
    let path = world.ends[A].link.stats().path.unwrap();
    assert!(path.local.is_ipv6() && path.remote.is_ipv6());
}

#[test]
fn any_two_of_the_first_40_datagrams_may_be_lost() {
    for first in 0..40 {
        for second in first + 1..40 {
            let net = Net { drop: vec![first, second], ..Net::default() };
            let mut world = World::new(first * 40 + second, net);
            world.connect();
            let open = world.run_until(Duration::from_secs(5), World::is_open);
            assert!(open, "hangs without datagrams {first} and {second}");
            world.assert_calm(300, 200);
        }
    }
}

#[test]
fn opens_over_a_slow_path() {
    for (latency_ms, seed) in [(300, 1), (600, 2), (1000, 3)] {
        let net = Net { latency: Duration::from_millis(latency_ms), ..Net::default() };
        let mut world = World::new(seed, net);
        world.connect();
        assert!(world.run_until(Duration::from_secs(15), World::is_open), "{latency_ms} ms");
        println!("{latency_ms} ms each way: {:?}", world.open_time());
        world.assert_calm(300, 100);
    }
}

#[test]
fn no_timer_delays_the_opening_on_an_instant_path() {
    for seed in 0..20 {
        let world = World::open(seed, Net { latency: Duration::ZERO, ..Net::default() });
        assert_eq!(world.open_time(), Duration::ZERO, "seed {seed}");
    }
}

#[test]
fn the_answer_may_come_after_the_first_checks() {
    for seed in 0..20 {
        let mut world = World::new(seed, Net { latency: Duration::ZERO, ..Net::default() });
        let now = world.now;
        for end in &mut world.ends {
            let host = LocalCandidate::host(end.addrs[0]);
            end.link.add_local_candidate(now, host).unwrap();
        }
        let offer = world.ends[A].link.create_offer(now).unwrap();
        let answer = world.ends[B].link.accept_offer(now, &offer).unwrap();
        world.settle();
        world.run_for(Duration::from_millis(120));
        let answered = world.now;
        world.ends[A].link.accept_answer(answered, &answer).unwrap();
        world.settle();
        assert!(world.run_until(Duration::from_secs(2), World::is_open));
        assert_eq!(world.now - answered, Duration::ZERO, "seed {seed}");
    }
}

#[test]
fn opens_over_a_relay_address() {
    let mut world = World::new(40, Net::default());
    let now = world.now;
    let relay = addr("198.51.100.1:5000");
    world.ends[A].addrs = vec![relay];
    let base = addr("10.0.0.1:4000");
    let relayed = LocalCandidate { addr: relay, base, kind: CandidateKind::Relayed };
    world.ends[A].link.add_local_candidate(now, relayed).unwrap();
    let host = LocalCandidate::host(world.ends[B].addrs[0]);
    world.ends[B].link.add_local_candidate(now, host).unwrap();
    let offer = world.ends[A].link.create_offer(now).unwrap();
    let answer = world.ends[B].link.accept_offer(now, &offer).unwrap();
    world.ends[A].link.accept_answer(now, &answer).unwrap();
    world.settle();
    assert!(world.run_until(Duration::from_secs(2), World::is_open));
    let path = world.ends[A].link.stats().path.unwrap();
    assert_eq!((path.local, path.local_kind), (relay, CandidateKind::Relayed));
    let path = world.ends[B].link.stats().path.unwrap();
    assert_eq!((path.remote, path.remote_kind), (relay, CandidateKind::Relayed));
}

#[test]
fn a_relay_whose_check_came_before_its_candidate_gives_way_to_a_direct_path() {
    let mut world = World::new(44, Net::default());
    let (direct, relay) = (world.ends[B].addrs[0], addr("198.51.100.1:5000"));
    world.ends[B].addrs.push(relay);
    let (now, host) = (world.now, LocalCandidate::host(world.ends[A].addrs[0]));
    world.ends[A].link.add_local_candidate(now, host).unwrap();
    let offer = world.ends[A].link.create_offer(now).unwrap();
    let answer = world.ends[B].link.accept_offer(now, &offer).unwrap();
    world.ends[A].link.accept_answer(now, &answer).unwrap();
    let relayed = LocalCandidate { addr: relay, base: relay, kind: CandidateKind::Relayed };
    let relayed = world.ends[B].link.add_local_candidate(now, relayed).unwrap();
    world.settle();
    assert!(world.run_until(Duration::from_secs(2), World::is_open));
    assert_eq!(world.ends[A].link.stats().path.unwrap().remote, relay);

    let now = world.now;
    world.ends[A].link.add_remote_candidate(now, &relayed).unwrap();
    let told = format!("candidate:9 1 udp 1686109951 {} {} typ srflx", direct.ip(), direct.port());
    let told = format!("{told} raddr 0.0.0.0 rport 0");
    world.ends[A].link.add_remote_candidate(now, &told).unwrap();
    world.ends[B].link.add_local_candidate(now, LocalCandidate::host(direct)).unwrap();
    world.settle();
    world.run_for(Duration::from_secs(3));
    for (end, remote) in [(A, direct), (B, world.ends[A].addrs[0])] {
        assert_eq!(world.ends[end].link.stats().path.unwrap().remote, remote);
        assert_eq!(world.ends[end].ended, None);
    }
    assert_eq!(world.ends[B].link.stats().path.unwrap().local, direct);
    assert!(world.send(A, Channel::Chat, b"directly"));
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.ends[B].messages, [(Channel::Chat, b"directly".to_vec())]);
}

#[test]
fn opens_quickly_among_many_dead_addresses() {
    let mut world = World::new(41, Net::default());
    for (end, net) in [(A, 1), (B, 2)] {
        for host in 1..=7 {
            let dead = addr(&format!("172.16.{net}.{host}:4000"));
            world.ends[end].addrs.insert(0, dead);
            world.net.dead.push(dead);
        }
    }
    world.connect();
    assert!(world.run_until(Duration::from_secs(15), World::is_open));
    println!("among 64 pairs: {:?}", world.open_time());
    assert!(world.open_time() < Duration::from_millis(1200));
    world.assert_calm(400, 400);
}

#[test]
fn candidates_may_trickle_in_after_the_descriptions() {
    let mut world = World::new(42, Net::default());
    let now = world.now;
    let offer = world.ends[A].link.create_offer(now).unwrap();
    let answer = world.ends[B].link.accept_offer(now, &offer).unwrap();
    world.ends[A].link.accept_answer(now, &answer).unwrap();
    world.run_for(Duration::from_millis(500));
    for end in [A, B] {
        let (now, host) = (world.now, LocalCandidate::host(world.ends[end].addrs[0]));
        let line = world.ends[end].link.add_local_candidate(now, host).unwrap();
        world.ends[1 - end].link.add_remote_candidate(now, &line).unwrap();
        world.settle();
        world.run_for(Duration::from_millis(100));
    }
    assert!(world.run_until(Duration::from_secs(2), World::is_open));
}

#[test]
fn a_check_that_comes_in_is_answered_with_ours_at_once_however_long_ours_were_dropped() {
    for late_ms in [60, 160, 400, 800, 1_600, 3_000] {
        let mut world = World::new(45, Net::default());
        let (now, theirs) = (world.now, world.ends[B].addrs[0]);
        world.net.filtered.push(theirs);
        world.ends[B].link.add_local_candidate(now, LocalCandidate::host(theirs)).unwrap();
        let offer = world.ends[A].link.create_offer(now).unwrap();
        let answer = world.ends[B].link.accept_offer(now, &offer).unwrap();
        world.ends[A].link.accept_answer(now, &answer).unwrap();
        let host = LocalCandidate::host(world.ends[A].addrs[0]);
        let line = world.ends[A].link.add_local_candidate(now, host).unwrap();
        world.settle();
        world.run_for(Duration::from_millis(late_ms));
        let (told, rtt) = (world.now, world.net.latency * 2);
        world.ends[B].link.add_remote_candidate(told, &line).unwrap();
        world.settle();
        let ours = |world: &World| world.ends[A].link.stats().path.is_some();
        assert!(world.run_until(rtt * 2, ours), "told after {late_ms} ms");
        assert!(world.run_until(rtt * 4, World::is_open), "told after {late_ms} ms");
    }
}

#[test]
fn an_offer_published_again_gets_the_same_answer() {
    let mut world = World::new(43, Net::default());
    let now = world.now;
    let offer = world.ends[A].link.create_offer(now).unwrap();
    assert_eq!(world.ends[A].link.create_offer(now).unwrap(), offer);
    let answer = world.ends[B].link.accept_offer(now, &offer).unwrap();
    assert_eq!(world.ends[B].link.accept_offer(now, &offer).unwrap(), answer);
    world.ends[A].link.accept_answer(now, &answer).unwrap();
    assert_eq!(world.ends[A].link.accept_answer(now, &answer), Ok(()));
}

/// `us`, the offerer A or the answerer B, who has a relay as well as an address of its own, opens a
/// link with another whose description is in the words of this program; gives all that was sent, and
/// our relay.
fn opened_with_a_relay(us: usize, origin: &str, direct_works: bool) -> (World, SocketAddr) {
    let relay = addr("203.0.113.30:50000");
    let mut world = World::new(40, Net::default());
    world.tap = Some(Vec::new());
    let now = world.now;
    let (ours, theirs) = (world.ends[us].addrs[0], world.ends[1 - us].addrs[0]);
    world.ends[us].addrs.push(relay);
    if !direct_works {
        world.net.dead.push(ours);
    }
    let relayed = LocalCandidate { addr: relay, base: relay, kind: CandidateKind::Relayed };
    world.ends[1 - us].link.add_local_candidate(now, LocalCandidate::host(theirs)).unwrap();
    for candidate in [LocalCandidate::host(ours), relayed] {
        world.ends[us].link.add_local_candidate(now, candidate).unwrap();
    }
    let says = |end: usize, sdp: String| match end == us {
        true => {
            assert!(sdp.contains("typ relay"), "it is told all the same");
            sdp
        }
        false => sdp.replacen("o=- ", origin, 1),
    };
    let offer = says(A, world.ends[A].link.create_offer(now).unwrap());
    let answer = says(B, world.ends[B].link.accept_offer(now, &offer).unwrap());
    world.ends[A].link.accept_answer(now, &answer).unwrap();
    world.settle();
    (world, relay)
}

fn has_sent_from(world: &World, from: SocketAddr) -> bool {
    world.tap.as_ref().unwrap().iter().any(|(_, source, ..)| *source == from)
}

const FIREFOX: &str = "o=mozilla...THIS_IS_SDPARTA-153.0 ";

#[test]
fn who_keeps_to_the_first_pair_is_not_checked_from_a_relay_for_a_quarter_of_a_second() {
    for us in [A, B] {
        let (mut world, relay) = opened_with_a_relay(us, FIREFOX, true);
        world.run_for(Duration::from_millis(240));
        assert!(world.is_open() && !has_sent_from(&world, relay));
        let (mut world, relay) = opened_with_a_relay(us, "o=- ", true);
        world.run_for(Duration::from_millis(100));
        assert!(has_sent_from(&world, relay), "others change to the better pair");
    }
}

#[test]
fn where_a_relay_is_the_only_way_the_head_start_is_all_that_it_costs() {
    for us in [A, B] {
        let open = |origin| {
            let (mut world, relay) = opened_with_a_relay(us, origin, false);
            assert!(world.run_until(Duration::from_secs(5), World::is_open));
            assert_eq!(world.ends[1 - us].link.stats().path.unwrap().remote, relay);
            world.open_time()
        };
        let (without, with) = (open("o=- "), open(FIREFOX));
        assert!(with < without + Duration::from_millis(400), "{with:?} instead of {without:?}");
    }
}
