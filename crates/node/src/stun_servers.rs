//! STUN servers: their URLs (RFC 7064) and the addresses behind them.

use std::net::SocketAddr;

use crate::broker::address::split_host;
use crate::dial::resolve;

/// RFC 8489 §18.6.
const DEFAULT_PORT: u16 = 3478;

/// Addresses of one server that are asked: one of each family would do.
const MAX_ADDRESSES: usize = 2;

/// The addresses behind the URLs; what is no URL or cannot be resolved is left out.
pub(crate) async fn resolve_all(urls: &[String]) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for url in urls {
        let Some((host, port)) = parse(url) else {
            tracing::warn!("a STUN server's URL is none; write stun:host:port");
            continue;
        };
        match resolve(host, port).await {
            Ok(addresses) => found.extend(addresses.into_iter().take(MAX_ADDRESSES)),
            Err(error) => tracing::debug!(%error, "STUN server left out"),
        }
    }
    found
}

/// Host and port of `stun:host[:port]`, with or without a `?transport=udp`.
fn parse(url: &str) -> Option<(&str, u16)> {
    let rest = url.strip_prefix("stun:")?;
    let rest = rest.strip_suffix("?transport=udp").unwrap_or(rest);
    let (host, port) = split_host(rest).ok()?;
    Some((host, port.unwrap_or(DEFAULT_PORT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_a_host_and_perhaps_a_port() {
        assert_eq!(parse("stun:host"), Some(("host", 3478)));
        assert_eq!(parse("stun:host:19302"), Some(("host", 19302)));
        assert_eq!(parse("stun:[::1]:9?transport=udp"), Some(("::1", 9)));
    }

    #[test]
    fn other_texts_are_no_urls() {
        for url in ["", "host:1", "turn:host", "stun:", "stun:a b", "stun:h:0"] {
            assert_eq!(parse(url), None, "{url}");
        }
    }
}
