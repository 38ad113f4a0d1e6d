//! Why nothing leaves: what a command says that has waited for the broker in vain.

use tincan_engine::{BrokerState, BrokerView, Event};

use crate::failure::Failure;

/// The last reason that was heard while a command waits. The broker's own view forgets it while
/// an attempt is under way, which may be just when the waiting ends.
#[derive(Debug, Default)]
pub(crate) struct Offline {
    reason: Option<String>,
}

impl Offline {
    /// Takes in how the link stands.
    pub(crate) fn look(&mut self, broker: &BrokerView) {
        if broker.state == BrokerState::Connected {
            self.reason = None;
        } else if broker.reason.is_some() {
            self.reason.clone_from(&broker.reason);
        }
    }

    /// Takes in what happened.
    pub(crate) fn note(&mut self, event: &Event) {
        if let Event::Broker(view) = event {
            self.look(view);
        }
    }

    /// What to say if the link stands like this now; `None` if it is connected.
    pub(crate) fn failure(mut self, broker: &BrokerView) -> Option<Failure> {
        self.look(broker);
        if broker.state == BrokerState::Connected {
            return None;
        }
        let reason = self.reason.as_deref().unwrap_or("there is no answer yet");
        Some(Failure::Failed(format!(
            "not connected: {reason}; it is kept and goes out when a later `tincan` gets through"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(state: BrokerState, reason: Option<&str>) -> BrokerView {
        BrokerView { state, reason: reason.map(str::to_owned), retry_at: None, attempts: 0 }
    }

    fn check(heard: &[BrokerView], now: BrokerView, part: Option<&str>) {
        let mut offline = Offline::default();
        heard.iter().for_each(|view| offline.note(&Event::Broker(view.clone())));
        let line = offline.failure(&now).and_then(|failure| failure.line());
        assert_eq!(line.is_some(), part.is_some(), "{line:?}");
        assert!(line.unwrap_or_default().contains(part.unwrap_or_default()), "{part:?}");
    }

    #[test]
    fn the_last_reason_is_told_while_the_next_attempt_is_under_way() {
        let failed = view(BrokerState::Error, Some("nothing listens"));
        let connecting = || view(BrokerState::Connecting, None);
        check(std::slice::from_ref(&failed), connecting(), Some(": nothing listens;"));
        check(&[], failed, Some(": nothing listens;"));
        check(&[], connecting(), Some("no answer yet"));
    }

    #[test]
    fn a_reason_is_forgotten_once_connected() {
        let failed = view(BrokerState::Error, Some("nothing listens"));
        let connected = view(BrokerState::Connected, None);
        check(std::slice::from_ref(&failed), connected.clone(), None);
        check(&[failed, connected], view(BrokerState::Connecting, None), Some("no answer yet"));
    }
}
