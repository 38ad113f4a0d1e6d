//! Asking, accepting, declining, blocking: how two people become contacts, and how they stop.

use tincan_engine::store::Op;
use tincan_engine::{Command, CommandError, ContactStatus, Event, Reply, Target};
use tincan_wire::{DisplayName, Leaf};

use crate::world::{DAY, World, millis, secs};

fn strangers() -> World {
    let mut world = World::new(2, 1);
    world.start_all();
    world.run_for(secs(1));
    world
}

/// A asks B by id.
fn asked() -> World {
    let mut world = strangers();
    let id = world.nodes[1].id;
    world.add(0, Target::Id(id)).unwrap();
    world.run_for(secs(1));
    world
}

fn accept(world: &mut World, node: usize, other: usize) -> Result<Reply, CommandError> {
    let contact = world.nodes[other].id;
    world.command(node, Command::AcceptContact { contact })
}

fn decline(world: &mut World, node: usize, other: usize) {
    let contact = world.nodes[other].id;
    assert_eq!(world.command(node, Command::DeclineContact { contact }), Ok(Reply::Done));
}

fn block(world: &mut World, node: usize, other: usize) {
    let contact = world.nodes[other].id;
    assert_eq!(world.command(node, Command::BlockContact { contact }), Ok(Reply::Done));
}

#[test]
fn a_stranger_who_asks_lands_in_the_inbox() {
    let mut world = asked();
    let requests = world.requests(1);
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].id, requests[0].name.as_str()), (world.nodes[0].id, "Node a"));
    assert_eq!(world.status_with(0, 1), Some(ContactStatus::Requested));
    assert_eq!(world.status_with(1, 0), None, "nobody is a contact by asking");
}

#[test]
fn a_heartbeat_that_overtakes_the_answer_at_the_disk_makes_no_contact_without_a_name() {
    let mut world = asked();
    world.nodes[0].disk_delay = Some(millis(500));
    accept(&mut world, 1, 0).unwrap();
    world.run_until_within(secs(2), "friends", |world| world.are_friends(0, 1));
    let names = world.events(0, |event| match event {
        Event::Contact { contact } if contact.status == ContactStatus::Accepted => {
            Some(contact.name.to_string())
        }
        _ => None,
    });
    assert!(!names.is_empty() && names.iter().all(|name| name == "Node b"), "{names:?}");
}

#[test]
fn an_answer_that_the_disk_refused_leaves_it_to_the_heartbeat() {
    let mut world = asked();
    world.nodes[0].refuses = Some(|ops| {
        let is_answer =
            |op: &Op| matches!(op, Op::SaveReplay(r) if r.leaf == Leaf::ContactResponse);
        ops.iter().any(is_answer)
    });
    accept(&mut world, 1, 0).unwrap();
    world.run_until_within(secs(400), "friends", |world| world.are_friends(0, 1));
}

#[test]
fn accepting_makes_both_contacts_and_empties_the_inbox() {
    let mut world = asked();
    accept(&mut world, 1, 0).unwrap();
    world.run_until_within(secs(1), "friends", |world| world.are_friends(0, 1));
    world.run_for(secs(1));
    assert!(world.requests(1).is_empty());
    assert_eq!(world.view(1, 0).name.as_str(), "Node a");
    assert_eq!(world.view(0, 1).name.as_str(), "Node b");
}

#[test]
fn accepted_strangers_can_talk() {
    let mut world = asked();
    accept(&mut world, 1, 0).unwrap();
    world.send(1, 0, "Hello");
    world.run_until_within(secs(2), "delivered", |world| world.all_delivered(1, 0));
    assert_eq!(world.received(0, 1), ["Hello"]);
}

#[test]
fn accepting_twice_is_harmless() {
    let mut world = asked();
    accept(&mut world, 1, 0).unwrap();
    assert!(matches!(accept(&mut world, 1, 0), Ok(Reply::Contact { .. })));
}

#[test]
fn accepting_who_never_asked_is_refused() {
    let mut world = strangers();
    assert_eq!(accept(&mut world, 1, 0), Err(CommandError::UnknownContact));
}

#[test]
fn a_decline_reaches_who_asked() {
    let mut world = asked();
    decline(&mut world, 1, 0);
    world.run_for(secs(1));
    assert_eq!(world.status_with(0, 1), Some(ContactStatus::Declined));
    assert!(world.requests(1).is_empty());
}

#[test]
fn who_was_declined_cannot_be_sent_messages() {
    let mut world = asked();
    decline(&mut world, 1, 0);
    world.run_for(secs(1));
    let command = world.saying(1, "Please");
    let status = ContactStatus::Declined;
    assert_eq!(world.command(0, command), Err(CommandError::NotAccepted { status }));
}

