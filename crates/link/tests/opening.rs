//! Opening over good and bad paths.

mod world;

use std::time::Duration;

use tincan_link::{Channel, Config, DtlsVersions};
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

fn check_opens(loss: f64, median_ms: u64) {
    let times = open_200(loss);
    assert!(times[100] <= Duration::from_millis(median_ms), "median {:?}", times[100]);
    assert!(times[199] <= Duration::from_secs(15), "an attempt of the protocol lasts 15 s");
}

#[test]
fn opens_in_200_of_200_without_loss() {
    check_opens(0.0, 250);
}

#[test]
fn opens_in_200_of_200_at_1_percent_loss() {
    check_opens(0.01, 250);
}

#[test]
fn opens_in_200_of_200_at_5_percent_loss() {
    check_opens(0.05, 250);
}

#[test]
fn opens_in_200_of_200_at_10_percent_loss() {
    check_opens(0.10, 500);
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
            let host = tincan_link::LocalCandidate::host(end.addrs[0]);
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
