//! What the broker brings is believed only if it is signed, sealed, new and for us.

use proptest::prelude::*;
use tincan_engine::{Event, Input};
use tincan_wire::{
    Body, ChatStatus, Description, Fingerprint, Frame, FrameCodec, Leaf, PrekeyId, PrekeyPublic,
    PrekeySecret, SessionId, SessionRef, Topic,
};

use crate::world::{DAY, Forge, Letter, World, millis, sdp, secs};

fn heartbeat(n: u64) -> Body {
    Body::Heartbeat { n, re: true }
}

fn opened() -> Body {
    Body::ChatPresence { status: ChatStatus::Opened }
}

fn offer(sid: u8, fingerprint: u8, claimed: u8) -> Body {
    let session = SessionRef { sid: SessionId([sid; 16]), generation: 0 };
    let sdp = sdp(1, Fingerprint([fingerprint; 32]));
    let fp = Fingerprint([claimed; 32]);
    Body::Offer { session, description: Description { sdp, fp, caps: vec![], pk: None } }
}

fn key_id(letter: &Letter) -> PrekeyId {
    tincan_wire::Envelope::parse(&letter.payload).unwrap().key_id()
}

/// Contacts, and the first greetings are over.
fn contacts() -> World {
    let mut world = World::pair();
    world.run_for(secs(10));
    world
}

/// Node 0's offer to node 1, with the answer that it provoked.
fn offered() -> (World, Letter) {
    let mut world = contacts();
    world.open_chat(0, 1);
    world.run_for(secs(1));
    let letter = world.letters_on(0, "offer")[0].clone();
    assert_eq!(world.published_on(1, "answer"), 1);
    (world, letter)
}

#[test]
fn a_replayed_signal_is_dropped() {
    let (mut world, letter) = offered();
    let sid = world.sid(1, 0);
    world.replay(&letter);
    world.run_for(secs(1));
    assert_eq!(world.dropped(1, "replay"), 1);
    assert_eq!(world.published_on(1, "answer"), 1);
    assert_eq!(world.sid(1, 0), sid);
}

#[test]
fn a_replayed_offer_is_dropped_after_a_crash_too() {
    let (mut world, letter) = offered();
    world.close_chat(0, 1);
    world.restart(1);
    world.run_for(secs(1));
    world.replay(&letter);
    world.run_for(secs(1));
    assert_eq!(world.dropped(1, "replay"), 1);
    assert_eq!(world.published_on(1, "answer"), 1);
}

#[test]
fn an_offer_is_acted_upon_only_once_its_position_is_on_disk() {
    let mut world = contacts();
    world.disk_latency = secs(1);
    Forge::by(0).send(&mut world, 1, offer(7, 1, 1));
    world.run_for(millis(900));
    assert_eq!(world.sid(1, 0), None);
    world.run_for(millis(200));
    assert_eq!(world.sid(1, 0), Some(SessionId([7; 16])));
}

#[test]
fn an_offer_whose_position_the_disk_refuses_is_not_acted_upon() {
    let mut world = contacts();
    world.nodes[1].disk_fails = true;
    Forge::by(0).send(&mut world, 1, offer(7, 1, 1));
    world.run_for(secs(1));
    assert_eq!(world.sid(1, 0), None);
}

#[test]
fn positions_of_the_rest_are_on_disk_about_a_minute_later() {
    let mut world = contacts();
    Forge::by(0).send(&mut world, 1, heartbeat(1));
    world.run_for(secs(70));
    let positions: Vec<_> = world.nodes[1].disk.replays.values().map(|r| (r.leaf, r.ep)).collect();
    assert!(positions.contains(&(Leaf::Heartbeat, 1 << 50)), "{positions:?}");
}

#[test]
fn positions_of_the_rest_are_on_disk_when_the_shell_ends() {
    let mut world = contacts();
    Forge::by(0).send(&mut world, 1, heartbeat(1));
    world.stop(1);
    assert!(world.nodes[1].disk.replays.values().any(|r| r.leaf == Leaf::Heartbeat));
}

