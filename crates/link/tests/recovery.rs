//! Blackouts, ICE restarts and changes of address: data stays intact, or the failure is reported.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod world;

use std::time::Duration;

use tincan_link::{CandidateKind, Channel, Config, Event, Failure, LocalCandidate};
use world::{A, B, Net, World, addr};

fn numbered(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|number| number.to_be_bytes().to_vec()).collect()
}

fn received(world: &World, end: usize) -> Vec<Vec<u8>> {
    world.ends[end].messages.iter().map(|(_, data)| data.clone()).collect()
}

/// Both ends send a message each 50 ms; returns how many each sent in `time`.
fn chatter(world: &mut World, time: Duration, next: &mut u32) {
    let until = world.now + time;
    while world.now < until {
        for end in [A, B] {
            world.send(end, Channel::Chat, &next.to_be_bytes());
        }
        *next += 1;
        world.run_for(Duration::from_millis(50));
    }
}

fn check_blackout(seconds: u64) -> World {
    let mut world = World::open(seconds, Net::default());
    let mut next = 0;
    chatter(&mut world, Duration::from_secs(1), &mut next);
    let dark = world.now;
    world.net.blackout = Some((dark, dark + Duration::from_secs(seconds)));
    chatter(&mut world, Duration::from_secs(seconds), &mut next);
    let sent = next;
    let done = move |world: &World| {
        world.is_over() || [A, B].iter().all(|&end| world.ends[end].messages.len() == sent as usize)
    };
    // Reported or recovered within the disconnect time-out, counted from the blackout's start.
    let limit = Config::default().disconnect_timeout + Config::default().disconnect_after;
    let rest = (dark + limit).saturating_duration_since(world.now).max(Duration::from_secs(4));
    assert!(world.run_until(rest, done), "{seconds} s: neither recovered nor reported");
    world.assert_calm(400, 400);
    for end in [A, B] {
        let got = received(&world, end);
        assert_eq!(got, numbered(got.len() as u32), "in order and without gaps");
    }
    world
}

#[test]
fn blackouts_of_1_and_10_seconds_are_survived() {
    for seconds in [1, 10] {
        let world = check_blackout(seconds);
        assert!(!world.is_over(), "{seconds} s: {:?}", world.ends[A].events);
    }
    let mut world = check_blackout(10);
    // What was said may arrive before a check of the path does.
    let has =
        |world: &World, event: &Event| world.ends.iter().all(|end| end.events.contains(event));
    assert!(has(&world, &Event::IceDisconnected));
    let is_back = |world: &World| has(world, &Event::IceReconnected);
    assert!(world.run_until(Duration::from_secs(5), is_back));
}

/// SCTP's own timer would come after 1, 3 and 7 s.
#[test]
fn what_was_said_into_a_dead_path_arrives_within_two_seconds_of_its_return() {
    for tenths in [5_u32, 12, 22, 35, 50] {
        let mut world = World::open(u64::from(tenths), Net::default());
        let back = world.now + Duration::from_millis(u64::from(tenths) * 100);
        world.net.blackout = Some((world.now, back));
        world.send(A, Channel::Chat, b"hello?");
        let arrives = |world: &World| !world.ends[B].messages.is_empty();
        let limit = back + Duration::from_secs(2) - world.now;
        assert!(world.run_until(limit, arrives), "after {tenths} tenths of a second");
    }
}

#[test]
fn blackouts_of_20_and_70_seconds_are_survived_or_reported_in_time() {
    for seconds in [20, 70] {
        let world = check_blackout(seconds);
        for end in &world.ends {
            if let Some((_, reason)) = &end.ended {
                let known = [Failure::Stalled, Failure::IceTimeout];
                assert!(known.iter().any(|f| *reason == Event::Failed(*f)), "{reason:?}");
            }
        }
    }
}

