//! The SHA-256 fingerprint of a DTLS certificate, as SDP writes it (RFC 8122 §5).

/// SHA-256 over a certificate's DER form.
pub(crate) fn of_certificate(der: &[u8]) -> [u8; 32] {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(&dimpl::certificate::calculate_fingerprint(der));
    fingerprint
}

/// `AB:CD:…`, 32 upper-case pairs.
pub(crate) fn print(fingerprint: &[u8; 32]) -> String {
    dimpl::certificate::format_fingerprint(fingerprint)
}

/// Reads exactly 32 pairs of hex digits, in either case.
pub(crate) fn parse(text: &str) -> Option<[u8; 32]> {
    let mut fingerprint = [0; 32];
    let mut pairs = text.split(':');
    for byte in &mut fingerprint {
        let pair = pairs.next()?;
        if pair.len() != 2 || !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_fingerprint_reads_back() {
        let fingerprint: [u8; 32] = std::array::from_fn(|i| (i * 7 + 200) as u8);
        assert_eq!(parse(&print(&fingerprint)), Some(fingerprint));
        assert_eq!(parse(&print(&fingerprint).to_lowercase()), Some(fingerprint));
    }

    #[test]
    fn malformed_fingerprints_are_refused() {
        let good = print(&[0xAB; 32]);
        for bad in ["", "AB", &good[3..], &format!("{good}:AB"), &good.replacen("AB", "+B", 1)] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
