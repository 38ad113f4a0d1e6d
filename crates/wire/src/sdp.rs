//! Our own look at session descriptions before a WebRTC engine sees them: the fingerprint binding
//! (protocol §4) and the form of candidates.

use thiserror::Error;

use crate::fingerprint::Fingerprint;
use crate::signal_body::{Description, MAX_CANDIDATE_BYTES, MAX_SDP_BYTES};

/// The one SHA-256 fingerprint of a description, at session or media level.
///
/// It reads more than an engine might: attribute names in any case count, and lone carriage
/// returns are refused, so that no engine finds a fingerprint that this function did not see.
///
/// # Errors
/// The text is no SDP, too long, or does not hold exactly one fingerprint, of SHA-256.
pub fn fingerprint(sdp: &str) -> Result<Fingerprint, SdpError> {
    let mut found = None;
    for line in lines(sdp)? {
        let Some(value) = fingerprint_value(line) else { continue };
        let fingerprint = value.parse().map_err(|_| SdpError::BadFingerprint)?;
        if found.replace(fingerprint).is_some() {
            return Err(SdpError::SeveralFingerprints);
        }
    }
    found.ok_or(SdpError::NoFingerprint)
}

/// Checks that the description's only fingerprint is its `fp`.
///
/// # Errors
/// As [`fingerprint`], and [`SdpError::OtherFingerprint`].
pub fn check(description: &Description) -> Result<(), SdpError> {
    if fingerprint(&description.sdp)? == description.fp {
        Ok(())
    } else {
        Err(SdpError::OtherFingerprint)
    }
}

/// Checks the form of a candidate (RFC 8839 §5.1), with or without `a=` before it. The empty
/// candidate, by which browsers end a generation, is legal.
///
/// # Errors
/// [`SdpError::BadCandidate`].
pub fn check_candidate(candidate: &str) -> Result<(), SdpError> {
    let is_legal = candidate.len() <= MAX_CANDIDATE_BYTES
        && !candidate.chars().any(char::is_control)
        && (candidate.is_empty() || has_candidate_form(candidate));
    if is_legal { Ok(()) } else { Err(SdpError::BadCandidate) }
}

/// The lines of a description: `v=0` first, each a lower-case letter, `=` and a value.
fn lines(sdp: &str) -> Result<impl Iterator<Item = &str>, SdpError> {
    if sdp.len() > MAX_SDP_BYTES {
        return Err(SdpError::TooLong);
    }
    let split = || sdp.split_terminator('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    if split().next() != Some("v=0") || !split().all(is_line) {
        return Err(SdpError::NotSdp);
    }
    Ok(split())
}

fn is_line(line: &str) -> bool {
    let mut characters = line.chars();
    characters.next().is_some_and(|kind| kind.is_ascii_lowercase())
        && characters.next() == Some('=')
        && !characters.any(|character| character.is_control() && character != '\t')
}

/// The value of a fingerprint attribute, if the line is one.
fn fingerprint_value(line: &str) -> Option<&str> {
    let attribute = line.strip_prefix("a=")?.trim_start();
    let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
    name.trim_end().eq_ignore_ascii_case("fingerprint").then_some(value)
}

/// `candidate:foundation component transport priority address port typ type …`
fn has_candidate_form(candidate: &str) -> bool {
    let line = candidate.strip_prefix("a=").unwrap_or(candidate);
    let Some(rest) = line.strip_prefix("candidate:") else { return false };
    let tokens: Vec<&str> = rest.split_ascii_whitespace().collect();
    let [_, component, _, priority, _, port, "typ", kind, ..] = tokens.as_slice() else {
        return false;
    };
    component.parse::<u16>().is_ok_and(|component| (1..=256).contains(&component))
        && priority.parse::<u32>().is_ok()
        && port.parse::<u16>().is_ok()
        && !kind.is_empty()
}

/// Why a description or candidate does not reach the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SdpError {
    /// Longer than [`MAX_SDP_BYTES`].
    #[error("the session description is longer than {MAX_SDP_BYTES} bytes; it was dropped")]
    TooLong,
    /// Its lines are not those of SDP (RFC 8866).
    #[error("the session description is not SDP; it was dropped")]
    NotSdp,
    /// No fingerprint.
    #[error("the session description holds no certificate fingerprint; it was dropped")]
    NoFingerprint,
    /// More than one fingerprint.
    #[error("the session description holds several certificate fingerprints; it was dropped")]
    SeveralFingerprints,
    /// A fingerprint that is not SHA-256.
    #[error("the session description's fingerprint is not SHA-256; it was dropped")]
    BadFingerprint,
    /// Another fingerprint than the signed one.
    #[error("the session description names another certificate than its sender signed")]
    OtherFingerprint,
    /// No candidate.
    #[error("an ICE candidate is malformed; it was dropped")]
    BadCandidate,
}

impl SdpError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "sdp_too_long",
            Self::NotSdp => "sdp_form",
            Self::NoFingerprint => "sdp_no_fingerprint",
            Self::SeveralFingerprints => "sdp_several_fingerprints",
            Self::BadFingerprint => "sdp_bad_fingerprint",
            Self::OtherFingerprint => "sdp_other_fingerprint",
            Self::BadCandidate => "sdp_bad_candidate",
        }
    }
}