#[test]
fn an_idle_link_survives_28_seconds_of_darkness_and_reports_70() {
    for (seconds, survives) in [(20, true), (28, true), (70, false)] {
        let mut world = World::open(9, Net::default());
        world.net.blackout = Some((world.now, world.now + Duration::from_secs(seconds)));
        world.run_for(Duration::from_secs(seconds + 5));
        if survives {
            for end in &world.ends {
                assert_eq!(end.events.last(), Some(&Event::IceReconnected), "{seconds} s");
            }
            world.send(A, Channel::Chat, b"still here");
            world.run_for(Duration::from_millis(100));
            assert_eq!(received(&world, B), [b"still here"]);
        } else {
            for end in &world.ends {
                let (at, reason) = end.ended.clone().unwrap();
                assert_eq!(reason, Event::Failed(Failure::IceTimeout));
                assert!(at - world.start < Duration::from_secs(45));
            }
        }
        world.assert_calm(400, 400);
    }
}

#[test]
fn data_flows_again_within_three_seconds_of_the_lights() {
    for seconds in [3, 8, 12, 15] {
        let mut world = World::open(seconds, Net::default());
        world.send(A, Channel::Chat, b"before");
        world.net.blackout = Some((world.now, world.now + Duration::from_secs(seconds)));
        world.send(A, Channel::Chat, b"during");
        world.run_for(Duration::from_secs(seconds));
        let lit = world.now;
        let arrived = |world: &World| world.ends[B].messages.len() == 2;
        assert!(world.run_until(Duration::from_secs(10), arrived), "{seconds} s");
        println!("{seconds} s dark, then {:?}", world.now - lit);
        assert!(world.now - lit < Duration::from_secs(3), "{seconds} s: {:?}", world.now - lit);
    }
}

#[test]
fn ice_restart_by_either_end_keeps_data_flowing() {
    for by in [A, B] {
        let mut world = World::open(11, Net { loss: 0.02, ..Net::default() });
        let ufrag = world.ends[by].link.local_ufrag();
        let mut next = 0;
        chatter(&mut world, Duration::from_millis(500), &mut next);
        world.restart(by);
        assert_ne!(world.ends[by].link.local_ufrag(), ufrag);
        assert!(world.ends[by].link.local_ufrags().contains(&ufrag), "the old one still routes");
        chatter(&mut world, Duration::from_secs(3), &mut next);
        assert!(!world.ends[by].link.local_ufrags().contains(&ufrag), "the old one is forgotten");
        world.run_for(Duration::from_secs(3));
        for end in [A, B] {
            assert_eq!(received(&world, end), numbered(next));
        }
    }
}

#[test]
fn a_restart_whose_answer_never_comes_leaves_the_old_path_working() {
    let mut world = World::open(12, Net::default());
    let mut next = 0;
    for _ in 0..3 {
        let now = world.now;
        world.ends[A].link.restart_ice(now).unwrap();
        world.settle();
        chatter(&mut world, Duration::from_secs(20), &mut next);
    }
    world.restart(A);
    chatter(&mut world, Duration::from_secs(5), &mut next);
    world.run_for(Duration::from_secs(1));
    for end in [A, B] {
        assert_eq!(received(&world, end), numbered(next));
        assert!(!world.ends[end].events.contains(&Event::IceDisconnected));
    }
}

#[test]
fn a_restart_with_another_fingerprint_is_refused() {
    let mut world = World::open(13, Net::default());
    let other = World::open(14, Net::default());
    let now = world.now;
    let mut stranger = other.ends;
    let offer = stranger[A].link.restart_ice(now).unwrap();
    let refused = world.ends[B].link.accept_offer(now, &offer);
    assert_eq!(refused, Err(tincan_link::LinkError::FingerprintChanged));
}

