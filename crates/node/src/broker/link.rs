//! The shell's end of the broker's task: wishes go in, reports come out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tincan_engine::{BrokerInput, BrokerOutput, Unreadable};
use tincan_mqtt::{Publish, Qos, Session};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::dialing::Token;
use super::driver::Driver;
use super::meeting_place::MeetingPlace;
use crate::dial::Dialer;
use crate::ice_servers::IceServers;

/// How many orders may wait: the task takes them at once unless a report waits for the shell.
const MAX_ORDERS: usize = 1024;

/// Orders kept free for connecting and disconnecting, which must not be lost.
const RESERVED_ORDERS: usize = 64;

/// How many reports may wait for the shell; beyond it the broker is read no further.
const MAX_REPORTS: usize = 256;

/// How long the task may take to end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What the task tells the shell.
#[derive(Debug)]
pub(crate) enum Report {
    /// For the engine, unless the attempt that it is about is over: then it is stale.
    Link { attempt: u64, input: BrokerInput },
    /// A message, whichever attempt brought it.
    Message { topic: String, payload: Vec<u8>, retain: bool },
    /// The hub wants a token for this.
    Challenge { aud: String, nonce: String, answer: oneshot::Sender<Token> },
    /// The STUN and TURN servers of the hub.
    Ice(IceServers),
    /// Something came that cannot be read, whichever attempt brought it.
    Unreadable(Unreadable),
    /// By how many milliseconds our clock is behind the hub's; negative if it is ahead.
    Clock(i64),
}

/// What the shell wishes.
#[derive(Debug)]
pub(super) enum Order {
    Connect { attempt: u64, client_id: String, filter: String },
    Publish(Publish),
    Disconnect,
    Move(MeetingPlace),
}

/// Who logs in where no token is used.
#[derive(Clone, Default)]
pub(crate) struct Login {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

/// The shell's end of the task.
#[derive(Debug)]
pub(crate) struct BrokerLink {
    orders: mpsc::Sender<Order>,
    attempt: u64,
    task: JoinHandle<()>,
}

impl BrokerLink {
    /// Starts the task, which does nothing until it is told to connect.
    pub(crate) fn start(
        dialer: Dialer,
        place: MeetingPlace,
        login: Login,
        stun: Vec<String>,
    ) -> (Self, mpsc::Receiver<Report>) {
        let (orders, orders_in) = mpsc::channel(MAX_ORDERS);
        let (reports, reports_out) = mpsc::channel(MAX_REPORTS);
        let driver = Driver {
            orders: orders_in,
            reports,
            dialer,
            place,
            login,
            stun,
            ice: Arc::default(),
            session: Session::new(tincan_mqtt::Config::default()),
            started: Instant::now(),
            failures: 0,
            leaving: JoinSet::new(),
        };
        (Self { orders, attempt: 0, task: tokio::spawn(driver.run()) }, reports_out)
    }

    /// Passes an output of the engine on. A publish that finds no room is dropped, as a broker
    /// may drop it, too; the engine counts on answers only.
    pub(crate) fn handle(&mut self, output: BrokerOutput) {
        let order = match output {
            BrokerOutput::Connect { client_id, filter, .. } => {
                self.attempt += 1;
                Order::Connect { attempt: self.attempt, client_id, filter }
            }
            BrokerOutput::Publish { topic, payload, at_least_once, expiry } => {
                if self.orders.capacity() <= RESERVED_ORDERS {
                    tracing::warn!("publish dropped: too many wait");
                    return;
                }
                let qos = if at_least_once { Qos::AtLeastOnce } else { Qos::AtMostOnce };
                Order::Publish(Publish { topic, payload, qos, expiry: Some(expiry), token: 0 })
            }
            BrokerOutput::Disconnect => {
                self.attempt += 1;
                Order::Disconnect
            }
        };
        self.order(order);
    }

    /// From the next attempt on, connect there. What waits for the old broker is dropped.
    pub(crate) fn move_to(&mut self, place: MeetingPlace) {
        self.order(Order::Move(place));
    }

    fn order(&mut self, order: Order) {
        if self.orders.try_send(order).is_err() {
            tracing::warn!("the broker's task takes no more orders");
        }
    }

    /// Whether a report is about what was asked last.
    pub(crate) fn is_current(&self, attempt: u64) -> bool {
        attempt == self.attempt
    }

    /// Says good-bye to the broker and ends the task.
    pub(crate) async fn close(self) {
        drop(self.orders);
        if timeout(CLOSE_TIMEOUT, self.task).await.is_err() {
            tracing::debug!("the broker's task did not end in time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn publishes_that_wait_leave_room_for_what_must_not_be_lost() {
        let (orders, mut taken) = mpsc::channel(MAX_ORDERS);
        let mut link = BrokerLink { orders, attempt: 0, task: tokio::spawn(async {}) };
        for _ in 0..2 * MAX_ORDERS {
            let (topic, payload) = ("user/tin1x/heartbeat".to_owned(), vec![0; 16]);
            let expiry = Duration::from_secs(30);
            link.handle(BrokerOutput::Publish { topic, payload, at_least_once: false, expiry });
        }
        link.handle(BrokerOutput::Disconnect);
        assert_eq!(taken.len(), MAX_ORDERS - RESERVED_ORDERS + 1);
        let mut last = None;
        while let Ok(order) = taken.try_recv() {
            last = Some(order);
        }
        assert!(matches!(last, Some(Order::Disconnect)));
    }
}
