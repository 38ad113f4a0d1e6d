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
        let Addresses { http, mqtt, .. } = self.addresses;
        let websocket = format!("{}{WEBSOCKET_PATH}", self.websocket(host));
        let (is_secure, s) = (self.addresses.is_secure(), self.secure_letter());
        let beside = format!("ws{s}://{host}:{}{WEBSOCKET_PATH}", http.port());
        let mut brokers = [format!("mqtt{s}://{host}:{}", mqtt.port()), websocket.clone(), beside];
        if is_secure {
            // Who has come to the site over TLS gets to the broker at the same port, whatever a
            // firewall does to the other two.
            brokers.rotate_right(1);
        }
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
        let s = self.secure_letter();
        format!("ws{s}://{host}:{}", self.addresses.websocket.port())
    }

    /// The origin of the site over TLS for one who has come to it in the clear: at the port that
    /// the client named, which a NAT may have changed.
    pub(super) fn secure_origin(&self, host_header: Option<&str>, reached: IpAddr) -> String {
        let host = self.host(host_header, reached);
        match host_header.map(port_of) {
            Some(Some(port)) => format!("https://{host}:{port}"),
            Some(None) => format!("https://{host}"),
            None => format!("https://{host}:{}", self.addresses.http.port()),
        }
    }

    /// What schemes end in where there is TLS.
    fn secure_letter(&self) -> &'static str {
        if self.addresses.is_secure() { "s" } else { "" }
    }

    /// `/ice` for this user.
    pub(super) fn ice(&self, host: &str, user: &UserId) -> Value {
        let mut servers = vec![json!({"urls": [self.stun(host)]})];
        if let Some(turn) = &self.turn {
            let here = self.relay_here(host);
            let urls = if turn.elsewhere.is_empty() { &here } else { &turn.elsewhere };
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

    /// The URLs of this hub's relay, in the order to try: three, since with the STUN server these
    /// are four, and a browser warns of five. The site's port is among them, since networks let it
    /// out that let nothing else. Where the hub speaks TLS, its TCP is listed only so: such
    /// networks often look at what is said there.
    fn relay_here(&self, host: &str) -> Vec<String> {
        let Addresses { http, stun, turns, .. } = self.addresses;
        let turn = |port, transport| format!("turn:{host}:{port}?transport={transport}");
        let turn_tls = |port| format!("turns:{host}:{port}?transport=tcp");
        let tcp = match turns {
            Some(turns) => [turn_tls(turns.port()), turn_tls(http.port())],
            None => [turn(stun.port(), "tcp"), turn(http.port(), "tcp")],
        };
        [turn(stun.port(), "udp")].into_iter().chain(tcp).collect()
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

fn port_of(header: &str) -> Option<u16> {
    let (_, port) = header.rsplit_once(':')?;
    port.parse().ok()
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
        with(host, None)
    }

    fn secure(host: Option<&str>) -> Public {
        with(host, Some(5)).unwrap()
    }

    fn with(host: Option<&str>, turns: Option<u16>) -> Result<Public, String> {
        let address = |port| ([0, 0, 0, 0], port).into();
        let (http, mqtt, websocket, stun) = (address(1), address(2), address(3), address(4));
        let turns = turns.map(address);
        Public::new(host.map(str::to_owned), Addresses { http, mqtt, websocket, stun, turns })
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

    #[test]
    fn config_of_a_hub_with_tls_names_nothing_in_the_clear() {
        let config = secure(None).config("team", "h");
        let brokers = ["wss://h:1/mqtt", "mqtts://h:2", "wss://h:3/mqtt"];
        assert_eq!(
            (&config["brokers"], &config["web"]),
            (&json!(brokers), &json!(["/mqtt", "wss://h:3/mqtt"]))
        );
    }

    #[test]
    fn the_relay_is_named_with_every_way_to_it() {
        let plain = ["turn:h:4?transport=udp", "turn:h:4?transport=tcp", "turn:h:1?transport=tcp"];
        assert_eq!(public(None).unwrap().relay_here("h"), plain);
        let tls = ["turn:h:4?transport=udp", "turns:h:5?transport=tcp", "turns:h:1?transport=tcp"];
        assert_eq!(secure(None).relay_here("h"), tls);
    }

    #[test]
    fn who_comes_in_the_clear_is_led_to_the_port_that_they_named() {
        let check = |configured, header, expected: &str| {
            let reached = "192.0.2.9".parse().unwrap();
            assert_eq!(secure(configured).secure_origin(header, reached), expected, "{header:?}");
        };
        check(None, Some("Hub.example:8443"), "https://hub.example:8443");
        check(None, Some("hub.example"), "https://hub.example");
        check(None, Some("[::1]:9"), "https://[::1]:9");
        check(None, Some("[::1]"), "https://[::1]");
        check(None, Some("a b:9"), "https://192.0.2.9:9");
        check(None, Some("h:99999"), "https://h");
        check(None, None, "https://192.0.2.9:1");
        check(Some("chat.example"), Some("other:9"), "https://chat.example:9");
    }
}