#[test]
fn path_migrates_to_a_new_address_with_data_intact() {
    for mover in [A, B] {
        let mut world = World::open(15, Net { loss: 0.02, ..Net::default() });
        let mut next = 0;
        chatter(&mut world, Duration::from_millis(500), &mut next);
        let old = world.ends[mover].addrs[0];
        let new = addr("192.168.7.7:5555");
        // The old interface is gone, and with it every datagram to or from it.
        world.net.dead.push(old);
        world.ends[mover].addrs.push(new);
        let now = world.now;
        let host = LocalCandidate::host(new);
        world.ends[mover].link.add_local_candidate(now, host).unwrap();
        world.ends[mover].link.remove_local_address(now, old);
        chatter(&mut world, Duration::from_millis(300), &mut next);
        world.restart(mover);
        chatter(&mut world, Duration::from_secs(2), &mut next);
        world.run_for(Duration::from_secs(8));
        for end in [A, B] {
            assert_eq!(received(&world, end), numbered(next), "end {end}");
        }
        let path = world.ends[mover].link.stats().path.unwrap();
        assert_eq!((path.local, path.local_kind), (new, CandidateKind::Host));
        assert!(world.ends[mover].events.contains(&Event::PathChanged));
    }
}

#[test]
fn what_the_old_path_has_lost_comes_over_the_new_one_at_once() {
    for mover in [A, B] {
        let mut world = World::open(17, Net::default());
        let mut next = 0;
        let old = world.ends[mover].addrs[0];
        world.net.dead.push(old);
        chatter(&mut world, Duration::from_millis(600), &mut next);
        let new = addr("192.168.7.7:5555");
        world.ends[mover].addrs.push(new);
        let now = world.now;
        world.ends[mover].link.add_local_candidate(now, LocalCandidate::host(new)).unwrap();
        world.ends[mover].link.remove_local_address(now, old);
        world.restart(mover);
        // SCTP's own timer would end a second after the first loss, and then two.
        world.run_for(Duration::from_millis(350));
        for end in [A, B] {
            assert_eq!(received(&world, end), numbered(next), "end {end}, {mover} has moved");
        }
    }
}

#[test]
fn path_migrates_from_ipv4_to_ipv6() {
    let mut world = World::open(16, Net::default());
    let mut next = 0;
    chatter(&mut world, Duration::from_millis(300), &mut next);
    let now = world.now;
    for (end, new) in [(A, "[2001:db8::1]:4000"), (B, "[2001:db8::2]:4000")] {
        let old = world.ends[end].addrs[0];
        world.net.dead.push(old);
        world.ends[end].addrs.push(addr(new));
        world.ends[end].link.add_local_candidate(now, LocalCandidate::host(addr(new))).unwrap();
        world.ends[end].link.remove_local_address(now, old);
    }
    world.restart(A);
    chatter(&mut world, Duration::from_secs(1), &mut next);
    world.run_for(Duration::from_secs(8));
    for end in [A, B] {
        assert_eq!(received(&world, end), numbered(next));
        assert!(world.ends[end].link.stats().path.unwrap().remote.is_ipv6());
    }
}

#[test]
fn a_peer_that_hides_its_address_is_found_by_its_checks() {
    let mut world = World::new(17, Net::default());
    let now = world.now;
    for end in &mut world.ends {
        end.link.add_local_candidate(now, LocalCandidate::host(end.addrs[0])).unwrap();
    }
    let offer = world.ends[A].link.create_offer(now).unwrap();
    let answer = world.ends[B].link.accept_offer(now, &offer).unwrap();
    let hidden = answer.replace("10.0.0.2", "8f3b1c1e-6a53-4c43-8f0e-2f6f9c4c2f1d.local");
    world.ends[A].link.accept_answer(now, &hidden).unwrap();
    world.settle();
    assert!(world.run_until(Duration::from_secs(2), World::is_open));
    let path = world.ends[A].link.stats().path.unwrap();
    assert_eq!(path.remote_kind, CandidateKind::PeerReflexive);
    assert_eq!(world.ends[A].link.stats().rejects["candidate"], 1);
}

