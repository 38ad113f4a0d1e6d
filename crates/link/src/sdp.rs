//! The one data-only session description a link writes, and what it reads of the peer's.
//!
//! RFC 8866 (SDP), RFC 8839 (ICE in SDP), RFC 8841 (SCTP in SDP), RFC 8842 (DTLS in SDP). The
//! reader takes what Chromium and Firefox send for a connection that has data channels only.

use std::fmt::Write as _;

use crate::fingerprint;

/// Longest description that is read, in bytes: the protocol's own limit (protocol §4).
pub(crate) const MAX_SDP: usize = 8 * 1024;
/// What a peer accepts that announces no limit (RFC 8841 §6.1).
const DEFAULT_MAX_MESSAGE_SIZE: usize = 64 * 1024;
/// The name of the only section, as browsers number it.
pub(crate) const DEFAULT_MID: &str = "0";
/// Most candidates taken from one description; browsers send fewer than ten.
const MAX_CANDIDATES: usize = 32;

/// Which end starts the DTLS handshake (RFC 8842 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    ActPass,
    Active,
    Passive,
}

/// A description, reduced to what a link needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) ufrag: String,
    pub(crate) password: String,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) setup: Setup,
    /// The section's name; an answer repeats the offer's.
    pub(crate) mid: String,
    /// Largest message its author receives; `usize::MAX` when it said "no limit".
    pub(crate) max_message_size: usize,
    /// `candidate:…` lines, unread.
    pub(crate) candidates: Vec<String>,
}

/// Why a description was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// More than 8 KiB.
    #[error("the session description is larger than 8 KiB")]
    TooLong,
    /// No `m=application … webrtc-datachannel` section in use.
    #[error("the session description has no data-channel section")]
    NoDataSection,
    /// `a=ice-ufrag` or `a=ice-pwd` is absent or breaks RFC 8839 §5.4.
    #[error("the session description lacks usable ICE credentials")]
    Credentials,
    /// No readable `a=fingerprint:sha-256`, or two that differ.
    #[error("the session description must hold exactly one SHA-256 fingerprint")]
    Fingerprint,
    /// `a=setup` is absent or unknown.
    #[error("the session description does not say who starts DTLS")]
    Setup,
}

impl Description {
    /// Writes the fixed form. `session` and `version` are the numbers of the `o=` line.
    pub(crate) fn print(&self, session: u64, version: u64) -> String {
        let mut sdp = String::with_capacity(640 + self.candidates.len() * 100);
        let setup = match self.setup {
            Setup::ActPass => "actpass",
            Setup::Active => "active",
            Setup::Passive => "passive",
        };
        let mid = &self.mid;
        let _ = write!(
            sdp,
            "v=0\r\no=- {session} {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             a=group:BUNDLE {mid}\r\na=msid-semantic: WMS\r\n\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n\
             a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=ice-options:trickle\r\n\
             a=fingerprint:sha-256 {}\r\na=setup:{setup}\r\na=mid:{mid}\r\n\
             a=sctp-port:5000\r\na=max-message-size:{}\r\n",
            self.ufrag,
            self.password,
            fingerprint::print(&self.fingerprint),
            self.max_message_size,
        );
        for candidate in &self.candidates {
            let _ = write!(sdp, "a={candidate}\r\n");
        }
        sdp
    }

    /// Reads a peer's description; attributes of the session and of the media section count.
    pub(crate) fn parse(sdp: &str) -> Result<Description, SdpError> {
        if sdp.len() > MAX_SDP {
            return Err(SdpError::TooLong);
        }
        let mut found = Found::default();
        for line in sdp.split('\n').map(str::trim_end) {
            found.line(line)?;
        }
        found.finish()
    }
}

/// Whether this describes Firefox, by its `o=` line: it keeps to the first pair that answers, or that
/// it hears nominated, and checks no other from then on, where others change to a better one.
pub(crate) fn keeps_to_the_first(sdp: &str) -> bool {
    sdp.lines().any(|line| line.starts_with("o=mozilla"))
}

