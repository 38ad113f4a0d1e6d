//! A STUN server that tells clients the address they are seen from (RFC 8489, Binding only).
//!
//! It answers nothing but well-formed Binding requests without attributes that need
//! understanding, so an answer is at most 24 bytes longer than its request, and so many a second
//! to one address: nobody gains by forging a sender.

mod message;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::clock::Clock;
use crate::limits::{AddressBuckets, Rate};
use crate::tasks::{Stopped, Tasks};

use message::Request;

/// Datagrams beyond this are no Binding requests; what does not fit is cut off and fails to parse.
const MAX_DATAGRAM_BYTES: usize = 576;

/// How long to wait after a failed receive, so that a broken socket does not spin.
const PAUSE: Duration = Duration::from_millis(10);

/// A running responder.
#[derive(Debug)]
pub(crate) struct Responder {
    tasks: Tasks,
}

impl Responder {
    pub(crate) fn start(socket: UdpSocket, clock: Clock, answers_per_second: u32) -> Self {
        let rate = Rate::with_bursts(answers_per_second, 4);
        let mut tasks = Tasks::new();
        tasks.spawn(|stopped| respond(socket, clock, AddressBuckets::new(rate), stopped));
        Self { tasks }
    }

    pub(crate) async fn stop(self) {
        self.tasks.stop().await;
    }
}

async fn respond(socket: UdpSocket, clock: Clock, mut rates: AddressBuckets, mut stopped: Stopped) {
    let mut buffer = [0; MAX_DATAGRAM_BYTES];
    loop {
        let received = tokio::select! {
            () = stopped.requested() => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        match received {
            Ok((len, from)) => {
                let datagram = buffer.get(..len).unwrap_or_default();
                if let Some(answer) = answer(datagram, from, &mut rates, clock.now_ms()) {
                    // A full send buffer loses the answer, as the network might.
                    let _lost = socket.try_send_to(&answer, from);
                }
            }
            Err(error) => {
                tracing::debug!(%error, "receiving a STUN request failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn answer(
    datagram: &[u8],
    from: SocketAddr,
    rates: &mut AddressBuckets,
    now_ms: u64,
) -> Option<Vec<u8>> {
    let request = Request::parse(datagram)?;
    rates.take(from.ip(), now_ms).then(|| request.success(from))
}
