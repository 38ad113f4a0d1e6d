//! The origin of a hub: `http://host:port` or `https://host:port`, nothing behind it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

use crate::broker::address::split_host;

/// Where a hub is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether TLS is underneath.
    pub secure: bool,
    /// A name or an address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// Why a text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a hub is named by its origin, like https://chat.example.org or http://192.0.2.7:8080")]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    /// A single `/` at the end is tolerated.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = text.split_once("://").ok_or(OriginError)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(OriginError),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = split_host(rest).map_err(|_| OriginError)?;
        let port = port.unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { secure, host: host.to_ascii_lowercase(), port })
    }
}

impl Origin {
    /// As the `Host` header has it.
    pub(crate) fn authority(&self) -> String {
        let default_port = if self.secure { 443 } else { 80 };
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default_port { host } else { format!("{host}:{}", self.port) }
    }

    /// Whether it is on this machine, as far as its name tells.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Whether a host is this machine, as far as its name tells.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: &str) {
        assert_eq!(text.parse::<Origin>().unwrap().to_string(), shown);
    }

    #[test]
    fn default_ports_are_not_shown() {
        check("http://Hub.example", "http://hub.example");
        check("https://hub.example:443/", "https://hub.example");
        check("http://127.0.0.1:8080", "http://127.0.0.1:8080");
        check("https://[::1]:80", "https://[::1]:80");
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        for text in ["", "hub", "hub:80", "ftp://hub", "http://", "http://hub/path", "http://a@b"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_known_by_name_and_address() {
        for (text, loopback) in
            [("http://localhost:1", true), ("http://[::1]", true), ("http://192.0.2.1", false)]
        {
            assert_eq!(text.parse::<Origin>().unwrap().is_loopback(), loopback, "{text}");
        }
    }
}
