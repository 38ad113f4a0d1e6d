//! Packets to a broker, printed for the version in use.

use mqtt_protocol_core::mqtt::packet::{
    MaximumPacketSize, MessageExpiryInterval, Property, Qos as WireQos, RetainHandling,
    SessionExpiryInterval, SubEntry, SubOpts, v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::MqttError;

use crate::{Config, Credentials, Publish, Qos, Version};

/// PINGREQ, the same in both versions (MQTT §3.12).
pub(crate) const PINGREQ: [u8; 2] = [0xC0, 0];

/// DISCONNECT with a normal end, the same in both versions (MQTT §3.14).
pub(crate) const DISCONNECT: [u8; 2] = [0xE0, 0];

/// The largest client id, user name, topic or password, in bytes (MQTT §1.5.4).
const MAX_FIELD_BYTES: usize = 65_535;

/// CONNECT that continues the session (no clean start), unless sessions end with connections.
///
/// # Errors
/// A field of the credentials is longer than MQTT can carry.
pub(crate) fn connect(
    version: Version,
    config: &Config,
    credentials: &Credentials,
) -> Result<Vec<u8>, MqttError> {
    let keep_alive = u16::try_from(config.keep_alive.as_secs()).unwrap_or(u16::MAX);
    let username = credentials.username.as_deref();
    let password = username.and(credentials.password.clone());
    match version {
        Version::V5 => {
            let mut builder = v5_0::Connect::builder()
                .client_id(&*credentials.client_id)?
                .clean_start(false)
                .keep_alive(keep_alive);
            if let Some(name) = username {
                builder = builder.user_name(name)?;
            }
            if let Some(password) = password {
                builder = builder.password(password)?;
            }
            let expiry = u32::try_from(config.session_expiry.as_secs()).unwrap_or(u32::MAX);
            let props = vec![
                Property::SessionExpiryInterval(SessionExpiryInterval::new(expiry)?),
                Property::MaximumPacketSize(MaximumPacketSize::new(config.max_packet_bytes)?),
            ];
            Ok(builder.props(props).build()?.to_continuous_buffer())
        }
        Version::V311 => {
            let mut builder = v3_1_1::Connect::builder()
                .client_id(&*credentials.client_id)?
                // 3.1.1 has no other word for a session that is not to be kept.
                .clean_session(config.session_expiry.is_zero())
                .keep_alive(keep_alive);
            if let Some(name) = username {
                builder = builder.user_name(name)?;
            }
            if let Some(password) = password {
                builder = builder.password(password)?;
            }
            Ok(builder.build()?.to_continuous_buffer())
        }
    }
}

/// SUBSCRIBE to some filters; retained messages are not asked for where that can be said.
///
/// # Errors
/// A filter is longer than MQTT can carry.
pub(crate) fn subscribe(
    version: Version,
    id: u16,
    filters: &[(String, Qos)],
) -> Result<Vec<u8>, MqttError> {
    let options = |qos| match version {
        Version::V5 => SubOpts::new().set_qos(qos).set_rh(RetainHandling::DoNotSendRetained),
        Version::V311 => SubOpts::new().set_qos(qos),
    };
    let entries = filters
        .iter()
        .map(|(filter, qos)| SubEntry::new(filter, options(wire_qos(*qos))))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match version {
        Version::V5 => v5_0::Subscribe::builder()
            .packet_id(id)
            .entries(entries)
            .build()?
            .to_continuous_buffer(),
        Version::V311 => v3_1_1::Subscribe::builder()
            .packet_id(id)
            .entries(entries)
            .build()?
            .to_continuous_buffer(),
    })
}

/// PUBLISH; `id` is absent for QoS 0. `expiry_secs` goes to brokers of MQTT 5.
///
/// # Errors
/// The topic has wildcards, or topic and payload are longer than MQTT can carry.
pub(crate) fn publish(
    version: Version,
    publish: &Publish,
    id: Option<u16>,
    dup: bool,
    expiry_secs: Option<u32>,
) -> Result<Vec<u8>, MqttError> {
    check_topic(&publish.topic)?;
    let qos = wire_qos(publish.qos);
    match version {
        Version::V5 => {
            let mut builder = v5_0::Publish::builder()
                .topic_name(&*publish.topic)?
                .qos(qos)
                .dup(dup)
                .packet_id(id)
                .payload(publish.payload.as_slice());
            if let Some(secs) = expiry_secs {
                let expiry = MessageExpiryInterval::new(secs)?;
                builder = builder.props(vec![Property::MessageExpiryInterval(expiry)]);
            }
            Ok(builder.build()?.to_continuous_buffer())
        }
        Version::V311 => Ok(v3_1_1::Publish::builder()
            .topic_name(&*publish.topic)?
            .qos(qos)
            .dup(dup)
            .packet_id(id)
            .payload(publish.payload.as_slice())
            .build()?
            .to_continuous_buffer()),
    }
}

/// PUBACK with success, the same in both versions (MQTT §3.4).
pub(crate) fn puback(id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [0x40, 2, high, low]
}

/// What the codec does not check, or would not survive.
pub(crate) fn check_topic(topic: &str) -> Result<(), MqttError> {
    let fits = (1..=MAX_FIELD_BYTES).contains(&topic.len());
    if fits && !topic.contains(['+', '#', '\0']) {
        Ok(())
    } else {
        Err(MqttError::TopicNameInvalid)
    }
}

fn wire_qos(qos: Qos) -> WireQos {
    match qos {
        Qos::AtMostOnce => WireQos::AtMostOnce,
        Qos::AtLeastOnce => WireQos::AtLeastOnce,
    }
}
