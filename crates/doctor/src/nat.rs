//! What the router does to IPv4: how it makes outside ports of inside ones, and whom it lets in,
//! in the terms of RFC 4787, told by the tests of RFC 5780.

use std::net::{IpAddr, SocketAddr};

use crate::check::Check;
use crate::finding::{Finding, Verdict};
use crate::text::{Text, address_kind, words};

/// What was seen of one socket from several places outside. One server address tells less than
/// two do; what was not tried is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    /// The socket's own address, as the kernel would send from it; `None` where a browser hides
    /// it.
    pub local: Option<SocketAddr>,
    /// Where the first server sees it.
    pub first: SocketAddr,
    /// Where another port of the same server sees it.
    pub other_port: Option<SocketAddr>,
    /// Where another address sees it.
    pub other_address: Option<SocketAddr>,
    /// Whether a datagram from another port of the first server's address gets in, to a socket
    /// that has written to the first port alone.
    pub heard_other_port: Option<bool>,
    /// Whether one from another address gets in.
    pub heard_other_address: Option<bool>,
    /// Whether two sockets of this machine reach each other at their outside addresses.
    pub hairpin: Option<bool>,
    /// Where that works: whether it takes more hops than to the next router.
    pub is_far: Option<bool>,
}

/// How outside ports follow from inside ones (RFC 4787 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// They are the inside ones: nothing translates.
    None,
    /// One for all contacts.
    EndpointIndependent,
    /// One for all ports of an address; of other addresses nothing is known.
    SamePort,
    /// One for each contact's address.
    AddressDependent,
    /// One for each contact's address and port.
    AddressAndPortDependent,
    /// Nothing but the first server could be asked.
    Unknown,
}

/// Who is let in through a mapping (RFC 4787 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filtering {
    /// Anybody.
    EndpointIndependent,
    /// Whose address was written to.
    AddressDependent,
    /// At least whose address was written to; of other addresses nothing is known.
    AddressDependentOrWider,
    /// Whose address and port were written to.
    AddressAndPortDependent,
    /// It was not tried.
    Unknown,
}

impl Nat {
    /// How outside ports follow from inside ones.
    #[must_use]
    pub fn mapping(&self) -> Mapping {
        let Self { local, first, other_port, other_address, .. } = *self;
        let same_port = other_port.map(|seen| seen == first);
        let same_address = other_address.map(|seen| seen == first);
        match (same_port, same_address) {
            _ if local == Some(first) => Mapping::None,
            (Some(false), _) => Mapping::AddressAndPortDependent,
            (_, Some(true)) => Mapping::EndpointIndependent,
            (_, Some(false)) => Mapping::AddressDependent,
            (Some(true), None) => Mapping::SamePort,
            (None, None) => Mapping::Unknown,
        }
    }

    /// Who is let in.
    #[must_use]
    pub fn filtering(&self) -> Filtering {
        match (self.heard_other_port, self.heard_other_address) {
            (_, Some(true)) => Filtering::EndpointIndependent,
            (Some(true), Some(false)) => Filtering::AddressDependent,
            (Some(true), None) => Filtering::AddressDependentOrWider,
            (Some(false), _) => Filtering::AddressAndPortDependent,
            (None, _) => Filtering::Unknown,
        }
    }

    /// Whether the server is so near that it sees what the router does to nobody.
    pub(crate) fn is_near(&self) -> bool {
        let is_inside = |ip: IpAddr| {
            !matches!(address_kind(ip), "a public IPv4 address" | "a public IPv6 address")
        };
        self.mapping() == Mapping::None && is_inside(self.first.ip())
    }

    pub(crate) fn judge(&self) -> Vec<Finding> {
        if self.is_near() {
            return vec![near(self.first.ip())];
        }
        let mut findings = vec![self.judge_mapping()];
        findings.extend(self.judge_filtering());
        findings.extend(self.judge_hairpin());
        findings
    }

