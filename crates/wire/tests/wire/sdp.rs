//! The fingerprint binding and candidates (protocol §4).

use proptest::prelude::*;
use tincan_wire::sdp::{self, check_candidate};
use tincan_wire::{Fingerprint, SdpError};

use crate::samples::{candidate, description, fingerprint, sdp};

fn check(text: &str, expected: Result<Fingerprint, SdpError>) {
    assert_eq!(sdp::fingerprint(text), expected, "{text}");
}

fn with_line(line: &str) -> String {
    format!("{}{line}\r\n", sdp())
}

#[test]
fn the_one_fingerprint_is_found_at_either_level() {
    check(&sdp(), Ok(fingerprint()));
    check(&sdp().replace("\r\n", "\n"), Ok(fingerprint()));
    let line = format!("a=fingerprint:{fingerprint}\r\n", fingerprint = fingerprint());
    let media_level = sdp().replace(&line, "") + &line;
    check(&media_level, Ok(fingerprint()));
    check(media_level.trim_end(), Ok(fingerprint()));
}

#[test]
fn a_second_fingerprint_is_refused_even_if_equal() {
    let several = Err(SdpError::SeveralFingerprints);
    check(&with_line(&format!("a=fingerprint:{}", fingerprint())), several);
    check(&with_line(&format!("a=fingerprint:{}", Fingerprint([1; 32]))), several);
    check(&with_line(&format!("a=FINGERPRINT:{}", fingerprint())), several);
    check(&with_line(&format!("a= fingerprint :{}", fingerprint())), several);
}

#[test]
fn other_algorithms_are_refused() {
    check(&with_line("a=fingerprint:sha-1 AB:CD"), Err(SdpError::BadFingerprint));
    check(&with_line("a=fingerprint"), Err(SdpError::BadFingerprint));
    check(&with_line("a=fingerprint:"), Err(SdpError::BadFingerprint));
    let sha512 = sdp().replace("sha-256", "sha-512");
    check(&sha512, Err(SdpError::BadFingerprint));
}

#[test]
fn a_description_without_one_is_refused() {
    check("v=0\r\n", Err(SdpError::NoFingerprint));
    check(&sdp().replace("a=fingerprint:", "a=fingerprints:"), Err(SdpError::NoFingerprint));
}

#[test]
fn strange_lines_are_refused() {
    for text in [
        String::new(),
        "v=1\r\n".to_owned(),
        format!(" {}", sdp()),
        with_line(""),
        with_line(" a=x"),
        with_line("ax"),
        with_line("A=x"),
        with_line("a=x\u{0}"),
        with_line(&format!("a=x\ra=fingerprint:{}", Fingerprint([1; 32]))),
        with_line("a=x\u{85}y"),
    ] {
        check(&text, Err(SdpError::NotSdp));
    }
}

#[test]
fn size_is_bounded() {
    check(&with_line(&format!("a=x:{}", "y".repeat(8192))), Err(SdpError::TooLong));
}

#[test]
fn the_description_must_name_its_own_fingerprint() {
    assert_eq!(sdp::check(&description()), Ok(()));
    let other = tincan_wire::Description { fp: Fingerprint([1; 32]), ..description() };
    assert_eq!(sdp::check(&other), Err(SdpError::OtherFingerprint));
}

#[test]
fn candidates_have_their_form() {
    for text in [
        "",
        &candidate().candidate,
        "a=candidate:1 1 udp 1 ::1 9 typ host",
        "candidate:842163049 1 udp 1677729535 203.0.113.5 46154 typ srflx raddr 10.0.0.1 rport 4 generation 0",
        "candidate:1 1 tcp 1 f1a2b3c4.local 9 typ host tcptype active",
    ] {
        assert_eq!(check_candidate(text), Ok(()), "{text}");
    }
    for text in [
        "candidate:",
        "candidat:1 1 udp 1 ::1 9 typ host",
        "candidate:1 0 udp 1 ::1 9 typ host",
        "candidate:1 1 udp x ::1 9 typ host",
        "candidate:1 1 udp 1 ::1 65536 typ host",
        "candidate:1 1 udp 1 ::1 9 type host",
        "candidate:1 1 udp 1 ::1 9 typ",
        "candidate:1 1 udp 1 ::1 9 typ host\r\na=x",
    ] {
        assert_eq!(check_candidate(text), Err(SdpError::BadCandidate), "{text}");
    }
    let long = format!("{} x{}", candidate().candidate, "y".repeat(512));
    assert_eq!(check_candidate(&long), Err(SdpError::BadCandidate));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>(), lines in "v=0\n([a-z]=[ -~]{0,9}\r?\n){0,9}") {
        let _ = (sdp::fingerprint(&text), check_candidate(&text));
        let _ = sdp::fingerprint(&lines);
    }

    #[test]
    fn no_second_fingerprint_hides(name in "[fF][iI][nN]gerprint", at in 0_usize..12) {
        let mut lines: Vec<String> = sdp().lines().map(str::to_owned).collect();
        lines.insert(1 + at.min(lines.len() - 1), format!("a={name}:{}", Fingerprint([1; 32])));
        prop_assert_eq!(sdp::fingerprint(&lines.join("\n")), Err(SdpError::SeveralFingerprints));
    }
}
