//! "Relay only": contacts from whom our addresses are hidden.

use tincan_engine::{Command, Event, Input, PeerInput, PeerState};
use tincan_wire::Fingerprint;

use crate::world::{World, millis, secs};

/// Node 0 hides from node 1 as said, and both have a relay.
fn hiding(default: bool, contact_setting: Option<bool>) -> World {
    let mut world = World::new(2, 1);
    world.relays = true;
    world.nodes[0].config.relay_only = default;
    world.start_all();
    world.befriend(0, 1);
    set(&mut world, contact_setting);
    world
}

fn set(world: &mut World, on: Option<bool>) {
    let contact = world.nodes[1].id;
    world.command(0, Command::SetRelayOnly { contact, on }).unwrap();
}

/// What the node was told of the other's addresses.
fn told(world: &World, node: usize) -> Vec<&str> {
    let kinds = world.nodes[node]
        .candidates_got
        .iter()
        .map(|got| got.candidate.split(" typ ").nth(1).unwrap().split(' ').next().unwrap());
    kinds.collect()
}

#[test]
fn who_is_hidden_tells_of_a_relay_only() {
    for (default, contact_setting, hides) in [
        (false, None, false),
        (true, None, true),
        (false, Some(true), true),
        (true, Some(false), false),
    ] {
        let mut world = hiding(default, contact_setting);
        world.connect(0, 1);
        world.run_for(millis(200));
        let expected: &[&str] = if hides { &["relay"] } else { &["host", "relay"] };
        assert_eq!(told(&world, 1), expected, "{default}, {contact_setting:?}");
        assert_eq!(told(&world, 0), ["host", "relay"]);
        assert_eq!(world.nodes[0].hidden, [hides]);
        assert_eq!(world.nodes[1].hidden, [false]);
    }
}

#[test]
fn who_answers_is_hidden_as_well() {
    let mut world = hiding(true, None);
    world.connect(1, 0);
    world.run_for(millis(200));
    assert_eq!(told(&world, 1), ["relay"]);
    assert_eq!(world.nodes[0].hidden, [true]);
}

#[test]
fn a_live_session_is_made_anew_when_the_setting_changes() {
    let mut world = hiding(false, None);
    world.connect(0, 1);
    let mut before = world.sid(0, 1);
    let commands = [
        (Command::SetRelayOnly { contact: world.nodes[1].id, on: Some(true) }, true),
        (Command::SetDefaultRelayOnly { on: true }, false),
        (Command::SetRelayOnly { contact: world.nodes[1].id, on: None }, false),
        (Command::SetDefaultRelayOnly { on: false }, true),
    ];
    for (command, is_another) in commands {
        world.command(0, command.clone()).unwrap();
        world.run_for(secs(2));
        world.run_until("both are connected", |world| world.are_connected(0, 1));
        let now = world.sid(0, 1);
        assert_eq!(now != before, is_another, "{command:?}");
        before = now;
    }
    assert_eq!(world.nodes[0].hidden, [false, true, false]);
}

#[test]
fn no_message_is_lost_while_the_setting_changes() {
    let mut world = hiding(false, None);
    world.connect(0, 1);
    for n in 0..10 {
        world.send(0, 1, &format!("before {n}"));
        world.send(1, 0, &format!("before {n}"));
    }
    set(&mut world, Some(true));
    world.run_until("delivered", |world| world.all_delivered(0, 1) && world.all_delivered(1, 0));
}

#[test]
fn the_setting_of_a_contact_is_on_disk() {
    let mut world = hiding(false, Some(true));
    world.restart(0);
    assert_eq!(world.view(0, 1).relay_only, Some(true));
}

#[test]
fn a_description_that_names_an_address_does_not_leave() {
    let mut world = hiding(true, None);
    world.path_up = false;
    world.open_chat(0, 1);
    world.run_until("an attempt", |world| world.sid(0, 1).is_some());
    let sid = world.sid(0, 1).unwrap();
    let leak = "v=0\r\na=candidate:1 1 udp 2 192.0.2.1 5000 typ host\r\n".to_owned();
    let input = PeerInput::OfferReady { sdp: leak, fingerprint: Fingerprint([1; 32]) };
    world.handle(0, Input::Peer { sid, input });
    assert_ne!(world.sid(0, 1), Some(sid));
    let reason = world.view(0, 1).peer.reason.unwrap();
    assert!(reason.contains("names addresses of ours"), "{reason}");
}