/// What has been seen while reading.
#[derive(Default)]
struct Found<'a> {
    section: Section,
    data_section: bool,
    ufrag: Option<&'a str>,
    password: Option<&'a str>,
    fingerprint: Option<[u8; 32]>,
    setup: Option<Setup>,
    mid: Option<&'a str>,
    max_message_size: Option<usize>,
    candidates: Vec<String>,
}

#[derive(Default, PartialEq, Eq)]
enum Section {
    #[default]
    Session,
    Data,
    Other,
}

impl<'a> Found<'a> {
    fn line(&mut self, line: &'a str) -> Result<(), SdpError> {
        if let Some(media) = line.strip_prefix("m=") {
            let is_data = is_data_media(media) && !self.data_section;
            self.section = if is_data { Section::Data } else { Section::Other };
            self.data_section |= is_data;
        } else if let Some(attribute) = line.strip_prefix("a=")
            && self.section != Section::Other
        {
            let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
            self.attribute(name, value.trim(), attribute)?;
        }
        Ok(())
    }

    fn attribute(&mut self, name: &str, value: &'a str, whole: &str) -> Result<(), SdpError> {
        match name {
            "ice-ufrag" => self.ufrag = Some(value),
            "ice-pwd" => self.password = Some(value),
            "mid" => self.mid = Some(value).filter(|mid| is_token(mid)),
            "fingerprint" => self.fingerprint_line(value)?,
            "setup" => {
                self.setup = Some(match value {
                    "actpass" => Setup::ActPass,
                    "active" => Setup::Active,
                    "passive" => Setup::Passive,
                    _ => return Err(SdpError::Setup),
                });
            }
            "max-message-size" => {
                // Zero means no limit (RFC 8841 §6.1); an unreadable number counts as absent.
                self.max_message_size =
                    value.parse().ok().map(|size| if size == 0 { usize::MAX } else { size });
            }
            "candidate" if self.candidates.len() < MAX_CANDIDATES => {
                self.candidates.push(whole.to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn fingerprint_line(&mut self, value: &str) -> Result<(), SdpError> {
        let Some((algorithm, digits)) = value.split_once(' ') else {
            return Err(SdpError::Fingerprint);
        };
        if !algorithm.eq_ignore_ascii_case("sha-256") {
            return Ok(());
        }
        let read = fingerprint::parse(digits.trim()).ok_or(SdpError::Fingerprint)?;
        match self.fingerprint {
            Some(other) if other != read => Err(SdpError::Fingerprint),
            _ => {
                self.fingerprint = Some(read);
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<Description, SdpError> {
        if !self.data_section {
            return Err(SdpError::NoDataSection);
        }
        let ufrag = credential(self.ufrag, 4).ok_or(SdpError::Credentials)?;
        let password = credential(self.password, 22).ok_or(SdpError::Credentials)?;
        Ok(Description {
            ufrag,
            password,
            fingerprint: self.fingerprint.ok_or(SdpError::Fingerprint)?,
            setup: self.setup.ok_or(SdpError::Setup)?,
            mid: self.mid.unwrap_or(DEFAULT_MID).to_owned(),
            max_message_size: self.max_message_size.unwrap_or(DEFAULT_MAX_MESSAGE_SIZE),
            candidates: self.candidates,
        })
    }
}

/// `application <port> … webrtc-datachannel` with a port that does not reject the section.
fn is_data_media(media: &str) -> bool {
    let mut fields = media.split_whitespace();
    fields.next() == Some("application")
        && fields.next().is_some_and(|port| port != "0")
        && fields.next().is_some_and(|proto| proto.ends_with("DTLS/SCTP"))
        && fields.next() == Some("webrtc-datachannel")
}

/// A name that can be repeated in an answer as it stands (RFC 8866 §9, `token`).
fn is_token(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    (1..=32).contains(&text.len()) && text.bytes().all(legal)
}

/// RFC 8839 §5.4: `least` to 256 of ALPHA, DIGIT, `+` and `/`.
fn credential(text: Option<&str>, least: usize) -> Option<String> {
    let text = text?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    ((least..=256).contains(&text.len()) && text.bytes().all(legal)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIREFOX: &str = "v=0\r\no=mozilla...THIS_IS_SDPARTA-99.0 3012 0 IN IP4 0.0.0.0\r\ns=-\r\n\
        t=0 0\r\na=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:\
        AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\na=group:BUNDLE {mid}\r\na=ice-options:trickle\r\n\
        a=msid-semantic:WMS *\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
        c=IN IP4 0.0.0.0\r\na=sendrecv\r\na=ice-pwd:f9bd2e75bb4c0c2f0e1d2c3b4a596877\r\n\
        a=ice-ufrag:1c2d3e4f\r\na=mid:0\r\na=setup:actpass\r\na=sctp-port:5000\r\n\
        a=max-message-size:1073741823\r\n";

    fn own() -> Description {
        Description {
            ufrag: "abcd1234".into(),
            password: "0123456789abcdefghijklmn".into(),
            fingerprint: [0xAB; 32],
            setup: Setup::ActPass,
            mid: "data".into(),
            max_message_size: 65_536,
            candidates: vec!["candidate:1 1 udp 2130706175 1.2.3.4 1234 typ host".into()],
        }
    }

    #[test]
    fn own_description_reads_back() {
        assert_eq!(Description::parse(&own().print(1, 2)), Ok(own()));
    }

    #[test]
    fn firefox_description_with_a_session_fingerprint_is_read() {
        let read = Description::parse(FIREFOX).unwrap();
        assert_eq!(read.fingerprint, [0xAB; 32]);
        assert_eq!(read.max_message_size, 1_073_741_823);
    }

    #[test]
    fn bad_descriptions_are_refused_by_cause() {
        let good = own().print(1, 1);
        let check = |from: &str, to: &str, error| {
            assert_eq!(Description::parse(&good.replace(from, to)), Err(error), "{from} → {to}");
        };
        check("m=application 9", "m=application 0", SdpError::NoDataSection);
        check("m=application", "m=audio", SdpError::NoDataSection);
        check("ice-ufrag:abcd1234", "ice-ufrag:abc", SdpError::Credentials);
        check("ice-ufrag:abcd1234", "ice-ufrag:ab:d1234", SdpError::Credentials);
        check("a=ice-pwd", "a=x", SdpError::Credentials);
        check("sha-256 AB", "sha-1 AB", SdpError::Fingerprint);
        check("sha-256 AB", "sha-256 XB", SdpError::Fingerprint);
        check("setup:actpass", "setup:holdconn", SdpError::Setup);
        let other = fingerprint::print(&[1; 32]);
        check("a=mid", &format!("a=fingerprint:sha-256 {other}\r\na=mid"), SdpError::Fingerprint);
        assert_eq!(Description::parse(&"a=x\n".repeat(3000)), Err(SdpError::TooLong));
    }

    #[test]
    fn absent_and_zero_message_sizes_have_their_rfc_meaning() {
        let sized =
            |to| Description::parse(&own().print(1, 1).replace("a=max-message-size:65536", to));
        assert_eq!(sized("a=x").unwrap().max_message_size, 65_536);
        assert_eq!(sized("a=max-message-size:0").unwrap().max_message_size, usize::MAX);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,400}") {
            let _ = Description::parse(&text);
        }

        #[test]
        fn damaged_description_is_read_without_panic(at in 0usize..700, with in ".{0,4}") {
            let mut sdp = own().print(1, 1);
            let at = at.min(sdp.len());
            sdp.insert_str(at, &with);
            let _ = Description::parse(&sdp);
        }
    }
}