#[test]
fn a_declined_request_that_comes_again_stays_quiet() {
    let mut world = asked();
    decline(&mut world, 1, 0);
    world.run_for(secs(1));
    let told = |world: &World| {
        world.events(1, |event| matches!(event, Event::Request { .. }).then_some(())).len()
    };
    assert_eq!(told(&world), 1);
    let id = world.nodes[1].id;
    world.add(0, Target::Id(id)).unwrap();
    world.run_for(secs(1));
    assert_eq!(told(&world), 1);
    assert!(world.requests(1).is_empty());
}

#[test]
fn a_decline_is_remembered_after_a_restart() {
    let mut world = asked();
    decline(&mut world, 1, 0);
    world.restart(1);
    world.run_for(secs(1));
    let id = world.nodes[1].id;
    world.add(0, Target::Id(id)).unwrap();
    world.run_for(secs(1));
    assert!(world.requests(1).is_empty());
}

#[test]
fn who_declined_can_think_better_of_it() {
    let mut world = asked();
    decline(&mut world, 1, 0);
    world.run_for(secs(1));
    let id = world.nodes[0].id;
    world.add(1, Target::Id(id)).unwrap();
    world.run_until_within(secs(2), "friends", |world| world.are_friends(0, 1));
}

#[test]
fn asking_who_has_asked_accepts_with_the_nickname() {
    let mut world = asked();
    let target = Target::Id(world.nodes[0].id);
    let nickname = Some(DisplayName::clean("Al"));
    world.command(1, Command::AddContact { target, nickname: nickname.clone() }).unwrap();
    world.run_until_within(secs(1), "friends", |world| world.are_friends(0, 1));
    assert_eq!(world.view(1, 0).nickname, nickname);
    world.restart(1);
    assert_eq!(world.view(1, 0).nickname, nickname, "and it is on disk");
}

#[test]
fn two_who_ask_each_other_at_once_are_contacts() {
    let mut world = strangers();
    let (a, b) = (world.nodes[0].id, world.nodes[1].id);
    world.post(0, Command::AddContact { target: Target::Id(b), nickname: None });
    world.post(1, Command::AddContact { target: Target::Id(a), nickname: None });
    world.run_until_within(secs(2), "friends", |world| world.are_friends(0, 1));
}

#[test]
fn nobody_can_add_themselves() {
    let mut world = strangers();
    let id = world.nodes[0].id;
    assert_eq!(world.add(0, Target::Id(id)), Err(CommandError::OwnId));
    let invite = world.invite(0);
    assert_eq!(world.add(0, Target::Invite(invite)), Err(CommandError::OwnId));
}

#[test]
fn a_request_while_the_broker_is_away_goes_out_once_it_is_back() {
    let mut world = strangers();
    world.broker_down();
    let id = world.nodes[1].id;
    world.add(0, Target::Id(id)).unwrap();
    world.run_for(secs(60));
    assert_eq!(world.published_on(0, "contactRequest"), 0);
    world.broker_up();
    world.run_for(secs(60));
    assert_eq!(world.requests(1).len(), 1);
    assert_eq!(world.published_on(0, "contactRequest"), 1);
}

#[test]
fn a_request_survives_a_crash_before_the_broker_is_back() {
    let mut world = strangers();
    world.broker_down();
    let id = world.nodes[1].id;
    world.add(0, Target::Id(id)).unwrap();
    world.crash(0);
    world.broker_up();
    world.start(0);
    world.run_for(secs(60));
    assert_eq!(world.requests(1).len(), 1);
}

#[test]
fn a_request_waits_at_the_broker_for_who_is_away() {
    let mut world = strangers();
    let fortnight = 14 * 24 * 3_600;
    let invite = world.invite_for(1, 1, fortnight);
    world.stop(1);
    world.add(0, Target::Invite(invite)).unwrap();
    world.run_for(DAY * 13);
    world.start(1);
    world.run_until_within(secs(1), "friends", |world| world.are_friends(0, 1));
}

#[test]
fn a_request_that_a_clock_ahead_by_a_year_has_noted_is_repeated() {
    let mut world = strangers();
    world.lose = Some(Box::new(|topic| topic.ends_with("contactRequest")));
    let id = world.nodes[1].id;
    world.add(0, Target::Id(id)).unwrap();
    world.run_for(secs(1));
    world.crash(0);
    let ahead = world.now + 365 * DAY;
    world.nodes[0].disk.contacts.get_mut(&id).unwrap().asked = Some(ahead);
    world.lose = None;
    world.start(0);
    world.run_for(secs(1));
    assert_eq!(world.requests(1).len(), 1);
}

