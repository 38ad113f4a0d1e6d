//! The task against a broker that the test plays, byte by byte.

use std::time::{Duration, Instant};

use tincan_engine::{BrokerInput, BrokerOutput, Unreadable};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::transport::GOODBYE_TIMEOUT;
use super::*;
use crate::dial::{Dialer, TlsSettings};

const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;
const DISCONNECT: u8 = 0xE0;

const CONNACK: &[u8] = &[0x20, 3, 0, 0, 0];
const CONNACK_BAD_PASSWORD: &[u8] = &[0x20, 3, 0, 0x86, 0];
const CONNACK_BUSY: &[u8] = &[0x20, 3, 0, 0x89, 0];
/// In the shape of 3.1.1: unacceptable protocol version.
const CONNACK_OLD: &[u8] = &[0x20, 2, 0, 1];

const PATIENCE: Duration = Duration::from_secs(10);

struct Fixture {
    listener: TcpListener,
    link: BrokerLink,
    reports: mpsc::Receiver<Report>,
}

impl Fixture {
    async fn new(user: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("mqtt://{user}{}", listener.local_addr().unwrap());
        let place = MeetingPlace::new(None, &[address]).unwrap();
        let (link, reports) = start(place);
        Self { listener, link, reports }
    }

    async fn accept(&self) -> FakeBroker {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        FakeBroker { stream }
    }

    fn connect(&mut self) {
        self.link.handle(connect());
    }

    /// A link that is up.
    async fn connected(&mut self) -> FakeBroker {
        self.connect();
        let mut broker = self.accept().await;
        broker.welcome().await;
        assert!(matches!(input(&mut self.reports).await, BrokerInput::Connected));
        broker
    }
}

fn start(place: MeetingPlace) -> (BrokerLink, mpsc::Receiver<Report>) {
    let dialer = Dialer::new(TlsSettings::default());
    BrokerLink::start(dialer, place, Login::default(), vec![])
}

fn connect() -> BrokerOutput {
    BrokerOutput::Connect {
        client_id: "tin0011223344556677".to_owned(),
        username: "tin1me".to_owned(),
        filter: "user/tin1me/+".to_owned(),
    }
}

/// The next report about the link or a message.
async fn input(reports: &mut mpsc::Receiver<Report>) -> BrokerInput {
    loop {
        match timeout(PATIENCE, reports.recv()).await.expect("a report").unwrap() {
            Report::Link { input, .. } => return input,
            Report::Message { topic, payload, retain } => {
                return BrokerInput::Message { topic, payload, retain };
            }
            Report::Ice(_) | Report::Clock(_) | Report::Unreadable(_) => {}
            Report::Challenge { .. } => panic!("there is no hub"),
        }
    }
}

async fn refusal(reports: &mut mpsc::Receiver<Report>) -> (bool, String) {
    match input(reports).await {
        BrokerInput::Refused { credentials, reason } => (credentials, reason),
        other => panic!("{other:?}"),
    }
}

struct FakeBroker {
    stream: TcpStream,
}

impl FakeBroker {
    /// The first byte and the body of the next packet, all of which are short.
    async fn packet(&mut self) -> (u8, Vec<u8>) {
        let read = async {
            let kind = self.stream.read_u8().await.unwrap();
            let mut size = usize::from(self.stream.read_u8().await.unwrap());
            if size >= 128 {
                size = size - 128 + 128 * usize::from(self.stream.read_u8().await.unwrap());
            }
            let mut body = vec![0; size];
            self.stream.read_exact(&mut body).await.unwrap();
            (kind, body)
        };
        timeout(PATIENCE, read).await.expect("a packet")
    }