#[test]
fn an_unanswered_offer_and_an_unreachable_peer_are_reported() {
    let mut world = World::new(18, Net::default());
    let now = world.now;
    world.ends[A].link.create_offer(now).unwrap();
    world.settle();
    world.run_for(Duration::from_secs(61));
    let (_, reason) = world.ends[A].ended.clone().unwrap();
    assert_eq!(reason, Event::Failed(Failure::NoAnswer));

    let mut world = World::new(19, Net { loss: 1.0, ..Net::default() });
    world.connect();
    world.run_for(Duration::from_secs(16));
    for end in &world.ends {
        assert_eq!(end.ended.clone().unwrap().1, Event::Failed(Failure::IceTimeout));
    }
    world.assert_calm(400, 100);
}

#[test]
fn a_path_that_carries_checks_but_no_dtls_is_reported() {
    let mut world = World::new(20, Net::default());
    world.connect();
    // Nothing but STUN passes: deliver the rest nowhere by breaking its first byte.
    let passed = world.run_until(Duration::from_millis(60), |world| {
        world.ends.iter().all(|end| end.link.stats().path.is_some())
    });
    assert!(passed);
    world.net.loss = 1.0;
    world.run_for(Duration::from_secs(17));
    for end in &world.ends {
        assert_eq!(end.ended.clone().unwrap().1, Event::Failed(Failure::DtlsTimeout));
    }
}

/// Two connected ends of which the second is reached through a relay alone; the other relay's
/// address is not told yet.
fn relayed(seed: u64, more_at_a: &[LocalCandidate]) -> (World, LocalCandidate) {
    let relay = |text| {
        let addr = addr(text);
        LocalCandidate { addr, base: addr, kind: CandidateKind::Relayed }
    };
    let (first, second) = (relay("203.0.113.30:50000"), relay("203.0.113.31:50000"));
    let mut world = World::new(seed, Net::default());
    let now = world.now;
    world.ends[B].addrs = vec![first.addr, second.addr];
    world.ends[A].addrs.extend(more_at_a.iter().map(|candidate| candidate.addr));
    let own = LocalCandidate::host(world.ends[A].addrs[0]);
    for candidate in std::iter::once(&own).chain(more_at_a) {
        world.ends[A].link.add_local_candidate(now, *candidate).unwrap();
    }
    world.ends[B].link.add_local_candidate(now, first).unwrap();
    let offer = world.ends[A].link.create_offer(now).unwrap();
    let answer = world.ends[B].link.accept_offer(now, &offer).unwrap();
    world.ends[A].link.accept_answer(now, &answer).unwrap();
    world.settle();
    assert!(world.run_until(Duration::from_secs(5), World::is_open));
    // The checks of the opening are over, and the path is one that both know as relayed.
    world.run_for(Duration::from_secs(20));
    for end in &mut world.ends {
        end.events.clear();
    }
    (world, second)
}

fn told_quiet(world: &World, end: usize) -> usize {
    world.ends[end].events.iter().filter(|event| **event == Event::RelayedPathQuiet).count()
}

/// The second end gets an address on another relay and tells of it.
fn trickle(world: &mut World, candidate: LocalCandidate) {
    let now = world.now;
    let line = world.ends[B].link.add_local_candidate(now, candidate).unwrap();
    world.ends[A].link.add_remote_candidate(now, &line).unwrap();
    world.settle();
}

#[test]
fn a_relayed_path_that_owes_an_answer_is_told_once_within_600_ms() {
    for end in [A, B] {
        let (mut world, _) = relayed(30, &[]);
        world.net.dead.push(addr("203.0.113.30:50000"));
        world.send(end, Channel::Chat, b"hello?");
        world.run_for(Duration::from_millis(450));
        assert_eq!(told_quiet(&world, end), 0);
        world.run_for(Duration::from_millis(150));
        assert_eq!(told_quiet(&world, end), 1);
        world.run_for(Duration::from_secs(3));
        // Both have consent to ask for, too.
        assert_eq!([A, B].map(|end| told_quiet(&world, end)), [1, 1]);
    }
}

