//! What the owner of a session chooses: [`Config`] once, [`Credentials`] for each connection.

use std::fmt;
use std::time::Duration;

/// How a session behaves. All fields have defaults that suit a chat client.
#[derive(Clone, Debug)]
pub struct Config {
    /// Silence after which a PINGREQ is sent, whole seconds, at most 65,535 s. Default 30 s: a
    /// connection that died is noticed within this and [`ping_timeout`](Self::ping_timeout), at a
    /// cost of two bytes each way. A broker of MQTT 5 may shorten it.
    pub keep_alive: Duration,
    /// How long a PINGREQ may stay unanswered. Default 10 s.
    pub ping_timeout: Duration,
    /// How long a broker keeps the session of a client that is away (MQTT 5, §3.1.2.11.2).
    /// Default 14 days, as protocol §2 says. MQTT 3.1.1 has no such field: the broker decides,
    /// unless it is zero, which makes a session that ends with its connection.
    pub session_expiry: Duration,
    /// From the transport being up until CONNACK and all SUBACKs are in. Default 10 s.
    pub connect_timeout: Duration,
    /// How long a QoS 1 publish may wait for its PUBACK on a live connection before the connection
    /// is given up. Default 60 s: longer than any broker was seen to store a packet.
    pub ack_timeout: Duration,
    /// On how many connections a QoS 1 publish may be sent without an acknowledgement before it
    /// is suspected. Default 5. Some brokers close the connection on a publish they forbid. A
    /// suspect is kept as long as any other, but goes out after all others, and not before they
    /// are acknowledged, so that it holds nobody up.
    pub suspect_after: u8,
    /// The largest packet accepted from a broker, in bytes, and the bound of the receive buffer.
    /// Default 32 KiB: an envelope has at most 16 KiB (protocol §3), the rest is topic and
    /// properties.
    pub max_packet_bytes: u32,
    /// How many QoS 1 publishes may be unacknowledged or unsent. Default 1,024: the engine keeps
    /// what matters on disk, so this only bridges short gaps, at no more than 16 MiB.
    pub max_queued: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(10),
            session_expiry: Duration::from_secs(14 * 24 * 3600),
            connect_timeout: Duration::from_secs(10),
            ack_timeout: Duration::from_secs(60),
            suspect_after: 5,
            max_packet_bytes: 32 * 1024,
            max_queued: 1024,
        }
    }
}

/// Who connects. A fresh set is given for each transport connection, since tokens expire.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The MQTT client identifier; `tin` and 16 hex digits by protocol §9.
    pub client_id: String,
    /// The user name, if the broker asks for one.
    pub username: Option<String>,
    /// The password or access token. Without a user name it is not sent, as 3.1.1 forbids that.
    pub password: Option<Vec<u8>>,
}

impl Credentials {
    /// Credentials of a broker that does not authenticate.
    pub fn anonymous(client_id: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), username: None, password: None }
    }

    /// Credentials with a user name and a password.
    pub fn with_password(
        client_id: impl Into<String>,
        username: impl Into<String>,
        password: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            username: Some(username.into()),
            password: Some(password.into()),
        }
    }
}

/// Shows that there is a password, never which.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username.as_ref().map(|_| "…"))
            .field("password", &self.password.as_ref().map(|_| "…"))
            .finish_non_exhaustive()
    }
}
