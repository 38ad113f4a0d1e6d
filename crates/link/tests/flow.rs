//! Flow control: bounded buffers, message sizes, order and the end of a link.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod world;

use std::time::Duration;

use tincan_link::{Channel, Config, Event, Failure, SendError};
use world::{A, B, Net, World};

fn open_with(net: Net, a: Config, b: Config) -> World {
    let mut world = World::with(21, net, a, b);
    world.connect();
    assert!(world.run_until(Duration::from_secs(10), World::is_open));
    world
}

fn fill(world: &mut World, from: usize, message: &[u8]) -> usize {
    let mut sent = 0;
    while world.send(from, Channel::File, message) {
        sent += 1;
    }
    sent
}

#[test]
fn messages_of_all_sizes_arrive_whole_on_a_lossy_path() {
    let net = Net { loss: 0.03, jitter: Duration::from_millis(3), ..Net::default() };
    let mut world = open_with(net, Config::default(), Config::default());
    let sizes = [0, 1, 1000, 1100, 1163, 1200, 5000, 16_384, 65_535, 65_536];
    let message = |size: usize| (0..size).map(|i| (i * 31 + size) as u8).collect::<Vec<u8>>();
    for size in sizes {
        for end in [A, B] {
            for channel in Channel::ALL {
                assert!(world.send(end, channel, &message(size)));
            }
        }
    }
    let arrived = |world: &World| world.ends.iter().all(|end| end.messages.len() == 20);
    assert!(world.run_until(Duration::from_secs(60), arrived));
    for end in [A, B] {
        for channel in Channel::ALL {
            let of_channel = world.ends[end].messages.iter().filter(|(c, _)| *c == channel);
            assert!(of_channel.map(|(_, data)| data.clone()).eq(sizes.map(message)));
        }
    }
}

#[test]
fn a_message_beyond_the_peers_limit_is_refused_with_the_limit() {
    let small = Config { max_message_size: 1000, ..Config::default() };
    let mut world = open_with(Net::default(), Config::default(), small);
    let now = world.now;
    let link = &mut world.ends[A].link;
    assert_eq!(link.send(now, Channel::Chat, &[0; 1001]), Err(SendError::TooLarge { limit: 1000 }));
    assert_eq!(link.send(now, Channel::Chat, &[0; 1000]), Ok(()));
    let link = &mut world.ends[B].link;
    assert_eq!(link.send(now, Channel::Chat, &[0; 65_536]), Ok(()));
    let limit = 65_536;
    assert_eq!(link.send(now, Channel::Chat, &[0; 65_537]), Err(SendError::TooLarge { limit }));
}

#[test]
fn a_message_beyond_our_own_limit_is_dropped_and_counted() {
    let small = Config { max_message_size: 1000, ..Config::default() };
    let mut world = World::with(22, Net::default(), Config::default(), small);
    let now = world.now;
    for end in &mut world.ends {
        let host = tincan_link::LocalCandidate::host(end.addrs[0]);
        end.link.add_local_candidate(now, host).unwrap();
    }
    let offer = world.ends[A].link.create_offer(now).unwrap();
    let answer = world.ends[B].link.accept_offer(now, &offer).unwrap();
    let lie = answer.replace("max-message-size:1000", "max-message-size:0");
    world.ends[A].link.accept_answer(now, &lie).unwrap();
    world.settle();
    assert!(world.run_until(Duration::from_secs(2), World::is_open));
    for size in [1001, 30_000, 200_000, 10] {
        assert!(world.send(A, Channel::Chat, &vec![7; size]));
    }
    world.run_for(Duration::from_secs(3));
    assert_eq!(world.ends[B].messages, [(Channel::Chat, vec![7; 10])]);
    assert_eq!(world.ends[B].link.stats().rejects["message_too_large"], 3);
}

