//! One DTLS handshake and the session it leads to, around `dimpl`.

use std::time::{Duration, Instant};

use dimpl::{Dtls, DtlsCertificate, Output};

use crate::config::{Config, DtlsVersions};
use crate::{dtls_settings, fingerprint};

/// Room a DTLS record needs beyond its plaintext, in either version.
pub(crate) const RECORD_OVERHEAD: usize = 37;
/// Length of the header of a plaintext record (RFC 9147 §4).
const RECORD_HEADER: usize = 13;
/// Where the 32 random bytes of a hello stand: after the record header, the handshake header (12
/// bytes) and the version (2).
const HELLO_RANDOM: usize = RECORD_HEADER + 14;

/// One handshake attempt and, once connected, the session.
pub(crate) struct Attempt {
    dtls: Dtls,
    clock: Instant,
    pub(crate) started: Instant,
    /// When the peer first answered this attempt's hello.
    pub(crate) answered: Option<Instant>,
    /// The hello of the peer that this attempt took.
    pub(crate) hello: Option<Hello>,
    pub(crate) peer: Option<[u8; 32]>,
    pub(crate) deadline: Option<Instant>,
}

/// What a session gave out.
pub(crate) enum Record<'a> {
    Packet(&'a [u8]),
    Data(&'a [u8]),
    Connected,
    Closed,
}

impl Attempt {
    /// `rto` is the wait before a flight is repeated the first time.
    pub(crate) fn new(
        config: &Config,
        certificate: &DtlsCertificate,
        client: bool,
        rto: Duration,
        now: Instant,
    ) -> Result<Attempt, dimpl::Error> {
        let settings = dtls_settings::settings(config, rto)?;
        let mut dtls = match config.dtls {
            DtlsVersions::Both => Dtls::new_auto(settings, certificate.clone(), now),
            DtlsVersions::Only12 => Dtls::new_12(settings, certificate.clone(), now),
            DtlsVersions::Only13 => Dtls::new_13(settings, certificate.clone(), now),
        };
        dtls.set_active(client);
        dtls.handle_timeout(now)?;
        Ok(Attempt {
            dtls,
            clock: now,
            started: now,
            answered: None,
            hello: None,
            peer: None,
            deadline: None,
        })
    }

    /// Whether the version is still open, when strays yield errors that mean nothing (trap 6).
    pub(crate) fn is_undecided(&self) -> bool {
        self.dtls.protocol_version().is_none()
    }

    pub(crate) fn handle(&mut self, now: Instant, data: &[u8]) -> Result<(), dimpl::Error> {
        self.refresh(now)?;
        self.dtls.handle_packet(data)
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), dimpl::Error> {
        self.clock = now;
        self.dtls.handle_timeout(now)
    }

    pub(crate) fn send(&mut self, now: Instant, data: &[u8]) -> Result<(), dimpl::Error> {
        self.refresh(now)?;
        self.dtls.send_application_data(data).map(drop)
    }

    pub(crate) fn close(&mut self) {
        // Closing can only fail on a session that is already broken, which is as good as closed.
        let _ = self.dtls.close();
    }

    /// dimpl reads its clock only here (trap 6); a batch shares one instant.
    fn refresh(&mut self, now: Instant) -> Result<(), dimpl::Error> {
        if self.clock == now { Ok(()) } else { self.handle_timeout(now) }
    }

    /// Hands everything the session has to `sink`, until it asks to wait.
    pub(crate) fn drain(&mut self, scratch: &mut Vec<u8>, mut sink: impl FnMut(Record<'_>)) {
        loop {
            match self.dtls.poll_output(scratch) {
                Output::Packet(packet) => sink(Record::Packet(packet)),
                Output::ApplicationData(data) => sink(Record::Data(data)),
                Output::BufferTooSmall { needed } => scratch.resize(needed, 0),
                Output::PeerCert(der) => self.peer = Some(fingerprint::of_certificate(der)),
                Output::Connected => sink(Record::Connected),
                Output::CloseNotify => sink(Record::Closed),
                Output::Timeout(deadline) => {
                    self.deadline = Some(deadline);
                    return;
                }
                _ => {}
            }
        }
    }
}

/// A plaintext hello, as far as it tells attempts apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) random: [u8; 32],
    /// Zero unless it answers a request to say hello again.
    sequence: u16,
    /// The whole message with its header. A damaged copy shares the random and differs here.
    message: Vec<u8>,
}

impl Hello {
    /// The ClientHello that starts in this datagram.
    pub(crate) fn of_client(data: &[u8]) -> Option<Hello> {
        Hello::parse(data, 1)
    }

    /// The ServerHello that starts in this datagram.
    pub(crate) fn of_server(data: &[u8]) -> Option<Hello> {
        Hello::parse(data, 2)
    }

    /// Whether this hello belongs to the attempt that began with `first`.
    pub(crate) fn continues(&self, first: &Hello) -> bool {
        match self.sequence {
            0 => self.message == first.message,
            _ => self.random == first.random,
        }
    }

    fn parse(data: &[u8], kind: u8) -> Option<Hello> {
        const HANDSHAKE: u8 = 22;
        let is_hello = data.first() == Some(&HANDSHAKE)
            && data.get(3..5) == Some(&[0, 0])
            && data.get(RECORD_HEADER) == Some(&kind)
            && data.get(19..22) == Some(&[0, 0, 0]);
        if !is_hello {
            return None;
        }
        Some(Hello {
            random: data.get(HELLO_RANDOM..HELLO_RANDOM + 32)?.try_into().ok()?,
            sequence: u16::from_be_bytes(data.get(17..19)?.try_into().ok()?),
            message: data.get(RECORD_HEADER..)?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_record_is_looked_at_without_panic(
            data in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let _ = Hello::of_client(&data);
            let _ = Hello::of_server(&data);
        }
    }
}
