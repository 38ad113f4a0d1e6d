//! An MQTT client: a session of `tincan-mqtt` on a real socket.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use tincan_hub::Hub;
use tincan_mqtt::{Config, Credentials, Event, Output, Publish, Qos, Refusal, Session, Version};
use tincan_wire::own_filter;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::byte_stream::{ByteStream, Bytes};
use crate::user::User;

/// Longer than anything here should take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Tcp,
    WebSocket,
    /// WebSocket on the site's port, as pages do it.
    Site,
}

/// The ways to reach a hub that must behave alike.
pub(crate) const ALL_WAYS: [(Over, Version); 6] = [
    (Over::Tcp, Version::V5),
    (Over::Tcp, Version::V311),
    (Over::WebSocket, Version::V5),
    (Over::WebSocket, Version::V311),
    (Over::Site, Version::V5),
    (Over::Site, Version::V311),
];

/// What a client speaks over.
pub(crate) enum Stream {
    Bytes(ByteStream),
    WebSocket(Box<WebSocketStream<ByteStream>>),
    Closed,
}

impl Stream {
    /// The broker's WebSocket at this address, over a connection that is there.
    pub(crate) async fn web_socket(stream: impl Bytes + 'static, address: SocketAddr) -> Self {
        let url = format!("ws://{address}/mqtt");
        let stream: ByteStream = Box::new(stream);
        let (stream, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        Self::WebSocket(Box::new(stream))
    }
}

async fn web_socket(address: SocketAddr) -> Stream {
    Stream::web_socket(TcpStream::connect(address).await.unwrap(), address).await
}

pub(crate) struct Client {
    session: Session,
    stream: Stream,
    events: VecDeque<Event>,
    /// Everything the hub sent, to look for what it should not.
    pub(crate) received: Vec<u8>,
    began: Instant,
    next_token: u64,
}

impl Client {
    /// A client that will speak this version first.
    pub(crate) fn new(version: Version) -> Self {
        let mut session = Session::new(Config::default());
        if version == Version::V311 {
            // Let it believe that a broker knows nothing newer.
            session.transport_connected(0, Credentials::anonymous("x"));
            session.handle_bytes(0, &[0x20, 2, 0, 1]);
            while session.poll().is_some() {}
        }
        assert_eq!(session.version(), version);
        Self {
            session,
            stream: Stream::Closed,
            events: VecDeque::new(),
            received: vec![],
            began: Instant::now(),
            next_token: 0,
        }
    }

    /// A client of this user, connected with a good token and subscribed to its own topics.
    pub(crate) async fn of(user: &User, hub: &Hub) -> Self {
        Self::by((Over::Tcp, Version::V5), user, hub).await
    }

    pub(crate) async fn by((over, version): (Over, Version), user: &User, hub: &Hub) -> Self {
        let mut client = Self::new(version);
        client.session.subscribe(&own_filter(&user.id()), Qos::AtLeastOnce);
        client.sign_in(over, user, hub).await;
        client
    }

    /// Connects (again) with a good token and waits until connected.
    pub(crate) async fn sign_in(&mut self, over: Over, user: &User, hub: &Hub) {
        let token = user.token(hub).await;
        self.open(over, user.credentials(token), hub).await;
        let event = self.wait_for(|e| !matches!(e, Event::Message { .. })).await;
        assert!(matches!(event, Event::Connected { .. }), "{event:?}");
    }

    pub(crate) async fn open(&mut self, over: Over, credentials: Credentials, hub: &Hub) {
        let addresses = hub.addresses();
        let stream = match over {
            Over::Tcp => Stream::Bytes(Box::new(TcpStream::connect(addresses.mqtt).await.unwrap())),
            Over::WebSocket => web_socket(addresses.websocket).await,
            Over::Site => web_socket(addresses.http).await,
        };
        self.open_over(stream, credentials).await;
    }

    /// The same over a connection that is there.
    pub(crate) async fn open_over(&mut self, stream: Stream, credentials: Credentials) {
        self.stream = stream;
        self.session.transport_connected(self.now(), credentials);
        self.flush().await;
    }