#[test]
fn sending_stops_at_the_buffers_bound_and_resumes_when_it_is_low() {
    let config = Config { send_buffer: 300_000, buffered_low: 50_000, ..Config::default() };
    let mut world = open_with(Net::default(), config.clone(), config);
    let sent = fill(&mut world, A, &[1; 10_000]);
    assert_eq!(sent, 30);
    assert_eq!(world.ends[A].link.buffered_amount(Channel::File), 300_000);
    let now = world.now;
    assert_eq!(world.ends[A].link.send(now, Channel::Chat, &[0]), Err(SendError::Full));
    let low = Event::BufferedLow { channel: Channel::File };
    let is_low = move |world: &World| world.ends[A].events.contains(&low);
    assert!(world.run_until(Duration::from_secs(5), is_low));
    assert!(world.ends[A].link.buffered_amount(Channel::File) <= 50_000);
    assert!(world.send(A, Channel::Chat, &[0]));
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.ends[A].link.buffered_amount(Channel::File), 0);
}

#[test]
fn a_receiver_that_takes_nothing_holds_a_bounded_amount_and_loses_nothing() {
    let config = Config { inbox: 100_000, receive_buffer: 300_000, ..Config::default() };
    for message in [200, 5_000, 65_536] {
        let mut world = open_with(Net::default(), config.clone(), config.clone());
        world.ends[B].drains = false;
        let mut sent = 0;
        let size = vec![3; message];
        // Two minutes: longer than every deadline of a link that is merely slow.
        for _ in 0..120 {
            sent += fill(&mut world, A, &size);
            world.run_for(Duration::from_secs(1));
        }
        assert!(world.ends.iter().all(|end| end.ended.is_none()), "{:?}", world.ends[A].ended);
        let taken = sent * message - world.ends[A].link.buffered_amount(Channel::File);
        let bound = config.inbox + config.receive_buffer + 2 * 65_536;
        println!("{message}: {taken} of {bound}");
        assert!(taken <= bound, "{taken} bytes were taken by a receiver that takes nothing");
        assert!(taken >= config.receive_buffer / 2);
        // When it drains, everything flows within a second or two: the window is announced.
        world.ends[B].drains = true;
        world.settle();
        let held = world.ends[B].messages.len();
        let more = move |world: &World| world.ends[B].messages.len() > held;
        assert!(world.run_until(Duration::from_millis(500), more), "the open window is untold");
        let all = move |world: &World| world.ends[B].messages.len() == sent;
        let reopened = world.now;
        assert!(world.run_until(Duration::from_secs(20), all), "{message}");
        println!("drained after {:?}", world.now - reopened);
        assert!(world.now - reopened < Duration::from_secs(8), "{message}");
        world.assert_calm(1000, 4000);
    }
}

#[test]
fn closing_is_seen_by_both_ends() {
    for by in [A, B] {
        let mut world = World::open(23, Net::default());
        let now = world.now;
        world.ends[by].link.close(now);
        world.settle();
        world.run_for(Duration::from_millis(100));
        for end in &mut world.ends {
            assert_eq!(end.ended.clone().unwrap().1, Event::Closed);
            assert_eq!(end.link.send(now, Channel::Chat, b"x"), Err(SendError::Closed));
            assert_eq!(end.link.poll_timeout(), None);
        }
    }
}

#[test]
fn messages_that_arrived_are_delivered_before_the_end() {
    let mut world = World::open(24, Net::default());
    world.ends[B].drains = false;
    // More than the inbox admits, so that some wait in SCTP.
    for number in 0..100u8 {
        world.send(A, Channel::Chat, &[number; 5_000]);
    }
    world.run_for(Duration::from_secs(3));
    let now = world.now;
    world.ends[A].link.close(now);
    world.settle();
    world.run_for(Duration::from_secs(1));
    world.ends[B].drains = true;
    world.settle();
    assert_eq!(world.ends[B].messages.len(), 100);
    assert_eq!(world.ends[B].ended.clone().unwrap().1, Event::Closed);
}

