//! The address of a broker: `mqtt`, `mqtts`, `ws` and `wss` URLs.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

/// The longest address accepted, in bytes; the bound of an invite, too (protocol §1).
pub(crate) const MAX_ADDRESS_BYTES: usize = 256;

/// Where a broker is and how to talk to it.
///
/// `scheme://[user[:password]@]host[:port][/path]`; an IPv6 host stands in brackets. User name
/// and password are percent-decoded. [`Display`](fmt::Display) leaves out the password.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Over which transport.
    pub scheme: Scheme,
    /// A name or an address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// What a WebSocket is asked for; `/mqtt` unless given, `/` without a WebSocket.
    pub path: String,
    /// The user name, if the address has one.
    pub username: Option<String>,
    /// The password, if the address has one.
    pub password: Option<String>,
}

/// The transports that carry MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TCP, port 1883.
    Mqtt,
    /// TLS, port 8883.
    Mqtts,
    /// WebSocket over TCP, port 80.
    Ws,
    /// WebSocket over TLS, port 443.
    Wss,
}

impl Scheme {
    const ALL: [Self; 4] = [Self::Mqtt, Self::Mqtts, Self::Ws, Self::Wss];

    /// As it stands before `://`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Mqtts => "mqtts",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// Whether TLS is underneath.
    #[must_use]
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Mqtts | Self::Wss)
    }

    /// Whether a WebSocket is in between.
    #[must_use]
    pub fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Mqtt => 1883,
            Self::Mqtts => 8883,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

/// Why a text is no broker address. Each message says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// No `scheme://`, or one we don't speak.
    #[error("a broker address starts with mqtt://, mqtts://, ws:// or wss://")]
    Scheme,
    /// Nothing between `://` and the port.
    #[error("the broker address names no host; write mqtt://host:port")]
    NoHost,
    /// A character that no host name has, or a broken IPv6 address.
    #[error("the broker address has a host that is none; write a name, an IP or an [IPv6]")]
    Host,
    /// Not 1 to 65535.
    #[error("the port of the broker address must be 1 to 65535")]
    Port,
    /// Spaces or control characters, or a path without a WebSocket.
    #[error("the broker address has a path that cannot be asked for")]
    Path,
    /// A broken percent escape in user name or password.
    #[error("user name and password in a broker address must be percent-encoded UTF-8")]
    UserInfo,
    /// Too long.
    #[error("the broker address is longer than {MAX_ADDRESS_BYTES} bytes")]
    TooLong,
}

impl BrokerAddress {
    /// The broker of a hub that is reached by TLS, on the port of its site.
    pub(super) fn beside(host: &str, port: u16) -> Self {
        Self {
            scheme: Scheme::Wss,
            host: host.to_owned(),
            port,
            path: "/mqtt".to_owned(),
            username: None,
            password: None,
        }
    }
}

