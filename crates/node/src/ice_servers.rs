//! STUN and TURN servers: their URLs (RFC 7064, RFC 7065), the addresses behind them, and the
//! credential that a relay wants.

use std::net::SocketAddr;

use tincan_relay::{Credential, Transport};

use crate::broker::address::split_host;
use crate::dial::resolve;

/// RFC 8489 §18.6, RFC 8656 §15.
const DEFAULT_PORT: u16 = 3478;
/// The same over TLS.
const DEFAULT_TLS_PORT: u16 = 5349;

/// Addresses of one server that are asked: one of each family would do.
const MAX_ADDRESSES: usize = 2;

/// What a server's URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IceUrl {
    pub(crate) kind: IceKind,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// What a server is for, and how it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum IceKind {
    Stun,
    Turn(Transport),
}

/// One entry of `iceServers` (protocol §10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IceEntry {
    pub(crate) urls: Vec<String>,
    pub(crate) login: Option<Credential>,
}

/// A relay that can be asked for an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TurnServer {
    pub(crate) transport: Transport,
    /// What its certificate is for.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Where it is; over TCP and TLS the first that accepts is taken.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) login: Credential,
}

/// All that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IceServers {
    pub(crate) stun: Vec<SocketAddr>,
    pub(crate) turn: Vec<TurnServer>,
}

impl IceServers {
    /// The addresses behind the URLs; what is no URL or cannot be resolved is left out, and a
    /// relay without a credential.
    pub(crate) async fn resolve(entries: &[IceEntry]) -> Self {
        let mut found = Self::default();
        for entry in entries {
            for url in &entry.urls {
                let Some(url) = parse(url) else {
                    tracing::warn!("a STUN or TURN server's URL is none; write stun:host:port");
                    continue;
                };
                match resolve(&url.host, url.port).await {
                    Ok(addresses) => found.add(url, addresses, entry.login.as_ref()),
                    Err(error) => tracing::debug!(%error, "STUN or TURN server left out"),
                }
            }
        }
        found
    }

    fn add(&mut self, url: IceUrl, addresses: Vec<SocketAddr>, login: Option<&Credential>) {
        match (url.kind, login) {
            (IceKind::Stun, _) => self.stun.extend(one_of_each_family(addresses)),
            (IceKind::Turn(transport), Some(login)) => self.turn.push(TurnServer {
                transport,
                host: url.host,
                port: url.port,
                addresses: one_of_each_family(addresses),
                login: login.clone(),
            }),
            (IceKind::Turn(_), None) => {
                tracing::warn!(
                    host = url.host,
                    "a relay comes without a credential; it is left out"
                );
            }
        }
    }
}

fn one_of_each_family(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut chosen: Vec<SocketAddr> = Vec::with_capacity(MAX_ADDRESSES);
    for address in addresses {
        if !chosen.iter().any(|other| other.is_ipv4() == address.is_ipv4()) {
            chosen.push(address);
        }
    }
    chosen
}

/// `stun:host[:port]`, `turn:host[:port][?transport=udp|tcp]` or `turns:host[:port]`, the last
/// over TCP.
pub(crate) fn parse(url: &str) -> Option<IceUrl> {
    let (scheme, rest) = url.split_once(':')?;
    let (place, transport) = match rest.split_once("?transport=") {
        Some((place, transport)) => (place, Some(transport)),
        None => (rest, None),
    };
    let kind = match (scheme, transport) {
        ("stun", None | Some("udp")) => IceKind::Stun,
        ("turn", None | Some("udp")) => IceKind::Turn(Transport::Udp),
        ("turn", Some("tcp")) => IceKind::Turn(Transport::Tcp),
        ("turns", None | Some("tcp")) => IceKind::Turn(Transport::Tls),
        _ => return None,
    };
    let (host, port) = split_host(place).ok()?;
    let default = match kind {
        IceKind::Turn(Transport::Tls) => DEFAULT_TLS_PORT,
        _ => DEFAULT_PORT,
    };
    Some(IceUrl { kind, host: host.to_owned(), port: port.unwrap_or(default) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, kind: IceKind, host: &str, port: u16) {
        assert_eq!(parse(url), Some(IceUrl { kind, host: host.to_owned(), port }), "{url}");
    }

    #[test]
    fn urls_have_a_host_and_perhaps_a_port() {
        check("stun:host", IceKind::Stun, "host", 3478);
        check("stun:host:19302", IceKind::Stun, "host", 19302);
        check("stun:[::1]:9?transport=udp", IceKind::Stun, "::1", 9);
        check("turn:host", IceKind::Turn(Transport::Udp), "host", 3478);
        check("turn:host:9?transport=udp", IceKind::Turn(Transport::Udp), "host", 9);
        check("turn:[::1]:9?transport=tcp", IceKind::Turn(Transport::Tcp), "::1", 9);
        check("turns:host", IceKind::Turn(Transport::Tls), "host", 5349);
        check("turns:host:443?transport=tcp", IceKind::Turn(Transport::Tls), "host", 443);
    }

    #[test]
    fn other_texts_are_no_urls() {
        for url in [
            "",
            "host:1",
            "stun:",
            "stun:a b",
            "stun:h:0",
            "stuns:h",
            "turn:",
            "turn:h?transport=sctp",
            "turns:h?transport=udp",
            "turn:h?transport=",
        ] {
            assert_eq!(parse(url), None, "{url}");
        }
    }

    #[tokio::test]
    async fn a_relay_without_a_credential_is_left_out() {
        let login = Credential { username: "1:a".into(), password: "p".into() };
        let urls = vec!["stun:127.0.0.1:1".to_owned(), "turn:127.0.0.1:2".to_owned()];
        let with = IceEntry { urls: urls.clone(), login: Some(login.clone()) };
        let without = IceEntry { urls, login: None };
        let found = IceServers::resolve(&[with, without]).await;
        assert_eq!(found.stun, ["127.0.0.1:1".parse().unwrap(); 2]);
        let [server] = found.turn.as_slice() else { panic!("{found:?}") };
        assert_eq!((&server.login, server.transport), (&login, Transport::Udp));
    }

    #[test]
    fn passwords_are_not_shown() {
        let login = Credential { username: "1:a".into(), password: "geheim".into() };
        let entry = IceEntry { urls: Vec::new(), login: Some(login.clone()) };
        assert!(!format!("{login:?} {entry:?}").contains("geheim"));
    }
}
