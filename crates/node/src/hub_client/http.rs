//! One small request over a connection of its own: bounded in time and size.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, HOST, HeaderValue, LOCATION};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::origin::Origin;
use crate::dial::{DialError, Dialer};

/// The largest answer read: the hub's answers have hundreds of bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The largest head read.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Why the hub gave no usable answer, in words for the person who configured it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum HttpError {
    #[error("{0}")]
    Dial(#[from] DialError),
    #[error("{origin} did not answer {path} in time; is it a Tincan hub, and is it well?")]
    TimedOut { origin: Origin, path: String },
    #[error("{origin} does not answer as a web server would ({reason}); is it a Tincan hub?")]
    NotHttp { origin: Origin, reason: String },
    #[error("{origin} broke off its answer ({reason}); is it a Tincan hub, and is it well?")]
    Broken { origin: Origin, reason: String },
    #[error("{origin} speaks TLS; write https:// in place of http://")]
    NeedsTls { origin: Origin },
    #[error("{origin} answered HTTP {status} to {path}; is it a Tincan hub?")]
    Status { origin: Origin, path: String, status: u16 },
    #[error("{origin} sent more than {MAX_BODY_BYTES} bytes for {path}; is it a Tincan hub?")]
    TooLarge { origin: Origin, path: String },
    #[error("{origin} sent something unexpected for {path} ({reason}); is it a Tincan hub?")]
    Content { origin: Origin, path: String, reason: String },
}

impl HttpError {
    /// Whether something came that is no answer of a hub.
    pub(crate) fn is_unreadable(&self) -> bool {
        match self {
            Self::NotHttp { .. } | Self::TooLarge { .. } | Self::Content { .. } => true,
            Self::Dial(_)
            | Self::TimedOut { .. }
            | Self::Broken { .. }
            | Self::NeedsTls { .. }
            | Self::Status { .. } => false,
        }
    }
}

/// `GET`, or `POST` with nothing but a token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask<'a> {
    /// `GET path`.
    Get,
    /// `POST path` with `Authorization: Bearer`.
    Post {
        /// The access token (protocol §9).
        token: &'a str,
    },
}

/// The body of a 200 answer.
pub(crate) async fn fetch(
    dialer: &Dialer,
    origin: &Origin,
    path: &str,
    ask: Ask<'_>,
) -> Result<Bytes, HttpError> {
    let stream = dialer.stream(&origin.host, origin.port, origin.secure).await?;
    let exchange = exchange(stream, origin, path, ask);
    timeout(dialer.patience.exchange, exchange).await.unwrap_or_else(|_| {
        Err(HttpError::TimedOut { origin: origin.clone(), path: path.to_owned() })
    })
}

/// Asks over a stream, however long it takes.
pub(crate) async fn exchange<S>(
    stream: S,
    origin: &Origin,
    path: &str,
    ask: Ask<'_>,
) -> Result<Bytes, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: &hyper::Error| {
        let (origin, reason) = (origin.clone(), error.to_string());
        match error.is_parse() {
            true => HttpError::NotHttp { origin, reason },
            false => HttpError::Broken { origin, reason },
        }
    };
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(&error))?;
    let request = request(origin, path, ask)
        .map_err(|error| HttpError::Broken { origin: origin.clone(), reason: error.to_string() })?;
    // The connection is driven beside the exchange and dropped with it.
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        if !origin.secure && leads_to_tls(&response) {
            return Err(HttpError::NeedsTls { origin: origin.clone() });
        }
        if status != 200 {
            let (origin, path) = (origin.clone(), path.to_owned());
            return Err(HttpError::Status { origin, path, status });
        }
        match Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(HttpError::TooLarge { origin: origin.clone(), path: path.to_owned() })
            }
            Err(error) => Err(match error.downcast::<hyper::Error>() {
                Ok(error) => failed(&error),
                Err(error) => {
                    let reason = error.to_string();
                    HttpError::Broken { origin: origin.clone(), reason }
                }
            }),
        }
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection may end before its last bytes are taken out of the channel.
        _ = &mut connection => answer.await,
    }
}

/// Whether this is how a server in front of TLS answers what came without. It is not followed: what
/// is configured is to be right.
fn leads_to_tls<B>(response: &Response<B>) -> bool {
    let location = response.headers().get(LOCATION).map(HeaderValue::as_bytes);
    response.status().is_redirection()
        && location.is_some_and(|location| location.starts_with(b"https://"))
}

fn request(
    origin: &Origin,
    path: &str,
    ask: Ask<'_>,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let request = Request::builder()
        .uri(path)
        .header(HOST, origin.authority())
        .header(ACCEPT, "application/json")
        .header(CONNECTION, "close");
    match ask {
        Ask::Get => request.method(Method::GET).body(Full::default()),
        Ask::Post { token } => request
            .method(Method::POST)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Full::default()),
    }
}
