//! Which MQTT version to speak, found by trying.

/// A version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// MQTT 5.
    V5,
    /// MQTT 3.1.1.
    V311,
}

/// After so many connections in a row that end without a byte of answer, the other version is
/// tried: some brokers close the socket on a version they do not know. More than one, since a
/// broker that restarts looks the same.
const SILENT_CLOSES: u8 = 3;

/// The version negotiation of a session.
///
/// It begins with MQTT 5. A broker that refuses or answers gibberish is tried with the other
/// version at once; whatever it accepts is kept for later connections.
#[derive(Debug)]
pub(crate) struct Negotiation {
    current: Version,
    /// The broker has accepted `current` at least once.
    settled: bool,
    silent_closes: u8,
}

impl Negotiation {
    pub(crate) fn new() -> Self {
        Self { current: Version::V5, settled: false, silent_closes: 0 }
    }

    /// The version of the present or next connection.
    pub(crate) fn current(&self) -> Version {
        self.current
    }

    /// The broker accepted the connection.
    pub(crate) fn accepted(&mut self) {
        self.settled = true;
        self.silent_closes = 0;
    }

    /// The broker does not speak this version. Says whether the other one is worth trying now;
    /// after at most two such answers in a row it says no.
    pub(crate) fn refused(&mut self) -> bool {
        self.silent_closes = 0;
        let retry = self.settled || self.current == Version::V5;
        self.settled = false;
        self.toggle();
        retry
    }

    /// The transport ended before the broker said anything.
    pub(crate) fn closed_in_silence(&mut self) {
        if self.settled {
            return;
        }
        self.silent_closes += 1;
        if self.silent_closes >= SILENT_CLOSES || self.current == Version::V311 {
            self.silent_closes = 0;
            self.toggle();
        }
    }

    fn toggle(&mut self) {
        self.current = match self.current {
            Version::V5 => Version::V311,
            Version::V311 => Version::V5,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v5_refused_falls_back_and_both_refused_ends() {
        let mut versions = Negotiation::new();
        assert!(versions.refused());
        assert_eq!(versions.current(), Version::V311);
        assert!(!versions.refused());
        assert_eq!(versions.current(), Version::V5);
    }

    #[test]
    fn a_version_once_accepted_is_kept() {
        let mut versions = Negotiation::new();
        versions.refused();
        versions.accepted();
        for _ in 0..10 {
            versions.closed_in_silence();
        }
        assert_eq!(versions.current(), Version::V311);
    }

    #[test]
    fn a_replaced_broker_is_negotiated_again_without_a_loop() {
        let mut versions = Negotiation::new();
        versions.refused();
        versions.accepted();
        let retries = std::iter::from_fn(|| versions.refused().then_some(())).take(10).count();
        assert_eq!(retries, 2);
    }

    #[test]
    fn three_silent_closes_try_the_other_version_once() {
        let mut versions = Negotiation::new();
        let mut tried = vec![];
        for _ in 0..5 {
            tried.push(versions.current());
            versions.closed_in_silence();
        }
        use Version::*;
        assert_eq!(tried, [V5, V5, V5, V311, V5]);
    }
}
