//! All that was seen, and what it means.

use std::time::Duration;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::broker::{self, Broker};
use crate::certificate::Certificate;
use crate::clock;
use crate::direct::Reach;
use crate::finding::{Finding, Verdict};
use crate::hub::{self, Hub};
use crate::ipv6::Ipv6;
use crate::mtu::Mtu;
use crate::multicast::Multicast;
use crate::nat::{self, Nat};
use crate::place::Way;
use crate::relay::{self, Relay};
use crate::running::Running;
use crate::storage::Storage;
use crate::udp::{self, Stun};

/// What a shell has seen. What it did not look at, or could not, is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measurements {
    /// Where people are met.
    pub place: MeetingPlace,
    /// The disk.
    pub storage: Option<Storage>,
    /// Another `tincan` on the same home.
    pub running: Option<Running>,
    /// The hub, if there is one.
    pub hub: Option<Hub>,
    /// By how many milliseconds our clock is behind the hub's.
    pub clock_behind_ms: Option<i64>,
    /// Each address of the broker.
    pub brokers: Vec<Broker>,
    /// Each server that shows a certificate.
    pub certificates: Vec<Certificate>,
    /// What a STUN server says by IPv4; `None` without IPv4 or without a server.
    pub udp: Option<Stun>,
    /// Whether this machine has an IPv4 address; `None` if that is not known.
    pub has_ipv4: Option<bool>,
    /// What the router does to IPv4.
    pub nat: Option<Nat>,
    /// IPv6.
    pub ipv6: Option<Ipv6>,
    /// Each relay and transport.
    pub relays: Vec<Relay>,
    /// How large datagrams may be.
    pub mtu: Option<Mtu>,
    /// Multicast DNS.
    pub multicast: Option<Multicast>,
    /// How long all of it took.
    pub took: Duration,
}

/// Where people are met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MeetingPlace {
    /// Nowhere yet.
    #[default]
    Nowhere,
    /// At a hub that names its broker.
    Hub,
    /// At a broker that was named, with a hub beside it or without.
    Broker,
}

/// What all of it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    findings: Vec<Finding>,
    reach: Reach,
    relay_works: bool,
    took: Duration,
}

/// Says what measurements mean.
#[must_use]
pub fn diagnose(seen: &Measurements) -> Diagnosis {
    let reach = Reach::of(seen);
    let relay_works = seen.relays.iter().any(|relay| relay.outcome.is_ok());
    let mut findings = Vec::new();
    findings.extend(seen.storage.iter().flat_map(Storage::judge));
    let reached = seen.brokers.iter().any(|broker| broker.outcome.is_ok());
    findings.extend(seen.running.as_ref().and_then(|running| running.judge(reached)));
    // It may have a password that we were not given.
    let reached = reached || seen.running == Some(Running::Connected);
    if seen.place == MeetingPlace::Nowhere {
        findings.push(hub::nowhere());
    } else {
        findings.extend(meeting(seen, reached));
        findings.extend(paths(seen, reach, relay_works));
    }
    findings.extend(seen.multicast.as_ref().map(Multicast::judge));
    findings.sort_by_key(|finding| finding.check);
    Diagnosis { findings, reach, relay_works, took: seen.took }
}

/// Hub, clock, brokers and certificates.
fn meeting(seen: &Measurements, reached: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(seen.hub.iter().map(|hub| hub.judge(seen.place == MeetingPlace::Hub)));
    findings.extend(seen.clock_behind_ms.map(clock::judge));
    findings.extend(seen.brokers.iter().map(|broker| broker.judge(reached)));
    let hub_answers = seen.hub.as_ref().is_some_and(|hub| hub.answered.is_ok());
    if seen.brokers.is_empty() && hub_answers {
        findings.push(broker::none());
    }
    findings.extend(seen.certificates.iter().map(Certificate::judge));
    findings
}

/// Everything between us and other people.
fn paths(seen: &Measurements, reach: Reach, relay_works: bool) -> Vec<Finding> {
    let is_stream = |relay: &&Relay| matches!(relay.place.way, Way::TurnTcp | Way::TurnTls);
    let by_stream = seen.relays.iter().filter(is_stream).any(|relay| relay.outcome.is_ok());
    let by_v6 = seen.ipv6.as_ref().and_then(|v6| v6.stun.as_ref()?.answer).is_some();
    let mut findings = Vec::new();
    match &seen.udp {
        Some(stun) => findings.push(stun.judge(by_stream || by_v6)),
        None if seen.has_ipv4 == Some(false) => findings.push(nat::no_ipv4()),
        // A hub that does not answer names no STUN server either.
        None if seen.hub.as_ref().is_some_and(|hub| hub.answered.is_err()) => {}
        None => findings.push(udp::untried()),
    }
    findings.extend(seen.nat.iter().flat_map(Nat::judge));
    findings.extend(seen.ipv6.as_ref().map(Ipv6::judge));
    let needed = reach.needs_relay();
    findings.extend(seen.relays.iter().map(|relay| relay.judge(relay_works, needed)));
    let listed = seen.hub.as_ref().is_none_or(|hub| matches!(hub.admitted, Some(Ok(()))));
    if seen.relays.is_empty() && listed {
        findings.push(relay::none(needed));
    }
    findings.extend(seen.mtu.as_ref().map(Mtu::judge));
    findings
}

impl Diagnosis {
    /// Everything that was found, in the order in which it is shown.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The worst of all.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Unknown)
    }

    /// All of it in a sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.verdict() {
            Verdict::Problem => "A chat does not work yet: see what is marked ✗.".to_owned(),
            _ => self.reach.summary(self.relay_works).shown(),
        }
    }

    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }
}

impl Serialize for Diagnosis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Diagnosis", 4)?;
        fields.serialize_field("verdict", &self.verdict())?;
        fields.serialize_field("summary", &self.summary())?;
        let took = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        fields.serialize_field("took_ms", &took)?;
        fields.serialize_field("findings", &self.findings)?;
        fields.end()
    }
}