#[test]
fn the_pair_of_run_and_count_must_rise_per_device_and_leaf() {
    for (dev, ep, seq, leaf_is_new, taken) in [
        (0, 9, 9, false, true),
        (0, 8, 6, false, true),
        (0, 8, 5, false, false),
        (0, 8, 4, false, false),
        (0, 7, 9, false, false),
        (1, 1, 1, false, true),
        (0, 1, 1, true, true),
    ] {
        let mut world = contacts();
        let at = |ep: u64| (1 << 50) + ep;
        Forge { dev: 50, ep: at(8), seq: 5, ..Forge::by(0) }.send(&mut world, 1, heartbeat(1));
        let body = if leaf_is_new { opened() } else { heartbeat(2) };
        let before = world.dropped(1, "replay");
        Forge { dev: 50 + dev, ep: at(ep), seq, ..Forge::by(0) }.send(&mut world, 1, body);
        let dropped = world.dropped(1, "replay") - before;
        assert_eq!(dropped == 0, taken, "device {dev}, ({ep}, {seq})");
    }
}

#[test]
fn a_signal_moved_to_another_topic_is_dropped() {
    let mut world = contacts();
    let (_, payload) = Forge::by(0).seal(&mut world, 1, heartbeat(1));
    for leaf in Leaf::ALL.into_iter().filter(|leaf| *leaf != Leaf::Heartbeat) {
        let topic = Topic { user: world.nodes[1].id, leaf }.to_string();
        let before = world.dropped(1, "open_undecryptable");
        world.inject(1, &topic, &payload, false);
        assert_eq!(world.dropped(1, "open_undecryptable"), before + 1, "{topic}");
    }
}

#[test]
fn a_signal_that_was_for_someone_else_is_dropped() {
    let mut world = World::new(3, 1);
    world.start_all();
    world.befriend(0, 1);
    world.befriend(0, 2);
    world.run_for(secs(10));
    let (topic, payload) = Forge::by(0).seal(&mut world, 1, opened());
    let topic = topic.replace(&world.nodes[1].id.to_string(), &world.nodes[2].id.to_string());
    world.inject(2, &topic, &payload, false);
    assert_eq!(world.dropped(2, "stranger"), 1, "the tag is of another pair");
    assert!(!world.view(2, 0).chat_open);
}

#[test]
fn a_contact_cannot_sign_for_another() {
    // Signed by node 2, and tagged as if by node 0.
    let mut world = World::new(3, 1);
    world.start_all();
    world.befriend(1, 0);
    world.befriend(1, 2);
    world.run_for(secs(10));
    let (_, stolen) = Forge::by(0).seal(&mut world, 1, heartbeat(1));
    let (topic, payload) = Forge::by(2).seal(&mut world, 1, heartbeat(1));
    let field = |bytes: &[u8], name: &str| {
        let text = std::str::from_utf8(bytes).unwrap().to_owned();
        let at = text.find(&format!("\"{name}\":\"")).unwrap() + name.len() + 4;
        let end = at + text[at..].find('"').unwrap();
        (at, end, text[at..end].to_owned())
    };
    let (at, end, _) = field(&payload, "g");
    let (.., tag) = field(&stolen, "g");
    let mut forged = payload.clone();
    forged.splice(at..end, tag.bytes());
    world.inject(1, &topic, &forged, false);
    assert_eq!(world.dropped(1, "stranger"), 1, "a tag fits its own encapsulated key only");
}

#[test]
fn a_retained_message_is_dropped() {
    let mut world = contacts();
    let (topic, payload) = Forge::by(0).seal(&mut world, 1, opened());
    world.inject(1, &topic, &payload, true);
    assert_eq!(world.dropped(1, "retained message"), 1);
    assert!(!world.view(1, 0).chat_open);
    world.inject(1, &topic, &payload, false);
    assert!(world.view(1, 0).chat_open, "without the flag it is taken");
}

