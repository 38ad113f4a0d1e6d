//! A link to one peer: its state, and what its owner asks of it.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use bytes::Bytes;
use dimpl::DtlsCertificate;
use is::IceCreds;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::candidate::CandidateError;
use crate::config::Config;
use crate::deadline::Pace;
use crate::dtls::Dtls;
use crate::event::{Channel, Event, Failure};
use crate::fingerprint;
use crate::ice::{Datagram, Ice};
use crate::quiet::Quiet;
use crate::sctp::Sctp;
use crate::sdp::{DEFAULT_MID, SdpError};
use crate::stats::{PathStats, Stats};

/// A link to one peer.
///
/// The owner signals (`create_offer`, `accept_offer`, `accept_answer`, candidates), feeds
/// [`handle_datagram`](Link::handle_datagram) and [`handle_timeout`](Link::handle_timeout), and
/// after any of these calls, and after [`send`](Link::send) or taking events, drains
/// [`poll_event`](Link::poll_event) and then [`poll_transmit`](Link::poll_transmit), and waits
/// until [`poll_timeout`](Link::poll_timeout). Several datagrams may be fed before draining: one
/// acknowledgement then serves all of them; more than about eight at once costs throughput.
///
/// Nothing a peer or a stranger sends can make a method panic or return an error that ends the
/// link: it is counted in [`Stats::rejects`], and what cannot be survived is [`Event::Failed`].
pub struct Link {
    pub(crate) config: Config,
    pub(crate) role: Role,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) certificate: DtlsCertificate,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) session: u64,
    pub(crate) version: u64,
    /// The name of the media section, which the first offer chose.
    pub(crate) mid: String,
    pub(crate) ice: Ice,
    pub(crate) remote: Option<Remote>,
    pub(crate) dtls: Option<Dtls>,
    pub(crate) sctp: Option<Sctp>,
    pub(crate) phase: Phase,
    /// Since when the path has been silent.
    pub(crate) silent_since: Option<Instant>,
    pub(crate) quiet: Quiet,
    pub(crate) pace: Pace,
    pub(crate) now: Instant,
    /// STUN, handshakes and alerts, ready to send.
    pub(crate) control: VecDeque<Datagram>,
    /// DTLS from the peer's addresses whose check is still on its way.
    pub(crate) early: VecDeque<Datagram>,
    /// An SCTP packet that did not fit the last batch.
    pub(crate) held: Option<Bytes>,
    pub(crate) events: VecDeque<Event>,
    /// Bytes of messages in `events`.
    pub(crate) inbox: usize,
    pub(crate) counters: Stats,
}

/// Who offers first. It decides the ICE role for the life of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sends the first offer: ICE controlling, `a=setup:actpass`.
    Offerer,
    /// Answers it: ICE controlled, `a=setup:active`.
    Answerer,
}

/// What is known of the peer from its description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) fingerprint: [u8; 32],
    pub(crate) max_message_size: usize,
}

/// Where the link stands. Every phase but `New` and `Open` has a deadline, and those have an
/// exit: `New` lasts until the owner signals, `Open` is watched for silence and stalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    New,
    /// The offer is out.
    Offered {
        until: Instant,
    },
    /// Both descriptions are known; a path is sought.
    Checking {
        until: Instant,
    },
    /// A path exists; DTLS and then SCTP open.
    Opening {
        until: Instant,
        /// When the SCTP opening counts as unanswered, on the DTLS client's side.
        retry: Option<Instant>,
    },
    Open,
    /// Closed or failed; only what is queued still goes out.
    Over,
}

