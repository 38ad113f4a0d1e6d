//! What a broker tries, alone or with somebody who has keys. Each attack ends in a rejection that
//! is counted by its name, and the conversation goes on, or the right alarm is raised.
//! `docs/decisions/0018-hostile-broker.md` says for each which guard it is that holds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod candidates;
mod certificate;
mod downgrade;
mod fingerprint;
mod flood;
mod garbage;
mod meeting;
mod one_way;
mod presence;
mod replay;
mod reseal;
mod retained;
mod session;
mod tag;
mod tampering;
mod topic;
