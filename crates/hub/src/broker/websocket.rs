//! The WebSocket handshake of the broker: path `/mqtt`, subprotocol `mqtt` (MQTT §6).

use std::time::Duration;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::handshake::server::{
    ErrorResponse, Request, Response, create_response_with_body,
};
use tokio_tungstenite::tungstenite::http::{self, HeaderMap, HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config, tungstenite};

use crate::stream::ClientStream;

/// The path of the broker.
pub(crate) const PATH: &str = "/mqtt";

const SUBPROTOCOL: &str = "mqtt";

/// The longest a handshake may take.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);

/// The largest WebSocket message and frame, in bytes. A client may put several MQTT packets into
/// one; the packets have their own bound.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Why a connection is no WebSocket of ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("it took longer than {HANDSHAKE:?}")]
    TooSlow,
    #[error(transparent)]
    Protocol(#[from] tungstenite::Error),
}

/// Shakes hands as a server.
pub(super) async fn accept(
    stream: ClientStream,
) -> Result<WebSocketStream<ClientStream>, HandshakeError> {
    let handshake = accept_hdr_async_with_config(stream, check, Some(config()));
    match tokio::time::timeout(HANDSHAKE, handshake).await {
        Ok(accepted) => Ok(accepted?),
        Err(_) => Err(HandshakeError::TooSlow),
    }
}

/// The answer to a handshake that came as an HTTP request to someone else, who sends it and
/// then has a socket for [`after_handshake`].
///
/// # Errors
/// It is no WebSocket handshake.
pub(crate) fn welcome<B, T>(
    request: &http::Request<B>,
    body: impl FnOnce() -> T,
) -> Result<http::Response<T>, HandshakeError> {
    let mut response = create_response_with_body(request, body)?;
    choose_subprotocol(request.headers(), response.headers_mut());
    Ok(response)
}

/// The stream of a client that has been welcomed; `read` is what came with its handshake.
pub(super) async fn after_handshake(
    stream: ClientStream,
    read: Bytes,
) -> WebSocketStream<ClientStream> {
    WebSocketStream::from_partially_read(stream, read.into(), Role::Server, Some(config())).await
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .max_write_buffer_size(4 * MAX_MESSAGE_BYTES)
        .write_buffer_size(0)
}

#[expect(clippy::result_large_err, reason = "the library's callback has this shape")]
fn check(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    if request.uri().path() != PATH {
        let mut error = ErrorResponse::new(Some(format!("The broker is at {PATH}.\n")));
        *error.status_mut() = StatusCode::NOT_FOUND;
        return Err(error);
    }
    choose_subprotocol(request.headers(), response.headers_mut());
    Ok(response)
}

fn choose_subprotocol(asked: &HeaderMap, answered: &mut HeaderMap) {
    let offered = asked.get_all("Sec-WebSocket-Protocol");
    let mut offered = offered.iter().filter_map(|value| value.to_str().ok());
    if offered.any(|list| list.split(',').any(|name| name.trim() == SUBPROTOCOL)) {
        let value = HeaderValue::from_static(SUBPROTOCOL);
        answered.insert("Sec-WebSocket-Protocol", value);
    }
}