/// Why a signaling call was refused. The link itself is unharmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The peer's description cannot be used.
    #[error("{0}")]
    Sdp(#[from] SdpError),
    /// The peer's candidate cannot be used; safe to ignore.
    #[error("{0}")]
    Candidate(#[from] CandidateError),
    /// A restart may not change the certificate; a new certificate needs a new link.
    #[error("the peer changed its fingerprint within a session; start a new session")]
    FingerprintChanged,
    /// The call does not fit the link's role or phase.
    #[error("this description is not expected now")]
    OutOfOrder,
    /// The peer gave both ends the same DTLS role.
    #[error("the peer's answer does not say which end starts DTLS")]
    SetupConflict,
    /// No certificate could be made.
    #[error("no certificate could be generated; is the system's random source working?")]
    Certificate,
    /// The link is closed or has failed.
    #[error("the link is closed")]
    Closed,
}

/// Why a message was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The channels are not open yet; wait for `Connected`.
    #[error("the channel is not open yet")]
    NotOpen,
    /// The send buffer is full; wait for `BufferedLow`.
    #[error("the send buffer is full; wait until it drains")]
    Full,
    /// The message exceeds what the peer takes.
    #[error("the message is larger than the peer's limit of {limit} bytes")]
    TooLarge {
        /// The largest size that can be sent, in bytes.
        limit: usize,
    },
    /// The link is closed or has failed.
    #[error("the link is closed")]
    Closed,
}

impl Link {
    /// A link with a fresh P-256 certificate. `seed` must be unpredictable outside of tests: the
    /// ICE password comes from it. (Keys and nonces of DTLS come from the system.)
    pub fn new(
        config: Config,
        role: Role,
        seed: [u8; 32],
        now: Instant,
    ) -> Result<Link, LinkError> {
        let certificate = dimpl::certificate::generate_self_signed_certificate()
            .map_err(|_| LinkError::Certificate)?;
        let mut rng = ChaCha20Rng::from_seed(seed);
        let creds = fresh_creds(&mut rng);
        let ice = Ice::new(&config, role == Role::Offerer, creds, rng.next_u64());
        Ok(Link {
            role,
            fingerprint: fingerprint::of_certificate(&certificate.certificate),
            certificate,
            // The session number of `o=` must fit 63 bits (RFC 8866 §5.2 via JSEP).
            session: rng.next_u64() >> 1,
            version: 1,
            mid: DEFAULT_MID.to_owned(),
            rng,
            ice,
            remote: None,
            dtls: None,
            sctp: None,
            phase: Phase::New,
            silent_since: None,
            quiet: Quiet::new(),
            pace: Pace::new(),
            now,
            control: VecDeque::new(),
            early: VecDeque::new(),
            held: None,
            events: VecDeque::new(),
            inbox: 0,
            counters: Stats::default(),
            config,
        })
    }

    /// SHA-256 of this link's certificate.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// The ICE user fragment of this end, by which Binding requests are routed to the link
    /// ([`ufrag_of_stun`](crate::ufrag_of_stun)).
    pub fn local_ufrag(&self) -> String {
        self.ice.creds().ufrag.clone()
    }

    /// The current fragment and, during a restart, the one before: requests for both are this
    /// link's.
    pub fn local_ufrags(&self) -> Vec<String> {
        let previous = self.ice.previous_ufrag().map(str::to_owned);
        std::iter::once(self.local_ufrag()).chain(previous).collect()
    }

    /// Queues a message. It is delivered once and in order while the link lives; one that is
    /// unacknowledged when the link ends may or may not have arrived.
    pub fn send(&mut self, now: Instant, channel: Channel, data: &[u8]) -> Result<(), SendError> {
        self.now = now;
        match self.phase {
            Phase::Over => return Err(SendError::Closed),
            Phase::Open => {}
            _ => return Err(SendError::NotOpen),
        }
        let limit = self.send_limit();
        if data.len() > limit {
            return Err(SendError::TooLarge { limit });
        }
        self.guarded(Err(SendError::Closed), |link| {
            let Some(sctp) = &mut link.sctp else { return Err(SendError::NotOpen) };
            if sctp.buffered_total() + data.len() > link.config.send_buffer {
                return Err(SendError::Full);
            }
            if !sctp.send(now, channel, data) {
                return Err(SendError::Closed);
            }
            link.counters.messages_sent += 1;
            Ok(())
        })
    }

    /// Bytes sent on a channel that the peer has not acknowledged, those still queued included.
    pub fn buffered_amount(&self, channel: Channel) -> usize {
        self.sctp.as_ref().map_or(0, |sctp| sctp.buffered(channel))
    }

