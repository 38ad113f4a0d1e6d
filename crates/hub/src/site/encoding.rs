//! Which form of a file a client takes (RFC 9110 §12.5.3).

/// A form in which a file is kept, the smallest first: among equals the first is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// Its name in `Content-Encoding`, which what is sent as it is has not.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// Its mark in an entity tag: forms of one file are different bytes.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Brotli => "-br",
            Self::Gzip => "-gz",
            Self::Identity => "",
        }
    }

    fn is_called(self, name: &str) -> bool {
        match self {
            Self::Brotli => name.eq_ignore_ascii_case("br"),
            Self::Gzip => ["gzip", "x-gzip"].iter().any(|n| name.eq_ignore_ascii_case(n)),
            Self::Identity => name.eq_ignore_ascii_case("identity"),
        }
    }

    /// How much a client wants it, in thousandths; 0 is not at all.
    fn quality(self, accepted: &str) -> u16 {
        let (mut own, mut any) = (None, None);
        for (name, quality) in accepted.split(',').filter_map(parse) {
            if self.is_called(name) {
                own = Some(quality);
            } else if name == "*" {
                any = Some(quality);
            }
        }
        // Plain files are welcome unless ruled out, only less than what was asked for.
        own.or(any).unwrap_or(match self {
            Self::Identity => 1,
            Self::Brotli | Self::Gzip => 0,
        })
    }
}

/// The best of the available forms, or none if the client rules all of them out. `accepted` is
/// the client's `Accept-Encoding`, empty if it has none.
pub(super) fn choose(
    accepted: &str,
    available: impl IntoIterator<Item = Encoding>,
) -> Option<Encoding> {
    let wanted = available.into_iter().map(|encoding| (encoding.quality(accepted), encoding));
    let best = wanted
        .filter(|(quality, _)| *quality > 0)
        .max_by_key(|(quality, encoding)| (*quality, std::cmp::Reverse(*encoding)));
    best.map(|(_, encoding)| encoding)
}

/// One part of the list, such as `gzip;q=0.5`; nothing if it is none.
fn parse(part: &str) -> Option<(&str, u16)> {
    let mut words = part.split(';').map(str::trim);
    let name = words.next().filter(|name| !name.is_empty())?;
    let quality = words.find_map(|word| {
        let (key, value) = word.split_once('=')?;
        key.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
    });
    Some((name, quality.unwrap_or(1000)))
}

/// A `qvalue` (RFC 9110 §12.4.2); what is none counts as 0.
fn thousandths(value: &str) -> u16 {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let well_formed = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    match (whole, well_formed) {
        ("1", true) => 1000,
        ("0", true) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::Encoding::{Brotli, Gzip, Identity};
    use super::*;

    fn check(accepted: &str, expected: Option<Encoding>) {
        assert_eq!(choose(accepted, [Identity, Gzip, Brotli]), expected, "{accepted:?}");
    }

    #[test]
    fn the_smallest_form_that_is_accepted_is_sent() {
        check("gzip, deflate, br, zstd", Some(Brotli));
        check("gzip, deflate", Some(Gzip));
        check("x-gzip", Some(Gzip));
        check("GZIP", Some(Gzip));
        check("deflate", Some(Identity));
        check("*", Some(Brotli));
        check("", Some(Identity));
        check("identity", Some(Identity));
    }

    #[test]
    fn qualities_decide_before_sizes() {
        check("br;q=0.5, gzip", Some(Gzip));
        check("br;q=0.5, gzip;q=0.5", Some(Brotli));
        check("br;q=0, gzip", Some(Gzip));
        check("br; Q=0.001, *;q=0", Some(Brotli));
        check("identity;q=1, br;q=0.9", Some(Identity));
        check("gzip;q=0, *", Some(Brotli));
    }

    #[test]
    fn a_client_can_rule_everything_out() {
        check("identity;q=0", None);
        check("*;q=0", None);
        check("*;q=0, identity", Some(Identity));
        assert_eq!(choose("br, identity;q=0", [Identity]), None);
    }

    #[test]
    fn what_is_no_quality_counts_as_none() {
        for wrong in ["2", "1.5x", "-1", "0.1234", "", "é", "0,5"] {
            check(&format!("br;q={wrong}, gzip;q=0.1"), Some(Gzip));
        }
        check(",, ;;q=1 ,br", Some(Brotli));
    }
}
