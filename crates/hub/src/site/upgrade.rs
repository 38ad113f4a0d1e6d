//! From HTTP to the broker: a WebSocket handshake on the site's own port.

use std::net::SocketAddr;

use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use super::answer::{Answer, Body};
use crate::broker::{self, Door};
use crate::stream::ClientStream;

/// Lets a client in whose request is a WebSocket handshake: what is to be answered, after which
/// the connection is the broker's.
///
/// # Errors
/// The answer to one that is not let in.
pub(super) fn to_broker(
    door: &Door,
    request: &mut Request<Incoming>,
    from: SocketAddr,
) -> Result<Response<Body>, Answer> {
    let welcome = broker::welcome(request, Body::default).map_err(|error| {
        tracing::debug!(%error, "no WebSocket handshake");
        Answer::upgrade_required()
    })?;
    let admission = door.admit(from).map_err(Answer::full)?;
    let upgrading = Box::pin(upgraded(hyper::upgrade::on(request)));
    door.hand_over(upgrading, from, admission).map_err(Answer::full)?;
    Ok(welcome)
}

/// The bare stream, once the answer is written.
async fn upgraded(upgrade: OnUpgrade) -> Option<(ClientStream, bytes::Bytes)> {
    let upgraded: Upgraded = upgrade
        .await
        .inspect_err(|error| tracing::debug!(%error, "the client left before the upgrade"))
        .ok()?;
    let parts = upgraded.downcast::<TokioIo<ClientStream>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf))
}
