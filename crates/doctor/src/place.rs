//! Where a server is, and how it is spoken to.

use crate::text::{Text, words};

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS.
    Https,
    /// MQTT over TCP.
    Mqtt,
    /// MQTT over TLS.
    Mqtts,
    /// MQTT over a WebSocket.
    Ws,
    /// MQTT over a WebSocket over TLS.
    Wss,
    /// STUN over UDP.
    Stun,
    /// TURN over UDP.
    TurnUdp,
    /// TURN over TCP.
    TurnTcp,
    /// TURN over TLS.
    TurnTls,
}

impl Way {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Mqtt => "MQTT over TCP",
            Self::Mqtts => "MQTT over TLS",
            Self::Ws => "MQTT over a WebSocket",
            Self::Wss => "MQTT over a WebSocket with TLS",
            Self::Stun => "STUN over UDP",
            Self::TurnUdp => "TURN over UDP",
            Self::TurnTcp => "TURN over TCP",
            Self::TurnTls => "TURN over TLS",
        }
    }

    /// Whether TLS is underneath.
    #[must_use]
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Https | Self::Mqtts | Self::Wss | Self::TurnTls)
    }
}

/// A server at a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// How it is spoken to.
    pub way: Way,
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Place {
    /// `hub.example:443`; a report has the port alone.
    pub(crate) fn name(&self) -> Text {
        let Self { host, port, .. } = self;
        let shown =
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        Text::private(shown, format!("port {port}"))
    }

    /// `MQTT over TCP at hub.example:1883`.
    pub(crate) fn full_name(&self) -> Text {
        words![self.way.words(), " at ", self.name()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_way_and_port_but_no_host() {
        let check = |host: &str, shown: &str| {
            let place = Place { way: Way::Mqtts, host: host.to_owned(), port: 8883 };
            assert_eq!(place.full_name().shown(), shown);
            assert_eq!(place.full_name().safe(), "MQTT over TLS at port 8883");
        };
        check("hub.example", "MQTT over TLS at hub.example:8883");
        check("2001:db8::1", "MQTT over TLS at [2001:db8::1]:8883");
    }
}