#[test]
fn paths_that_answer_and_direct_ones_are_never_told_as_quiet() {
    let (mut world, _) = relayed(31, &[]);
    let mut next = 0;
    chatter(&mut world, Duration::from_secs(5), &mut next);
    world.run_for(Duration::from_secs(30));
    assert_eq!([A, B].map(|end| told_quiet(&world, end)), [0, 0]);

    let mut world = World::open(32, Net::default());
    world.net.blackout = Some((world.now, world.now + Duration::from_secs(3)));
    world.send(A, Channel::Chat, b"hello?");
    world.run_for(Duration::from_secs(5));
    assert_eq!([A, B].map(|end| told_quiet(&world, end)), [0, 0]);
}

#[test]
fn a_dead_relay_is_left_for_another_without_a_restart() {
    for talks in [&[A][..], &[B], &[A, B]] {
        let (mut world, other) = relayed(33, &[]);
        world.net.dead.push(addr("203.0.113.30:50000"));
        for end in talks {
            world.send(*end, Channel::Chat, b"hello?");
        }
        world.run_for(Duration::from_millis(1_300));
        trickle(&mut world, other);
        let heard = |world: &World| talks.iter().all(|end| world.ends[1 - end].messages.len() == 1);
        assert!(world.run_until(Duration::from_millis(300), heard), "{talks:?}");
        // Both go the new way, whether or not the dead address is taken back.
        world.run_for(Duration::from_millis(2_500));
        let path = |end: usize| world.ends[end].link.stats().path.unwrap();
        assert_eq!((path(A).remote, path(B).local), (other.addr, other.addr));
    }
}

#[test]
fn a_relay_that_answers_again_is_returned_to_if_it_was_not_taken_back() {
    let (mut world, other) = relayed(34, &[]);
    let first = addr("203.0.113.30:50000");
    world.net.dead.push(first);
    world.send(A, Channel::Chat, b"hello?");
    world.run_for(Duration::from_millis(1_300));
    trickle(&mut world, other);
    world.run_for(Duration::from_millis(1_500));
    assert_eq!(world.ends[A].link.stats().path.unwrap().remote, other.addr);
    world.net.dead.clear();
    let mut next = 0;
    chatter(&mut world, Duration::from_secs(5), &mut next);
    let path = |end: usize| world.ends[end].link.stats().path.unwrap();
    assert_eq!((path(A).remote, path(B).local), (first, first));
    world.run_for(Duration::from_secs(1));
    assert_eq!(received(&world, A), numbered(next));
}

#[test]
fn a_dead_relay_that_is_taken_back_stays_left() {
    let (mut world, other) = relayed(35, &[]);
    let first = addr("203.0.113.30:50000");
    world.net.dead.push(first);
    world.send(A, Channel::Chat, b"hello?");
    world.run_for(Duration::from_millis(1_300));
    trickle(&mut world, other);
    world.run_for(Duration::from_millis(700));
    let now = world.now;
    world.ends[B].link.remove_local_address(now, first);
    world.settle();
    world.net.dead.clear();
    let mut next = 0;
    chatter(&mut world, Duration::from_secs(30), &mut next);
    world.run_for(Duration::from_secs(1));
    assert_eq!(received(&world, A), numbered(next));
    let path = |end: usize| world.ends[end].link.stats().path.unwrap();
    assert_eq!((path(A).remote, path(B).local), (other.addr, other.addr));
    world.assert_calm(400, 400);
}

/// It answered before the other one died, and that is no sign of life.
#[test]
fn a_second_path_over_the_same_dead_relay_costs_no_time() {
    let own = addr("203.0.113.30:50001");
    let more = [LocalCandidate { addr: own, base: own, kind: CandidateKind::Relayed }];
    for wait in 0..4 {
        let (mut world, other) = relayed(36, &more);
        world.run_for(Duration::from_millis(wait * 500));
        world.net.dead.extend([own, addr("203.0.113.30:50000")]);
        for end in [A, B] {
            world.send(end, Channel::Chat, b"hello?");
        }
        world.run_for(Duration::from_millis(1_300));
        trickle(&mut world, other);
        let heard = |world: &World| world.ends.iter().all(|end| end.messages.len() == 1);
        assert!(world.run_until(Duration::from_millis(300), heard), "{wait}");
    }
}
