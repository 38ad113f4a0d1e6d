//! The MQTT session against a broker that says anything.

use std::time::Duration;

use tincan_mqtt::{Config, Credentials, Event, Output, Publish, Qos, Session};

use crate::pieces::pieces;

/// What a piece of the input does.
pub mod piece {
    /// The broker sends its bytes.
    pub const BYTES: u8 = 0;
    /// A new transport comes up.
    pub const OPEN: u8 = 1;
    /// The transport breaks.
    pub const CUT: u8 = 2;
    /// Its bytes are published with QoS 1.
    pub const PUBLISH: u8 = 3;
    /// So many seconds pass as it has bytes.
    pub const WAIT: u8 = 4;
}

/// A session through any sequence of transports, bytes and time: what it hands out stays within
/// its bounds, it asks to be woken later, not earlier, and each publish ends at most once.
pub fn mqtt(data: &[u8]) {
    let config = Config::default();
    let largest = usize::try_from(config.max_packet_bytes).unwrap_or(usize::MAX);
    let mut session = Session::new(config);
    session.subscribe("user/me/+", Qos::AtLeastOnce);
    let (mut now, mut token, mut ended) = (1_000, 0, Vec::new());
    session.transport_connected(now, Credentials::anonymous("tin0011223344556677"));
    for (kind, bytes) in pieces(data) {
        match kind {
            piece::BYTES => session.handle_bytes(now, bytes),
            piece::OPEN => {
                session.transport_connected(now, Credentials::anonymous("tin0011223344556677"));
            }
            piece::CUT => session.transport_closed(now),
            piece::PUBLISH => {
                token += 1;
                let topic = "user/you/offer".to_owned();
                let (qos, expiry) = (Qos::AtLeastOnce, Some(Duration::from_secs(60)));
                let publish = Publish { topic, payload: bytes.to_vec(), qos, expiry, token };
                session.publish(now, publish).expect("so few have room");
            }
            _ => {
                now += 1_000 * u64::try_from(bytes.len()).unwrap_or(0);
                session.handle_timeout(now);
            }
        }
        while let Some(output) = session.poll() {
            match output {
                Output::Event(Event::Message { payload, .. }) => assert!(payload.len() <= largest),
                Output::Event(Event::Acked { token } | Event::Dropped { token, .. }) => {
                    assert!(!ended.contains(&token), "{token} ended twice");
                    ended.push(token);
                }
                Output::Event(_) | Output::Transmit(_) | Output::CloseTransport => {}
            }
        }
        session.handle_timeout(now);
        while session.poll().is_some() {}
        assert!(session.deadline().is_none_or(|at| at > now), "it would spin");
    }
}