#[test]
fn without_a_relay_the_reason_says_so() {
    let mut world = hiding(true, None);
    world.relays = false;
    world.webrtc_dead = true;
    world.open_chat(0, 1);
    world.run_until("a failed attempt", |world| world.view(0, 1).peer.reason.is_some());
    let peer = world.view(0, 1).peer;
    assert!(peer.reason.unwrap().contains("no relay gave us an address"));
    assert_eq!(peer.state, PeerState::New);
}

#[test]
fn the_way_the_packets_take_is_told_when_it_is_news() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(0, 1).unwrap();
    let paths = |world: &World| {
        world.events(0, |event| match event {
            Event::Peer(peer) => peer.path.clone(),
            _ => None,
        })
    };
    world.run_for(secs(1));
    let before = paths(&world);
    let mut path = before.last().unwrap().clone();
    let since = world.view(0, 1).peer.path_since;
    world.run_for(secs(1));
    let report = |world: &mut World, path: &tincan_engine::Path| {
        let input = PeerInput::Path(path.clone());
        world.handle(0, Input::Peer { sid, input });
        paths(world).len() - before.len()
    };
    path.bytes_sent += 1_000;
    assert_eq!(report(&mut world, &path), 0);
    assert_eq!(world.view(0, 1).peer.path.unwrap().bytes_sent, path.bytes_sent);
    path.bytes_sent += 100_000;
    assert_eq!(report(&mut world, &path), 1);
    path.rtt_micros = Some(40_000);
    assert_eq!(report(&mut world, &path), 2);
    path.rtt_micros = Some(44_000);
    assert_eq!(report(&mut world, &path), 2);
    path.loss_permille = Some(50);
    assert_eq!(report(&mut world, &path), 3);
    assert_eq!(world.view(0, 1).peer.path_since, since);
    path.remote = "relay".to_owned();
    assert_eq!(report(&mut world, &path), 4);
    assert!(world.view(0, 1).peer.path_since > since);
}

#[test]
fn an_end_that_was_told_to_be_on_a_relay_is_shown_as_such_also_when_that_comes_later() {
    let mut world = World::pair();
    world.connect(0, 1);
    let sid = world.sid(0, 1).unwrap();
    world.run_for(secs(1));
    let mut path = world.view(0, 1).peer.path.unwrap();
    (path.remote, path.remote_address) = ("prflx".to_owned(), "203.0.113.10:50000".to_owned());
    world.handle(0, Input::Peer { sid, input: PeerInput::Path(path) });
    assert!(!world.view(0, 1).peer.path.unwrap().is_relayed());
    let line = "candidate:1 1 udp 2 203.0.113.10 50000 typ relay raddr 0.0.0.0 rport 0";
    let candidate = tincan_wire::Candidate {
        candidate: line.to_owned(),
        sdp_mid: Some("0".to_owned()),
        sdp_mline_index: Some(0),
    };
    world.handle(1, Input::Peer { sid, input: PeerInput::Candidate(candidate) });
    world.run_for(secs(1));
    let path = world.view(0, 1).peer.path.unwrap();
    assert_eq!(path.remote, "relay");
    // The shell goes on taking it for something else.
    let taken = tincan_engine::Path { remote: "prflx".to_owned(), ..path };
    world.handle(0, Input::Peer { sid, input: PeerInput::Path(taken) });
    assert!(world.view(0, 1).peer.path.unwrap().is_relayed());
}

#[test]
fn how_the_last_session_ended_is_known_after_the_next_has_begun() {
    let mut world = World::pair();
    world.connect(0, 1);
    assert_eq!(world.view(0, 1).peer.ended, None);
    let sid = world.sid(0, 1).unwrap();
    let input = PeerInput::Failed { reason: "a fault".into() };
    world.handle(0, Input::Peer { sid, input });
    let at = world.now;
    world.run_for(secs(5));
    world.run_until("both are connected", |world| world.are_connected(0, 1));
    let peer = world.view(0, 1).peer;
    assert_eq!(peer.reason, None);
    let ended = peer.ended.unwrap();
    assert_eq!((ended.reason.as_str(), ended.at), ("a fault", at));
}