impl FromStr for BrokerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_ADDRESS_BYTES {
            return Err(AddressError::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        let scheme = Scheme::ALL
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(scheme))
            .ok_or(AddressError::Scheme)?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (user, host_port) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let (host, port) = split_host(host_port)?;
        let (username, password) = match user {
            Some(user) => split_user(user)?,
            None => (None, None),
        };
        let address = Self {
            scheme,
            host: host.to_owned(),
            port: port.unwrap_or(scheme.default_port()),
            path: check_path(scheme, path)?.to_owned(),
            username,
            password,
        };
        // As it is remembered it has its port and its path, too, and must still be read.
        if address.to_string().len() > MAX_ADDRESS_BYTES {
            return Err(AddressError::TooLong);
        }
        Ok(address)
    }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`; shared with the hub's origin.
pub(crate) fn split_host(text: &str) -> Result<(&str, Option<u16>), AddressError> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => {
            let (host, rest) = inner.split_once(']').ok_or(AddressError::Host)?;
            if !matches!(host.parse(), Ok(IpAddr::V6(_))) {
                return Err(AddressError::Host);
            }
            (host, rest)
        }
        None => {
            let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            if host.is_empty() {
                return Err(AddressError::NoHost);
            }
            let sane = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if host.len() > 253 || !host.chars().all(sane) {
                return Err(AddressError::Host);
            }
            (host, rest)
        }
    };
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Ok((host, None)),
        None => Err(AddressError::Host),
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => match port.parse() {
            Ok(port) if port != 0 => Ok((host, Some(port))),
            _ => Err(AddressError::Port),
        },
        Some(_) => Err(AddressError::Port),
    }
}

fn check_path(scheme: Scheme, path: &str) -> Result<&str, AddressError> {
    match (scheme.is_websocket(), path) {
        (true, "") => Ok("/mqtt"),
        (false, "" | "/") => Ok("/"),
        (false, _) => Err(AddressError::Path),
        (true, path) => {
            let sane = |b: u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'"' | b'<' | b'>');
            if path.bytes().all(sane) { Ok(path) } else { Err(AddressError::Path) }
        }
    }
}

fn split_user(text: &str) -> Result<(Option<String>, Option<String>), AddressError> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(percent_decode(password)?)),
        None => (text, None),
    };
    Ok((Some(percent_decode(user)?), password))
}

fn percent_decode(text: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2).ok_or(AddressError::UserInfo)?;
        let digit = |b: u8| char::from(b).to_digit(16).ok_or(AddressError::UserInfo);
        let value = digit(digits[0])? * 16 + digit(digits[1])?;
        bytes.push(u8::try_from(value).map_err(|_| AddressError::UserInfo)?);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| AddressError::UserInfo)
}

impl BrokerAddress {
    /// Whether both mean the same server, whoever logs in.
    #[must_use]
    pub fn same_server(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(&other.host) && self.port == other.port
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.as_str())?;
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        write!(f, ":{}", self.port)?;
        if self.scheme.is_websocket() { f.write_str(&self.path) } else { Ok(()) }
    }
}

/// Without user name and password.
impl fmt::Debug for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BrokerAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, shown: &str) {
        let address: BrokerAddress = text.parse().unwrap();
        assert_eq!(address.to_string(), shown);
        assert_eq!(shown.parse::<BrokerAddress>().unwrap().to_string(), shown);
    }

    fn refused(text: &str, error: AddressError) {
        assert_eq!(text.parse::<BrokerAddress>().unwrap_err(), error, "{text}");
    }

    #[test]
    fn each_scheme_has_its_port() {
        check("mqtt://broker", "mqtt://broker:1883");
        check("mqtts://broker/", "mqtts://broker:8883");
        check("ws://broker", "ws://broker:80/mqtt");
        check("WSS://broker/ws?x=1", "wss://broker:443/ws?x=1");
    }

    #[test]
    fn addresses_of_both_families_are_hosts() {
        check("mqtt://127.0.0.1:9", "mqtt://127.0.0.1:9");
        check("mqtt://[::1]:9", "mqtt://[::1]:9");
        check("ws://[2001:db8::7]/a", "ws://[2001:db8::7]:80/a");
    }

    #[test]
    fn user_and_password_are_decoded_and_not_shown() {
        let address: BrokerAddress = "mqtt://an%40na:p:%C3%BC@host".parse().unwrap();
        assert_eq!(address.username.as_deref(), Some("an@na"));
        assert_eq!(address.password.as_deref(), Some("p:ü"));
        assert_eq!(address.to_string(), "mqtt://host:1883");
        assert!(!format!("{address:?}").contains("na"));
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_cause() {
        refused("", AddressError::Scheme);
        refused("broker:1883", AddressError::Scheme);
        refused("http://broker", AddressError::Scheme);
        refused("mqtt://", AddressError::NoHost);
        refused("mqtt://:1883", AddressError::NoHost);
        refused("mqtt://a b", AddressError::Host);
        refused("mqtt://[::1", AddressError::Host);
        refused("mqtt://[127.0.0.1]", AddressError::Host);
        refused("mqtt://[::1]x", AddressError::Host);
        refused("mqtt://h:0", AddressError::Port);
        refused("mqtt://h:65536", AddressError::Port);
        refused("mqtt://h:+1", AddressError::Port);
        refused("mqtt://h/path", AddressError::Path);
        refused("ws://h/a b", AddressError::Path);
        refused("mqtt://%zz@h", AddressError::UserInfo);
        refused("mqtt://%f@h", AddressError::UserInfo);
        refused("mqtt://%ff@h", AddressError::UserInfo);
        refused(&format!("mqtt://{}", "h".repeat(300)), AddressError::TooLong);
    }

    #[test]
    fn an_address_that_would_be_too_long_to_be_read_again_is_refused() {
        let host = "h".repeat(245);
        let shown = format!("mqtt://{}:1883", &host[..244]);
        check(&format!("mqtt://{}", &host[..244]), &shown);
        refused(&format!("mqtt://{host}"), AddressError::TooLong);
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,80}") {
            let _ = text.parse::<BrokerAddress>();
        }

        #[test]
        fn what_is_shown_parses_to_the_same(
            text in "(mqtt|mqtts|ws|wss)://([a-z0-9.-]{1,20}|\\[::[0-9a-f]{1,4}\\])(:[1-9][0-9]{0,3})?"
        ) {
            let address: BrokerAddress = text.parse().unwrap();
            prop_assert_eq!(&address.to_string().parse::<BrokerAddress>().unwrap(), &address);
        }
    }
}
