//! MQTT over WebSocket (MQTT 5 §6): binary frames, whose boundaries mean nothing, as a byte
//! stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::{ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::{ByteStream, DialError};

/// The largest frame accepted: MQTT packets of at most 32 KiB arrive, several may share a frame.
const MAX_FRAME_BYTES: usize = 256 * 1024;

/// How much may wait in the socket's own buffer before a write fails; the driver flushes after
/// every write, so it never fills.
const MAX_WRITE_BYTES: usize = 1024 * 1024;

/// The initial buffers: a broker's packets are small, and the default of 128 KiB each is not.
const BUFFER_BYTES: usize = 4 * 1024;

/// Asks for the WebSocket.
pub(super) async fn open(
    stream: ByteStream,
    host: &str,
    port: u16,
    secure: bool,
    path: &str,
) -> Result<MqttWebSocket, DialError> {
    let failed = |reason: String| DialError::WebSocket { host: host.to_owned(), reason };
    let scheme = if secure { "wss" } else { "ws" };
    let authority =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = format!("{scheme}://{authority}{path}")
        .into_client_request()
        .map_err(|error| failed(error.to_string()))?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("mqtt"));
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BYTES)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(MqttWebSocket { socket, unread: Bytes::new() }),
        Err(Error::Http(response)) => Err(DialError::NoWebSocket {
            host: host.to_owned(),
            status: response.status().as_u16(),
        }),
        Err(Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(
            SubProtocolError::NoSubProtocol | SubProtocolError::InvalidSubProtocol,
        ))) => Err(DialError::NoMqtt { host: host.to_owned() }),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// A WebSocket, read and written as the bytes inside its binary frames.
#[derive(Debug)]
pub(super) struct MqttWebSocket {
    socket: WebSocketStream<ByteStream>,
    unread: Bytes,
}

impl AsyncRead for MqttWebSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                // Only binary frames may carry MQTT (MQTT 5 §6.0).
                Some(Ok(Message::Text(_))) => {
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                // Pings are answered by the socket itself.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(as_io(error))),
            }
        }
        let size = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread[..size]);
        self.unread.advance(size);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MqttWebSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.socket).poll_ready(cx)).map_err(as_io)?;
        let frame = Message::Binary(Bytes::copy_from_slice(buf));
        Pin::new(&mut self.socket).start_send(frame).map_err(as_io)?;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx).map_err(as_io)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx).map_err(as_io)
    }
}

fn as_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            io::ErrorKind::ConnectionAborted.into()
        }
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}
