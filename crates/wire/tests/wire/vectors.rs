//! The committed test vectors are what the generator makes, and mean what they say.

#[path = "../../examples/vectors/files/mod.rs"]
pub(crate) mod files;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tincan_wire::{
    Envelope, FrameCodec, Identity, PairSecret, PrekeySecret, Signal, Topic, UserId, base64url,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vectors")
}

fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(name)).expect(name);
    serde_json::from_str(&text).expect(name)
}

fn cases(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}

fn text<'v>(case: &'v Value, key: &str) -> &'v str {
    case[key].as_str().expect(key)
}

fn bytes<const N: usize>(case: &Value, key: &str) -> [u8; N] {
    let digits = text(case, key);
    std::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hex"))
}

#[test]
fn the_committed_files_are_what_the_generator_makes() {
    for (name, value) in files::all() {
        let again = "run `cargo run -p tincan-wire --example vectors` if the format changed";
        assert_eq!(read(name), value, "{name}: {again}");
    }
}

#[test]
fn no_other_file_lies_beside_them() {
    let made: Vec<&str> = files::all().into_iter().map(|(name, _)| name).collect();
    for entry in std::fs::read_dir(folder()).expect("the folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        assert!(name == "README.md" || made.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn every_valid_envelope_opens_with_what_stands_beside_it() {
    for case in cases(&read("envelopes.json")["valid"]) {
        let recipient = Identity::from_seed(bytes(case, "recipient_seed"));
        let sender = Identity::from_seed(bytes(case, "sender_seed"));
        let prekey = case["prekey"].is_object().then(|| {
            let prekey = &case["prekey"];
            let id: [u8; 4] = bytes(prekey, "id");
            let stored = [id.as_slice(), &bytes::<32>(prekey, "secret")].concat();
            PrekeySecret::from_bytes(&stored.try_into().expect("36 bytes"))
        });
        let topic: Topic = text(case, "topic").parse().expect("a topic");
        let envelope = Envelope::parse(text(case, "envelope").as_bytes()).expect("an envelope");
        let signal = envelope.open(&topic, &recipient, prekey.as_ref()).expect("opens");
        assert_eq!(Ok(&signal), Signal::parse(text(case, "body").as_bytes()).as_ref());
        assert_eq!(signal.from, sender.user_id());
        let secret = PairSecret::derive(&recipient, &sender.user_id());
        assert_eq!(Value::from(envelope.tag_matches(&secret)), case["from_contact"]);
    }
}

#[test]
fn the_tags_follow_from_the_pair_secrets() {
    for case in cases(&read("pair_secrets.json")) {
        let own = Identity::from_seed(bytes(case, "own_seed"));
        let peer: UserId = text(case, "peer").parse().expect("an id");
        let (g, e) = (text(case, "g"), text(case, "e"));
        let envelope =
            format!("{{\"v\":1,\"k\":\"00000000\",\"g\":\"{g}\",\"e\":\"{e}\",\"c\":\"\"}}");
        let envelope = Envelope::parse(envelope.as_bytes()).expect("an envelope");
        assert!(envelope.tag_matches(&PairSecret::derive(&own, &peer)));
        assert!(base64url::decode_array::<16>(g).is_some());
    }
}

#[test]
fn frames_are_read_as_written() {
    let file = read("frames.json");
    let [from, to] = ["from", "to"].map(|key| text(&file, key).parse().expect("an id"));
    let receiver = FrameCodec::new(to, from);
    for case in cases(&file["valid"]) {
        let [json, read_as] =
            ["json", "read_as"].map(|key| receiver.decode(text(case, key).as_bytes()));
        assert!(json.is_ok() && json == read_as, "{case}");
    }
}
