//! What is on the wire between Tincan's nodes, brokers and hub, as `docs/protocol.md` fixes it:
//! identities, invites, topics, the sealed envelope, signaling bodies, SDP checks, chat frames
//! and access tokens. This crate parses and prints them and owns every bound.
//!
//! It keeps no state, knows no clock and draws no global randomness: what needs random bytes
//! takes a [`rand_core::CryptoRng`]. It compiles to `wasm32-unknown-unknown` and imports nothing
//! from the environment.

pub mod access_token;
pub mod base64url;
pub mod capabilities;
pub mod display_name;
pub mod envelope;
pub mod fingerprint;
pub mod frame;
pub mod frame_codec;
pub mod hello;
mod hex;
pub mod ice_lifetime;
pub mod identity;
pub mod ids;
pub mod invite;
pub mod invite_proof;
mod invite_url;
pub mod json;
mod json_reader;
mod json_writer;
pub mod message;
pub mod message_id;
pub mod pair_secret;
pub mod prekey;
pub mod ranges;
pub mod safety_number;
pub mod sdp;
mod serde_text;
pub mod signal;
pub mod signal_body;
mod signal_json;
pub mod sorted_map;
pub mod stamp;
pub mod topic;
pub mod user_id;

pub use access_token::{AccessClaims, AccessToken, AccessTokenError, client_id};
pub use display_name::DisplayName;
pub use envelope::{Envelope, EnvelopeError, MAX_ENVELOPE_BYTES, OpenError, SealError, seal};
pub use fingerprint::Fingerprint;
pub use frame::{Frame, FrameError, MAX_FRAME_BYTES};
pub use frame_codec::FrameCodec;
pub use hello::{Hello, HelloError, HelloTranscript, Role};
pub use identity::Identity;
pub use ids::{DeviceId, IdError, LogId, SessionId};
pub use invite::{Invite, InviteError};
pub use invite_proof::{InviteProof, InviteToken};
pub use message::{Kind, MAX_CONTENT_BYTES, Message, Position, encoded_len_of};
pub use message_id::MessageId;
pub use pair_secret::PairSecret;
pub use prekey::{PrekeyId, PrekeyPublic, PrekeySecret};
pub use ranges::Ranges;
pub use safety_number::SafetyNumber;
pub use sdp::SdpError;
pub use signal::{Signal, SignalError};
pub use signal_body::{Body, Candidate, ChatStatus, Description, SessionRef};
pub use sorted_map::SortedMap;
pub use stamp::{STAMP_BITS, Stamp};
pub use topic::{Leaf, Topic, TopicError, own_filter};
pub use user_id::{UserId, UserIdError};
