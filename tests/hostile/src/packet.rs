//! MQTT packets, as far as a man in the middle needs them.

use anyhow::{Result, anyhow, bail};
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{
    PacketBuildResult, PacketBuilder, PacketData, RawPacket,
};
use mqtt_protocol_core::mqtt::packet::{v3_1_1, v5_0};
use tincan_wire::UserId;

use crate::letter::Letter;

/// The types of packets that are looked into (MQTT §2.1.2).
pub(crate) const CONNECT: u8 = 1;
pub(crate) const PUBLISH: u8 = 3;

/// Where CONNECT has the protocol level, in both versions.
const LEVEL_AT: usize = 6;
/// The level of MQTT 5.
pub(crate) const LEVEL_5: u8 = 5;

/// CONNACK of an MQTT 3.1.1 broker that does not know the version.
pub(crate) const UNKNOWN_VERSION: [u8; 4] = [0x20, 2, 0, 1];

/// Cuts a stream into packets.
pub(crate) struct Packets(PacketBuilder);

impl Packets {
    pub(crate) fn new() -> Self {
        Self(PacketBuilder::new())
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<RawPacket>> {
        let mut cursor = Cursor::new(bytes);
        let mut packets = Vec::new();
        loop {
            match self.0.feed(&mut cursor) {
                PacketBuildResult::Complete(packet) => packets.push(packet),
                PacketBuildResult::Incomplete => return Ok(packets),
                PacketBuildResult::Error(error) => bail!("no MQTT: {error:?}"),
            }
        }
    }
}

/// A packet as it was.
pub(crate) fn bytes_of(packet: &RawPacket) -> Vec<u8> {
    frame(packet.packet_type() << 4 | packet.flags(), packet.data_as_slice())
}

fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let more = if length > 127 { 0x80 } else { 0 };
        bytes.push((length % 128) as u8 | more);
        length /= 128;
        if length == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

/// The protocol level of a CONNECT, and who it says it is.
pub(crate) fn read_connect(packet: &RawPacket) -> Result<(u8, UserId)> {
    let body = packet.data_as_slice();
    let level = *body.get(LEVEL_AT).ok_or_else(|| anyhow!("a CONNECT without a level"))?;
    let parsed = |error| anyhow!("no CONNECT: {error:?}");
    let name = if level == LEVEL_5 {
        v5_0::Connect::parse(body).map_err(parsed)?.0.user_name().map(str::to_owned)
    } else {
        v3_1_1::Connect::parse(body).map_err(parsed)?.0.user_name().map(str::to_owned)
    };
    let name = name.ok_or_else(|| anyhow!("a CONNECT without a user"))?;
    Ok((level, name.parse()?))
}

/// A PUBLISH: its letter, and its number if it wants an acknowledgement.
pub(crate) fn read_publish(level: u8, packet: &RawPacket) -> Result<(Letter, Option<u16>)> {
    let PacketData::Publish(data) = &packet.data else { bail!("not a PUBLISH") };
    let (flags, data) = (packet.flags(), data.clone());
    let parsed = |error| anyhow!("no PUBLISH: {error:?}");
    let (topic, payload, retain, id) = if level == LEVEL_5 {
        let (p, _) = v5_0::Publish::parse(flags, data).map_err(parsed)?;
        let payload = p.payload().as_slice().to_vec();
        (p.topic_name().to_owned(), payload, p.retain(), p.packet_id())
    } else {
        let (p, _) = v3_1_1::Publish::parse(flags, data).map_err(parsed)?;
        let payload = p.payload().as_slice().to_vec();
        (p.topic_name().to_owned(), payload, p.retain(), p.packet_id())
    };
    Ok((Letter { topic, payload, retain }, id))
}

/// A PUBLISH of QoS 0, which needs no number and no answer.
pub(crate) fn write_publish(level: u8, letter: &Letter) -> Result<Vec<u8>> {
    let mut body = u16::try_from(letter.topic.len())?.to_be_bytes().to_vec();
    body.extend_from_slice(letter.topic.as_bytes());
    if level == LEVEL_5 {
        body.push(0);
    }
    body.extend_from_slice(&letter.payload);
    Ok(frame(PUBLISH << 4 | u8::from(letter.retain), &body))
}

/// The acknowledgement of a PUBLISH of QoS 1, good in both versions.
pub(crate) fn puback(id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [0x40, 2, high, low]
}
