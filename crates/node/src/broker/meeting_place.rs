//! Where people meet: a hub, brokers without one, or nothing yet.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tincan_wire::Invite;

use super::address::{AddressError, BrokerAddress};
use crate::hub_client::{Origin, OriginError, is_loopback};

/// A hub, brokers without one, or neither. Two nodes can talk only when theirs is the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MeetingPlace {
    /// Gives challenges, STUN servers and, where `brokers` is empty, the brokers' addresses.
    pub(crate) hub: Option<Origin>,
    /// Addresses of one and the same broker or cluster, in the order to try.
    pub(crate) brokers: Vec<BrokerAddress>,
}

/// What an invite's meeting place is to ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The same, or the invite names none.
    Same,
    /// We had none: take this one.
    Adopt(MeetingPlace),
    /// Another: its people cannot be reached from ours.
    Other { theirs: String },
}

/// Why a meeting place cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MeetingPlaceError {
    /// The hub's origin is none.
    #[error("{0}; got {1:?}")]
    Origin(OriginError, String),
    /// A broker's address is none.
    #[error("{0}")]
    Address(#[from] AddressError),
}

/// As the store's setting holds it.
#[derive(Serialize, Deserialize)]
struct Saved {
    hub: Option<String>,
    #[serde(default)]
    brokers: Vec<String>,
}

impl MeetingPlace {
    pub(crate) fn new(hub: Option<&str>, brokers: &[String]) -> Result<Self, MeetingPlaceError> {
        let origin = |text: &str| {
            text.parse().map_err(|error| MeetingPlaceError::Origin(error, text.to_owned()))
        };
        Ok(Self {
            hub: hub.map(origin).transpose()?,
            brokers: brokers.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
        })
    }

    /// The setting's text; passwords in broker addresses are not kept.
    pub(crate) fn to_setting(&self) -> String {
        let saved = Saved {
            hub: self.hub.as_ref().map(ToString::to_string),
            brokers: self.brokers.iter().map(ToString::to_string).collect(),
        };
        serde_json::to_string(&saved).unwrap_or_default()
    }

    /// Reads the setting; one that does not parse counts as none.
    pub(crate) fn from_setting(text: &str) -> Self {
        serde_json::from_str::<Saved>(text)
            .ok()
            .and_then(|saved| Self::new(saved.hub.as_deref(), &saved.brokers).ok())
            .unwrap_or_default()
    }

    pub(crate) fn is_nowhere(&self) -> bool {
        self.hub.is_none() && self.brokers.is_empty()
    }

    /// Whether it is on this machine, as far as its name tells.
    pub(crate) fn is_loopback(&self) -> bool {
        self.hub.as_ref().is_some_and(Origin::is_loopback)
            || self.brokers.iter().any(|broker| is_loopback(&broker.host))
    }

    /// Whether someone who made this invite can be met here.
    pub(crate) fn fit(&self, invite: &Invite) -> Result<Fit, MeetingPlaceError> {
        let theirs = Self::new(invite.hub.as_deref(), &invite.brokers)?;
        if theirs.is_nowhere() {
            return Ok(Fit::Same);
        }
        if self.is_nowhere() {
            return Ok(Fit::Adopt(theirs));
        }
        let same_hub = self.hub.is_some() && self.hub == theirs.hub;
        let shared_broker = self
            .brokers
            .iter()
            .any(|ours| theirs.brokers.iter().any(|broker| broker.same_server(ours)));
        if same_hub || shared_broker {
            Ok(Fit::Same)
        } else {
            Ok(Fit::Other { theirs: theirs.to_string() })
        }
    }
}

/// The hub's origin, else the first broker.
impl std::fmt::Display for MeetingPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.hub, self.brokers.first()) {
            (Some(hub), _) => hub.fmt(f),
            (None, Some(broker)) => broker.fmt(f),
            (None, None) => f.write_str("nowhere"),
        }
    }
}

#[cfg(test)]
mod tests {
    use tincan_wire::{Identity, InviteToken};

    use super::*;

    fn place(hub: Option<&str>, brokers: &[&str]) -> MeetingPlace {
        let brokers: Vec<String> = brokers.iter().map(|broker| (*broker).to_owned()).collect();
        MeetingPlace::new(hub, &brokers).unwrap()
    }

    fn invite(hub: Option<&str>, brokers: &[&str]) -> Invite {
        Invite {
            hub: hub.map(str::to_owned),
            key: Identity::from_seed([1; 32]).user_id(),
            token: InviteToken([2; 16]),
            expiry: 3,
            name: None,
            brokers: brokers.iter().map(|broker| (*broker).to_owned()).collect(),
        }
    }

    #[test]
    fn an_invite_that_names_nothing_fits_everywhere() {
        for ours in [place(None, &[]), place(Some("http://h"), &[]), place(None, &["mqtt://b"])] {
            assert_eq!(ours.fit(&invite(None, &[])).unwrap(), Fit::Same);
        }
    }

    #[test]
    fn the_first_place_named_is_adopted() {
        let theirs = place(Some("http://h"), &["mqtt://b"]);
        let named = invite(Some("http://h"), &["mqtt://b"]);
        assert_eq!(MeetingPlace::default().fit(&named).unwrap(), Fit::Adopt(theirs));
    }

    #[test]
    fn the_same_hub_or_a_shared_broker_is_the_same_place() {
        let ours = place(Some("http://h"), &[]);
        assert_eq!(ours.fit(&invite(Some("http://H:80/"), &[])).unwrap(), Fit::Same);
        let ours = place(None, &["mqtt://b:1883", "ws://c/mqtt"]);
        assert_eq!(ours.fit(&invite(None, &["mqtt://B"])).unwrap(), Fit::Same);
    }

    #[test]
    fn another_place_is_named() {
        let ours = place(Some("http://h"), &[]);
        let fit = ours.fit(&invite(Some("http://other"), &[])).unwrap();
        assert_eq!(fit, Fit::Other { theirs: "http://other".to_owned() });
    }

    #[test]
    fn the_setting_gives_back_the_place_without_passwords() {
        let ours = place(Some("https://h:8"), &["mqtts://anna:geheim@b:9"]);
        let setting = ours.to_setting();
        assert!(!setting.contains("geheim"));
        let back = MeetingPlace::from_setting(&setting);
        assert_eq!(back, place(Some("https://h:8"), &["mqtts://b:9"]));
        assert_eq!(MeetingPlace::from_setting("nonsense"), MeetingPlace::default());
    }

    #[test]
    fn what_is_no_address_is_refused_with_words() {
        assert!(MeetingPlace::new(Some("hub"), &[]).unwrap_err().to_string().contains("\"hub\""));
        let bad = ["http://x".to_owned()];
        assert!(MeetingPlace::new(None, &bad).unwrap_err().to_string().contains("mqtt://"));
    }
}
