//! Each address of the broker: a sign-in over a WebSocket, and good-bye.

use std::time::Duration;

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use tincan_doctor::{Broker, Fault, Reached, Way};
use tincan_mqtt::{Config, Credentials, Event, Output, Qos, Session};
use tincan_wire::{DeviceId, Identity, client_id, own_filter};

use super::{Pass, place, random, since, within};
use crate::broker::{Happening, Socket};
use crate::clock::steady_ms;
use crate::hub::HubConfig;

/// Sockets tried one after the other, until the versions of MQTT have been agreed on.
const MAX_SOCKETS: usize = 3;

/// All that a browser can use, at once, in their order.
pub(super) async fn try_all(config: &HubConfig, origin: &str, pass: Option<&Pass>) -> Vec<Broker> {
    let trials = config.sockets(origin).into_iter().map(|url| async move {
        let way = if url.starts_with("wss:") { Way::Wss } else { Way::Ws };
        let outcome = within(try_one(&url, pass)).await.unwrap_or(Err(Fault::TimedOut));
        Broker { place: place(way, &url), outcome }
    });
    join_all(trials).await
}

async fn try_one(url: &str, pass: Option<&Pass>) -> Result<Reached, Fault> {
    let no_randomness = || Fault::Other("the browser gives no random numbers".to_owned());
    let (credentials, filter) = credentials(pass).ok_or_else(no_randomness)?;
    let mut session = Session::new(Config { session_expiry: Duration::ZERO, ..Config::default() });
    session.subscribe(&filter, Qos::AtLeastOnce);
    for _ in 0..MAX_SOCKETS {
        let began = steady_ms();
        let (tell, mut heard) = unbounded();
        // Whoever asked may have gone.
        let socket = Socket::open(url, move |happening| drop(tell.unbounded_send(happening)));
        let socket = socket.map_err(Fault::Other)?;
        match heard.next().await {
            Some(Happening::Opened) => {}
            Some(Happening::Bytes(_) | Happening::Closed { .. }) | None => {
                return Err(Fault::TimedOut);
            }
        }
        let opened = since(began);
        let asked = steady_ms();
        session.transport_connected(0, credentials.clone());
        if let Some(outcome) = converse(&mut session, &socket, &mut heard).await {
            session.disconnect(0);
            send(&mut session, &socket);
            return outcome.map(|()| Reached { opened, signed_in: since(asked) });
        }
    }
    Err(Fault::NotABroker)
}

/// `None`: again, with another version of MQTT.
async fn converse(
    session: &mut Session,
    socket: &Socket,
    heard: &mut UnboundedReceiver<Happening>,
) -> Option<Result<(), Fault>> {
    loop {
        for event in send(session, socket) {
            match event {
                Event::Connected { .. } => return Some(Ok(())),
                Event::Retry { .. } => return None,
                Event::Refused { text, .. } => return Some(Err(Fault::NotAdmitted(text))),
                Event::SubscriptionRefused { .. } => return Some(Err(Fault::NotSubscribed)),
                Event::Closed { .. } => return Some(Err(Fault::Broken)),
                Event::Unreadable { .. } => return Some(Err(Fault::NotABroker)),
                Event::Message { .. } | Event::Acked { .. } | Event::Dropped { .. } => {}
            }
        }
        match heard.next().await {
            Some(Happening::Bytes(bytes)) => session.handle_bytes(0, &bytes),
            Some(Happening::Opened) => {}
            Some(Happening::Closed { .. }) | None => session.transport_closed(0),
        }
    }
}

/// Sends what the session has to say; gives what it tells.
fn send(session: &mut Session, socket: &Socket) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(output) = session.poll() {
        match output {
            Output::Transmit(bytes) => socket.send(&bytes),
            Output::CloseTransport => {}
            Output::Event(event) => events.push(event),
        }
    }
    events
}

/// `None` where there is no randomness.
fn credentials(pass: Option<&Pass>) -> Option<(Credentials, String)> {
    if let Some(pass) = pass {
        let token = pass.token()?;
        let credentials = Credentials::with_password(token.client_id, token.username, token.token);
        return Some((credentials, token.filter));
    }
    let nobody = Identity::from_seed(random()?).user_id();
    Some((Credentials::anonymous(client_id(&DeviceId(random()?))), own_filter(&nobody)))
}