#[test]
fn a_message_on_a_foreign_topic_is_dropped() {
    let mut world = contacts();
    let (topic, payload) = Forge::by(0).seal(&mut world, 1, opened());
    let foreign = topic.replace(&world.nodes[1].id.to_string(), &world.nodes[0].id.to_string());
    for topic in [foreign.as_str(), "user", "user/x/offer", "", "$SYS/broker", "a/b/c/d"] {
        let before = world.dropped(1, "not a topic of ours");
        world.inject(1, topic, &payload, false);
        assert_eq!(world.dropped(1, "not a topic of ours"), before + 1, "{topic}");
    }
}

#[test]
fn an_offer_whose_fingerprint_is_not_in_its_sdp_is_dropped() {
    let mut world = contacts();
    Forge::by(0).send(&mut world, 1, offer(7, 1, 2));
    world.run_for(secs(1));
    assert_eq!(world.dropped(1, "sdp_other_fingerprint"), 1);
    assert_eq!(world.sid(1, 0), None);
}

#[test]
fn an_answer_whose_fingerprint_is_not_in_its_sdp_is_dropped() {
    let mut world = contacts();
    world.lose = Some(Box::new(|topic| topic.ends_with("answer")));
    world.open_chat(0, 1);
    world.run_for(secs(1));
    let session = SessionRef { sid: world.sid(0, 1).unwrap(), generation: 0 };
    let fp = Fingerprint([2; 32]);
    let description = Description { sdp: sdp(1, Fingerprint([1; 32])), fp, caps: vec![], pk: None };
    Forge::by(1).send(&mut world, 0, Body::Answer { session, description });
    assert_eq!(world.dropped(0, "sdp_other_fingerprint"), 1);
}

#[test]
fn an_answer_to_another_session_is_dropped() {
    let mut world = contacts();
    world.lose = Some(Box::new(|topic| topic.ends_with("answer")));
    world.open_chat(0, 1);
    world.run_for(secs(1));
    let fp = Fingerprint([1; 32]);
    let description = Description { sdp: sdp(1, fp), fp, caps: vec![], pk: None };
    let session = SessionRef { sid: SessionId([9; 16]), generation: 0 };
    let mut forge = Forge::by(1);
    forge.send(&mut world, 0, Body::Answer { session, description: description.clone() });
    let session = SessionRef { sid: world.sid(0, 1).unwrap(), generation: 1 };
    forge.send(&mut world, 0, Body::Answer { session, description });
    assert_eq!(world.dropped(0, "answer to another offer"), 2);
}

#[test]
fn drops_are_told_once_per_reason_and_minute_and_all_counted() {
    let mut world = contacts();
    let topic = Topic { user: world.nodes[1].id, leaf: Leaf::Offer }.to_string();
    for _ in 0..61 {
        world.inject(1, &topic, b"x", false);
        world.inject(1, "x", b"x", false);
        world.run_for(secs(1));
    }
    let told: Vec<_> = world.events(1, |event| match event {
        Event::Dropped { reason, count } => Some((reason.clone(), *count)),
        _ => None,
    });
    let expected = [
        ("json_syntax".to_owned(), 1),
        ("not a topic of ours".to_owned(), 1),
        ("json_syntax".to_owned(), 61),
        ("not a topic of ours".to_owned(), 61),
    ];
    assert_eq!(told, expected);
    assert_eq!(world.dropped(1, "json_syntax"), 61);
}

#[test]
fn contacts_seal_to_each_others_prekeys() {
    let mut world = contacts();
    world.connect(0, 1);
    for (node, other) in [(0, 1), (1, 0)] {
        let letter = world.letters_on(node, if node == 0 { "offer" } else { "answer" })[0].clone();
        let key = key_id(&letter);
        assert_ne!(key, PrekeyId::IDENTITY);
        assert!(world.nodes[other].disk.prekeys.contains_key(&key));
    }
}

#[test]
fn first_contact_seals_to_the_identity() {
    let mut world = World::new(2, 1);
    world.start_all();
    let id = world.nodes[1].id;
    world.add(0, tincan_engine::Target::Id(id)).unwrap();
    world.run_for(secs(1));
    assert_eq!(key_id(&world.letters_on(0, "contactRequest")[0]), PrekeyId::IDENTITY);
}