    async fn expect(&mut self, kind: u8) -> Vec<u8> {
        let (found, body) = self.packet().await;
        assert_eq!(found, kind, "{body:?}");
        body
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn welcome(&mut self) -> Vec<u8> {
        let connect = self.expect(CONNECT).await;
        self.send(CONNACK).await;
        self.grant(1).await;
        connect
    }

    async fn grant(&mut self, code: u8) {
        let subscribe = self.expect(SUBSCRIBE).await;
        self.send(&[0x90, 4, subscribe[0], subscribe[1], 0, code]).await;
    }
}

#[tokio::test]
async fn a_link_is_connected_after_suback_and_passes_messages_on() {
    let mut fixture = Fixture::new("").await;
    let mut broker = fixture.connected().await;
    broker.send(&[0x30, 6, 0, 1, b't', 0, b'h', b'i']).await;
    match input(&mut fixture.reports).await {
        BrokerInput::Message { topic, payload, retain } => {
            assert_eq!((topic.as_str(), payload.as_slice(), retain), ("t", &b"hi"[..], false));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_published_reaches_the_broker() {
    let mut fixture = Fixture::new("").await;
    let mut broker = fixture.connected().await;
    fixture.link.handle(BrokerOutput::Publish {
        topic: "user/tin1you/heartbeat".to_owned(),
        payload: b"beat".to_vec(),
        at_least_once: false,
        expiry: Duration::from_secs(30),
    });
    assert!(broker.expect(PUBLISH).await.ends_with(b"beat"));
}

#[tokio::test]
async fn user_and_password_of_the_address_are_sent() {
    let mut fixture = Fixture::new("anna:geheim@").await;
    fixture.connect();
    let connect = fixture.accept().await.welcome().await;
    let text = String::from_utf8_lossy(&connect).into_owned();
    assert!(text.contains("anna") && text.ends_with("geheim"), "{text:?}");
    assert!(text.contains("tin0011223344556677"));
}

#[tokio::test]
async fn a_refusal_says_whether_it_is_about_credentials() {
    for (answer, about_credentials) in [(CONNACK_BAD_PASSWORD, true), (CONNACK_BUSY, false)] {
        let mut fixture = Fixture::new("").await;
        fixture.connect();
        let mut broker = fixture.accept().await;
        broker.expect(CONNECT).await;
        broker.send(answer).await;
        let (credentials, reason) = refusal(&mut fixture.reports).await;
        assert_eq!(credentials, about_credentials, "{reason}");
        assert!(reason.contains("mqtt://127.0.0.1:"), "{reason}");
    }
}

#[tokio::test]
async fn a_broker_of_the_old_version_is_asked_again_at_once() {
    let mut fixture = Fixture::new("").await;
    fixture.connect();
    let mut broker = fixture.accept().await;
    let connect = broker.expect(CONNECT).await;
    assert_eq!(connect[6], 5, "MQTT 5 first");
    broker.send(CONNACK_OLD).await;
    drop(broker);
    let mut broker = fixture.accept().await;
    assert_eq!(broker.expect(CONNECT).await[6], 4, "then 3.1.1");
    broker.send(&[0x20, 2, 0, 0]).await;
    let subscribe = broker.expect(SUBSCRIBE).await;
    broker.send(&[0x90, 3, subscribe[0], subscribe[1], 1]).await;
    assert!(matches!(input(&mut fixture.reports).await, BrokerInput::Connected));
}

#[tokio::test]
async fn a_subscription_that_is_refused_is_a_refusal() {
    let mut fixture = Fixture::new("").await;
    fixture.connect();
    let mut broker = fixture.accept().await;
    broker.expect(CONNECT).await;
    broker.send(CONNACK).await;
    broker.grant(0x87).await;
    let (credentials, reason) = refusal(&mut fixture.reports).await;
    assert!(credentials && reason.contains("access rules"), "{reason}");
}

#[tokio::test]
async fn a_link_that_is_lost_is_told_and_can_be_made_anew() {
    let mut fixture = Fixture::new("").await;
    drop(fixture.connected().await);
    match input(&mut fixture.reports).await {
        BrokerInput::Closed { reason } => assert!(reason.contains("closed"), "{reason}"),
        other => panic!("{other:?}"),
    }
    fixture.connected().await;
}

#[tokio::test]
async fn what_is_no_broker_is_said_so() {
    let mut fixture = Fixture::new("").await;
    fixture.connect();
    let Fixture { listener, mut reports, link: _link } = fixture;
    tokio::spawn(async move {
        // Once for each version that is tried.
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(&[0; 16]).await;
            let _ = stream.read(&mut [0; 256]).await;
        }
    });
    let mut counted = 0;
    let (credentials, reason) = loop {
        match timeout(PATIENCE, reports.recv()).await.unwrap().unwrap() {
            Report::Unreadable(Unreadable::Packet) => counted += 1,
            Report::Link { input: BrokerInput::Refused { credentials, reason }, .. } => {
                break (credentials, reason);
            }
            Report::Ice(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(!credentials && reason.contains("is this address a broker?"), "{reason}");
    assert_eq!(counted, 2);
}

#[tokio::test]
async fn disconnecting_says_good_bye_and_makes_later_reports_stale() {
    let mut fixture = Fixture::new("").await;
    let mut broker = fixture.connected().await;
    fixture.link.handle(BrokerOutput::Disconnect);
    broker.expect(DISCONNECT).await;
    assert!(!fixture.link.is_current(1));
    fixture.connected().await;
}

#[tokio::test]
async fn the_next_transport_does_not_wait_for_last_words_that_nobody_hears() {
    let mut fixture = Fixture::new("").await;
    // It never ends its side, as one to whom no way leads any more.
    let _deaf = fixture.connected().await;
    fixture.link.handle(BrokerOutput::Disconnect);
    let since = Instant::now();
    fixture.connected().await;
    assert!(since.elapsed() < GOODBYE_TIMEOUT, "{:?}", since.elapsed());
}

#[tokio::test]
async fn an_attempt_can_be_called_off() {
    let mut fixture = Fixture::new("").await;
    fixture.connect();
    let mut silent = fixture.accept().await;
    silent.expect(CONNECT).await;
    fixture.link.handle(BrokerOutput::Disconnect);
    assert_eq!(silent.stream.read(&mut [0; 16]).await.unwrap(), 0, "the stream ends");
    fixture.connected().await;
}

#[tokio::test]
async fn closing_ends_the_task() {
    let mut fixture = Fixture::new("").await;
    let mut broker = fixture.connected().await;
    let Fixture { link, .. } = fixture;
    let (_, _) = tokio::join!(timeout(PATIENCE, link.close()), broker.expect(DISCONNECT));
}

#[tokio::test]
async fn without_hub_and_broker_the_person_is_told_what_to_do() {
    let (mut link, mut reports) = start(MeetingPlace::default());
    link.handle(connect());
    let (credentials, reason) = refusal(&mut reports).await;
    assert!(!credentials && reason.contains("--hub"), "{reason}");
}

#[tokio::test]
async fn another_address_of_the_broker_is_tried_when_one_is_dead() {
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [&dead, &alive].map(|l| format!("mqtt://{}", l.local_addr().unwrap()));
    drop(dead);
    let (mut link, mut reports) = start(MeetingPlace::new(None, &addresses).unwrap());
    link.handle(connect());
    let (stream, _) = timeout(PATIENCE, alive.accept()).await.unwrap().unwrap();
    FakeBroker { stream }.welcome().await;
    assert!(matches!(input(&mut reports).await, BrokerInput::Connected));
}

#[tokio::test]
async fn a_broker_that_writes_and_does_not_read_is_not_read_for_ever() {
    let mut fixture = Fixture::new("").await;
    // The kernel's part of what waits shall be small.
    socket2::SockRef::from(&fixture.listener).set_recv_buffer_size(4_096).unwrap();
    let broker = fixture.connected().await;
    let mut reports = fixture.reports;
    let hearing = tokio::spawn(async move { while reports.recv().await.is_some() {} });
    let (mut answers, mut stream) = broker.stream.into_split();
    // Publishes with QoS 1, topic `x` and nothing in them: 8 bytes each, answered by 4.
    let publishes = [0x32, 6, 0, 1, b'x', 0, 9, 0].repeat(10_000);
    const ENDLESS: usize = 1_000;
    let mut taken = 0;
    while timeout(Duration::from_secs(1), stream.write_all(&publishes)).await.is_ok() {
        taken += 1;
        assert!(taken < ENDLESS, "it keeps 40 MB of answers");
    }
    // Once the broker reads again, so does the node.
    let mut buffer = vec![0; 64 * 1024];
    let mut answered = 0;
    while answered < taken * 40_000 {
        let count = timeout(PATIENCE, answers.read(&mut buffer)).await.expect("answers").unwrap();
        assert!(count > 0, "the node hung up");
        answered += count;
    }
    hearing.abort();
}