    /// Tries to connect and says why not.
    pub(crate) async fn refusal(
        (over, version): (Over, Version),
        credentials: Credentials,
        hub: &Hub,
    ) -> Refusal {
        let mut client = Self::new(version);
        client.open(over, credentials, hub).await;
        match client.event().await {
            Event::Refused { reason, .. } => reason,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    pub(crate) fn subscribe(&mut self, filter: &str) {
        self.session.subscribe(filter, Qos::AtLeastOnce);
    }

    /// Publishes and waits for the acknowledgement of QoS 1.
    pub(crate) async fn publish(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        let token = self.send(topic, payload, Qos::AtLeastOnce).await;
        let acked = self.wait_for(|e| matches!(e, Event::Acked { token: t } if *t == token));
        acked.await;
    }

    /// Publishes and does not wait.
    pub(crate) async fn send(&mut self, topic: &str, payload: impl Into<Vec<u8>>, qos: Qos) -> u64 {
        self.next_token += 1;
        let (topic, payload, token) = (topic.to_owned(), payload.into(), self.next_token);
        let publish = Publish { topic, payload, qos, expiry: None, token };
        self.session.publish(self.now(), publish).unwrap();
        self.flush().await;
        token
    }

    /// Writes bytes past the session.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let written = match &mut self.stream {
            Stream::Bytes(stream) => stream.write_all(bytes).await.is_ok(),
            Stream::WebSocket(stream) => stream.send(Message::binary(bytes.to_vec())).await.is_ok(),
            Stream::Closed => false,
        };
        if !written {
            self.closed();
        }
    }

    /// Leaves in good order; the session stays.
    pub(crate) async fn disconnect(&mut self) {
        self.session.disconnect(self.now());
        self.flush().await;
    }

    /// Breaks the connection without a word.
    pub(crate) fn cut(&mut self) {
        self.closed();
        while self.session.poll().is_some() {}
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Event {
        self.wait_for(|_| true).await
    }

    /// The payload of the next message.
    pub(crate) async fn message(&mut self) -> (String, Vec<u8>) {
        match self.wait_for(|e| matches!(e, Event::Message { .. })).await {
            Event::Message { topic, payload, retain, .. } => {
                assert!(!retain);
                (topic, payload)
            }
            other => unreachable!("{other:?}"),
        }
    }

    /// The first event that fits; others stay for later.
    pub(crate) async fn wait_for(&mut self, fits: impl Fn(&Event) -> bool) -> Event {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.events.iter().position(&fits) {
                return self.events.remove(at).unwrap();
            }
            let read = tokio::time::timeout_at(deadline, self.read()).await;
            read.unwrap_or_else(|_| panic!("no such event came, only {:?}", self.events));
        }
    }

    /// Events that wait to be looked at.
    pub(crate) fn pending(&self) -> &VecDeque<Event> {
        &self.events
    }

    async fn read(&mut self) {
        let mut buffer = vec![0; 64 * 1024];
        let bytes = match &mut self.stream {
            Stream::Bytes(stream) => match stream.read(&mut buffer).await {
                Ok(n) if n > 0 => Some(buffer[..n].to_vec()),
                _ => None,
            },
            Stream::WebSocket(stream) => match stream.next().await {
                Some(Ok(Message::Binary(bytes))) => Some(bytes.to_vec()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Some(vec![]),
                _ => None,
            },
            Stream::Closed => std::future::pending().await,
        };
        match bytes {
            Some(bytes) => {
                self.received.extend(&bytes);
                self.session.handle_bytes(self.now(), &bytes);
            }
            None => self.closed(),
        }
        self.flush().await;
    }

    async fn flush(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Transmit(bytes) => self.write(&bytes).await,
                Output::CloseTransport => self.stream = Stream::Closed,
                Output::Event(event) => self.events.push_back(event),
            }
        }
    }

    fn closed(&mut self) {
        self.stream = Stream::Closed;
        self.session.transport_closed(self.now());
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }
}
