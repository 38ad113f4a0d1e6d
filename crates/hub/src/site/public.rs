//! Where clients find the parts of the hub, as seen from outside.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use serde_json::{Value, json};
use tincan_relay::Credential;
use tincan_wire::UserId;

use crate::broker::WEBSOCKET_PATH;
use crate::config::RelayConfig;
use crate::hub::Addresses;
use crate::relay::{Credentials, LIFE_SECONDS, Told};

/// The longest host name (RFC 1035 §2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// What is public about the hub.
#[derive(Debug)]
pub(crate) struct Public {
    host: Option<String>,
    addresses: Addresses,
    turn: Option<Turn>,
    probes: Told,
}

/// Where the relay is, and what it takes.
#[derive(Debug)]
pub(crate) struct Turn {
    /// None: it is here.
    elsewhere: Vec<String>,
    credentials: Arc<Credentials>,
}

impl Turn {
    /// `None` where clients are given no relay.
    pub(crate) fn of(config: &RelayConfig, credentials: &Arc<Credentials>) -> Option<Self> {
        let credentials = Arc::clone(credentials);
        config.enabled.then(|| Self { elsewhere: config.elsewhere.clone(), credentials })
    }
}

impl Public {
    /// # Errors
    /// The host, if it is none.
    pub(crate) fn new(host: Option<String>, addresses: Addresses) -> Result<Self, String> {
        let host = host.map(|host| clean_host(&host).ok_or(host)).transpose()?;
        Ok(Self { host, addresses, turn: None, probes: Told::default() })
    }

    /// With a relay, or without.
    pub(crate) fn with_turn(self, turn: Option<Turn>) -> Self {
        Self { turn, ..self }
    }

    /// With more places at which STUN answers.
    pub(crate) fn with_probes(self, probes: Told) -> Self {
        Self { probes, ..self }
    }

    /// The host to name to a client: the configured one, else what the client itself used, else
    /// the address at which it reached us.
    pub(super) fn host(&self, host_header: Option<&str>, reached: IpAddr) -> String {
        let named = || host_header.and_then(|header| clean_host(without_port(header)));
        self.host.clone().or_else(named).unwrap_or_else(|| bracketed(reached.to_canonical()))
    }

    /// `/config.json`.
    pub(super) fn config(&self, name: &str, host: &str) -> Value {
        let Addresses { mqtt, .. } = self.addresses;
        let websocket = format!("{}{WEBSOCKET_PATH}", self.websocket(host));
        let beside = format!("ws://{host}:{}{WEBSOCKET_PATH}", self.addresses.http.port());
        let brokers = [&format!("mqtt://{host}:{}", mqtt.port()), &websocket, &beside];
        // A page asks its own origin: where that is, and whether TLS is before it, only the page
        // knows.
        let web = [WEBSOCKET_PATH, &websocket];
        let mut config =
            json!({"name": name, "brokers": brokers, "web": web, "stun": [self.stun(host)]});
        if self.probes != Told::default() {
            config["stunProbes"] = self.stun_probes(host).into();
        }
        config
    }

    /// The origin of the broker's own WebSocket port.
    pub(super) fn websocket(&self, host: &str) -> String {
        format!("ws://{host}:{}", self.addresses.websocket.port())
    }

    /// `/ice` for this user.
    pub(super) fn ice(&self, host: &str, user: &UserId) -> Value {
        let mut servers = vec![json!({"urls": [self.stun(host)]})];
        if let Some(turn) = &self.turn {
            let port = self.addresses.stun.port();
            // The site's port as well, which networks let out that let nothing else.
            let here = [(port, "udp"), (port, "tcp"), (self.addresses.http.port(), "tcp")]
                .map(|(port, transport)| format!("turn:{host}:{port}?transport={transport}"));
            let urls = if turn.elsewhere.is_empty() { &here[..] } else { &turn.elsewhere };
            let Credential { username, password } = turn.credentials.issue(user);
            servers.push(json!({"urls": urls, "username": username, "credential": password}));
        }
        json!({"iceServers": servers, "ttl": LIFE_SECONDS})
    }

    /// More places at which STUN answers, for who wants to know what a router does.
    fn stun_probes(&self, host: &str) -> Vec<String> {
        let Told { port, addresses } = &self.probes;
        let second = port.map(|port| format!("stun:{host}:{port}"));
        second.into_iter().chain(addresses.iter().map(|at| format!("stun:{at}"))).collect()
    }

    fn stun(&self, host: &str) -> String {
        format!("stun:{host}:{}", self.addresses.stun.port())
    }
}

/// A host as it stands in a URL, if it is one: a name, an IPv4 address or a bracketed IPv6 one.
fn clean_host(host: &str) -> Option<String> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<Ipv6Addr>() {
        return Some(bracketed(IpAddr::V6(address)));
    }
    let is_name = (1..=MAX_HOST_BYTES).contains(&host.len())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    is_name.then(|| host.to_ascii_lowercase())
}

fn without_port(header: &str) -> &str {
    match header.rsplit_once(':') {
        // In `[::1]` the last colon is inside the brackets.
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => header,
    }
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(host: Option<&str>) -> Result<Public, String> {
        let address = |port| ([0, 0, 0, 0], port).into();
        let (http, mqtt, websocket, stun) = (address(1), address(2), address(3), address(4));
        Public::new(host.map(str::to_owned), Addresses { http, mqtt, websocket, stun })
    }

    fn check(header: Option<&str>, expected: &str) {
        let reached = "192.0.2.9".parse().unwrap();
        assert_eq!(public(None).unwrap().host(header, reached), expected, "{header:?}");
    }

    #[test]
    fn the_host_a_client_used_is_named_to_it() {
        check(Some("hub.example"), "hub.example");
        check(Some("Hub.Example:8080"), "hub.example");
        check(Some("127.0.0.1:8080"), "127.0.0.1");
        check(Some("[::1]:8080"), "[::1]");
        check(Some("[::1]"), "[::1]");
    }

    #[test]
    fn a_host_that_is_none_is_replaced_by_the_address_reached() {
        for header in ["", ":80", "a b", "a/b", "a@b", "\"><script>", "[::1", "a:b:c", "x\u{e9}"] {
            check(Some(header), "192.0.2.9");
        }
        check(None, "192.0.2.9");
        check(Some(&"x".repeat(300)), "192.0.2.9");
    }

    #[test]
    fn a_configured_host_wins() {
        let reached = "192.0.2.9".parse().unwrap();
        let host = public(Some("Chat.example")).unwrap().host(Some("other"), reached);
        assert_eq!(host, "chat.example");
        assert_eq!(public(Some("2001:db8::1")).unwrap().host(None, reached), "[2001:db8::1]");
        for wrong in ["", "http://x", "x:80", "a b"] {
            assert_eq!(public(Some(wrong)).unwrap_err(), wrong);
        }
    }

    #[test]
    fn config_names_every_part() {
        let config = public(None).unwrap().config("team", "[::1]");
        assert_eq!(
            config,
            json!({
                "name": "team",
                "brokers": ["mqtt://[::1]:2", "ws://[::1]:3/mqtt", "ws://[::1]:1/mqtt"],
                "web": ["/mqtt", "ws://[::1]:3/mqtt"],
                "stun": ["stun:[::1]:4"],
            })
        );
    }
}
