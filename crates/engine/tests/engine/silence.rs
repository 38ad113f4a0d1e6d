//! A session that falls silent: pings, and *disconnected* before ICE knows it.

use tincan_engine::PeerState;

use crate::world::{World, millis, secs};

/// Both are connected, and nobody says anything.
fn quiet() -> World {
    let mut world = World::pair();
    world.connect(0, 1);
    world.run_for(secs(10));
    world
}

/// Pings of node 0 up to now.
fn pings(world: &World) -> usize {
    world.frames_of(0, "ping").len()
}

#[test]
fn a_quiet_session_is_asked_and_stays_connected() {
    let mut world = quiet();
    let before = pings(&world) + world.frames_of(1, "ping").len();
    world.run_for(secs(60));
    let asked = pings(&world) + world.frames_of(1, "ping").len() - before;
    assert!((35..=85).contains(&asked), "{asked} pings a minute");
    assert_eq!(world.peer_state(0, 1), PeerState::Connected);
    assert!(!world.peer_states(0, 1).contains(&PeerState::Disconnected));
}

#[test]
fn a_contact_that_is_killed_is_noticed_within_five_seconds() {
    let mut world = quiet();
    world.notice = secs(60);
    world.crash(1);
    world.run_until_within(secs(5), "noticed", |world| {
        world.peer_state(0, 1) == PeerState::Disconnected
    });
}

#[test]
fn an_answer_that_comes_at_last_brings_the_session_back() {
    let mut world = quiet();
    let sid = world.sid(0, 1);
    world.notice = secs(60);
    world.path_down();
    world.run_for(millis(5_500));
    assert_eq!(world.peer_state(0, 1), PeerState::Disconnected);
    world.path_back(true);
    world.run_until_within(millis(500), "back", |world| world.are_connected(0, 1));
    assert_eq!(world.sid(0, 1), sid);
}

#[test]
fn three_pings_are_sent_before_a_path_is_lost() {
    let mut world = quiet();
    world.notice = secs(60);
    world.path_down();
    let before = pings(&world);
    world.run_for(millis(4_900));
    assert_eq!(world.peer_state(0, 1), PeerState::Disconnected);
    assert!((3..=4).contains(&(pings(&world) - before)));
}

/// The generations of all that node 0, who offers, has offered.
fn generations(world: &World) -> Vec<u32> {
    world.offers(0).iter().map(|(session, _)| session.generation).collect()
}

#[test]
fn a_path_that_only_a_restart_replaces_is_replaced_within_three_seconds() {
    let mut world = quiet();
    let sid = world.sid(0, 1);
    world.notice = secs(60);
    world.path_down();
    world.path_back(false);
    world.send(0, 1, "on the old path");
    world.run_until_within(millis(3_100), "delivered", |world| world.all_delivered(0, 1));
    assert_eq!(world.sid(0, 1), sid);
    assert_eq!(generations(&world), [0, 1]);
    assert!(!world.peer_states(0, 1).contains(&PeerState::Disconnected));
    world.run_for(secs(60));
    assert_eq!((world.sid(0, 1), generations(&world)), (sid, vec![0, 1]), "once, and no more");
}

#[test]
fn whoever_is_not_heard_restarts_ice_though_it_hears() {
    let mut world = quiet();
    let sid = world.sid(0, 1);
    world.tamper = Some(Box::new(|node, text| (node != 0).then_some(text)));
    world.run_for(millis(3_100));
    assert_eq!(generations(&world), [0, 1]);
    world.run_for(secs(1));
    assert_eq!((world.sid(0, 1), generations(&world)), (sid, vec![0, 1]), "once, and no more");
}

#[test]
fn a_silence_of_two_seconds_brings_no_restart() {
    let mut world = quiet();
    world.notice = secs(60);
    world.path_down();
    world.run_for(millis(900));
    world.path_back(true);
    world.run_for(secs(60));
    assert_eq!(generations(&world), [0]);
}

#[test]
fn a_restart_that_was_needless_and_finds_no_answer_ends_no_session() {
    let mut world = quiet();
    let sid = world.sid(0, 1);
    world.notice = secs(60);
    world.lose = Some(Box::new(|topic| topic.ends_with("offer")));
    world.path_down();
    world.run_for(secs(3));
    world.path_back(true);
    world.run_for(secs(60));
    assert_eq!(generations(&world), [0, 1]);
    assert_eq!((world.sid(0, 1), world.peer_state(0, 1)), (sid, PeerState::Connected));
}

#[test]
fn without_a_broker_silence_restarts_nothing() {
    let mut world = quiet();
    world.notice = secs(60);
    world.broker_down();
    world.path_down();
    world.run_for(secs(4));
    assert_eq!(generations(&world), [0]);
}

#[test]
fn a_client_that_knows_no_pings_is_never_asked_and_never_lost() {
    let mut world = World::pair();
    world.tamper = Some(Box::new(|_, text| Some(text.replace("\"ping\"", "\"other\""))));
    world.connect(0, 1);
    world.run_for(secs(60));
    assert_eq!(world.frames_of(0, "ping"), Vec::<String>::new());
    assert!(!world.peer_states(0, 1).contains(&PeerState::Disconnected));
}

#[test]
fn a_ping_behind_a_long_queue_means_nothing() {
    let mut world = quiet();
    world.notice = secs(600);
    world.path_down();
    let sid = world.sid(0, 1).unwrap();
    for _ in 0..20 {
        world.buffered(0, sid, 64 * 1024);
        world.run_for(secs(1));
    }
    assert_eq!(world.peer_state(0, 1), PeerState::Connected);
    world.buffered(0, sid, 0);
    world.run_until_within(secs(6), "noticed", |world| {
        world.peer_state(0, 1) == PeerState::Disconnected
    });
}

#[test]
fn a_machine_that_slept_asks_before_it_takes_the_path_for_lost() {
    let mut world = quiet();
    world.notice = secs(60);
    world.nodes[0].asleep_until = world.now + secs(8);
    world.run_for(secs(30));
    assert!(!world.peer_states(0, 1).contains(&PeerState::Disconnected), "the sleeper");
    assert!(world.peer_states(1, 0).contains(&PeerState::Disconnected), "who was awake");
    assert!(world.are_connected(0, 1), "afterwards");
}

#[test]
fn pings_keep_no_idle_session_open() {
    let mut world = quiet();
    world.close_chat(0, 1);
    world.close_chat(1, 0);
    world.run_until_within(secs(11 * 60), "closed", |world| {
        world.peer_state(0, 1) == PeerState::Closed
    });
}
