//! The certificate of one server, and when it ends.

use crate::check::Check;
use crate::finding::{Finding, Verdict};
use crate::place::Place;
use crate::text::{Text, words};

/// Certificates that end sooner are worth a word: most are renewed a month before their end.
const SOON_SECONDS: i64 = 14 * 24 * 3_600;

/// A certificate that was taken for good. One that is not is told by whoever needs the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Where it is shown.
    pub place: Place,
    /// For how many more seconds it is good; negative if it is not any more, and a pinned key
    /// makes it good all the same. `None` if that cannot be told.
    pub seconds_left: Option<i64>,
}

impl Certificate {
    pub(crate) fn judge(&self) -> Finding {
        let found = |verdict, code, what| Finding::new(Check::Certificate, verdict, code, what);
        let name = self.place.name();
        let Some(left) = self.seconds_left else {
            let what = words!["The certificate at ", name, " is good."];
            return found(Verdict::Good, "certificate_good", what);
        };
        let days = Text::figure(match left / 86_400 {
            1 => "1 more day".to_owned(),
            days => format!("{} more days", days.max(0)),
        });
        let what = words!["The certificate at ", name, " is good for ", days, "."];
        if left < SOON_SECONDS {
            found(Verdict::Notice, "certificate_ends_soon", what)
                .meaning("After that nobody connects any more.")
                .remedy("Tell who runs the server.")
        } else {
            found(Verdict::Good, "certificate_good", what)
        }
    }
}

/// The last second, since the Unix epoch, in which a certificate is valid: `notAfter` of its
/// validity (RFC 5280 §4.1.2.5). `None` if these bytes are no certificate.
#[must_use]
pub fn last_second(der: &[u8]) -> Option<i64> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut body, _) = element(certificate, SEQUENCE)?;
    // The version is left out of the first kind of certificates.
    if let Some((_, rest)) = element(body, VERSION) {
        body = rest;
    }
    let (_serial, rest) = element(body, INTEGER)?;
    let (_algorithm, rest) = element(rest, SEQUENCE)?;
    let (_issuer, rest) = element(rest, SEQUENCE)?;
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_not_before, not_after) = time(validity)?;
    time(not_after).map(|(last, _)| last)
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The content of the element of this kind at the beginning, and what follows it (X.690 §8.1).
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = bytes.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7F => (usize::from(length), rest),
        0x81 => {
            let (&[length], rest) = rest.split_first_chunk::<1>()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        // Longer ones are no certificates that anybody shows.
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// UTCTime to 2049, GeneralizedTime from then on, both in the one form of RFC 5280.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (digits, rest, century) = match element(bytes, UTC_TIME) {
        Some((text, rest)) => (text, rest, None),
        None => {
            let (text, rest) = element(bytes, GENERALIZED_TIME)?;
            let (century, text) = text.split_first_chunk::<2>()?;
            (text, rest, Some(pair(*century)?))
        }
    };
    let &[y0, y1, m0, m1, d0, d1, h0, h1, n0, n1, s0, s1, b'Z'] = digits else { return None };
    let year = pair([y0, y1])?;
    let year = match century {
        Some(century) => century * 100 + year,
        None if year < 50 => 2000 + year,
        None => 1900 + year,
    };
    let [month, day] = [pair([m0, m1])?, pair([d0, d1])?];
    let [hour, minute, second] = [pair([h0, h1])?, pair([n0, n1])?, pair([s0, s1])?];
    let is_time = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_time || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = hour * 3_600 + minute * 60 + second;
    Some((days_since_epoch(year, month, day) * 86_400 + seconds, rest))
}

fn pair([tens, ones]: [u8; 2]) -> Option<i64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    Some(digit(tens)? * 10 + digit(ones)?)
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. Years begin in March here, so that
/// the leap day is the last one.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // From March on, months have 153 days in five.
    let in_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + leap_days + in_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let mut bytes = match u8::try_from(length) {
            Ok(short @ 0..0x80) => vec![tag, short],
            Ok(long) => vec![tag, 0x81, long],
            Err(_) => [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
        };
        bytes.extend_from_slice(content);
        bytes
    }

    /// As much of a certificate as is looked at.
    fn certificate(version: bool, issuer: usize, tag: u8, last: &str) -> Vec<u8> {
        let version = if version { wrap(VERSION, &wrap(INTEGER, &[2])) } else { Vec::new() };
        let validity = [wrap(UTC_TIME, b"240101000000Z"), wrap(tag, last.as_bytes())].concat();
        let body = [
            version,
            wrap(INTEGER, &[7; 20]),
            wrap(SEQUENCE, &[]),
            wrap(SEQUENCE, &vec![0; issuer]),
            wrap(SEQUENCE, &validity),
        ];
        wrap(SEQUENCE, &wrap(SEQUENCE, &body.concat()))
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_forms() {
        let check = |tag, text: &str, expected: Option<i64>| {
            for (version, issuer) in [(true, 10), (false, 200), (true, 300)] {
                let found = last_second(&certificate(version, issuer, tag, text));
                assert_eq!(found, expected, "{text}");
            }
        };
        check(UTC_TIME, "700101000000Z", Some(0));
        check(UTC_TIME, "000301000000Z", Some(951_868_800));
        check(UTC_TIME, "261122061617Z", Some(1_795_328_177));
        check(GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000));
        check(GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799));
        check(UTC_TIME, "261322061617Z", None);
        check(UTC_TIME, "2611220616Z", None);
        check(UTC_TIME, "26112206161+Z", None);
    }

    #[test]
    fn a_certificate_that_ends_soon_is_worth_a_word() {
        let check = |seconds_left, code: &str, words: &str| {
            let place = Place { way: crate::Way::Https, host: "hub.example".into(), port: 443 };
            let found = Certificate { place, seconds_left }.judge();
            assert_eq!(found.code, code);
            assert!(found.what.shown().contains(words), "{found:?}");
        };
        let days = |days: i64| Some(days * 86_400 + 5);
        check(days(61), "certificate_good", "for 61 more days");
        check(days(13), "certificate_ends_soon", "for 13 more days");
        check(days(1), "certificate_ends_soon", "for 1 more day.");
        check(days(-3), "certificate_ends_soon", "for 0 more days");
        check(None, "certificate_good", "is good.");
    }

    proptest! {
        #[test]
        fn bytes_that_are_no_certificate_are_none(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(last_second(&bytes), None);
        }

        #[test]
        fn a_damaged_certificate_yields_a_time_or_none(at in 0_usize..80, byte: u8, cut in 0_usize..80) {
            let mut bytes = certificate(true, 10, UTC_TIME, "261122061617Z");
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(cut);
            let _ = last_second(&bytes);
        }
    }
}