#[test]
fn prekeys_rotate_weekly_and_are_forgotten_after_two_weeks() {
    let mut world = World::new(1, 1);
    world.start_all();
    world.run_for(secs(10));
    let first = *world.nodes[0].disk.prekeys.keys().next().unwrap();
    world.run_for(DAY * 7);
    assert_eq!(world.nodes[0].disk.prekeys.len(), 2);
    assert!(world.nodes[0].disk.prekeys.contains_key(&first));
    world.run_for(DAY * 7 + secs(2 * 3_600));
    assert!(!world.nodes[0].disk.prekeys.contains_key(&first));
    assert_eq!(world.nodes[0].disk.prekeys.len(), 2);
}

#[test]
fn an_old_prekey_is_forgotten_on_time_after_a_restart_in_between() {
    let mut world = World::new(1, 1);
    world.start_all();
    world.run_for(secs(10));
    let first = *world.nodes[0].disk.prekeys.keys().next().unwrap();
    world.stop(0);
    world.run_for(DAY * 10);
    world.start(0);
    world.run_for(DAY);
    world.restart(0);
    // The second is ten days old when the first is fourteen.
    world.run_for(DAY * 2);
    assert!(world.nodes[0].disk.prekeys.contains_key(&first));
    world.run_for(DAY + secs(2 * 3_600));
    assert!(!world.nodes[0].disk.prekeys.contains_key(&first));
}

#[test]
fn a_contact_hears_of_a_new_prekey_with_the_next_session() {
    let mut world = contacts();
    world.command(0, tincan_engine::Command::Disconnect).unwrap();
    world.command(1, tincan_engine::Command::Disconnect).unwrap();
    world.run_for(DAY * 7);
    for node in [0, 1] {
        world.command(node, tincan_engine::Command::Connect).unwrap();
    }
    world.run_for(secs(10));
    for round in 0..2 {
        world.connect(0, 1);
        world.close_chat(0, 1);
        let offer = world.letters_on(0, "offer").last().unwrap().clone();
        let newest = world.nodes[1].disk.prekeys.values().max_by_key(|p| p.made).unwrap().id;
        // A week-old prekey of the contact is not used; they have told a new one since.
        let expected = if round == 0 { PrekeyId::IDENTITY } else { newest };
        assert_eq!(key_id(&offer), expected, "round {round}");
        world.run_for(secs(700));
    }
}

/// Node 1 comes back without the prekeys that node 0 knows.
fn lose_prekeys(world: &mut World) {
    world.crash(1);
    world.nodes[1].disk.prekeys.clear();
    world.start(1);
}

#[test]
fn who_lost_their_prekeys_hears_of_their_contacts_at_once() {
    let mut world = contacts();
    lose_prekeys(&mut world);
    world.run_until_within(secs(6), "online", |world| world.view(1, 0).online);
    assert!(world.dropped(1, "unknown prekey") >= 1);
}

#[test]
fn a_lost_prekey_is_answered_once_a_minute() {
    let mut world = contacts();
    world.lose = Some(Box::new(|topic| topic.ends_with("contactResponse")));
    lose_prekeys(&mut world);
    world
        .run_until("an envelope to a lost prekey", |world| world.dropped(1, "unknown prekey") == 1);
    let letters = world.letters_on(0, "heartbeat");
    let answers = world.published_on(1, "contactResponse");
    for _ in 0..50 {
        world.replay(letters.last().unwrap());
    }
    assert_eq!(world.published_on(1, "contactResponse"), answers);
    world.run_for(secs(61));
    world.replay(letters.last().unwrap());
    assert_eq!(world.published_on(1, "contactResponse"), answers + 1);
}

#[test]
fn who_lost_their_prekeys_is_reached_after_two_failures() {
    let mut world = contacts();
    lose_prekeys(&mut world);
    let what_tells = ["heartbeat", "contactResponse"];
    world.lose = Some(Box::new(move |topic| what_tells.iter().any(|leaf| topic.ends_with(leaf))));
    world.open_chat(0, 1);
    world.run_until_within(secs(60), "connected", |world| world.are_connected(0, 1));
    assert!(world.dropped(1, "unknown prekey") >= 2);
}