#[test]
fn an_unanswered_request_is_repeated_soon_and_then_daily() {
    let mut world = asked();
    for (wait, sent) in [(secs(0), 1), (secs(61), 2), (secs(901), 3), (DAY, 4), (DAY, 5)] {
        world.run_for(wait);
        assert_eq!(world.published_on(0, "contactRequest"), sent);
    }
}

#[test]
fn a_request_is_not_repeated_with_each_link_to_the_broker() {
    let mut world = asked();
    for _ in 0..10 {
        world.cut_off(0);
        world.run_for(secs(60));
    }
    assert_eq!(world.published_on(0, "contactRequest"), 2);
}

#[test]
fn an_answered_request_is_not_repeated() {
    let mut world = asked();
    accept(&mut world, 1, 0).unwrap();
    world.run_for(DAY + secs(60));
    assert_eq!(world.published_on(0, "contactRequest"), 1);
}

#[test]
fn a_lost_answer_heals_by_a_sign_of_life() {
    let mut world = asked();
    world.lose = Some(Box::new(|topic| topic.ends_with("contactResponse")));
    accept(&mut world, 1, 0).unwrap();
    world.run_until_within(secs(1), "friends", |world| world.are_friends(0, 1));
}

#[test]
fn a_lost_answer_heals_by_the_daily_repetition() {
    let mut world = asked();
    world.lose = Some(Box::new(|topic| !topic.ends_with("contactRequest")));
    accept(&mut world, 1, 0).unwrap();
    world.run_for(secs(10));
    assert!(!world.are_friends(0, 1));
    world.crash(1);
    world.lose = None;
    world.start(1);
    world.lose = Some(Box::new(|topic| topic.ends_with("heartbeat")));
    world.run_until_within(DAY, "friends", |world| world.are_friends(0, 1));
}

#[test]
fn an_acceptance_while_the_broker_is_away_is_told_later() {
    let mut world = asked();
    world.cut_off(1);
    accept(&mut world, 1, 0).unwrap();
    assert!(!world.are_friends(0, 1));
    world.run_until_within(secs(2), "friends", |world| world.are_friends(0, 1));
    assert!(world.published_on(1, "contactResponse") == 1);
}

#[test]
fn a_decline_while_the_broker_is_away_is_told_when_they_ask_again() {
    let mut world = asked();
    world.cut_off(1);
    decline(&mut world, 1, 0);
    world.run_for(DAY * 2);
    assert!(world.requests(1).is_empty());
}

#[test]
fn messages_to_who_has_not_answered_wait_and_then_go() {
    let mut world = asked();
    world.send(0, 1, "I am Al from the party");
    world.run_for(secs(60));
    assert!(world.received(1, 0).is_empty());
    accept(&mut world, 1, 0).unwrap();
    world.run_until_within(secs(2), "delivered", |world| world.all_delivered(0, 1));
}

#[test]
fn who_is_blocked_is_dropped_before_any_public_key_work() {
    let mut world = World::pair();
    block(&mut world, 1, 0);
    let before = world.dropped(1, "blocked");
    // The seal is broken: whoever tried to open it would say so.
    let mut letter = {
        world.open_chat(0, 1);
        world.run_for(secs(1));
        world.letters_on(0, "offer").last().unwrap().clone()
    };
    let dropped = world.dropped(1, "blocked");
    assert!(dropped > before);
    let text = String::from_utf8(letter.payload).unwrap();
    let at = text.find("\"c\":\"").unwrap() + 5;
    let swapped = if &text[at..=at] == "A" { "B" } else { "A" };
    letter.payload = format!("{}{swapped}{}", &text[..at], &text[at + 1..]).into_bytes();
    world.replay(&letter);
    assert_eq!(world.dropped(1, "blocked"), dropped + 1);
    assert_eq!(world.dropped(1, "open_undecryptable"), 0);
}

#[test]
fn blocking_ends_the_session_and_nothing_comes_any_more() {
    let mut world = World::pair();
    world.connect(0, 1);
    block(&mut world, 1, 0);
    world.run_for(secs(1));
    assert_eq!(world.sid(1, 0), None);
    assert!(!world.view(1, 0).online);
    world.send(0, 1, "Are you there?");
    world.run_for(secs(600));
    assert!(world.received(1, 0).is_empty());
    let command = world.saying(0, "No");
    let status = ContactStatus::Blocked;
    assert_eq!(world.command(1, command), Err(CommandError::NotAccepted { status }));
}

#[test]
fn a_block_stays_after_a_restart() {
    let mut world = World::pair();
    block(&mut world, 1, 0);
    world.restart(1);
    world.run_for(secs(5));
    assert_eq!(world.status_with(1, 0), Some(ContactStatus::Blocked));
}

