//! The link to the broker (seed §4, protocol §8): its states, its backoff.

use std::time::Duration;

use tincan_wire::{client_id, own_filter};

use crate::backoff::Backoff;
use crate::engine::Engine;
use crate::event::{Alarm, BrokerState, BrokerView, Event};
use crate::input::{BrokerInput, Unreadable};
use crate::output::{BrokerOutput, Output};
use crate::time::Time;
use crate::timer::{Timer, Timers};

/// CONNACK and SUBACK must come within this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A link that has stood so long resets the backoff.
const STABLE_AFTER: Duration = Duration::from_secs(30);
/// After so many refusals of our credentials in a row we wait for the user.
const MAX_REFUSALS: u32 = 3;
/// Networks change in bursts: a link that is younger stands until the burst is over.
const SETTLE: Duration = Duration::from_millis(250);

/// The state of the link.
#[derive(Debug)]
pub(crate) struct BrokerLink {
    pub(crate) state: BrokerState,
    pub(crate) backoff: Backoff,
    reason: Option<String>,
    refusals: u32,
    connected_at: Time,
    /// The user said `Disconnect`: stay away until `Connect`.
    away: bool,
    /// This run's mark is on disk.
    ready: bool,
}

impl BrokerLink {
    pub(crate) fn new() -> Self {
        Self {
            state: BrokerState::Disconnected,
            backoff: Backoff::default(),
            reason: None,
            refusals: 0,
            connected_at: Time::default(),
            away: false,
            ready: false,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state == BrokerState::Connected
    }

    pub(crate) fn view(&self, timers: &Timers) -> BrokerView {
        BrokerView {
            state: self.state,
            reason: self.reason.clone(),
            retry_at: timers.at(Timer::BrokerBackoff),
            attempts: self.backoff.failures(),
        }
    }
}

impl Engine {
    pub(crate) fn broker_ready(&mut self, now: Time) {
        self.broker.ready = true;
        self.broker_connect(now);
    }

    pub(crate) fn broker_not_ready(&mut self, reason: String, now: Time) {
        self.broker_failed(BrokerState::Error, reason, now);
    }

    fn broker_state(&mut self, state: BrokerState, reason: Option<String>) {
        self.broker.state = state;
        self.broker.reason = reason;
        let view = self.broker.view(&self.timers);
        self.event(Event::Broker(view));
    }

    /// `connect()`, or the backoff ends → Connecting.
    pub(crate) fn broker_connect(&mut self, now: Time) {
        if self.broker.away {
            return;
        }
        if !self.broker.ready {
            // The disk refused this run's mark: ask it again.
            return self.start(now);
        }
        match self.broker.state {
            BrokerState::Connecting | BrokerState::Connected => return,
            BrokerState::Disconnected | BrokerState::Error => {}
        }
        self.timers.clear(Timer::BrokerBackoff);
        self.timers.set(Timer::BrokerConnect, now + CONNECT_TIMEOUT);
        self.broker_state(BrokerState::Connecting, None);
        self.output(Output::Broker(BrokerOutput::Connect {
            client_id: client_id(&self.dev),
            username: self.me.to_string(),
            filter: own_filter(&self.me),
        }));
    }

    /// A person asked: forget backoff and refusals.
    pub(crate) fn broker_connect_now(&mut self, now: Time) {
        self.broker.away = false;
        self.broker.refusals = 0;
        self.broker.backoff.reset();
        self.broker_connect(now);
    }

    /// A person asked, or the shell ends.
    pub(crate) fn broker_disconnect(&mut self, _now: Time) {
        self.broker.away = true;
        self.clear_broker_timers();
        self.output(Output::Broker(BrokerOutput::Disconnect));
        self.broker_state(BrokerState::Disconnected, None);
    }

    fn clear_broker_timers(&mut self) {
        for timer in
            [Timer::BrokerConnect, Timer::BrokerBackoff, Timer::BrokerStable, Timer::BrokerMoved]
        {
            self.timers.clear(timer);
        }
    }

    pub(crate) fn handle_broker(&mut self, input: BrokerInput, now: Time) {
        match input {
            BrokerInput::Connected => self.broker_connected(now),
            BrokerInput::Refused { credentials, reason } => {
                self.broker_refused(credentials, reason, now);
            }
            BrokerInput::Closed { reason } => match self.broker.state {
                BrokerState::Connected => {
                    self.broker_failed(BrokerState::Disconnected, reason, now);
                }
                BrokerState::Connecting => self.broker_failed(BrokerState::Error, reason, now),
                BrokerState::Disconnected | BrokerState::Error => {}
            },
            BrokerInput::Message { topic, payload, retain } => {
                self.handle_signal(&topic, &payload, retain, now);
            }
            BrokerInput::Unreadable(what) => {
                let reason = match what {
                    Unreadable::Packet => "unreadable packet of the broker",
                    Unreadable::HubAnswer => "unreadable answer of the hub",
                };
                self.reject(reason, now);
            }
        }
    }

    fn broker_connected(&mut self, now: Time) {
        if self.broker.state != BrokerState::Connecting {
            return;
        }
        self.timers.clear(Timer::BrokerConnect);
        self.timers.set(Timer::BrokerStable, now + STABLE_AFTER);
        self.broker.refusals = 0;
        self.broker.connected_at = now;
        self.broker_state(BrokerState::Connected, None);
        self.announce(now);
    }

    fn broker_refused(&mut self, credentials: bool, reason: String, now: Time) {
        if self.broker.state != BrokerState::Connecting {
            return;
        }
        self.broker.refusals = if credentials { self.broker.refusals + 1 } else { 0 };
        if self.broker.refusals < MAX_REFUSALS {
            return self.broker_failed(BrokerState::Error, reason, now);
        }
        self.clear_broker_timers();
        self.broker_state(BrokerState::Error, Some(reason.clone()));
        self.alarm(None, Alarm::CredentialsRefused { reason });
    }

    pub(crate) fn broker_connect_overdue(&mut self, now: Time) {
        self.output(Output::Broker(BrokerOutput::Disconnect));
        let reason = "the broker did not answer within 10 s".to_owned();
        self.broker_failed(BrokerState::Error, reason, now);
    }

    fn broker_failed(&mut self, state: BrokerState, reason: String, now: Time) {
        self.clear_broker_timers();
        if self.broker.away {
            return self.broker_state(BrokerState::Disconnected, Some(reason));
        }
        let wait = self.broker.backoff.next(&mut self.rng);
        self.timers.set(Timer::BrokerBackoff, now + wait);
        self.broker_state(state, Some(reason));
    }

    /// A new network: the old link is dead or about to be, and waiting is for nothing.
    pub(crate) fn broker_network_changed(&mut self, now: Time) {
        if self.broker.away {
            return;
        }
        let settled = self.broker.connected_at + SETTLE;
        if self.broker.is_connected() && now < settled {
            // It may have been made before the change that we hear of now.
            return self.timers.set(Timer::BrokerMoved, settled);
        }
        match self.broker.state {
            BrokerState::Connected | BrokerState::Connecting => {
                self.output(Output::Broker(BrokerOutput::Disconnect));
                self.broker.state = BrokerState::Disconnected;
            }
            BrokerState::Disconnected | BrokerState::Error => {}
        }
        self.clear_broker_timers();
        self.broker_connect(now);
    }
}
