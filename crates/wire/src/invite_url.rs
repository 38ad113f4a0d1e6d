//! The parts of an invite's URL: origins, broker URLs and percent-encoding (RFC 3986).

use std::fmt::{self, Write as _};

use crate::invite::InviteError;

/// The lower-case form of an `http` or `https` origin; `None` if it is not one.
pub(crate) fn normal_origin(origin: &str) -> Option<String> {
    let normal = origin.to_ascii_lowercase();
    let authority = normal.strip_prefix("https://").or_else(|| normal.strip_prefix("http://"))?;
    is_authority(authority).then_some(normal)
}

/// Whether `url` is `mqtt`, `mqtts`, `ws` or `wss` with a host, perhaps a port and a path.
pub(crate) fn check_broker(url: &str, max_bytes: usize) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority_len = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_len);
    url.len() <= max_bytes
        && matches!(scheme, "mqtt" | "mqtts" | "ws" | "wss")
        && is_authority(authority)
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'))
}

/// `host` or `host:port`, without user and password.
fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
            _ => return false,
        },
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_host = !host.is_empty()
        && host.len() <= 253
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    is_host && is_port(port)
}

/// Nothing, or a colon and a port other than 0, without leading zeros.
fn is_port(port: &str) -> bool {
    let Some(digits) = port.strip_prefix(':') else { return port.is_empty() };
    digits.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == digits)
}

/// Writes `text` with everything but RFC 3986's unreserved characters percent-encoded.
pub(crate) fn write_percent(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.bytes().try_for_each(|byte| match byte {
        b'-' | b'.' | b'_' | b'~' => f.write_char(char::from(byte)),
        _ if byte.is_ascii_alphanumeric() => f.write_char(char::from(byte)),
        _ => write!(f, "%{byte:02X}"),
    })
}

/// Undoes percent-encoding. Characters that stand unencoded are taken as they are.
pub(crate) fn decode_percent(text: &str) -> Result<String, InviteError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let ([high, low], tail) = rest.split_first_chunk().ok_or(InviteError::BadEncoding)?;
        bytes.push(digit(*high)? << 4 | digit(*low)?);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| InviteError::BadEncoding)
}

fn digit(character: u8) -> Result<u8, InviteError> {
    crate::hex::digit(character.to_ascii_lowercase()).ok_or(InviteError::BadEncoding)
}
