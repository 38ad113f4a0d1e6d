//! The path that a node reports, and the one that its packets took.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use crate::flow::Flow;
use crate::pair::Expect;
use crate::plan::is_server;

/// What `tincan status` says of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The kind of our end: `host`, `srflx`, `prflx` or `relay`.
    pub local: String,
    /// The kind of theirs.
    pub remote: String,
    /// Our end.
    pub local_address: SocketAddr,
    /// Theirs.
    pub remote_address: SocketAddr,
}

impl Reported {
    /// Reads the session's entry in a status.
    pub fn of(peer: &Value) -> Option<Self> {
        let text = |key: &str| peer["path"][key].as_str();
        Some(Self {
            local: text("local")?.to_owned(),
            remote: text("remote")?.to_owned(),
            local_address: text("local_address")?.parse().ok()?,
            remote_address: text("remote_address")?.parse().ok()?,
        })
    }

    /// Whether a relay is on it.
    pub fn is_relayed(&self) -> bool {
        self.relay().is_some()
    }

    /// Whether what has to end so need not be waited for any longer.
    pub(crate) fn is_final(&self, expect: Expect) -> bool {
        expect == Expect::Relay || !self.is_relayed()
    }

    /// The relay on it: ours, else theirs.
    pub fn relay(&self) -> Option<IpAddr> {
        let ends = [(&self.local, self.local_address), (&self.remote, self.remote_address)];
        ends.into_iter().find(|(kind, _)| *kind == "relay").map(|(_, address)| address.ip())
    }
}

/// Where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Over the LAN that both are on.
    Lan,
    /// Through a router and back into its LAN, or the carrier's.
    Hairpin,
    /// Over the public network, to the other's router.
    Direct,
    /// Over the server.
    Relay,
}

impl Way {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Lan, Self::Hairpin, Self::Direct, Self::Relay];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lan => "LAN",
            Self::Hairpin => "hairpin",
            Self::Direct => "direct",
            Self::Relay => "relay",
        })
    }
}

/// Which way one end's packets took, as counted at the host and outside its router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The way.
    pub way: Way,
    /// From where the host sends.
    pub from: SocketAddr,
    /// What its router makes of that; `None` if they do not leave it.
    pub outside: Option<SocketAddr>,
    /// To where.
    pub to: SocketAddr,
    /// Whether over UDP.
    pub udp: bool,
    /// How many bytes.
    pub bytes: u64,
}

impl Taken {
    /// The way of most of what a host has sent. `None` if it has sent nothing. `theirs` are the
    /// other host's own addresses.
    pub fn of(host: &[Flow], outside_router: &[Flow], theirs: &[IpAddr]) -> Option<Self> {
        let most = host.iter().filter(|flow| flow.sent).max_by_key(|flow| flow.bytes)?;
        // Packets may be lost or late between the two counters, but not half of them.
        let is_it = |flow: &&Flow| {
            flow.sent && flow.udp == most.udp && flow.to == most.to && flow.bytes * 2 > most.bytes
        };
        let outside = outside_router.iter().find(is_it).map(|flow| flow.from);
        let way = match outside {
            _ if is_server(most.to.ip()) => Way::Relay,
            Some(_) => Way::Direct,
            None if theirs.contains(&most.to.ip()) => Way::Lan,
            None => Way::Hairpin,
        };
        let Flow { from, to, udp, bytes, .. } = *most;
        Some(Self { way, from, outside, to, udp, bytes })
    }

    /// What a report says that is not so. `theirs` are the other host's own addresses.
    pub fn contradiction(&self, reported: &Reported, theirs: &[IpAddr]) -> Option<String> {
        let is_host = reported.remote == "host";
        let wrong = self.contradiction_with_hidden(reported);
        if wrong.is_some() || self.way == Way::Relay || is_host == theirs.contains(&self.to.ip()) {
            return wrong;
        }
        Some(format!("another kind of remote: {reported:?} is reported, but it was {self:?}"))
    }

    /// The same of one whose other host hides its own addresses, as browsers do: of which kind they
    /// are cannot be known then.
    pub fn contradiction_with_hidden(&self, reported: &Reported) -> Option<String> {
        if reported.is_relayed() != (self.way == Way::Relay) {
            return Some(format!("{reported:?} is reported, but the way was {self:?}"));
        }
        if self.way == Way::Relay {
            return None;
        }
        let is_translated = self.outside.is_some_and(|outside| outside != self.from);
        let local = reported.local_address;
        let facts = [
            ("another remote address", reported.remote_address == self.to),
            ("another local address", local == self.from || Some(local) == self.outside),
            ("a local host in spite of a NAT", !(reported.local == "host" && local != self.from)),
            (
                "a NAT that is none",
                !(reported.local == "srflx" && self.outside.is_some() && !is_translated),
            ),
        ];
        let wrong = facts.into_iter().find(|(_, is_so)| !is_so);
        wrong.map(|(what, _)| format!("{what}: {reported:?} is reported, but it was {self:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(from: &str, to: &str, bytes: u64) -> Flow {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        Flow { udp: true, sent: true, from, to, packets: 1, bytes }
    }

    fn check(to: &str, crosses: bool, expected: Way) {
        let host = [flow("192.168.1.10:5", to, 1000), flow("192.168.1.10:5", "203.0.113.10:9", 90)];
        let outside = crosses.then(|| flow("203.0.113.2:5", to, 990));
        let theirs = ["192.168.1.20".parse().unwrap()];
        let taken = Taken::of(&host, outside.as_slice(), &theirs).unwrap();
        assert_eq!(taken.way, expected);
    }

    #[test]
    fn the_way_is_that_of_most_bytes() {
        check("192.168.1.20:7", false, Way::Lan);
        check("203.0.113.2:7", false, Way::Hairpin);
        check("203.0.113.3:7", true, Way::Direct);
        check("203.0.113.10:7", true, Way::Relay);
    }

    #[test]
    fn a_report_of_another_path_is_found() {
        let host = [flow("192.168.1.10:5", "203.0.113.3:7", 1000)];
        let outside = [flow("203.0.113.2:5", "203.0.113.3:7", 1000)];
        let taken = Taken::of(&host, &outside, &[]).unwrap();
        let reported = |local: &str, remote: &str, to: &str| Reported {
            local: local.to_owned(),
            remote: remote.to_owned(),
            local_address: "203.0.113.2:5".parse().unwrap(),
            remote_address: to.parse().unwrap(),
        };
        let contradiction = |report| taken.contradiction(&report, &[]);
        assert_eq!(contradiction(reported("srflx", "srflx", "203.0.113.3:7")), None);
        assert!(contradiction(reported("srflx", "srflx", "203.0.113.3:8")).is_some());
        assert!(contradiction(reported("relay", "srflx", "203.0.113.3:7")).is_some());
        assert!(contradiction(reported("srflx", "host", "203.0.113.3:7")).is_some());
        assert!(contradiction(reported("host", "srflx", "203.0.113.3:7")).is_some());
    }
}