    fn judge_mapping(&self) -> Finding {
        let found = |verdict, code, what: Text| Finding::new(Check::Mapping, verdict, code, what);
        match self.mapping() {
            Mapping::None => found(
                Verdict::Good,
                "mapping_none",
                words![
                    "No router translates: this machine has ",
                    Text::address(self.first.ip()),
                    "."
                ],
            ),
            // A browser does not say whether there is a router at all.
            Mapping::EndpointIndependent if self.local.is_none() => found(
                Verdict::Good,
                "mapping_independent",
                "Seen from outside you have one port for all contacts.".into(),
            ),
            Mapping::EndpointIndependent => found(
                Verdict::Good,
                "mapping_independent",
                "Your router keeps one outside port for all contacts.".into(),
            ),
            Mapping::SamePort => found(
                Verdict::Good,
                "mapping_same_port",
                "Your router keeps one outside port for all ports of a contact.".into(),
            )
            .meaning(
                "Whether it is the same for all contacts, a server with one address cannot tell.",
            ),
            Mapping::AddressDependent => found(
                Verdict::Notice,
                "mapping_address_dependent",
                "Your router gives a new port for every machine that you talk to.".into(),
            )
            .meaning(NEW_PORTS)
            .remedy(NEW_PORTS_REMEDY),
            Mapping::AddressAndPortDependent => found(
                Verdict::Notice,
                "mapping_port_dependent",
                "Your router gives a new port for every contact.".into(),
            )
            .meaning(NEW_PORTS)
            .remedy(NEW_PORTS_REMEDY),
            Mapping::Unknown => found(
                Verdict::Unknown,
                "mapping_unknown",
                "Whether your router gives a new port for every contact could not be told.".into(),
            )
            .meaning("Only one port of one server answered.")
            .remedy("Ask who runs the hub to open the second UDP port of its STUN server."),
        }
    }

    /// `None` where other places answer and it was not tried all the same: a page cannot.
    fn judge_filtering(&self) -> Option<Finding> {
        let found =
            |code, what: &'static str| Finding::new(Check::Filtering, Verdict::Good, code, what);
        let changes =
            matches!(self.mapping(), Mapping::AddressDependent | Mapping::AddressAndPortDependent);
        let gate = if self.mapping() == Mapping::None { Gate::Firewall } else { Gate::Router };
        Some(match (self.filtering(), gate) {
            (Filtering::Unknown, _) if self.other_port.is_some() => return None,
            (Filtering::EndpointIndependent, Gate::Router) => {
                found("filter_none", "Your router lets anybody in at a port that you use.")
                    .meaning(if changes { "" } else { EVERYBODY })
            }
            (Filtering::EndpointIndependent, Gate::Firewall) => {
                found("filter_none", "No firewall keeps anybody out.").meaning(EVERYBODY)
            }
            (Filtering::AddressDependent, _) => found(
                "filter_address",
                "Only machines that you have written to get in, from any of their ports.",
            )
            .meaning(if changes { "" } else { EVERYBODY }),
            (Filtering::AddressDependentOrWider, _) => found(
                "filter_wide",
                "At least machines that you have written to get in, from any of their ports.",
            )
            .meaning(if changes { "" } else { EVERYBODY }),
            (Filtering::AddressAndPortDependent, Gate::Router) => {
                found("filter_port", "Your router lets in only whom you have written to.")
                    .meaning(if changes { "" } else { ALMOST_EVERYBODY })
            }
            (Filtering::AddressAndPortDependent, Gate::Firewall) => {
                found("filter_port", "A firewall lets in only whom you have written to.")
                    .meaning(ALMOST_EVERYBODY)
            }
            (Filtering::Unknown, _) => Finding::new(
                Check::Filtering,
                Verdict::Unknown,
                "filter_unknown",
                "Whom your router lets in could not be told.",
            )
            .meaning("The second port of the STUN server does not answer."),
        })
    }

    fn judge_hairpin(&self) -> Option<Finding> {
        let found = |verdict, code, what| Finding::new(Check::Hairpin, verdict, code, what);
        match (self.hairpin?, self.is_far) {
            _ if self.mapping() == Mapping::None => None,
            (true, Some(true)) => Some(
                found(
                    Verdict::Notice,
                    "second_router",
                    "Not the next router translates, but one behind it: your provider's, or a second \
                     one of yours.",
                )
                .meaning(
                    "A port that is opened in your own router leads nowhere. Connections are made \
                     as said above; others behind the same router are reached, too.",
                ),
            ),
            (true, _) => Some(found(
                Verdict::Good,
                "hairpin_works",
                "Two behind this router reach each other at its outside address, too.",
            )),
            (false, _) => Some(
                found(
                    Verdict::Notice,
                    "hairpin_missing",
                    "Two behind this router do not reach each other at its outside address.",
                )
                .meaning(
                    "On the same network they meet at their inside addresses. On separate ones \
                     behind the same router, they go through the relay.",
                ),
            ),
        }
    }
}

#[derive(Clone, Copy)]
enum Gate {
    Router,
    Firewall,
}

const EVERYBODY: &str = "Calls are direct with everybody whose network lets UDP out.";

const ALMOST_EVERYBODY: &str = "Calls are direct, but with people whose router gives a new port for \
    every contact: those go through the relay.";

const NEW_PORTS: &str = "Calls to people with the same kind of router, and to those whose router or \
    firewall lets in only whom they have written to, go through the relay.";

const NEW_PORTS_REMEDY: &str = "Switch on IPv6, or look in the router's settings for the kind of NAT, \
    which games call \"strict\" or \"symmetric\". Behind a provider's router nothing can be done.";

