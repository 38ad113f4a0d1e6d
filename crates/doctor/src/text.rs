//! Words in which everything that must not be published is marked.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// A sentence, or a part of one. What names a machine, a place or a person stands in it beside
/// the words that take its place in a report.
///
/// It serializes as it is [`shown`](Self::shown).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Plain(Cow<'static, str>),
    Private { shown: String, instead: Cow<'static, str> },
}

/// Puts parts together: words of ours, and other texts.
macro_rules! words {
    ($($part:expr),+ $(,)?) => {{
        let mut text = $crate::text::Text::default();
        $( text.add($part); )+
        text
    }};
}
pub(crate) use words;

impl Text {
    /// Something for the person at the screen alone; `instead` stands for it in a report.
    pub(crate) fn private(shown: impl Into<String>, instead: impl Into<Cow<'static, str>>) -> Self {
        // It may come from a stranger's server.
        let shown = shown.into().chars().filter(|c| !is_deceptive(*c)).collect();
        Self { pieces: vec![Piece::Private { shown, instead: instead.into() }] }
    }

    /// An address, of which a report tells the kind.
    pub(crate) fn address(ip: IpAddr) -> Self {
        Self::private(ip.to_string(), address_kind(ip))
    }

    /// A number with its unit.
    pub(crate) fn figure(text: String) -> Self {
        Self { pieces: vec![Piece::Plain(text.into())] }
    }

    /// A short time: `0.3 ms`, `12 ms`, `3.5 s`.
    pub(crate) fn time(time: Duration) -> Self {
        let micros = time.as_micros();
        Self::figure(match micros {
            0..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
            10_000..10_000_000 => format!("{} ms", micros / 1_000),
            _ => format!("{} s", micros / 1_000_000),
        })
    }

    pub(crate) fn add(&mut self, more: impl Into<Self>) {
        self.pieces.extend(more.into().pieces);
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// As the person at the screen may see it.
    #[must_use]
    pub fn shown(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Plain(text) => text.as_ref(),
                Piece::Private { shown, .. } => shown,
            })
            .collect()
    }

    /// As anybody may see it.
    #[must_use]
    pub fn safe(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Plain(text) | Piece::Private { instead: text, .. } => text.as_ref(),
            })
            .collect()
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        let is_something = !text.is_empty();
        Self { pieces: is_something.then(|| Piece::Plain(text.into())).into_iter().collect() }
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

/// What may change how a terminal or a page shows what stands around it.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What kind of address it is (RFC 6890), in words.
pub(crate) fn address_kind(ip: IpAddr) -> &'static str {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            match (a, b) {
                _ if v4.is_loopback() => "a loopback IPv4 address",
                _ if v4.is_link_local() => "a link-local IPv4 address",
                _ if v4.is_private() => "a private IPv4 address",
                (100, 64..=127) => "an IPv4 address shared by a provider's customers",
                _ => "a public IPv4 address",
            }
        }
        IpAddr::V6(v6) if v6.is_loopback() => "a loopback IPv6 address",
        IpAddr::V6(v6) if v6.is_unicast_link_local() => "a link-local IPv6 address",
        IpAddr::V6(v6) if v6.is_unique_local() => "a private IPv6 address",
        IpAddr::V6(_) => "a public IPv6 address",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_parts_are_shown_on_the_screen_alone() {
        let text = words!["The hub ", Text::private("hub.example", "of yours"), " answers."];
        assert_eq!(text.shown(), "The hub hub.example answers.");
        assert_eq!(text.safe(), "The hub of yours answers.");
    }

    #[test]
    fn what_deceives_a_screen_is_left_out() {
        let text = Text::private("a\u{1b}[2J\u{202e}\nb", "");
        assert_eq!(text.shown(), "a[2Jb");
    }

    #[test]
    fn times_have_a_unit_that_suits_them() {
        let check = |micros, expected: &str| {
            assert_eq!(Text::time(Duration::from_micros(micros)).shown(), expected);
        };
        check(340, "0.3 ms");
        check(12_345, "12 ms");
        check(1_234_567, "1234 ms");
        check(12_345_678, "12 s");
    }

    #[test]
    fn addresses_have_a_kind() {
        let check = |ip: &str, words: &str| {
            assert_eq!(address_kind(ip.parse().unwrap()), words, "{ip}");
        };
        check("192.168.1.2", "a private IPv4 address");
        check("::ffff:10.0.0.1", "a private IPv4 address");
        check("100.64.3.1", "an IPv4 address shared by a provider's customers");
        check("169.254.0.1", "a link-local IPv4 address");
        check("203.0.113.4", "a public IPv4 address");
        check("127.0.0.1", "a loopback IPv4 address");
        check("fd00::1", "a private IPv6 address");
        check("fe80::1", "a link-local IPv6 address");
        check("::1", "a loopback IPv6 address");
        check("2001:db8::1", "a public IPv6 address");
    }
}
