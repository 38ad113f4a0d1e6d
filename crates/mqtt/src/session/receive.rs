//! What a session does with the packets that arrive.

use mqtt_protocol_core::mqtt::connection::RawPacket;

use super::{Phase, Session};
use crate::event::{CloseReason, DropReason, Event, Output, Refusal};
use crate::incoming::{ConnAck, Incoming, ProtocolError};
use crate::{Qos, outgoing};

/// The first byte of a CONNACK (MQTT §3.2.1).
const CONNACK_HEADER: u8 = 0x20;

/// The longest text of a refusal, in characters.
const MAX_REASON_CHARS: usize = 200;

/// The reason code with which a broker of MQTT 5 says that another connection took over.
const SESSION_TAKEN_OVER: u8 = 0x8E;

impl Session {
    /// Whoever does not begin with a CONNACK is no broker that understood the CONNECT. Its text
    /// may look like the beginning of a long packet, so it is not waited for.
    pub(super) fn check_first_byte(&mut self, bytes: &[u8]) {
        let (Some(link), Some(first)) = (&mut self.link, bytes.first()) else { return };
        if !std::mem::replace(&mut link.heard, true) && *first != CONNACK_HEADER {
            self.fail(ProtocolError::Malformed);
        }
    }

    pub(super) fn handle_packet(&mut self, now_ms: u64, raw: &RawPacket) {
        let Some(link) = &mut self.link else { return };
        link.keepalive.received(now_ms);
        let awaits_connack = matches!(link.phase, Phase::AwaitingConnAck { .. });
        match Incoming::decode(self.versions.current(), raw) {
            Ok(Incoming::ConnAck(connack)) if awaits_connack => self.connack(now_ms, &connack),
            Ok(incoming) if !awaits_connack => self.handle_incoming(now_ms, incoming),
            Ok(_) => self.fail(ProtocolError::Unexpected(raw.packet_type())),
            Err(error) => self.fail(error),
        }
    }

    fn handle_incoming(&mut self, now_ms: u64, incoming: Incoming) {
        match incoming {
            Incoming::Publish { topic, payload, qos, retain, id } => {
                if let (Qos::AtLeastOnce, Some(id)) = (qos, id) {
                    self.transmit(now_ms, &outgoing::puback(id));
                }
                self.emit(Event::Message { topic, payload, retain, qos });
            }
            Incoming::PubAck { id, code } => {
                // One that nothing waits for is a late answer to a session the broker has lost.
                match self.outbox.acknowledged(id) {
                    Some(token) if code < 0x80 => self.emit(Event::Acked { token }),
                    Some(token) => {
                        self.emit(Event::Dropped { token, reason: DropReason::Refused(code) });
                    }
                    None => {}
                }
            }
            Incoming::SubAck { id, codes } => self.suback(id, &codes),
            Incoming::PingResp => {}
            Incoming::Disconnect { code: SESSION_TAKEN_OVER } => self.close(CloseReason::TakenOver),
            Incoming::Disconnect { code } => self.close(CloseReason::ServerDisconnect(code)),
            Incoming::ConnAck(_) => self.fail(ProtocolError::Unexpected(2)),
        }
    }

    fn connack(&mut self, now_ms: u64, connack: &ConnAck) {
        if connack.code != 0 {
            return self.refused(connack);
        }
        let Some(link) = &mut self.link else { return };
        let Phase::AwaitingConnAck { deadline_ms } = link.phase else { return };
        let session_present = connack.session_present;
        link.phase = Phase::AwaitingSubAck { deadline_ms, session_present };
        link.maximum_packet_size = connack.maximum_packet_size.unwrap_or(u32::MAX);
        link.qos_0_only = connack.qos_0_only;
        if let Some(seconds) = connack.server_keep_alive {
            link.keepalive.limit(seconds);
        }
        self.versions.accepted();
        self.outbox.connected(session_present, connack.receive_maximum);
        self.expire(now_ms);
        let filters = self.subscriptions.filters().to_vec();
        if !filters.is_empty() {
            self.send_subscribe(&filters);
        }
        self.ready_if_subscribed();
    }

    fn refused(&mut self, connack: &ConnAck) {
        let reason = refusal(connack.code);
        if reason == Refusal::UnsupportedVersion && self.versions.refused() {
            return self.retry();
        }
        let text = match &connack.reason {
            Some(text) => text.chars().filter(|c| !c.is_control()).take(MAX_REASON_CHARS).collect(),
            None => refusal_text(reason),
        };
        self.drop_link();
        self.outputs.push_back(Output::CloseTransport);
        self.emit(Event::Refused { reason, text });
    }

    fn suback(&mut self, id: u16, codes: &[u8]) {
        for (filter, code) in self.subscriptions.acknowledged(id, codes).unwrap_or_default() {
            self.emit(Event::SubscriptionRefused { filter, code });
        }
        self.ready_if_subscribed();
    }

    fn ready_if_subscribed(&mut self) {
        let Some(link) = &mut self.link else { return };
        let Phase::AwaitingSubAck { session_present, .. } = link.phase else { return };
        if !self.subscriptions.is_pending() {
            link.phase = Phase::Ready;
            let version = self.versions.current();
            self.emit(Event::Connected { session_present, version });
        }
    }

    /// The broker broke the protocol. As an answer to CONNECT that means it does not know this
    /// version, which some brokers say in bytes of their own.
    pub(super) fn fail(&mut self, error: ProtocolError) {
        self.emit(Event::Unreadable { error });
        let connecting =
            self.link.as_ref().is_some_and(|l| matches!(l.phase, Phase::AwaitingConnAck { .. }));
        if connecting && self.versions.refused() {
            self.retry();
        } else {
            self.close(CloseReason::ProtocolError(error));
        }
    }

    fn retry(&mut self) {
        let version = self.versions.current();
        tracing::debug!(?version, "the broker does not speak the other version");
        self.drop_link();
        self.outputs.push_back(Output::CloseTransport);
        self.emit(Event::Retry { version });
    }
}

/// Reads a CONNACK code of either version (3.1.1 §3.2.2.3, 5 §3.2.2.2).
fn refusal(code: u8) -> Refusal {
    match code {
        1 | 0x84 => Refusal::UnsupportedVersion,
        4 | 0x86 => Refusal::BadCredentials,
        5 | 0x87 | 0x8A | 0x8C => Refusal::NotAuthorized,
        3 | 0x88 | 0x89 | 0x8B | 0x97 | 0x9F => Refusal::ServerUnavailable,
        other => Refusal::Other(other),
    }
}

fn refusal_text(reason: Refusal) -> String {
    match reason {
        Refusal::BadCredentials => "The broker does not accept the user name or password.".into(),
        Refusal::NotAuthorized => "The broker does not let this user in.".into(),
        Refusal::UnsupportedVersion => "The broker speaks neither MQTT 5 nor 3.1.1.".into(),
        Refusal::ServerUnavailable => "The broker is busy or going down.".into(),
        Refusal::Other(code) => format!("The broker refused with code {code:#04x}."),
    }
}
