//! What a peer may do to an association that no end of ours does: open streams without end, begin
//! associations without end.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use super::*;

fn end(client: bool, now: Instant) -> Sctp {
    let config = Config::default();
    Sctp::new(&config, client, config.max_message_size, Some(Duration::from_millis(1)), now)
}

/// Carries packets both ways until there are none.
fn settle(ends: &mut [Sctp; 2], now: Instant) {
    loop {
        let mut quiet = true;
        for from in [0, 1] {
            while let Some(packet) = ends[from].poll_packet(now) {
                quiet = false;
                ends[1 - from].handle(now, packet);
            }
        }
        if quiet {
            return;
        }
    }
}

fn changes(end: &mut Sctp) -> Vec<SctpChange> {
    std::iter::from_fn(|| end.poll_change()).collect()
}

fn established(now: Instant) -> [Sctp; 2] {
    let mut ends = [end(true, now), end(false, now)];
    settle(&mut ends, now);
    for end in &mut ends {
        assert_eq!(changes(end), [SctpChange::Established]);
    }
    ends
}

/// What the other end of `ends[0]` sees of one message on each of so many streams.
fn write_on_streams(ends: &mut [Sctp; 2], count: usize, now: Instant) -> Vec<SctpChange> {
    for id in (2..STREAMS).take(count) {
        let association = &mut ends[0].associations[0].1;
        let mut stream = association.open_stream(id, Ppi::Binary).unwrap();
        stream.write_chunk_with_ppi(now, &Bytes::from_static(b"stray"), Ppi::Binary).unwrap();
    }
    settle(ends, now);
    while ends[1].read().is_some() {}
    changes(&mut ends[1])
}

#[test]
fn a_few_streams_without_a_use_do_no_harm() {
    let now = Instant::now();
    let mut ends = established(now);
    let seen = write_on_streams(&mut ends, MAX_STRAY_STREAMS, now);
    assert!(!seen.contains(&SctpChange::Lost), "{seen:?}");
    assert!(ends[0].send(now, Channel::Chat, b"still here"));
    settle(&mut ends, now);
    assert_eq!(ends[1].read(), Some((Channel::Chat, b"still here".to_vec())));
}

#[test]
fn a_peer_that_opens_ever_more_streams_is_given_up() {
    let now = Instant::now();
    let mut ends = established(now);
    let seen = write_on_streams(&mut ends, MAX_STRAY_STREAMS + 1, now);
    assert!(seen.contains(&SctpChange::Lost), "{seen:?}");
}

#[test]
fn ever_new_associations_push_out_the_oldest_and_one_opens() {
    let now = Instant::now();
    let mut server = end(false, now);
    for _ in 0..200 {
        let init = end(true, now).poll_packet(now).unwrap();
        server.handle(now, init);
        assert!(server.associations.len() <= MAX_ASSOCIATIONS);
        while server.poll_packet(now).is_some() {}
    }
    assert_eq!(server.associations.len(), MAX_ASSOCIATIONS);
    let mut ends = [end(true, now), server];
    settle(&mut ends, now);
    assert_eq!(changes(&mut ends[1]), [SctpChange::Established]);
    assert_eq!(ends[1].associations.len(), 1);
}