    /// The next event. Taking messages opens the receive window again, so drain
    /// [`poll_transmit`](Link::poll_transmit) afterwards.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.events.is_empty() {
            self.guarded((), Link::fill_inbox);
        }
        let event = self.events.pop_front()?;
        if let Event::Message { data, .. } = &event {
            self.inbox -= data.len();
            self.counters.messages_received += 1;
        }
        Some(event)
    }

    /// Ends the link in an orderly way: SCTP ABORT and the DTLS close alert are queued, unsent
    /// messages are dropped. `Closed` follows as the last event.
    pub fn close(&mut self, now: Instant) {
        self.now = now;
        if self.phase != Phase::Over {
            self.guarded((), |link| link.say_goodbye(now));
            self.finish(Event::Closed);
        }
    }

    /// A snapshot of the link's numbers.
    pub fn stats(&self) -> Stats {
        let path = self.ice.path().map(|path| {
            let (local_kind, remote_kind) = self.ice.kinds(path);
            PathStats { local: path.local, remote: path.remote, local_kind, remote_kind }
        });
        let rtt = self.ice.rtt().or(self.sctp.as_ref().and_then(Sctp::rtt));
        let (packets_sent, packets_again) = self.sctp.as_ref().map_or((0, 0), Sctp::packets);
        Stats { path, rtt, packets_sent, packets_again, ..self.counters.clone() }
    }

    /// The largest message the peer takes and this end is willing to send.
    pub(crate) fn send_limit(&self) -> usize {
        let theirs = self.remote.map_or(0, |remote| remote.max_message_size);
        theirs.min(self.config.max_send_size)
    }

    pub(crate) fn count(&mut self, reason: &'static str) {
        *self.counters.rejects.entry(reason).or_default() += 1;
    }

    /// Ends the link with its last event; every message that is complete comes before it, which
    /// is at most what the receive window held.
    pub(crate) fn finish(&mut self, last: Event) {
        if self.phase == Phase::Over {
            return;
        }
        if let Event::Failed(failure) = &last {
            tracing::debug!(?failure, "link failed");
            if failure.is_worth_a_goodbye() {
                let now = self.now;
                self.guarded((), |link| link.say_goodbye(now));
            }
        }
        self.empty_sctp();
        self.phase = Phase::Over;
        self.events.push_back(last);
        self.dtls = None;
        self.sctp = None;
        self.held = None;
    }

    /// Runs code of the crates below; a panic in it ends this link alone (trap 9).
    pub(crate) fn guarded<T>(&mut self, otherwise: T, run: impl FnOnce(&mut Link) -> T) -> T {
        match catch_unwind(AssertUnwindSafe(|| run(self))) {
            Ok(value) => value,
            Err(_) => {
                // Nothing below may be touched again: its state is anyone's guess.
                self.dtls = None;
                self.sctp = None;
                self.count("panic");
                self.finish(Event::Failed(Failure::Internal));
                otherwise
            }
        }
    }

    pub(crate) fn fresh_creds(&mut self) -> IceCreds {
        fresh_creds(&mut self.rng)
    }
}

/// A fragment of 48 bits and a password of 144, in ICE's alphabet (RFC 8445 §5.3).
fn fresh_creds(rng: &mut ChaCha20Rng) -> IceCreds {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = |length: usize| {
        let mut bytes = vec![0; length];
        rng.fill_bytes(&mut bytes);
        bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect()
    };
    IceCreds { ufrag: text(8), pass: text(24) }
}

/// What was refused, for logs and tests.
impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rejects: &BTreeMap<&'static str, u64> = &self.counters.rejects;
        f.debug_struct("Link")
            .field("role", &self.role)
            .field("phase", &self.phase)
            .field("rejects", rejects)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_below_ends_this_link_alone_and_is_reported() {
        let now = Instant::now();
        let mut link = Link::new(Config::default(), Role::Offerer, [1; 32], now).unwrap();
        let value = link.guarded(7, |_| panic!("a defect below"));
        assert_eq!(value, 7);
        assert_eq!(link.poll_event(), Some(Event::Failed(Failure::Internal)));
        assert_eq!(link.stats().rejects["panic"], 1);
        assert_eq!(link.poll_timeout(), None);
        link.handle_datagram(
            now,
            ([127, 0, 0, 1], 1).into(),
            ([127, 0, 0, 1], 2).into(),
            &[20; 40],
        );
        assert_eq!(link.poll_event(), None);
    }
}
