//! The hub's web site: what a client asks before it connects.
//!
//! | request | answer |
//! |---|---|
//! | `GET /challenge` | `{"nonce","aud","expires_in"}`: what an access token is made with (§9) |
//! | `POST /ice` with `Authorization: Bearer <token>` | `{"iceServers":[{"urls":[…]}],"ttl"}` (§10) |
//! | `GET /config.json` | `{"name","brokers":[…],"stun":[…]}`: where everything is |
//! | `GET /health` | `{"status":"ok","uptime","connections"}`: for whoever watches the hub |
//! | `GET /` | a page for people who open the hub in a browser |
//!
//! Errors are `{"error","message"}`. Answers may be read by pages of any origin: nothing here
//! depends on cookies.

mod answer;
mod public;
mod routes;

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::authority::Authority;
use crate::broker::Census;
use crate::config::Limits;
use crate::limits::{AddressBuckets, Admission, Connections, Rate};
use crate::tasks::{Stopped, Tasks};

use answer::{Answer, Body};
pub(crate) use public::Public;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one connection may live, busy or not.
const CONNECTION_LIFE: Duration = Duration::from_secs(60);

/// The largest head of a request, in bytes: a token of 2 KiB and what browsers add.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long to wait after a failed `accept`.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running site.
#[derive(Debug)]
pub(crate) struct Site {
    tasks: Tasks,
}

/// What answers are made from.
#[derive(Debug)]
struct Shared {
    public: Public,
    authority: Arc<Authority>,
    census: Census,
    rates: Mutex<AddressBuckets>,
}

impl Site {
    pub(crate) fn start(
        listener: TcpListener,
        public: Public,
        authority: Arc<Authority>,
        census: Census,
        limits: &Limits,
    ) -> Self {
        let rate = Rate::with_bursts(limits.http_requests_per_second, 20);
        let rates = Mutex::new(AddressBuckets::new(rate));
        let shared = Arc::new(Shared { public, authority, census, rates });
        let connections = Connections::new(limits.http_connections, limits.http_connections);
        let mut tasks = Tasks::new();
        tasks.spawn(|stopped| accept(listener, shared, connections, stopped));
        Self { tasks }
    }

    /// Stops accepting and finishes what is being answered.
    pub(crate) async fn stop(self) {
        self.tasks.stop().await;
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    connections: Connections,
    mut stopped: Stopped,
) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped.requested() => break,
            Some(_) = clients.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    if let Ok(admission) = connections.admit(address.ip()) {
                        let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
                        clients.spawn(serve(stream, address, shared, stopped, admission));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting an HTTP connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while clients.join_next().await.is_some() {}
}

/// Serves one connection, until it ends, its time is over, or the site stops.
async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    shared: Arc<Shared>,
    mut stopped: Stopped,
    _admission: Admission,
) {
    let reached = stream.local_addr().map_or(address.ip(), |local| local.ip());
    let service = service_fn(|request: Request<Incoming>| {
        let answer = shared.answer(&request, address.ip(), reached);
        async move { Ok::<Response<Body>, Infallible>(answer.into_response(request.method())) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = tokio::time::sleep(CONNECTION_LIFE) => Ok(()),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "HTTP connection ended");
    }
}

impl Shared {
    fn answer(&self, request: &Request<Incoming>, from: IpAddr, reached: IpAddr) -> Answer {
        let now_ms = self.authority.clock().now_ms();
        let in_rate = self.rates.lock().unwrap_or_else(PoisonError::into_inner).take(from, now_ms);
        if in_rate { routes::answer(self, request, reached) } else { Answer::too_many() }
    }
}
