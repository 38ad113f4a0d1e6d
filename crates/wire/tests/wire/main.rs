//! Tests of the wire formats: the facts of `docs/protocol.md`, one file per concept, with
//! properties for every parser of outside bytes.
#![expect(clippy::expect_used, reason = "a test that cannot make its input has failed")]

mod access_token;
mod envelope;
mod frames;
mod hello;
mod identity;
mod ids;
mod invite;
mod json;
mod names;
mod ranges;
mod samples;
mod sdp;
mod signals;
mod speed;
mod stranger;
mod topic;
mod user_id;
mod vectors;
