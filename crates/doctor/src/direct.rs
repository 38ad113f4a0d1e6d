//! With whom connections are direct, all findings together.

use crate::diagnosis::Measurements;
use crate::nat::{Filtering, Mapping};
use crate::text::Text;

/// With whom connections are direct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// With everybody whose network lets UDP out.
    Everybody,
    /// But not with those whose router gives a new port for every contact.
    Most,
    /// With those who let everybody in.
    Few,
    /// With nobody outside of this network.
    Nobody,
    /// That could not be told.
    Unknown,
}

impl Reach {
    pub(crate) fn of(seen: &Measurements) -> Self {
        let v4 = seen.udp.as_ref().map(|stun| stun.answer.is_some());
        let v6 = seen.ipv6.as_ref().and_then(|v6| v6.stun.as_ref()?.answer).is_some();
        match (&seen.nat, v4) {
            (Some(nat), _) if nat.is_near() => Self::Unknown,
            (Some(nat), _) => match (nat.mapping(), nat.filtering()) {
                (Mapping::AddressDependent | Mapping::AddressAndPortDependent, _) => Self::Few,
                (Mapping::Unknown, _) | (_, Filtering::Unknown) => Self::Unknown,
                (_, Filtering::AddressAndPortDependent) => Self::Most,
                (Mapping::None | Mapping::EndpointIndependent | Mapping::SamePort, _) => {
                    Self::Everybody
                }
            },
            (None, Some(false)) if !v6 => Self::Nobody,
            // Of IPv6 alone nothing more is known.
            (None, Some(false)) => Self::Few,
            (None, None) if v6 => Self::Few,
            (None, _) => Self::Unknown,
        }
    }

    /// Whether there are many who are reached by a relay alone.
    pub(crate) fn needs_relay(self) -> bool {
        matches!(self, Self::Few | Self::Nobody)
    }

    pub(crate) fn summary(self, relay_works: bool) -> Text {
        match (self, relay_works) {
            (Self::Everybody, _) => "A chat will work, directly with nearly everybody.",
            (Self::Most, true) => {
                "A chat will work, directly with most people, with the others through the relay."
            }
            (Self::Most, false) => {
                "A chat will work with most people; there is no relay for the others."
            }
            (Self::Few, true) => {
                "A chat will work, directly with some people, with the others through the relay."
            }
            (Self::Few, false) => {
                "A chat will work with few people: there is no relay for the others."
            }
            (Self::Nobody, true) => "A chat will work, through the relay.",
            (Self::Nobody, false) => "A chat will work with people on the same network alone.",
            (Self::Unknown, true) => "A chat will work, if not directly, then through the relay.",
            (Self::Unknown, false) => "A chat will work with whoever can be reached directly.",
        }
        .into()
    }
}
