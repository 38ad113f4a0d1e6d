//! A home is exported, and what comes back talks on without losing or doubling a word.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tincan_backup::{Installation, Log, Parameters, Reader, Record, Writer};
use tincan_hub::Hub;
use tincan_node::engine::store::{IssuedInvite, StoredPrekey};
use tincan_node::engine::{
    Alarm, BrokerState, Contact, ContactStatus, Delivery, Event, MessageKind, MessageView, Target,
    Time,
};
use tincan_node::wire::{
    DisplayName, Identity, InviteToken, MessageId, PrekeySecret, Ranges, UserId,
};
use tincan_node::{
    Config, Events, ExportError, Handle, HomeError, ImportError, Imported, Node, Passphrase,
    ReadError, export, import,
};
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait for an event that may have been before looking at the disk again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

fn passphrase() -> Passphrase {
    Passphrase::new("five words of a test").unwrap()
}

/// Two people with a hub, and a place for homes.
struct World {
    dir: TempDir,
    hub: Hub,
    origin: String,
}

impl World {
    async fn new() -> Self {
        let config = tincan_hub::Config::on(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let hub = Hub::start(config).await.unwrap();
        let origin = format!("http://{}", hub.addresses().http);
        Self { dir: tempfile::tempdir().unwrap(), hub, origin }
    }

    fn home(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn start(&self, name: &str) -> Node {
        let mut config = Config::new(self.home(name));
        config.hub = Some(self.origin.clone());
        let node = Node::start(config).await.unwrap();
        connected(&node.handle()).await;
        node
    }

    /// Ada and Bob, contacts of each other.
    async fn friends(&self) -> (Node, Node) {
        let (a, b) = (self.start("a").await, self.start("b").await);
        befriend(&a.handle(), &b.handle(), &self.origin).await;
        (a, b)
    }

    fn export(&self, name: &str) -> Vec<u8> {
        let mut file = Vec::new();
        let exported = export(&self.home(name), &passphrase(), &mut file).unwrap();
        assert_eq!(exported.bytes, file.len() as u64);
        file
    }

    fn import(&self, name: &str, mut file: &[u8]) -> Result<Imported, ImportError> {
        import(&self.home(name), &passphrase(), &mut file)
    }

    async fn end(self, nodes: impl IntoIterator<Item = Node>) {
        for node in nodes {
            node.close().await;
        }
        self.hub.shutdown().await;
    }
}

async fn until<T>(events: &mut Events, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let search = async {
        loop {
            let event = events.next().await.expect("the node is there");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("it happens in time")
}

async fn connected(handle: &Handle) {
    let mut events = handle.events().await;
    if handle.status().await.unwrap().broker.state != BrokerState::Connected {
        until(&mut events, |event| match event {
            Event::Broker(view) if view.state == BrokerState::Connected => Some(()),
            _ => None,
        })
        .await;
    }
}

async fn befriend(a: &Handle, b: &Handle, hub: &str) {
    let hour = Duration::from_secs(3_600);
    let invite = a.invite(Some(hub.to_owned()), vec![], 1, hour).await.unwrap();
    let mut events = b.events().await;
    b.add(Target::Invite(invite), None).await.unwrap();
    until(&mut events, |event| match event {
        Event::Contact { contact } => (contact.status == ContactStatus::Accepted).then_some(()),
        _ => None,
    })
    .await;
}

/// Says something and waits until the other has it.
async fn say(from: &Handle, to: UserId, words: &str) {
    let sent = from.send(to, words).await.unwrap();
    delivered(from, to, &sent).await;
}

/// Waits until a message is delivered. The word of it may have been given before this listens,
/// and a moment before the disk has it: so it looks more than once.
async fn delivered(from: &Handle, to: UserId, message: &MessageView) {
    let look = async {
        loop {
            let state = from.wait_delivered(to, message.id, LOOK_AGAIN).await.unwrap();
            match state {
                Delivery::Delivered | Delivery::Read => return,
                Delivery::Queued | Delivery::Sent => {}
                Delivery::Failed => panic!("it failed"),
            }
        }
    };
    timeout(PATIENCE, look).await.expect("it is delivered in time");
}

async fn contents(handle: &Handle, contact: UserId) -> Vec<String> {
    let messages = handle.history(contact, 1_000).await.unwrap();
    messages.into_iter().map(|message| message.content).collect()
}

fn records(mut file: &[u8]) -> Vec<Record> {
    let mut reader = Reader::open(&passphrase(), file).unwrap();
    file = &[];
    reader.push(file);
    reader.end();
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

/// What a home holds, without the moment of the backup and the run.
fn state(world: &World, name: &str) -> Vec<Record> {
    let mut records = records(&world.export(name));
    records.remove(0);
    records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undelivered_message_reaches_the_contact_once() {
    let world = World::new().await;
    let (a, b) = world.friends().await;
    let (a_id, b_id) = (a.id(), b.id());
    say(&a.handle(), b_id, "before").await;
    b.close().await;
    let waiting = a.handle().send(b_id, "waiting").await.unwrap();
    let file = world.export("a");
    a.close().await;

    let imported = world.import("new", &file).unwrap();
    assert_eq!((imported.id, imported.merged), (a_id, false));
    assert_eq!((imported.contacts, imported.messages, imported.waiting), (1, 2, 1));
    let (new, b) = (world.start("new").await, world.start("b").await);
    assert_eq!(new.id(), a_id);
    delivered(&new.handle(), b_id, &waiting).await;
    assert_eq!(contents(&b.handle(), a_id).await, ["before", "waiting"]);
    assert_eq!(contents(&new.handle(), b_id).await, ["before", "waiting"]);
    world.end([new, b]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_delivered_after_the_backup_is_not_doubled() {
    let world = World::new().await;
    let (a, b) = world.friends().await;
    let (a_id, b_id) = (a.id(), b.id());
    b.close().await;
    let one = a.handle().send(b_id, "one").await.unwrap();
    let two = a.handle().send(b_id, "two").await.unwrap();
    let file = world.export("a");
    let b = world.start("b").await;
    delivered(&a.handle(), b_id, &two).await;
    say(&a.handle(), b_id, "after the backup").await;
    a.close().await;

    let mut at_b = b.handle().events().await;
    assert_eq!(world.import("new", &file).unwrap().waiting, 2);
    let new = world.start("new").await;
    for message in [&one, &two] {
        delivered(&new.handle(), b_id, message).await;
    }
    // The new log begins where no position of the old one can be meant.
    say(&new.handle(), b_id, "from the new log").await;
    let end = until(&mut at_b, |event| match event {
        Event::Alarm { alarm: Alarm::MessageIdReused { .. }, .. } => Some(false),
        Event::Message { message } if message.content == "from the new log" => Some(true),
        Event::Message { message } => panic!("{} again", message.content),
        _ => None,
    })
    .await;
    assert!(end, "nothing is taken for a forgery");
    let expected = ["one", "two", "after the backup", "from the new log"];
    assert_eq!(contents(&b.handle(), a_id).await, expected);
    world.end([new, b]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_talk_on_after_a_restore_and_know_each_other() {
    let world = World::new().await;
    let (a, b) = world.friends().await;
    let (a_id, b_id) = (a.id(), b.id());
    say(&a.handle(), b_id, "1").await;
    say(&b.handle(), a_id, "2").await;
    let file = world.export("a");
    say(&b.handle(), a_id, "lost with the old machine").await;
    a.close().await;

    world.import("new", &file).unwrap();
    // Without a word about the hub: the contacts' one is no part of what was remembered here.
    let new = world.start("new").await;
    let contacts = new.handle().contacts().await.unwrap();
    assert_eq!(contacts[0].status, ContactStatus::Accepted);
    // Bob does not know of the restore: what he sends is sealed to a prekey of the old machine.
    say(&b.handle(), a_id, "3").await;
    say(&new.handle(), b_id, "4").await;
    assert_eq!(contents(&new.handle(), b_id).await, ["1", "2", "3", "4"]);
    world.end([new, b]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_and_its_states_come_back_as_they_were() {
    let world = World::new().await;
    let (a, b) = world.friends().await;
    let (a_id, b_id) = (a.id(), b.id());
    for n in 0..5 {
        say(&a.handle(), b_id, &format!("mine {n}")).await;
        say(&b.handle(), a_id, &format!("yours {n}")).await;
    }
    b.close().await;
    let failed = a.handle().send(b_id, "given up").await.unwrap();
    let cancel = tincan_node::engine::Command::CancelMessage { contact: b_id, id: failed.id };
    a.handle().command(cancel).await.unwrap();
    a.close().await;
    let file = world.export("a");
    let before = world.start("a").await.handle().history(b_id, 100).await.unwrap();

    world.import("new", &file).unwrap();
    let new = world.start("new").await;
    assert_eq!(new.handle().history(b_id, 100).await.unwrap(), before);
    let found = new.handle().search("yours", None, 10).await.unwrap();
    assert_eq!((found.len(), found[0].content.as_str()), (5, "yours 4"));
    world.end([new]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn importing_twice_changes_nothing() {
    let world = World::new().await;
    let (a, b) = world.friends().await;
    say(&a.handle(), b.id(), "delivered").await;
    let b_id = b.id();
    b.close().await;
    a.handle().send(b_id, "waiting").await.unwrap();
    a.close().await;
    let file = world.export("a");

    world.import("new", &file).unwrap();
    let once = state(&world, "new");
    let again = world.import("new", &file).unwrap();
    assert!(again.merged);
    assert_eq!((again.contacts, again.messages, again.known), (0, 0, 2));
    assert_eq!(state(&world, "new"), once);
    // Back into the home that it came from, too.
    let original = state(&world, "a");
    assert_eq!(world.import("a", &file).unwrap().messages, 0);
    assert_eq!(state(&world, "a"), original);
    world.end([]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_installations_of_one_identity_are_put_together() {
    let world = World::new().await;
    let (a, b) = world.friends().await;
    let (a_id, b_id) = (a.id(), b.id());
    say(&a.handle(), b_id, "1").await;
    let file = world.export("a");
    say(&a.handle(), b_id, "2 on the old one").await;
    a.close().await;
    let old = world.export("a");

    world.import("new", &file).unwrap();
    let new = world.start("new").await;
    say(&new.handle(), b_id, "3 on the new one").await;
    new.close().await;
    let imported = world.import("new", &old).unwrap();
    assert!(imported.merged);
    assert_eq!((imported.messages, imported.known, imported.waiting), (1, 1, 0));
    let new = world.start("new").await;
    let expected = ["1", "2 on the old one", "3 on the new one"];
    assert_eq!(contents(&new.handle(), b_id).await, expected);
    assert_eq!(contents(&b.handle(), a_id).await, expected);
    world.end([new, b]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_imported_changes_nothing() {
    let world = World::new().await;
    let (a, b) = world.friends().await;
    let b_id = b.id();
    say(&a.handle(), b_id, "hello").await;
    let file = world.export("a");
    let error = world.import("a", &file).unwrap_err();
    assert!(matches!(error, ImportError::Home(HomeError::InUse { .. })), "{error}");
    assert!(error.to_string().contains("stop that one"), "{error}");
    a.close().await;
    b.close().await;

    let before = state(&world, "b");
    let error = world.import("b", &file).unwrap_err();
    assert!(error.to_string().contains("empty directory with --home"), "{error}");
    assert_eq!(state(&world, "b"), before);

    let before = state(&world, "a");
    let mut spoiled = file.clone();
    *spoiled.last_mut().unwrap() ^= 1;
    for (file, expected) in [
        (&spoiled[..], ReadError::Damaged),
        (&file[..50], ReadError::CutShort),
        (b"", ReadError::NotABackup),
    ] {
        let error = world.import("a", file).unwrap_err();
        assert!(matches!(error, ImportError::Read(found) if found == expected), "{error}");
    }
    let wrong = Passphrase::new("another one").unwrap();
    let error = import(&world.home("a"), &wrong, &mut &file[..]).unwrap_err();
    assert!(matches!(error, ImportError::Read(ReadError::WrongPassphrase)), "{error}");
    assert_eq!(state(&world, "a"), before);
    world.end([]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_that_nobody_knows_gives_way() {
    let world = World::new().await;
    let (a, b) = world.friends().await;
    let id = a.id();
    let file = world.export("a");
    let other = world.start("other").await;
    assert_ne!(other.id(), id);
    other.close().await;
    let imported = world.import("other", &file).unwrap();
    assert_eq!((imported.id, imported.merged, imported.contacts), (id, false, 1));
    a.close().await;
    let other = world.start("other").await;
    assert_eq!(other.id(), id);
    say(&other.handle(), b.id(), "I am back").await;
    world.end([other, b]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_home_finds_the_hub_that_was_remembered() {
    let world = World::new().await;
    let a = world.start("a").await;
    // This one learns of the hub by the invite.
    let b = Node::start(Config::new(world.home("b"))).await.unwrap();
    befriend(&a.handle(), &b.handle(), &world.origin).await;
    let file = world.export("b");
    b.close().await;
    world.import("new", &file).unwrap();
    let new = Node::start(Config::new(world.home("new"))).await.unwrap();
    say(&new.handle(), a.id(), "found it").await;
    world.end([a, new]).await;
}

#[tokio::test]
async fn there_must_be_something_to_export() {
    let dir = tempfile::tempdir().unwrap();
    let check = |home: &Path| {
        let error = export(home, &passphrase(), &mut Vec::new()).unwrap_err();
        assert!(matches!(error, ExportError::NothingThere { .. }), "{error}");
    };
    check(&dir.path().join("nowhere"));
    assert!(!dir.path().join("nowhere").exists(), "looking makes nothing");
    fs::create_dir(dir.path().join("empty")).unwrap();
    check(&dir.path().join("empty"));
    let short = Passphrase::new("short").unwrap();
    let error = export(dir.path(), &short, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("fewer than 8"), "{error}");
}

/// A backup of our own making, of the identity of this seed.
fn backup_of(seed: u8, records: &[Record]) -> Vec<u8> {
    let mut file = Vec::new();
    let cheap = Parameters::new(64, 1, 1).unwrap();
    let mut writer = Writer::new(&passphrase(), cheap, [seed; 16], &mut file).unwrap();
    let first = Installation {
        seed: [seed; 32],
        name: DisplayName::clean("Ada"),
        epoch: 7,
        made: Time::from_millis(9),
        hub: None,
        brokers: Vec::new(),
    };
    writer.push(&Record::Installation(first), &mut file).unwrap();
    records.iter().for_each(|record| writer.push(record, &mut file).unwrap());
    writer.finish(&mut file).unwrap();
    file
}

/// Bob, a log of ours to him of which he holds these positions, and messages in it.
fn talk(lg: &str, held: &[u64], messages: &[u64]) -> Vec<Record> {
    let bob = Identity::from_seed([2; 32]).user_id();
    let held: Ranges = held.iter().copied().collect();
    let log = Log { contact: bob, own: true, lg: lg.parse().unwrap(), held, read: 0 };
    let mut records = vec![
        Record::Contact(Contact {
            name: DisplayName::clean("Bob"),
            ..Contact::new(bob, ContactStatus::Accepted, Time::from_millis(1))
        }),
        Record::Log(log.clone()),
    ];
    records.extend(messages.iter().map(|s| {
        Record::Message(MessageView {
            contact: bob,
            outgoing: true,
            id: MessageId::new(*s, [3; 10]),
            lg: log.lg,
            s: *s,
            h: *s,
            timestamp: *s,
            kind: MessageKind::Text { reply: None },
            content: format!("message {s}"),
            state: log.delivery(*s, false),
        })
    }));
    records
}

/// Which logs and positions the messages of a home have, and how far they have come.
fn positions(home: &Path) -> Vec<(String, u64, u64, Delivery)> {
    let mut file = Vec::new();
    export(home, &passphrase(), &mut file).unwrap();
    let position = |record| match record {
        Record::Message(m) => Some((m.lg.to_string(), m.s, m.id.timestamp_ms(), m.state)),
        _ => None,
    };
    records(&file).into_iter().filter_map(position).collect()
}

#[test]
fn what_was_not_delivered_goes_into_the_new_log_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let file = backup_of(1, &talk("oldoldol", &[1, 3], &[1, 2, 3, 5, 6]));
    let imported = import(&home, &passphrase(), &mut &file[..]).unwrap();
    assert_eq!((imported.messages, imported.waiting), (5, 3));
    let found = positions(&home);
    let new = found[1].0.clone();
    assert_ne!(new, "oldoldol");
    let old = "oldoldol".to_owned();
    let expected = [
        (old.clone(), 1, 1, Delivery::Delivered),
        (new.clone(), 1, 2, Delivery::Queued),
        (old, 3, 3, Delivery::Delivered),
        (new.clone(), 2, 5, Delivery::Queued),
        (new, 3, 6, Delivery::Queued),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_copy_of_a_home_cannot_take_positions_of_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let first = backup_of(1, &talk("oldoldol", &[], &[1, 2]));
    import(&home, &passphrase(), &mut &first[..]).unwrap();
    let ours = positions(&home)[0].0.clone();
    // Somebody copied the folder; the copy said other things at the same positions.
    let copy = backup_of(1, &talk(&ours, &[1, 2, 3], &[3]));
    assert_eq!(import(&home, &passphrase(), &mut &copy[..]).unwrap().waiting, 1);
    let found: Vec<_> =
        positions(&home).into_iter().map(|(_, s, id, state)| (s, id, state)).collect();
    let expected = [(1, 1, Delivery::Queued), (2, 2, Delivery::Queued), (3, 3, Delivery::Queued)];
    assert_eq!(found, expected, "nothing counts as delivered that never was");
}

#[test]
fn what_was_spent_or_forgotten_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let millis = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let now = u64::try_from(millis).unwrap();
    let prekey = |number: u8, days: u64| {
        let secret = PrekeySecret::from_bytes(&[number; 36]);
        let made = Time::from_millis(now - days * 86_400_000);
        Record::Prekey(StoredPrekey { id: secret.id(), bytes: secret.to_bytes(), made })
    };
    let invite = Record::Invite(IssuedInvite {
        token: InviteToken([4; 16]),
        uses: 1,
        expiry: Time::from_millis(now + 86_400_000),
    });
    let file = backup_of(1, &[invite.clone(), prekey(5, 1), prekey(6, 15)]);
    import(&home, &passphrase(), &mut &file[..]).unwrap();
    let kept = |home: &Path| {
        let mut file = Vec::new();
        export(home, &passphrase(), &mut file).unwrap();
        let mut records = records(&file);
        records.remove(0);
        records
    };
    assert_eq!(kept(&home), [invite, prekey(5, 1)]);
    // Into a home that has used its invites since.
    let used = dir.path().join("used");
    import(&used, &passphrase(), &mut &backup_of(1, &[])[..]).unwrap();
    import(&used, &passphrase(), &mut &file[..]).unwrap();
    assert_eq!(kept(&used), [prekey(5, 1)]);
}
