//! The hub's web site: what a client asks before it connects.
//!
//! | request | answer |
//! |---|---|
//! | `GET /challenge` | `{"nonce","aud","expires_in","now"}`: what an access token is made with (§9), and the time |
//! | `POST /ice` with `Authorization: Bearer <token>` | `{"iceServers":[{"urls":[…]}],"ttl"}` (§10) |
//! | `GET /config.json` | `{"name","brokers":[…],"web":[…],"stun":[…]}`: where everything is |
//! | `GET /health` | `{"status":"ok","uptime","connections"}`: for whoever watches the hub |
//! | `GET /mqtt` as a WebSocket handshake | the broker, on this port, too |
//! | `GET /` and what it refers to | the page: Tincan in a browser |
//!
//! In `/config.json`, `brokers` are for programs; `web` is for pages, whose first broker is a
//! path of the page's own origin.
//!
//! With a certificate the port speaks TLS. Who comes without is sent there, and told so.
//!
//! Errors are `{"error","message"}`. Answers to programs may be read by pages of any origin:
//! nothing here depends on cookies.

mod answer;
mod encoding;
mod in_memory;
mod page;
mod policy;
mod public;
mod redirect;
mod routes;
mod upgrade;

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::authority::Authority;
use crate::broker::{Broker, Census, Door, WEBSOCKET_PATH};
use crate::config::Limits;
use crate::limits::{AddressBuckets, Admission, Connections, Rate};
use crate::relay::StreamDoor;
use crate::stream::ClientStream;
use crate::tasks::{Stopped, Tasks};
use crate::tls::{Entry, Said};

use answer::{Answer, Body};
pub(crate) use in_memory::SiteInMemory;
use page::Page;
pub(crate) use public::{Public, Turn};

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one connection may live; then it is finished after the request at hand.
const CONNECTION_LIFE: Duration = Duration::from_secs(60);

/// How long the answer at hand may take then: the page on a very slow line.
const LAST_ANSWER: Duration = Duration::from_secs(60);

/// The largest head of a request, in bytes: a token of 2 KiB and what browsers add.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long to wait after a failed `accept`.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running site.
#[derive(Debug)]
pub(crate) struct Site {
    tasks: Tasks,
}

/// Where clients come in.
#[derive(Debug)]
pub(crate) struct Entrance {
    pub(crate) listener: TcpListener,
    pub(crate) entry: Entry,
}

/// What answers are made from.
#[derive(Debug)]
struct Shared {
    public: Public,
    authority: Arc<Authority>,
    census: Census,
    door: Door,
    page: Page,
    rates: Mutex<AddressBuckets>,
}

impl Site {
    pub(crate) fn start(
        Entrance { listener, entry }: Entrance,
        public: Public,
        authority: Arc<Authority>,
        broker: &Broker,
        relay: StreamDoor,
        limits: &Limits,
    ) -> Self {
        let rate = Rate::with_bursts(limits.http_requests_per_second, 20);
        let rates = Mutex::new(AddressBuckets::new(rate));
        let (census, door, page) = (broker.census(), broker.door(), Page::built_in());
        let shared = Arc::new(Shared { public, authority, census, door, page, rates });
        let connections = Connections::new(limits.http_connections, limits.http_connections);
        let reception = Reception { shared, relay, entry };
        let mut tasks = Tasks::new();
        tasks.spawn(|stopped| accept(listener, reception, connections, stopped));
        Self { tasks }
    }

    /// Stops accepting and finishes what is being answered.
    pub(crate) async fn stop(self) {
        self.tasks.stop().await;
    }
}

/// Where those go who come to the site's port. Cheap to clone.
#[derive(Clone)]
struct Reception {
    shared: Arc<Shared>,
    relay: StreamDoor,
    entry: Entry,
}

/// What a client is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Site,
    /// It speaks HTTP in the clear although there is TLS.
    SiteInTheClear,
    Relay,
}

async fn accept(
    listener: TcpListener,
    reception: Reception,
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
                        let (reception, stopped) = (reception.clone(), stopped.clone());
                        clients.spawn(reception.serve(stream, address, stopped, admission));
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

impl Reception {
    /// Serves one connection, until it ends, its time is over, the site stops, or the broker has
    /// it.
    async fn serve(
        self,
        stream: TcpStream,
        address: SocketAddr,
        mut stopped: Stopped,
        admission: Admission,
    ) {
        let received = tokio::select! {
            received = self.receive(stream, address.ip()) => received,
            () = stopped.requested() => return,
        };
        // Who says nothing has had its time.
        let Some((stream, wish)) = received else { return };
        if wish == Wish::Relay {
            drop(admission);
            return tokio::select! {
                () = self.relay.serve(stream, address) => {}
                () = stopped.requested() => {}
            };
        }
        let _admission = admission;
        let reached = stream.local_addr().map_or(address.ip(), |local| local.ip());
        let is_astray = wish == Wish::SiteInTheClear;
        converse(stream, (address, reached), &self.shared, is_astray, &mut stopped).await;
    }

    /// Finds out what a client wants. `None` if it is gone, or to be left alone.
    async fn receive(&self, stream: TcpStream, address: IpAddr) -> Option<(ClientStream, Wish)> {
        let (mut stream, said) = match self.entry.admit(stream, address).await {
            Ok(admitted) => admitted,
            Err(reason) => {
                tracing::debug!(%reason, "a client of the site is not let in");
                return None;
            }
        };
        let wish = match said {
            Said::Http => Wish::Site,
            Said::Relay => Wish::Relay,
            Said::Nothing => {
                let first =
                    tokio::time::timeout(HEAD_TIMEOUT, stream.first_byte()).await.ok()??;
                if is_of_stun(first) {
                    Wish::Relay
                } else if self.entry.has_tls() && !stream.is_tls() {
                    Wish::SiteInTheClear
                } else {
                    Wish::Site
                }
            }
        };
        Some((stream, wish))
    }
}

/// Whether a client speaks to the relay here, as a network that lets only this port out makes it
/// do: STUN begins with a byte below 4 (RFC 7983 §7), HTTP with a letter.
fn is_of_stun(first: u8) -> bool {
    first < 4
}

/// Answers what comes over a connection between a client's address and one of ours. Who is astray
/// is only told where to go.
async fn converse<S>(
    stream: S,
    (address, reached): (SocketAddr, IpAddr),
    shared: &Shared,
    is_astray: bool,
    stopped: &mut Stopped,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|mut request: Request<Incoming>| {
        let response = shared.respond(&mut request, address, reached, is_astray);
        async move { Ok::<Response<Body>, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = tokio::time::sleep(CONNECTION_LIFE) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = stopped.requested() => Ok(()),
                () = tokio::time::sleep(LAST_ANSWER) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "HTTP connection ended");
    }
}

impl Shared {
    fn respond(
        &self,
        request: &mut Request<Incoming>,
        from: SocketAddr,
        reached: IpAddr,
        is_astray: bool,
    ) -> Response<Body> {
        let answer = if !self.in_rate(from.ip()) {
            Answer::too_many()
        } else if is_astray {
            redirect::to_tls(&self.public, request, reached)
        } else if request.uri().path() == WEBSOCKET_PATH {
            match upgrade::to_broker(&self.door, request, from) {
                Ok(welcome) => return welcome,
                Err(answer) => answer,
            }
        } else {
            routes::answer(self, request, reached)
        };
        answer.into_response(request.method())
    }

    fn in_rate(&self, address: IpAddr) -> bool {
        let now_ms = self.authority.clock().now_ms();
        self.rates.lock().unwrap_or_else(PoisonError::into_inner).take(address, now_ms)
    }
}
