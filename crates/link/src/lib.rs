//! The native WebRTC data-channel link to one peer, sans-IO: ICE, DTLS and SCTP composed, with
//! two pre-negotiated channels and a fixed data-only session description.
//!
//! [`Link`] is the whole interface. It opens no socket, reads no clock and knows neither users nor
//! messages: datagrams and instants go in, datagrams, deadlines and events come out.

mod candidate;
mod config;
mod deadline;
mod dtls;
mod dtls_attempt;
mod dtls_settings;
mod event;
mod fingerprint;
mod ice;
mod input;
mod link;
mod negotiation;
mod output;
mod quiet;
mod sctp;
mod sctp_again;
mod sctp_packet;
mod sctp_repeat;
mod sctp_window;
mod sdp;
mod stats;
mod stun;
mod triggered;

pub use candidate::{CandidateError, CandidateKind, LocalCandidate};
pub use config::{Config, DtlsVersions};
pub use event::{Channel, Event, Failure};
pub use link::{Link, LinkError, Role, SendError};
pub use output::Transmit;
pub use sdp::SdpError;
pub use stats::{PathStats, Stats};
pub use stun::{StunProbe, ufrag_of_stun};