#[test]
fn an_unknown_prekey_is_dropped() {
    let mut world = contacts();
    let prekey = Some(PrekeySecret::generate(&mut world.rng).public());
    Forge { prekey, ..Forge::by(0) }.send(&mut world, 1, heartbeat(1));
    assert_eq!(world.dropped(1, "unknown prekey"), 1);
}

#[test]
fn a_contact_who_comes_without_the_tag_is_dropped() {
    let mut world = contacts();
    let name = tincan_wire::DisplayName::clean("Node a");
    let pk = PrekeySecret::generate(&mut world.rng).public();
    let body = Body::ContactRequest { name, proof: None, stamp: None, pk };
    Forge { tagged: false, ..Forge::by(0) }.send(&mut world, 1, body);
    assert_eq!(world.dropped(1, "contact without tag"), 1);
}

#[test]
fn offers_to_a_disk_that_hangs_are_bounded() {
    let mut world = contacts();
    world.disk_latency = secs(1_000);
    let before = world.nodes[1].transactions;
    let mut forge = Forge::by(0);
    for sid in 0..400_u64 {
        forge.send(&mut world, 1, offer(sid as u8, 1, 1));
    }
    assert!(world.nodes[1].transactions - before <= 256);
    assert!(world.dropped(1, "disk too slow") >= 144);
}

#[test]
fn prekeys_told_to_a_disk_that_hangs_are_bounded() {
    let mut world = World::pair();
    world.connect(0, 1);
    world.run_for(secs(40));
    world.disk_latency = secs(1_000);
    let (sid, before) = (world.sid(1, 0).unwrap(), world.nodes[1].transactions);
    let codec = FrameCodec::new(world.nodes[0].id, world.nodes[1].id);
    for number in 1..=5_000_u32 {
        let Body::Offer { mut description, .. } = offer(1, 1, 1) else { panic!("an offer") };
        let id = PrekeyId(number.to_be_bytes());
        description.pk = Some(PrekeyPublic { id, key: [9; 32] });
        let session = SessionRef { sid, generation: 0 };
        let frame = Frame::Signal(Body::Offer { session, description });
        world.frame(1, sid, &codec.encode(&frame).unwrap());
    }
    assert!(world.nodes[1].transactions - before <= 1_100);
    assert!(world.dropped(1, "disk too slow") >= 3_900);
}

#[test]
fn a_challenge_is_answered_with_a_token_of_ours() {
    let mut world = World::new(1, 1);
    world.trace = Some(Vec::new());
    world.start_all();
    let (aud, nonce) = ("hub".to_owned(), "n".to_owned());
    world.handle(0, Input::Challenge { id: 5, aud, nonce });
    let answer = world.trace.unwrap().into_iter().find(|line| line.contains("Token")).unwrap();
    let token = answer.split("token: \"").nth(1).unwrap().split('"').next().unwrap();
    let claims = tincan_wire::AccessToken::verify(token).unwrap();
    assert_eq!((claims.sub, claims.aud.as_str()), (world.nodes[0].id, "hub"));
    assert!(claims.exp - claims.iat <= 300);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_payload_on_any_leaf_is_survived(
        payloads in proptest::collection::vec(
            (0..7_usize, proptest::collection::vec(any::<u8>(), 0..300)), 1..20),
    ) {
        let mut world = World::new(1, 1);
        world.start_all();
        world.run_for(secs(1));
        for (leaf, payload) in payloads {
            let topic = Topic { user: world.nodes[0].id, leaf: Leaf::ALL[leaf] }.to_string();
            world.inject(0, &topic, &payload, false);
        }
        prop_assert!(world.status(0).contacts.is_empty());
        prop_assert!(world.status(0).dropped.values().sum::<u64>() > 0);
    }

    #[test]
    fn any_change_to_an_envelope_is_dropped(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut world = World::pair();
        let (topic, mut payload) = Forge::by(0).seal(&mut world, 1, opened());
        let at = at.index(payload.len());
        payload[at] ^= 1 << bit;
        world.inject(1, &topic, &payload, false);
        prop_assert!(!world.view(1, 0).chat_open, "byte {}, bit {}", at, bit);
    }
}
