//! Writes the first inputs of the targets that take sequences, datagrams, settings or plans:
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`. Those of what `tincan-wire` reads
//! come from the test vectors.
#![allow(clippy::expect_used, reason = "a tool of the workbench")]

use std::fs;
use std::path::Path;

use tincan_fuzz::control::LONGEST_LINE;
use tincan_fuzz::engine::{SETTING_BYTES, deed};
use tincan_fuzz::hub::piece as at_hub;
use tincan_fuzz::link::piece as on_link;
use tincan_fuzz::mqtt::piece as at_broker;
use tincan_fuzz::relay::piece as at_relay;
use tincan_fuzz::{hub, sequence};
use tincan_hub::fuzzing::Entrance;
use tincan_wire::access_token::AccessClaims;
use tincan_wire::{AccessToken, Identity};

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=ice-options:trickle\r\n\
    a=fingerprint:sha-256 \
    00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:\
    10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n\
    a=setup:actpass\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n";

const CANDIDATE: &str = "candidate:1 1 udp 2130706431 10.0.0.2 1002 typ host";

/// A Binding request (RFC 8489 §5) with a USERNAME of `abcd:efgh`.
const BINDING: &[u8] =
    b"\x00\x01\x00\x10\x21\x12\xa4\x42twelve bytes\x00\x06\x00\x09abcd:efgh\0\0\0";

/// A Binding success with an XOR-MAPPED-ADDRESS of IPv4.
const MAPPED: &[u8] = b"\x01\x01\x00\x0c\x21\x12\xa4\x42twelve bytes\
    \x00\x20\x00\x08\x00\x01\x24\x68\xe1\xba\xa5\x26";

/// Records of DTLS 1.2 (RFC 6347 §4.1): the head of a client's hello, an alert, sealed data.
const RECORDS: [&[u8]; 3] = [
    b"\x16\xfe\xfd\0\0\0\0\0\0\0\0\x00\x0f\x01\x00\x00\x03\0\0\0\0\0\0\0\x03\xfe\xfd\x00",
    b"\x15\xfe\xfd\0\0\0\0\0\0\0\x01\x00\x02\x02\x28",
    b"\x17\xfe\xfd\0\x01\0\0\0\0\0\x02\x00\x08sealed!!",
];

fn main() {
    let connack: &[u8] = &[0x20, 3, 0, 0, 0];
    let suback: &[u8] = &[0x90, 4, 0, 1, 0, 1];
    let message: &[u8] = b"\x32\x11\x00\x08user/a/b\x00\x09\x00hello";
    let puback: &[u8] = &[0x40, 2, 0, 2];
    write(
        "mqtt",
        &[
            sequence(&[
                (at_broker::BYTES, connack),
                (at_broker::BYTES, suback),
                (at_broker::BYTES, message),
                (at_broker::PUBLISH, b"an envelope"),
                (at_broker::BYTES, puback),
                (at_broker::WAIT, &[0; 31]),
                (at_broker::BYTES, &[0xD0, 0]),
                (at_broker::BYTES, &[0xE0, 1, 0x8E]),
            ]),
            // One that speaks 3.1.1 only, and leaves in between.
            sequence(&[
                (at_broker::PUBLISH, b"kept"),
                (at_broker::BYTES, &[0x20, 2, 0, 1]),
                (at_broker::OPEN, b""),
                (at_broker::BYTES, &[0x20, 2, 1, 0]),
                (at_broker::BYTES, &[0x90, 3, 0, 1, 1]),
                (at_broker::CUT, b""),
                (at_broker::OPEN, b""),
                (at_broker::BYTES, &[0x20, 2, 1, 0]),
                (at_broker::WAIT, &[0; 61]),
            ]),
            sequence(&[(at_broker::BYTES, b"HTTP/1.1 400 Bad Request\r\n\r\n")]),
        ],
    );
    let datagrams = [BINDING, MAPPED, RECORDS[0], RECORDS[1], RECORDS[2]];
    let from_peer: Vec<(u8, &[u8])> =
        datagrams.iter().map(|bytes| (on_link::FROM_PEER, *bytes)).collect();
    let from_stranger: Vec<(u8, &[u8])> =
        datagrams.iter().map(|bytes| (on_link::FROM_STRANGER, *bytes)).collect();
    let answer = OFFER.replace("actpass", "active");
    let offerer = [
        &[(on_link::ANSWER, answer.as_bytes()), (on_link::CANDIDATE, CANDIDATE.as_bytes())][..],
        &from_peer,
        &[(on_link::WAIT, &[0; 100])],
        &from_stranger,
    ]
    .concat();
    let answerer = [
        &[(on_link::OFFER, OFFER.as_bytes()), (on_link::CANDIDATE, CANDIDATE.as_bytes())][..],
        &from_stranger,
        &[(on_link::WAIT, &[0; 100])],
        &from_peer,
    ]
    .concat();
    write(
        "link",
        &[[&[0][..], &sequence(&offerer)].concat(), [&[1][..], &sequence(&answerer)].concat()],
    );
    write("link_open", &[sequence(&from_peer), sequence(&from_stranger)]);
    write("stun", &datagrams.map(<[u8]>::to_vec));
    // The magic, what the version is, and costs that a test can pay (docs/backup.md).
    let mut header = b"tincan backup\r\n\x1a\x01\x01\x01\x01\x00\x00\x00\x40\x01".to_vec();
    header.resize(200, 0);
    write("backup", &[header, Vec::new()]);
    write("config", &settings().map(str::as_bytes).map(<[u8]>::to_vec));
    let mut screens =
        lines().map(|(buffer, text)| [&[buffer][..], text.as_bytes()].concat()).to_vec();
    // A line that may be as long as this, and one that may not.
    let long = [" ".repeat(LONGEST_LINE), " ".repeat(LONGEST_LINE + 1)].join("\n");
    screens.push([&[16][..], long.as_bytes(), b"\n{}\n"].concat());
    write("control", &screens);
    write("hub", &strangers());
    write("engine", &plans());
    write("relay", &relayed());
}

/// What users of the relay ask for, by UDP and by a stream, and what they and peers say. The
/// requests have attributes as `tincan_fuzz::relay` reads them, and its transaction id of ones.
fn relayed() -> [Vec<u8>; 4] {
    let allocate = b"\x00\x00\x19\x04\x11\0\0\0";
    let allocate_both = b"\x00\x00\x19\x04\x11\0\0\0\x80\x00\x04\x02\0\0\0";
    let refresh = b"\x01\x00\x0d\x04\x00\x00\x0e\x10";
    let end = b"\x01\x00\x0d\x04\0\0\0\0";
    // 198.51.100.7:4000, hidden.
    let permit = b"\x02\x00\x12\x08\x00\x01\x2e\xb2\xe7\x21\xc0\x45";
    let bind = b"\x03\x00\x0c\x04\x40\0\0\0\x00\x12\x08\x00\x01\x2e\xb2\xe7\x21\xc0\x45";
    let channel_data = b"\x40\0\0\x05hello\0\0\0";
    let send = b"\x00\x16\x00\x18\x21\x12\xa4\x42twelve bytes\
        \x00\x12\x00\x08\x00\x01\x2e\xb2\xe7\x21\xc0\x45\x00\x13\x00\x05hello\0\0\0";
    [
        sequence(&[
            (at_relay::STRANGER, BINDING),
            (at_relay::REQUEST, allocate),
            (at_relay::REQUEST, permit),
            (at_relay::DATAGRAM, send),
            (at_relay::PEER, b"hello"),
            (at_relay::REQUEST, bind),
            (at_relay::DATAGRAM, channel_data),
            (at_relay::PEER, b"hello"),
        ]),
        sequence(&[
            (at_relay::STREAM_REQUEST, allocate_both),
            (at_relay::STREAM_REQUEST, bind),
            (at_relay::STREAM, channel_data),
            (at_relay::STREAM, channel_data),
            (at_relay::PEER, b"even"),
            (at_relay::STREAM, send),
            (at_relay::BREAK, b""),
            (at_relay::STREAM, b"\x80"),
        ]),
        sequence(&[
            (at_relay::REQUEST, allocate),
            (at_relay::REQUEST, refresh),
            (at_relay::WAIT, &[0; 61]),
            (at_relay::REQUEST, bind),
            (at_relay::WAIT, &[0; 31]),
            (at_relay::DATAGRAM, channel_data),
            (at_relay::REQUEST, end),
        ]),
        sequence(&[(at_relay::STREAM_REQUEST, allocate), (at_relay::WAIT, &[0; 61])]),
    ]
}

/// The config file, addresses, a meeting place as it is remembered, and a hub's answers.
fn settings() -> [&'static str; 10] {
    [
        "home = '/home/ada'\nhub = 'https://hub.example:8443'\nname = 'Ada'\n\
         pinned_key = 'abababababababababababababababababababababababababababababababab'\n",
        "brokers = ['mqtts://ada:p%40ss@[::1]:8883']\nread_receipts = false\n\
         admit_strangers = true # all\n",
        "mqtt://b",
        "wss://ada:p%C3%BC@broker.example/mqtt?x=1",
        "http://[2001:db8::7]:8080/",
        "stun:stun.example:19302?transport=udp",
        r#"{"hub":"http://h:8080","brokers":["ws://h:8083/mqtt"]}"#,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
         1c\r\n{\"nonce\":\"n\",\"aud\":\"tincan\"}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 47\r\n\r\n\
         {\"brokers\":[\"mqtt://h:1883\"],\"stun\":[\"stun:h\"]}",
        r#"{"iceServers":[{"urls":["stun:a:1","turn:a:2"]},{"urls":"stun:b"}],"stun":["stun:c"]}"#,
    ]
}

/// What clients and nodes write, and the size of the buffer of who reads it.
fn lines() -> [(u8, &'static str); 6] {
    [
        (7, "{\"id\":1,\"command\":\"connect\"}\n{\"id\":2,\"subscribe\":true}\n"),
        (
            64,
            "{\"id\":3,\"command\":\"create_invite\",\"hub\":null,\"brokers\":[],\"uses\":1,\
             \"ttl_secs\":60}\n\n{\"id\":4,\"command\":\"set_name\",\"name\":\"Ada\"}\n",
        ),
        (
            255,
            "{\"id\":5,\"query\":\"search\",\"text\":\"a\",\"limit\":9}\n{\"id\":6,\"query\":\
             \"summaries\"}\n{\"id\":7,\"shell\":\"set_hub\",\"origin\":\"http://h\"}\n",
        ),
        (
            1,
            "{\"id\":1,\"ok\":{}}\n{\"id\":2,\"error\":{\"error\":\"unknown_contact\",\
             \"message\":\"no\",\"of\":\"command\"}}\n{\"event\":\"missed\",\"missed\":3}\n",
        ),
        (
            128,
            "{\"id\":3,\"ok\":{\"answer\":\"summaries\",\"summaries\":[]}}\n\
             {\"id\":4,\"error\":{\"error\":\"closed\"}}\n",
        ),
        (
            200,
            "{\"event\":\"broker\",\"state\":\"disconnected\",\"reason\":null,\"retry_at\":null,\
             \"attempts\":2}\n{\"id\":8,\"shell\":\"stop\"}",
        ),
    ]
}

/// Clients of the broker and of the site, one of them with a good token.
fn strangers() -> [Vec<u8>; 4] {
    let own = Identity::from_seed([1; 32]);
    let claims = AccessClaims {
        sub: own.user_id(),
        aud: hub::NAME.to_owned(),
        cid: "tin0011223344556677".to_owned(),
        iat: 1_000,
        exp: 1_300,
        nonce: Entrance::new(hub::NAME, hub::SECRET).challenge(0, [0; 8]),
    };
    let token = AccessToken::issue(&own, &claims);
    let user = own.user_id().to_string();
    let mqtt =
        |version, properties: &[u8]| connect(version, properties, &claims.cid, &user, &token);
    let (mqtt_5, mqtt_3) = (mqtt(5, &[0]), mqtt(4, &[]));
    let ice = format!("POST /ice HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\r\n");
    let filters = [format!("user/{user}/+"), format!("user/{user}/offer")];
    [
        sequence(&[(at_hub::MQTT, &mqtt_5), (at_hub::WAIT, &[0; 31]), (at_hub::MQTT, &mqtt_5)]),
        sequence(&[
            (at_hub::MQTT, &[&mqtt_3[..], b"\x82\x0b\x00\x01\x00\x06user/+\x01\xc0\x00"].concat()),
            (at_hub::TOKEN, token.as_bytes()),
        ]),
        sequence(&[
            (at_hub::HTTP, ice.as_bytes()),
            (at_hub::FILTER, filters[0].as_bytes()),
            (at_hub::FILTER, filters[1].as_bytes()),
            (at_hub::TOPIC, filters[1].as_bytes()),
        ]),
        sequence(&[
            (
                at_hub::HTTP,
                b"GET /config.json HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n\
                HEAD / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: br;q=0.5, *;q=0\r\n\r\n\
                OPTIONS /ice HTTP/1.0\r\n\r\n",
            ),
            (at_hub::HTTP, b"GET /challenge HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\n\r\n"),
            (
                at_hub::HTTP,
                b"GET /mqtt HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
                Sec-WebSocket-Protocol: mqtt\r\n\r\n",
            ),
        ]),
    ]
}

/// A CONNECT (MQTT 5 §3.1, MQTT 3.1.1 §3.1).
fn connect(version: u8, properties: &[u8], client: &str, user: &str, token: &str) -> Vec<u8> {
    let field = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    let fields = [client, user, token].map(field).concat();
    let rest = [&field("MQTT"), &[version, 0xC2, 0, 30][..], properties, &fields].concat();
    let length = [(rest.len() % 128) as u8 | 0x80, (rest.len() / 128) as u8];
    [&[0x10], &length[..], &rest].concat()
}

/// Two or three people on a quiet day, and with faults of each kind.
fn plans() -> [Vec<u8>; 7] {
    // Two friends; three; two strangers; then what is recorded, and what goes on.
    let (two, three, strangers) = (0b00, 0b01, 0b11);
    let (replayed, goes_on) = (0b0100, 0b1000);
    let plan = |flags: u8, actions: &[[u8; 7]]| {
        let mut setting = [0; SETTING_BYTES];
        (setting[1], setting[2], setting[7]) = (7, flags, 130);
        [&setting[..], &actions.concat()].concat()
    };
    [
        plan(
            two | replayed,
            &[
                [deed::SEND, 0, 100, 0, 0, 0, 0],
                [deed::OPEN, 1, 90, 0, 0, 0, 0],
                [deed::TYPE, 1, 80, 1, 0, 0, 0],
                [deed::SEND, 1, 80, 4, 3, 0, 0],
                [deed::READ, 0, 140, 0, 0, 0, 0],
                [deed::CLOSE, 1, 140, 0, 0, 0, 0],
            ],
        ),
        plan(
            two | goes_on,
            &[
                [deed::OPEN, 1, 150, 0, 0, 0, 0],
                [deed::SEND, 0, 60, 2, 1, 0, 0],
                [deed::CRASH, 1, 30, 4, 2, 0, 130],
                [deed::SEND, 1, 10, 2, 4, 0, 0],
                [deed::QUIT, 0, 100, 0, 0, 0, 140],
            ],
        ),
        plan(
            three,
            &[
                [deed::WEATHER, 0xff, 0, 255, 120, 200, 200],
                [deed::SEND, 0x12, 90, 3, 0, 0, 0],
                [deed::BROKER_DOWN, 0, 140, 1, 1, 0, 136],
                [deed::SPLIT, 0, 140, 2, 0, 0, 200],
                [deed::CUT_OFF, 1, 90, 1, 2, 0, 0],
                [deed::SEND, 1, 70, 1, 0, 0, 0],
            ],
        ),
        plan(
            two,
            &[
                [deed::SEND, 0, 140, 0, 0, 0, 0],
                [deed::WALL, 0, 140, 1, 1, 0, 138],
                [deed::SEND, 1, 80, 2, 0, 0, 0],
                [deed::KILL, 0, 134, 0, 0, 0, 0],
                [deed::STALL, 1, 90, 80, 0, 0, 150],
                [deed::IMPOSTOR, 1, 90, 0, 0, 0, 140],
                [deed::MOVE, 0, 140, 0, 0, 0, 0],
                [deed::SEND, 0, 200, 2, 0, 0, 0],
            ],
        ),
        plan(
            two | replayed,
            &[
                [deed::BAD_DISK, 0, 140, 2, 0, 0, 142],
                [deed::SLOW_DISK, 1, 10, 200, 0, 0, 140],
                [deed::SEND, 1, 20, 7, 4, 0, 0],
                [deed::CANCEL, 1, 20, 0, 0, 0, 0],
                [deed::SLEEP, 0, 20, 0, 0, 0, 140],
            ],
        ),
        plan(
            strangers,
            &[
                [deed::SEND, 0, 150, 1, 1, 0, 0],
                [deed::BLOCK, 1, 140, 0, 0, 0, 0],
                [deed::LEAP, 1, 140, 240, 2, 0, 0],
                [deed::SEND, 0, 140, 1, 0, 0, 0],
                [deed::UNBLOCK, 1, 140, 0, 0, 0, 0],
                [deed::LEAVE, 0, 140, 0, 0, 0, 0],
                [deed::JUMP, 0, 140, 200, 2, 1, 0],
                [deed::RETURN, 0, 140, 0, 0, 0, 0],
            ],
        ),
        plan(
            two,
            &[
                [deed::FLOOD, 0, 140, 0, 20, 0, 0],
                [deed::FLOOD, 0, 140, 2, 20, 0, 0],
                [deed::FLOOD, 0, 140, 3, 31, 0, 0],
                [deed::SEND, 0, 100, 1, 0, 0, 0],
            ],
        ),
    ]
}

fn write(target: &str, inputs: &[Vec<u8>]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).expect("a folder for them");
    for (number, input) in inputs.iter().enumerate() {
        fs::write(folder.join(format!("{number:03}")), input).expect("room on the disk");
    }
}