#[test]
fn nothing_is_sent_before_the_channels_are_open() {
    let mut world = World::new(25, Net::default());
    let now = world.now;
    let early = world.ends[A].link.send(now, Channel::Chat, b"early");
    assert_eq!(early, Err(SendError::NotOpen));
}

const RENEWED_OFTEN: u64 = 200;

#[test]
fn keys_are_renewed_without_losing_a_message() {
    let config = Config { records_per_key: RENEWED_OFTEN, ..Config::default() };
    let mut world = open_with(Net::default(), config.clone(), config);
    for number in 0..2_000u32 {
        for end in [A, B] {
            assert!(world.send(end, Channel::Chat, &number.to_be_bytes()), "{number}");
        }
        world.run_for(Duration::from_millis(20));
    }
    world.run_for(Duration::from_secs(10));
    for end in &world.ends {
        assert!(received(end).eq(0..2_000), "{:?}", end.ended);
    }
}

/// Where renewals of both ends overlap and one is lost, dimpl cannot always go on (decision 0008).
/// A link that ends is replaced, and what was not acknowledged is said again; a link that stood
/// still would cost half a minute.
#[test]
fn a_renewal_under_loss_goes_on_or_ends_at_once_and_never_leaves_a_gap() {
    let config = Config { records_per_key: RENEWED_OFTEN, ..Config::default() };
    for seed in 0..20 {
        let net = Net { loss: 0.02, ..Net::default() };
        let mut world = World::with(seed, net, config.clone(), config.clone());
        world.connect();
        assert!(world.run_until(Duration::from_secs(15), World::is_open));
        let mut sent = 0..1_000u32;
        while world.ends.iter().all(|end| end.ended.is_none())
            && let Some(number) = sent.next()
        {
            for end in [A, B] {
                world.send(end, Channel::Chat, &number.to_be_bytes());
            }
            world.run_for(Duration::from_millis(20));
        }
        world.run_for(Duration::from_secs(10));
        let whole = world.ends.iter().all(|end| end.messages.len() == 1_000);
        let failed = |end: &world::End| end.ended.clone().map(|(_, event)| event);
        let at_once = Some(Event::Failed(Failure::Dtls));
        assert!(whole || world.ends.iter().any(|end| failed(end) == at_once), "seed {seed}");
        for end in &world.ends {
            assert!(received(end).eq(0..end.messages.len() as u32), "seed {seed}");
        }
    }
}

/// The numbers that an end received, in their order.
fn received(end: &world::End) -> impl Iterator<Item = u32> {
    end.messages.iter().map(|(_, data)| u32::from_be_bytes(data.as_slice().try_into().unwrap()))
}

#[test]
fn an_idle_link_stays_up_for_six_hours_and_costs_little() {
    let mut world = World::open(26, Net { loss: 0.01, ..Net::default() });
    world.run_for(Duration::from_secs(6 * 3600));
    for end in &world.ends {
        assert_eq!(end.ended, None);
        let stats = end.link.stats();
        assert!(stats.datagrams_sent < 6 * 3600 * 3, "{stats:?}");
    }
    world.send(A, Channel::Chat, b"good morning");
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.ends[B].messages.len(), 1);
}

#[test]
fn a_busy_link_on_a_narrow_path_makes_progress() {
    let net = Net { bandwidth: 1_000_000, loss: 0.001, ..Net::default() };
    let mut world = open_with(net, Config::default(), Config::default());
    let mut sent = 0;
    let start = world.now;
    while world.now - start < Duration::from_secs(30) {
        sent += fill(&mut world, A, &[9; 16_384]);
        world.run_for(Duration::from_millis(100));
    }
    let rate = world.ends[B].messages.len() * 16_384 / 30;
    println!("{rate} B/s of 1 MB/s; {sent} queued");
    assert!(rate > 300_000, "{rate} bytes a second");
    assert_ne!(world.ends[A].ended.clone().map(|e| e.1), Some(Event::Failed(Failure::Stalled)));
}
