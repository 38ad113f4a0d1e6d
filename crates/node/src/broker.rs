//! The link to the broker: addresses, transports, and the task that drives the MQTT session.

pub(crate) mod address;
mod dialing;
mod driver;
mod ice;
mod link;
mod meeting_place;
mod reason;
mod transport;
mod trial;

pub use address::{AddressError, BrokerAddress, Scheme};
pub(crate) use dialing::{Token, behind, brokers_of};
pub(crate) use link::{BrokerLink, Login, Report};
pub use meeting_place::MeetingPlaceError;
pub(crate) use meeting_place::{Fit, MeetingPlace};
pub(crate) use trial::{Signed, TrialError, try_once};

#[cfg(test)]
mod tests;
