//! The link to the broker: addresses, transports, and the task that drives the MQTT session.

pub(crate) mod address;
mod dialing;
mod driver;
mod meeting_place;
mod reason;

pub use address::{AddressError, BrokerAddress, Scheme};
pub(crate) use dialing::Token;
pub(crate) use driver::{BrokerLink, Login, Report};
pub use meeting_place::MeetingPlaceError;
pub(crate) use meeting_place::{Fit, MeetingPlace};

#[cfg(test)]
mod tests;
