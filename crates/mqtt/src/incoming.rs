//! Packets from a broker, checked, in one shape for both versions.

use mqtt_protocol_core::mqtt::connection::{PacketData, RawPacket};
use mqtt_protocol_core::mqtt::packet::{Property, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::MqttError;

use crate::{Qos, Version};

/// What a broker sent that it must not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Bytes that are no MQTT packet.
    #[error("the broker sent bytes that are not MQTT; is this address a broker?")]
    Malformed,
    /// A packet beyond [`Config::max_packet_bytes`](crate::Config::max_packet_bytes).
    #[error("the broker sent a packet larger than this client accepts")]
    TooLarge,
    /// A packet of this type (MQTT §2.1.2) that has no place here.
    #[error("the broker sent a packet of type {0} where none belongs")]
    Unexpected(u8),
}

impl From<MqttError> for ProtocolError {
    fn from(error: MqttError) -> Self {
        match error {
            MqttError::PacketTooLarge => Self::TooLarge,
            _ => Self::Malformed,
        }
    }
}

/// A packet a client may receive.
#[derive(Debug)]
pub(crate) enum Incoming {
    ConnAck(ConnAck),
    Publish { topic: String, payload: Vec<u8>, qos: Qos, retain: bool, id: Option<u16> },
    PubAck { id: u16, code: u8 },
    SubAck { id: u16, codes: Vec<u8> },
    PingResp,
    Disconnect { code: u8 },
}

/// The broker's answer to CONNECT. `code` 0 is success; below 6 it is of 3.1.1, else of MQTT 5.
#[derive(Debug, Default)]
pub(crate) struct ConnAck {
    pub(crate) session_present: bool,
    pub(crate) code: u8,
    pub(crate) reason: Option<String>,
    pub(crate) receive_maximum: Option<u16>,
    pub(crate) maximum_packet_size: Option<u32>,
    pub(crate) server_keep_alive: Option<u16>,
    pub(crate) qos_0_only: bool,
}

const PUBLISH: u8 = 3;

impl Incoming {
    pub(crate) fn decode(version: Version, raw: &RawPacket) -> Result<Self, ProtocolError> {
        let kind = raw.packet_type();
        if kind != PUBLISH && raw.flags() != 0 {
            return Err(ProtocolError::Malformed);
        }
        let data = raw.data_as_slice();
        match (kind, version) {
            (2, Version::V5) => Ok(Self::ConnAck(connack_v5(data)?)),
            (2, Version::V311) => Ok(Self::ConnAck(connack_v311(data)?)),
            (PUBLISH, _) => publish(version, raw),
            // The shapes of MQTT 5 contain those of 3.1.1, and at least one broker answers a
            // 3.1.1 client in the newer shape.
            (4, _) => puback(data),
            (9, Version::V5) => suback_v5(data),
            (9, Version::V311) => suback_v311(data),
            (13, _) if data.is_empty() => Ok(Self::PingResp),
            (14, _) => disconnect(data),
            _ => Err(ProtocolError::Unexpected(kind)),
        }
    }
}

fn whole<T>(data: &[u8], parsed: Result<(T, usize), MqttError>) -> Result<T, ProtocolError> {
    match parsed? {
        (packet, used) if used == data.len() => Ok(packet),
        _ => Err(ProtocolError::Malformed),
    }
}

fn connack_v5(data: &[u8]) -> Result<ConnAck, ProtocolError> {
    // An older broker answers in the shape of 3.1.1; its code 1 says what the session must know.
    if data.len() == 2 {
        return connack_v311(data);
    }
    let packet = whole(data, v5_0::Connack::parse(data))?;
    let mut connack = ConnAck {
        session_present: packet.session_present(),
        code: packet.reason_code() as u8,
        ..ConnAck::default()
    };
    for property in packet.props() {
        match property {
            Property::ReasonString(reason) => connack.reason = Some(reason.val().to_owned()),
            Property::ReceiveMaximum(n) => connack.receive_maximum = Some(n.val()),
            Property::MaximumPacketSize(n) => connack.maximum_packet_size = Some(n.val()),
            Property::ServerKeepAlive(n) => connack.server_keep_alive = Some(n.val()),
            Property::MaximumQos(n) => connack.qos_0_only = n.val() == 0,
            _ => {}
        }
    }
    Ok(connack)
}

fn connack_v311(data: &[u8]) -> Result<ConnAck, ProtocolError> {
    // More than two bytes are tolerated in a refusal with a code of MQTT 5, see `decode`.
    match *data {
        [flags @ (0 | 1), code] if code < 6 => {
            Ok(ConnAck { session_present: flags == 1, code, ..ConnAck::default() })
        }
        [0, code, ..] if code >= 0x80 => Ok(ConnAck { code, ..ConnAck::default() }),
        _ => Err(ProtocolError::Malformed),
    }
}

fn publish(version: Version, raw: &RawPacket) -> Result<Incoming, ProtocolError> {
    let PacketData::Publish(data) = &raw.data else { return Err(ProtocolError::Malformed) };
    let (flags, data) = (raw.flags(), data.clone());
    let (topic, payload, qos, retain, id) = match version {
        Version::V5 => {
            let (p, _) = v5_0::Publish::parse(flags, data)?;
            // We offer no topic aliases, so a broker has none to use.
            if p.props().iter().any(|p| matches!(p, Property::TopicAlias(_))) {
                return Err(ProtocolError::Malformed);
            }
            (
                p.topic_name().to_owned(),
                p.payload().as_slice().to_vec(),
                p.qos(),
                p.retain(),
                p.packet_id(),
            )
        }
        Version::V311 => {
            let (p, _) = v3_1_1::Publish::parse(flags, data)?;
            (
                p.topic_name().to_owned(),
                p.payload().as_slice().to_vec(),
                p.qos(),
                p.retain(),
                p.packet_id(),
            )
        }
    };
    let qos = match qos as u8 {
        0 => Qos::AtMostOnce,
        1 if id.is_some_and(|id| id != 0) => Qos::AtLeastOnce,
        1 => return Err(ProtocolError::Malformed),
        // Every filter is subscribed with QoS 1 at most.
        _ => return Err(ProtocolError::Unexpected(PUBLISH)),
    };
    if topic.is_empty() || topic.contains(['+', '#', '\0']) {
        return Err(ProtocolError::Malformed);
    }
    Ok(Incoming::Publish { topic, payload, qos, retain, id })
}

fn puback(data: &[u8]) -> Result<Incoming, ProtocolError> {
    let packet = whole(data, v5_0::Puback::parse(data))?;
    let code = packet.reason_code().map_or(0, |code| code as u8);
    Ok(Incoming::PubAck { id: packet.packet_id(), code })
}

fn suback_v5(data: &[u8]) -> Result<Incoming, ProtocolError> {
    let packet = whole(data, v5_0::Suback::parse(data))?;
    let codes = packet.reason_codes().into_iter().map(|code| code as u8).collect();
    Ok(Incoming::SubAck { id: packet.packet_id(), codes })
}

fn suback_v311(data: &[u8]) -> Result<Incoming, ProtocolError> {
    let packet = whole(data, v3_1_1::Suback::parse(data))?;
    let codes = packet.return_codes().into_iter().map(|code| code as u8).collect();
    Ok(Incoming::SubAck { id: packet.packet_id(), codes })
}

fn disconnect(data: &[u8]) -> Result<Incoming, ProtocolError> {
    let packet = whole(data, v5_0::Disconnect::parse(data))?;
    Ok(Incoming::Disconnect { code: packet.reason_code().map_or(0, |code| code as u8) })
}
