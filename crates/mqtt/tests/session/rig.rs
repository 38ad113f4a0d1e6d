//! A session and a broker that does what the test says, on a clock that the test turns.

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{PacketBuildResult, PacketBuilder, PacketData};
use mqtt_protocol_core::mqtt::packet::{v3_1_1, v5_0};
use tincan_mqtt::{Config, Credentials, Event, Output, Publish, Qos, Session, Version};

/// What the broker received, reduced to what tests ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Connect { version: u8, clean: bool, client_id: String, username: Option<String> },
    Publish { topic: String, payload: Vec<u8>, id: Option<u16>, dup: bool, expiry: Option<u32> },
    PubAck(u16),
    Subscribe { id: u16, filters: Vec<String> },
    Ping,
    Disconnect,
}

pub(crate) struct Rig {
    pub(crate) session: Session,
    pub(crate) now: u64,
    /// Whether the session has a transport, as its owner sees it.
    pub(crate) open: bool,
    pub(crate) got: Vec<Got>,
    pub(crate) events: Vec<Event>,
    version: u8,
    broker: PacketBuilder,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self {
            session: Session::new(config),
            now: 1_000,
            open: false,
            got: vec![],
            events: vec![],
            version: 5,
            broker: PacketBuilder::new(),
        }
    }

    /// A session that is connected and has one subscription.
    pub(crate) fn connected(version: Version) -> Self {
        let mut rig = Self::new();
        rig.session.subscribe("user/me/+", Qos::AtLeastOnce);
        rig.open();
        if version == Version::V311 {
            rig.send(&[0x20, 2, 0, 1]);
            rig.open();
        }
        rig.accept(false);
        rig.grant();
        assert_eq!(
            rig.take_events().last(),
            Some(&Event::Connected { session_present: false, version })
        );
        rig.got.clear();
        rig
    }

    pub(crate) fn open(&mut self) {
        self.broker = PacketBuilder::new();
        self.open = true;
        self.session.transport_connected(self.now, Credentials::with_password("tin00", "u", "p"));
        self.drain();
    }

    /// The transport breaks.
    pub(crate) fn cut(&mut self) {
        self.open = false;
        self.session.transport_closed(self.now);
        self.drain();
    }

    /// The broker sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.session.handle_bytes(self.now, bytes);
        self.drain();
    }

    /// CONNACK with success, in the version of the CONNECT.
    pub(crate) fn accept(&mut self, session_present: bool) {
        self.accept_with(session_present, &[]);
    }

    /// CONNACK with success and these raw properties (MQTT 5 only).
    pub(crate) fn accept_with(&mut self, session_present: bool, properties: &[u8]) {
        let flags = u8::from(session_present);
        if self.version == 5 {
            let len = properties.len() as u8;
            self.send(&[&[0x20, 3 + len, flags, 0, len], properties].concat());
        } else {
            self.send(&[0x20, 2, flags, 0]);
        }
    }

    /// SUBACK that grants everything of the last SUBSCRIBE.
    pub(crate) fn grant(&mut self) {
        self.suback(1);
    }

    pub(crate) fn suback(&mut self, code: u8) {
        let (id, count) = self
            .got
            .iter()
            .rev()
            .find_map(|got| match got {
                Got::Subscribe { id, filters } => Some((*id, filters.len())),
                _ => None,
            })
            .expect("a SUBSCRIBE came");
        let mut body = id.to_be_bytes().to_vec();
        if self.version == 5 {
            body.push(0);
        }
        body.extend(std::iter::repeat_n(code, count));
        self.send(&[&[0x90, body.len() as u8], &*body].concat());
    }

    pub(crate) fn puback(&mut self, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.send(&[0x40, 2, high, low]);
    }

    /// A PUBLISH of the broker, in the version in use.
    pub(crate) fn message(&mut self, topic: &str, payload: &[u8], id: Option<u16>) {
        let flags = if id.is_some() { 0x32 } else { 0x30 };
        let mut body = (topic.len() as u16).to_be_bytes().to_vec();
        body.extend(topic.as_bytes());
        body.extend(id.iter().flat_map(|id| id.to_be_bytes()));
        if self.version == 5 {
            body.push(0);
        }
        body.extend(payload);
        let mut packet = vec![flags];
        let mut len = body.len();
        loop {
            packet.push((len % 128) as u8 | if len > 127 { 0x80 } else { 0 });
            len /= 128;
            if len == 0 {
                break;
            }
        }
        self.send(&[packet, body].concat());
    }

    pub(crate) fn publish(&mut self, token: u64) {
        self.publish_with(token, Qos::AtLeastOnce, None);
    }

    pub(crate) fn publish_with(
        &mut self,
        token: u64,
        qos: Qos,
        expiry: Option<std::time::Duration>,
    ) {
        let payload = token.to_string().into_bytes();
        let publish = Publish { topic: "user/you/offer".into(), payload, qos, expiry, token };
        self.session.publish(self.now, publish).expect("the queue has room");
        self.drain();
    }

    /// Turns the clock and calls the session when it asked to be called.
    pub(crate) fn advance(&mut self, ms: u64) {
        let end = self.now + ms;
        let mut calls = 0;
        while let Some(at) = self.session.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.session.handle_timeout(self.now);
            self.drain();
            calls += 1;
            assert!(calls < 10_000, "deadlines must move on");
        }
        self.now = end;
    }

    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(crate) fn take_got(&mut self) -> Vec<Got> {
        std::mem::take(&mut self.got)
    }

    /// The publishes the broker got, as (payload, id, dup).
    pub(crate) fn take_publishes(&mut self) -> Vec<(String, u16, bool)> {
        self.take_got()
            .into_iter()
            .filter_map(|got| match got {
                Got::Publish { payload, id, dup, .. } => {
                    Some((String::from_utf8(payload).unwrap(), id.unwrap_or(0), dup))
                }
                _ => None,
            })
            .collect()
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Transmit(bytes) => {
                    assert!(self.open, "nothing is sent without a transport");
                    self.receive(&bytes);
                }
                Output::CloseTransport => self.open = false,
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let mut cursor = Cursor::new(bytes);
        while let PacketBuildResult::Complete(raw) = self.broker.feed(&mut cursor) {
            let data = raw.data_as_slice();
            let got = match raw.packet_type() {
                1 => self.connect(data),
                3 => {
                    let PacketData::Publish(data) = &raw.data else { unreachable!() };
                    self.published(raw.flags(), data.clone())
                }
                4 => Got::PubAck(u16::from_be_bytes([data[0], data[1]])),
                8 => self.subscribe(data),
                12 => Got::Ping,
                14 => Got::Disconnect,
                other => panic!("a client must not send packets of type {other}"),
            };
            self.got.push(got);
        }
    }

    fn connect(&mut self, data: &[u8]) -> Got {
        self.version = data[6];
        let (clean, client_id, username) = if self.version == 5 {
            let (p, _) = v5_0::Connect::parse(data).unwrap();
            (p.clean_start(), p.client_id().to_owned(), p.user_name().map(str::to_owned))
        } else {
            let (p, _) = v3_1_1::Connect::parse(data).unwrap();
            (p.clean_session(), p.client_id().to_owned(), p.user_name().map(str::to_owned))
        };
        Got::Connect { version: self.version, clean, client_id, username }
    }

    fn published(&self, flags: u8, data: std::sync::Arc<[u8]>) -> Got {
        use mqtt_protocol_core::mqtt::packet::Property;
        if self.version == 5 {
            let (p, _) = v5_0::Publish::parse(flags, data).unwrap();
            let expiry = p.props().iter().find_map(|p| match p {
                Property::MessageExpiryInterval(secs) => Some(secs.val()),
                _ => None,
            });
            let (topic, payload) = (p.topic_name().to_owned(), p.payload().as_slice().to_vec());
            Got::Publish { topic, payload, id: p.packet_id(), dup: p.dup(), expiry }
        } else {
            let (p, _) = v3_1_1::Publish::parse(flags, data).unwrap();
            let (topic, payload) = (p.topic_name().to_owned(), p.payload().as_slice().to_vec());
            Got::Publish { topic, payload, id: p.packet_id(), dup: p.dup(), expiry: None }
        }
    }

    fn subscribe(&self, data: &[u8]) -> Got {
        let (id, entries) = if self.version == 5 {
            let (p, _) = v5_0::Subscribe::parse(data).unwrap();
            (p.packet_id(), p.entries().to_vec())
        } else {
            let (p, _) = v3_1_1::Subscribe::parse(data).unwrap();
            (p.packet_id(), p.entries().to_vec())
        };
        Got::Subscribe {
            id,
            filters: entries.iter().map(|e| e.topic_filter().to_owned()).collect(),
        }
    }
}