#[test]
fn a_blocked_stranger_cannot_ask() {
    let mut world = strangers();
    block(&mut world, 1, 0);
    let id = world.nodes[1].id;
    world.add(0, Target::Id(id)).unwrap();
    world.run_for(secs(1));
    assert!(world.requests(1).is_empty());
    assert_eq!(world.dropped(1, "blocked"), 1);
}

#[test]
fn blocking_who_waits_in_the_inbox_takes_the_request_away() {
    let mut world = asked();
    block(&mut world, 1, 0);
    assert!(world.requests(1).is_empty());
    world.restart(1);
    assert!(world.requests(1).is_empty());
}

#[test]
fn unblocking_a_contact_brings_the_waiting_messages() {
    let mut world = World::pair();
    block(&mut world, 1, 0);
    world.send(0, 1, "Sorry");
    world.run_for(secs(1_000));
    let contact = world.nodes[0].id;
    world.command(1, Command::UnblockContact { contact }).unwrap();
    world.run_until_within(secs(2), "delivered", |world| world.all_delivered(0, 1));
}

#[test]
fn unblocking_who_never_was_a_contact_makes_none() {
    let mut world = strangers();
    block(&mut world, 1, 0);
    let contact = world.nodes[0].id;
    world.command(1, Command::UnblockContact { contact }).unwrap();
    assert!(!world.is_accepted(1, contact));
}

#[test]
fn unblocking_who_is_not_blocked_is_refused() {
    let mut world = World::pair();
    let contact = world.nodes[0].id;
    let status = ContactStatus::Accepted;
    let result = world.command(1, Command::UnblockContact { contact });
    assert_eq!(result, Err(CommandError::NotAccepted { status }));
}

#[test]
fn a_nickname_can_be_given_and_taken_away_and_is_on_disk() {
    let mut world = World::pair();
    let contact = world.nodes[0].id;
    for nickname in [Some(DisplayName::clean("Al")), None] {
        world.command(1, Command::RenameContact { contact, nickname: nickname.clone() }).unwrap();
        world.restart(1);
        assert_eq!(world.view(1, 0).nickname, nickname);
    }
}

#[test]
fn a_verification_can_be_noted_and_taken_back_and_is_on_disk() {
    let mut world = World::pair();
    let contact = world.nodes[0].id;
    for verified in [true, false] {
        world.command(1, Command::VerifyContact { contact, verified }).unwrap();
        world.restart(1);
        assert_eq!(world.view(1, 0).verified, verified);
    }
}

#[test]
fn both_see_the_same_safety_number() {
    let mut world = World::pair();
    let (a, b) = (world.nodes[0].id, world.nodes[1].id);
    let left = world.command(0, Command::GetSafetyNumber { contact: b });
    let right = world.command(1, Command::GetSafetyNumber { contact: a });
    assert!(matches!(&left, Ok(Reply::SafetyNumber { number }) if number.len() == 71));
    assert_eq!(left, right);
}

#[test]
fn a_command_about_nobody_is_refused() {
    let mut world = strangers();
    let contact = world.nodes[1].id;
    for command in [
        Command::DeclineContact { contact },
        Command::UnblockContact { contact },
        Command::RenameContact { contact, nickname: None },
        Command::OpenChat { contact, screen: 1 },
        Command::MarkRead { contact },
        Command::Typing { contact, on: true },
        world.saying(1, "Hello"),
    ] {
        let result = world.command(0, command.clone());
        assert_eq!(result, Err(CommandError::UnknownContact), "{command:?}");
    }
}

#[test]
fn a_name_that_was_set_is_told_to_new_contacts() {
    let mut world = strangers();
    let name = DisplayName::clean("Beatrice");
    world.command(1, Command::SetName { name: name.clone() }).unwrap();
    world.restart(1);
    world.run_for(millis(100));
    world.befriend(1, 0);
    assert_eq!(world.view(0, 1).name, name);
}

#[test]
fn who_was_blocked_as_a_stranger_and_unblocked_must_still_be_accepted() {
    let mut world = strangers();
    block(&mut world, 1, 0);
    let contact = world.nodes[0].id;
    world.command(1, Command::UnblockContact { contact }).unwrap();
    let id = world.nodes[1].id;
    world.add(0, Target::Id(id)).unwrap();
    world.run_for(secs(1));
    assert!(!world.is_accepted(1, contact), "nobody has said yes");
    assert_eq!(world.requests(1).len(), 1);
    accept(&mut world, 1, 0).unwrap();
    world.run_until_within(secs(1), "friends", |world| world.are_friends(0, 1));
}
