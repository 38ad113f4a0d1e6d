//! Pings: when to send one and when its answer is late.

/// Watches one connection for silence in either direction (MQTT §3.1.2.10).
#[derive(Debug)]
pub(crate) struct KeepAlive {
    interval_ms: u64,
    timeout_ms: u64,
    sent_ms: u64,
    received_ms: u64,
    /// When the unanswered PINGREQ was sent.
    pinged_ms: Option<u64>,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Ping,
    TimedOut,
}

impl KeepAlive {
    pub(crate) fn new(now_ms: u64, interval_ms: u64, timeout_ms: u64) -> Self {
        // A zero interval would ping without end.
        let interval_ms = interval_ms.max(1000);
        Self { interval_ms, timeout_ms, sent_ms: now_ms, received_ms: now_ms, pinged_ms: None }
    }

    /// The broker's own keep-alive (MQTT 5, §3.2.2.3.14). It may shorten ours; zero and longer
    /// values are no reason to notice a dead connection later.
    pub(crate) fn limit(&mut self, seconds: u16) {
        if seconds > 0 {
            self.interval_ms = self.interval_ms.min(u64::from(seconds) * 1000);
        }
    }

    pub(crate) fn sent(&mut self, now_ms: u64) {
        self.sent_ms = self.sent_ms.max(now_ms);
    }

    /// Any packet proves that the broker lives, so it answers a ping too.
    pub(crate) fn received(&mut self, now_ms: u64) {
        self.received_ms = self.received_ms.max(now_ms);
        self.pinged_ms = None;
    }

    /// Says what is due and notes a ping as sent.
    pub(crate) fn handle_timeout(&mut self, now_ms: u64) -> Due {
        if now_ms < self.deadline() {
            return Due::Nothing;
        }
        if self.pinged_ms.is_some() {
            return Due::TimedOut;
        }
        self.pinged_ms = Some(now_ms);
        self.sent(now_ms);
        Due::Ping
    }

    pub(crate) fn deadline(&self) -> u64 {
        match self.pinged_ms {
            Some(pinged) => pinged.saturating_add(self.timeout_ms),
            None => self.sent_ms.min(self.received_ms).saturating_add(self.interval_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keepalive() -> KeepAlive {
        KeepAlive::new(0, 30_000, 10_000)
    }

    #[test]
    fn silence_brings_one_ping_and_then_a_timeout() {
        let mut k = keepalive();
        assert_eq!(k.handle_timeout(29_999), Due::Nothing);
        assert_eq!(k.handle_timeout(30_000), Due::Ping);
        assert_eq!(k.handle_timeout(39_999), Due::Nothing);
        assert_eq!(k.handle_timeout(40_000), Due::TimedOut);
    }

    #[test]
    fn sending_alone_does_not_hide_a_dead_broker() {
        let mut k = keepalive();
        k.sent(25_000);
        assert_eq!(k.handle_timeout(30_000), Due::Ping);
    }

    #[test]
    fn receiving_alone_does_not_keep_the_broker_from_timing_us_out() {
        let mut k = keepalive();
        k.received(25_000);
        assert_eq!(k.handle_timeout(30_000), Due::Ping);
    }

    #[test]
    fn any_packet_answers_a_ping() {
        let mut k = keepalive();
        k.handle_timeout(30_000);
        k.received(31_000);
        assert_eq!(k.handle_timeout(59_999), Due::Nothing);
        assert_eq!(k.handle_timeout(60_000), Due::Ping);
    }

    #[test]
    fn a_broker_may_shorten_the_interval_but_not_lengthen_it() {
        let mut k = keepalive();
        k.limit(600);
        k.limit(0);
        assert_eq!(k.deadline(), 30_000);
        k.limit(5);
        assert_eq!(k.deadline(), 5_000);
    }
}
