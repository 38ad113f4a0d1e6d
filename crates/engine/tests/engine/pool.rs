//! How many sessions live at once, and which of them go first.

use tincan_engine::{Command, PeerState};

use crate::world::{World, millis, secs};

/// Node 0 with `count` contacts, and room for `max` sessions.
fn hub(count: u8, max: usize) -> World {
    let mut world = World::new(count + 1, 1);
    world.nodes[0].config.max_sessions = max;
    world.start_all();
    (1..=usize::from(count)).for_each(|node| world.befriend(0, node));
    world.run_for(secs(10));
    world
}

fn live(world: &World) -> Vec<usize> {
    (1..world.nodes.len()).filter(|node| world.sid(0, *node).is_some()).collect()
}

/// Talks to a node without opening the chat.
fn talk(world: &mut World, node: usize) {
    world.send(0, node, "m");
    world.run_until_within(secs(90), "delivered", |world| world.all_delivered(0, node));
}

fn open(world: &mut World, node: usize) {
    let (contact, screen) = (world.nodes[node].id, node as u64);
    world.command(0, Command::OpenChat { contact, screen }).unwrap();
}

#[test]
fn the_default_is_64_sessions_and_10_min() {
    let config = tincan_engine::Config::default();
    assert_eq!((config.max_sessions, config.idle_after), (64, secs(600)));
}

#[test]
fn no_more_than_the_maximum_live_and_the_least_recently_used_goes() {
    let mut world = hub(4, 2);
    talk(&mut world, 1);
    talk(&mut world, 2);
    world.run_for(secs(1));
    talk(&mut world, 1);
    talk(&mut world, 3);
    assert_eq!(live(&world), [1, 3]);
    assert_eq!(world.sid(2, 0), None, "the other end was told");
    talk(&mut world, 4);
    assert_eq!(live(&world), [3, 4]);
}

#[test]
fn an_open_chat_keeps_its_session() {
    let mut world = hub(3, 2);
    open(&mut world, 1);
    world.run_for(secs(1));
    for node in [2, 3, 2, 3] {
        talk(&mut world, node);
    }
    assert!(live(&world).contains(&1));
    assert!(world.are_connected(0, 1));
}

#[test]
fn who_finds_only_open_chats_waits_until_one_is_closed() {
    let mut world = hub(3, 2);
    open(&mut world, 1);
    open(&mut world, 2);
    world.run_for(secs(1));
    open(&mut world, 3);
    world.run_for(secs(20));
    assert_eq!(world.peer_state(0, 3), PeerState::New);
    let (contact, screen) = (world.nodes[1].id, 1);
    world.command(0, Command::CloseChat { contact, screen }).unwrap();
    world.run_until_within(secs(6), "connected", |world| world.are_connected(0, 3));
}

#[test]
fn messages_for_more_contacts_than_fit_all_arrive() {
    let mut world = hub(6, 2);
    for node in 1..=6 {
        world.post_message(0, node, "m");
    }
    world.run_until_within(secs(120), "all are delivered", |world| {
        (1..=6).all(|node| world.received(node, 0) == ["m"] && world.all_delivered(0, node))
    });
}

#[test]
fn contacts_that_never_answer_do_not_keep_others_out() {
    let mut world = hub(5, 2);
    for node in [1, 2, 3] {
        world.stop(node);
        world.post_message(0, node, "m");
    }
    world.run_for(secs(1));
    world.post_message(0, 4, "m");
    world.post_message(0, 5, "m");
    world.run_until_within(secs(90), "delivered", |world| {
        world.all_delivered(0, 4) && world.all_delivered(0, 5)
    });
}

#[test]
fn messages_that_wait_do_not_drive_out_each_other() {
    let mut world = hub(2, 1);
    world.stop(1);
    world.send(0, 1, "m");
    world.run_for(secs(1));
    let sid = world.sid(0, 1);
    assert!(sid.is_some());
    world.send(0, 2, "m");
    world.run_for(secs(5));
    assert_eq!(world.sid(0, 1), sid);
    world.run_until_within(secs(30), "delivered", |world| world.all_delivered(0, 2));
}

#[test]
fn a_person_goes_before_messages_that_wait_and_these_go_later() {
    let mut world = hub(3, 1);
    world.stop(1);
    world.send(0, 1, "m");
    open(&mut world, 2);
    world.run_until_within(secs(1), "connected", |world| world.are_connected(0, 2));
    world.start(1);
    world.run_for(secs(30));
    let (contact, screen) = (world.nodes[2].id, 2);
    world.command(0, Command::CloseChat { contact, screen }).unwrap();
    world.run_until_within(secs(10), "delivered", |world| world.all_delivered(0, 1));
}

#[test]
fn a_session_that_is_idle_for_10_min_is_closed_at_both_ends() {
    let mut world = hub(1, 64);
    talk(&mut world, 1);
    world.run_for(secs(598));
    assert!(world.are_connected(0, 1));
    world.run_for(secs(4));
    assert_eq!((world.sid(0, 1), world.sid(1, 0)), (None, None));
    assert_eq!(world.peer_state(0, 1), PeerState::Closed);
    assert!(world.view(0, 1).online, "they are still there");
    talk(&mut world, 1);
}

#[test]
fn a_message_keeps_a_session_for_another_10_min() {
    let mut world = hub(1, 64);
    talk(&mut world, 1);
    world.run_for(secs(400));
    talk(&mut world, 1);
    world.run_for(secs(400));
    assert!(world.are_connected(0, 1));
}

#[test]
fn an_open_chat_keeps_a_session_at_both_ends() {
    for who in [0, 1] {
        let mut world = hub(1, 64);
        world.open_chat(who, 1 - who);
        world.run_for(secs(1));
        let sid = world.sid(0, 1);
        world.run_for(secs(3_000));
        assert!(world.are_connected(0, 1));
        assert_eq!(world.sid(0, 1), sid);
    }
}

#[test]
fn a_chat_is_open_until_its_last_screen_closes_it() {
    let mut world = hub(1, 64);
    let contact = world.nodes[1].id;
    for screen in [1, 2] {
        world.command(0, Command::OpenChat { contact, screen }).unwrap();
    }
    world.command(0, Command::CloseChat { contact, screen: 1 }).unwrap();
    world.run_for(secs(2_000));
    assert!(world.are_connected(0, 1));
    world.command(0, Command::CloseScreen { screen: 2 }).unwrap();
    world.run_for(secs(1_300));
    assert_eq!(world.sid(0, 1), None);
}

#[test]
fn an_offer_that_finds_no_room_is_dropped() {
    let mut world = hub(2, 1);
    open(&mut world, 1);
    world.run_for(secs(1));
    world.open_chat(2, 0);
    world.run_for(millis(500));
    assert_eq!(world.dropped(0, "too many sessions"), 1);
    assert!(world.are_connected(0, 1));
}
