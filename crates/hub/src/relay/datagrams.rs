//! Clients over UDP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tincan_relay::{Client, Now, Transport};

use super::switchboard::{Switchboard, TURN, Turn};
use crate::tasks::Stopped;

/// How long to wait after a failed receive, so that a broken socket does not spin.
const PAUSE: Duration = Duration::from_millis(10);

/// Serves them until told to stop.
pub(super) async fn serve(board: Arc<Switchboard>, mut stopped: Stopped) {
    loop {
        let readable = tokio::select! {
            () = stopped.requested() => return,
            readable = board.udp().readable() => readable,
        };
        let now = board.now();
        let received = readable.and_then(|()| board.turn(|turn| take(&board, now, turn)));
        board.settle(now);
        match received {
            // Others of this thread get their turn.
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => {
                tracing::debug!(%error, "receiving from a client failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Takes what is there, up to one turn.
fn take(board: &Switchboard, now: Now, turn: &mut Turn) -> io::Result<()> {
    let Turn { buffer, trains } = turn;
    let mut taken = 0;
    while taken < TURN {
        let received = board.udp().receive(buffer, |local, remote, bytes| {
            if tincan_relay::wants_change(bytes) {
                board.take_probe(now, board.udp(), local, remote, bytes);
            } else {
                board.take_from_client(now, &udp_client(remote, local), bytes, trains);
            }
            taken += 1;
        });
        match received {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn udp_client(remote: SocketAddr, local: SocketAddr) -> Client {
    Client { transport: Transport::Udp, remote, local, connection: 0 }
}