fn near(ip: IpAddr) -> Finding {
    let what = words![
        "The hub is so near that it sees this machine at ",
        Text::address(ip),
        ", as it is."
    ];
    Finding::new(Check::Mapping, Verdict::Unknown, "mapping_near", what)
        .meaning("What your router does to those outside, this hub cannot tell.")
}

/// Where there is no IPv4 at all.
pub(crate) fn no_ipv4() -> Finding {
    Finding::new(Check::Mapping, Verdict::Notice, "no_ipv4", "This machine has no IPv4.")
        .meaning("Calls are direct with people who have IPv6; the others go through the relay.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> Option<SocketAddr> {
        Some(SocketAddr::from(([203, 0, 113, 2], port)))
    }

    fn nat(other_port: Option<SocketAddr>, other_address: Option<SocketAddr>) -> Nat {
        Nat {
            local: Some(([192, 168, 1, 10], 5000).into()),
            first: ([203, 0, 113, 2], 1).into(),
            other_port,
            other_address,
            heard_other_port: None,
            heard_other_address: None,
            hairpin: None,
            is_far: None,
        }
    }

    #[test]
    fn mappings_are_told_by_what_three_places_see() {
        let check = |other_port, other_address, expected| {
            assert_eq!(nat(other_port, other_address).mapping(), expected);
        };
        check(at(1), at(1), Mapping::EndpointIndependent);
        check(at(1), at(2), Mapping::AddressDependent);
        check(at(2), at(3), Mapping::AddressAndPortDependent);
        check(at(2), at(1), Mapping::AddressAndPortDependent);
        check(None, at(1), Mapping::EndpointIndependent);
        check(None, at(2), Mapping::AddressDependent);
        check(at(1), None, Mapping::SamePort);
        check(at(2), None, Mapping::AddressAndPortDependent);
        check(None, None, Mapping::Unknown);
    }

    #[test]
    fn what_is_the_same_inside_and_outside_is_not_translated() {
        let local = at(1);
        let nat = Nat { local, ..nat(at(1), at(1)) };
        assert_eq!(nat.mapping(), Mapping::None);
        // Where it is hidden, one cannot know.
        assert_eq!(Nat { local: None, ..nat }.mapping(), Mapping::EndpointIndependent);
    }

    #[test]
    fn filters_are_told_by_who_was_heard() {
        let check = |heard_other_port, heard_other_address, expected| {
            let nat = Nat { heard_other_port, heard_other_address, ..nat(None, None) };
            assert_eq!(nat.filtering(), expected);
        };
        check(Some(true), Some(true), Filtering::EndpointIndependent);
        check(Some(true), Some(false), Filtering::AddressDependent);
        check(Some(true), None, Filtering::AddressDependentOrWider);
        check(Some(false), Some(false), Filtering::AddressAndPortDependent);
        check(Some(false), None, Filtering::AddressAndPortDependent);
        check(None, None, Filtering::Unknown);
        check(None, Some(false), Filtering::Unknown);
    }

    fn codes(nat: &Nat) -> Vec<&'static str> {
        nat.judge().iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_hub_on_the_same_network_tells_nothing_of_the_router() {
        let inside = ([192, 168, 1, 10], 5000).into();
        let nat = Nat { first: inside, ..nat(None, None) };
        assert_eq!(codes(&nat), ["mapping_near"]);
        let public = ([203, 0, 113, 2], 5000).into();
        let nat = Nat { local: Some(public), first: public, ..nat };
        assert_eq!(codes(&nat), ["mapping_none", "filter_unknown"]);
    }

    #[test]
    fn a_hairpin_behind_the_next_router_tells_of_a_second_one() {
        let cone = Nat { heard_other_port: Some(false), ..nat(at(1), at(1)) };
        let with = |hairpin, is_far| codes(&Nat { hairpin, is_far, ..cone.clone() }).pop();
        assert_eq!(with(Some(true), Some(true)), Some("second_router"));
        assert_eq!(with(Some(true), Some(false)), Some("hairpin_works"));
        assert_eq!(with(Some(true), None), Some("hairpin_works"));
        assert_eq!(with(Some(false), None), Some("hairpin_missing"));
        assert_eq!(with(None, None), Some("filter_port"));
    }

    #[test]
    fn a_filter_that_could_not_be_tried_is_not_spoken_of() {
        assert_eq!(codes(&nat(at(1), at(1))), ["mapping_independent"]);
        assert_eq!(codes(&nat(None, None)), ["mapping_unknown", "filter_unknown"]);
    }

    #[test]
    fn a_new_port_for_every_contact_is_said_with_its_consequence() {
        let finding = nat(at(2), at(3)).judge().remove(0);
        assert_eq!(finding.verdict, Verdict::Notice);
        assert!(finding.what.shown().contains("new port for every contact"), "{finding:?}");
        assert!(finding.meaning.shown().contains("go through the relay"), "{finding:?}");
    }
}
