//! The kinds of routers, and what each promises in the words of RFC 4787.

use std::fmt;
use std::str::FromStr;

/// What stands between a host and the public network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nat {
    /// Nothing: a public address.
    Open,
    /// A public address behind a stateful firewall.
    Firewall,
    /// A NAT through which anybody reaches a mapped port.
    FullCone,
    /// A NAT through which only addresses that were written to answer.
    Restricted,
    /// Plain Linux masquerade.
    PortRestricted,
    /// Masquerade with a new random port for every contact.
    Symmetric,
    /// Only TCP to port 443 gets out.
    UdpBlocked,
    /// `PortRestricted` behind a carrier's NAT that is a full cone with hairpin (RFC 6888).
    Cgnat,
    /// `PortRestricted` behind a carrier's NAT that is symmetric.
    CgnatSymmetric,
    /// No IPv4 at all; IPv6 behind a stateful firewall.
    V6Only,
    /// On the other host's LAN. Only the second host can be that.
    Same,
}

/// How outside ports follow from inside ones (RFC 4787 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// They are the inside ones: no NAT.
    None,
    /// One for all contacts.
    EndpointIndependent,
    /// One for each contact's address.
    AddressDependent,
    /// One for each contact's address and port.
    AddressAndPortDependent,
    /// Nothing gets out.
    Blocked,
}

/// Who is let in through a mapping (RFC 4787 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filtering {
    /// Anybody.
    EndpointIndependent,
    /// Whose address was written to.
    AddressDependent,
    /// Whose address and port were written to.
    AddressAndPortDependent,
}

const NAMES: [(Nat, &str); 11] = [
    (Nat::Open, "open"),
    (Nat::Firewall, "firewall"),
    (Nat::FullCone, "fullcone"),
    (Nat::Restricted, "restricted"),
    (Nat::PortRestricted, "portrestricted"),
    (Nat::Symmetric, "symmetric"),
    (Nat::UdpBlocked, "udpblocked"),
    (Nat::Cgnat, "cgnat"),
    (Nat::CgnatSymmetric, "cgnat-sym"),
    (Nat::V6Only, "v6only"),
    (Nat::Same, "same"),
];

impl Nat {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(nat, _)| *nat)
    }

    /// As on the command line.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(nat, _)| *nat == self).map_or("?", |(_, name)| name)
    }

    /// Whether there is a carrier's router above the host's own.
    pub fn has_carrier(self) -> bool {
        matches!(self, Self::Cgnat | Self::CgnatSymmetric)
    }

    /// Whether hosts have addresses that are routed outside.
    pub fn is_public(self) -> bool {
        matches!(self, Self::Open | Self::Firewall)
    }

    /// What a probe must find of IPv4: mapping, filtering, and whether two hosts behind it meet
    /// at its outside addresses. `None` where there is no IPv4, or no router of its own.
    pub fn promise(self) -> Option<(Mapping, Filtering, bool)> {
        use {Filtering as F, Mapping as M};
        let independent = M::EndpointIndependent;
        Some(match self {
            Self::Open => (M::None, F::EndpointIndependent, true),
            Self::Firewall => (M::None, F::AddressAndPortDependent, true),
            Self::FullCone => (independent, F::EndpointIndependent, true),
            Self::Restricted => (independent, F::AddressDependent, true),
            // The carrier's filtering is wider, but the router below it is the narrower one.
            Self::PortRestricted => (independent, F::AddressAndPortDependent, false),
            Self::Cgnat => (independent, F::AddressAndPortDependent, true),
            Self::Symmetric | Self::CgnatSymmetric => {
                (M::AddressAndPortDependent, F::AddressAndPortDependent, false)
            }
            Self::UdpBlocked => (M::Blocked, F::AddressAndPortDependent, false),
            Self::V6Only | Self::Same => return None,
        })
    }
}

/// A router's kind, with routed IPv6 behind a stateful firewall if wanted: `symmetric+v6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// What it does with IPv4.
    pub nat: Nat,
    /// Whether there is IPv6 as well.
    pub v6: bool,
}

impl Kind {
    /// IPv4 alone, but for `v6only`.
    pub const fn of(nat: Nat) -> Self {
        Self { nat, v6: matches!(nat, Nat::V6Only) }
    }

    /// The same with IPv6.
    pub const fn with_v6(nat: Nat) -> Self {
        Self { nat, v6: true }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v6 = if self.v6 && self.nat != Nat::V6Only { "+v6" } else { "" };
        write!(f, "{}{v6}", self.nat.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, v6) = match text.strip_suffix("+v6") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let found = NAMES.iter().find(|(_, known)| *known == name);
        let names = || NAMES.map(|(_, name)| name).join(" ");
        let (nat, _) = found.ok_or_else(|| {
            format!("`{text}` is no kind of router; there are {}, each with +v6 if wanted", names())
        })?;
        if v6 && (nat.has_carrier() || *nat == Nat::Same) {
            return Err(format!("{text}: IPv6 is not laid through a carrier or a shared LAN"));
        }
        Ok(Self { nat: *nat, v6: v6 || *nat == Nat::V6Only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_printed() {
        for nat in Nat::all() {
            for kind in [Kind::of(nat), Kind::with_v6(nat)] {
                if kind.to_string().parse::<Kind>().is_ok_and(|read| read == kind) {
                    continue;
                }
                assert!(kind.v6 && (nat.has_carrier() || nat == Nat::Same), "{kind}");
            }
        }
    }

    #[test]
    fn an_unknown_kind_names_those_there_are() {
        let error = "cone".parse::<Kind>().unwrap_err();
        assert!(error.contains("portrestricted"), "{error}");
    }
}
