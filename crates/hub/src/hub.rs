//! A running hub.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tincan_wire::access_token::MAX_AUDIENCE_BYTES;

use crate::access::Access;
use crate::authority::Authority;
use crate::broker::{self, Broker, BrokerConfig, StorageError};
use crate::clock::Clock;
use crate::config::Config;
use crate::log::Log;
use crate::relay::{Credentials, Doors, Probes, Relay, RelayStart};
use crate::site::{Entrance, Public, Site, Turn};
use crate::tasks::Tasks;
use crate::tls::{CertificateError, CertificateWarning, Entry, Port, Tls};

/// How long [`Hub::shutdown`] takes at most.
const SHUTDOWN: Duration = Duration::from_millis(1700);

/// A hub that is open. Dropping it closes everything at once; [`shutdown`](Self::shutdown) says
/// good-bye first.
#[derive(Debug)]
pub struct Hub {
    addresses: Addresses,
    clock: Clock,
    broker: Broker,
    site: Site,
    relay: Relay,
    tls: Option<Tls>,
    /// What looks after the certificate.
    renewal: Tasks,
}

/// Where a hub listens. The ports are the real ones, also where 0 was asked for; the address is
/// the one bound, which may be 0.0.0.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The site: `http://` here is the hub's origin in invites, or `https://` where it is secure.
    pub http: SocketAddr,
    /// MQTT over TCP, and over TLS where it is secure.
    pub mqtt: SocketAddr,
    /// MQTT over WebSocket, path `/mqtt`.
    pub websocket: SocketAddr,
    /// STUN and TURN over UDP, and TURN over TCP.
    pub stun: SocketAddr,
    /// TURN over TLS; there is none without a certificate.
    pub turns: Option<SocketAddr>,
}

impl Addresses {
    /// Whether the hub has a certificate, so that its clients speak TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.turns.is_some()
    }

    /// What the hub's origin begins with: `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.is_secure() { "https" } else { "http" }
    }
}

/// What a hub counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// How long it has been open.
    pub uptime: Duration,
    /// MQTT connections of the moment.
    pub connections: usize,
    /// MQTT sessions, connected or kept for someone who is away; at most a minute old.
    pub sessions: usize,
    /// Allocations on the relay.
    pub allocations: usize,
}

/// Why a hub does not open.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The name cannot be in a token.
    #[error("a hub's name has 1 to {MAX_AUDIENCE_BYTES} bytes; choose another")]
    Name,
    /// The public host is not one.
    #[error("`{0}` is no host; give a name or an address without scheme and port")]
    PublicHost(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {purpose}: {error}; {}", way_out(error))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What it is for.
        purpose: &'static str,
        /// What the system says.
        error: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The relay cannot start.
    #[error("the relay cannot start: {0}")]
    Relay(std::io::Error),
    /// A relay elsewhere takes only credentials that are made from its secret.
    #[error("relays elsewhere need the secret that they take; name it beside their URLs")]
    RelaySecret,
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

impl Hub {
    /// Opens a hub on the running tokio runtime.
    ///
    /// # Errors
    /// See [`HubError`]; nothing is left open then.
    pub async fn start(config: Config) -> Result<Self, HubError> {
        if !(1..=MAX_AUDIENCE_BYTES).contains(&config.name.len()) {
            return Err(HubError::Name);
        }
        if !config.relay.elsewhere.is_empty() && config.relay.secret.is_none() {
            return Err(HubError::RelaySecret);
        }
        let (secret, seed) = (random()?, random()?);
        let (clock, log) = (Clock::start(), Log::new(config.log_ids));
        let access = Access::new(config.name.clone(), secret);
        let authority = Arc::new(Authority::new(access, clock, log, &config.limits));
        let tls = config.tls.as_ref().map(|files| Tls::load(files, &config.limits, clock));
        let tls = tls.transpose()?;
        let entry = |port| Entry::new(tls.as_ref(), port);

        let sockets = Sockets::open(&config).await?;
        let addresses = sockets.addresses;
        let public =
            Public::new(config.public_host.clone(), addresses).map_err(HubError::PublicHost)?;
        let credentials = Arc::new(Credentials::new(&config.relay).map_err(HubError::Random)?);
        let public = public
            .with_turn(Turn::of(&config.relay, &credentials))
            .with_probes(sockets.probes.told().clone());
        let (doors, probes) = (sockets.stun, sockets.probes);
        let relay = RelayStart { doors, probes, entry: entry(Port::Relay), clock, seed };
        let relay = Relay::start(relay, &config, &credentials).map_err(HubError::Relay)?;
        let broker = BrokerConfig {
            mqtt: sockets.mqtt,
            websocket: sockets.websocket,
            entry: entry(Port::Broker),
            limits: config.limits,
            data_dir: config.data_dir,
        };
        let broker = Broker::start(broker, Arc::clone(&authority)).await?;
        let entrance = Entrance { listener: sockets.http, entry: entry(Port::Site) };
        let site = Site::start(entrance, public, authority, &broker, relay.door(), &config.limits);
        let mut renewal = Tasks::new();
        if let Some((tls, files)) = tls.clone().zip(config.tls) {
            renewal.spawn(|stopped| tls.keep_up(files, stopped));
        }
        tracing::info!(
            http = addresses.http.port(),
            mqtt = addresses.mqtt.port(),
            websocket = addresses.websocket.port(),
            stun = addresses.stun.port(),
            turns = addresses.turns.map(|turns| turns.port()),
            "hub is open"
        );
        Ok(Self { addresses, clock, broker, site, relay, tls, renewal })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// What its clients will complain about in the certificate that it shows at the moment.
    pub fn certificate_warning(&self) -> Option<CertificateWarning> {
        self.tls.as_ref()?.warning()
    }

    /// What it counts.
    pub fn stats(&self) -> Stats {
        let census = self.broker.census();
        Stats {
            uptime: Duration::from_millis(self.clock.now_ms()),
            connections: census.connections(),
            sessions: census.sessions(),
            allocations: self.relay.allocations(),
        }
    }

    /// Closes the listeners, tells the clients, writes what is to be kept. Takes less than two
    /// seconds; who is not done by then is cut off.
    pub async fn shutdown(self) {
        let Self { broker, site, relay, renewal, .. } = self;
        let orderly =
            async { tokio::join!(renewal.stop(), relay.stop(), site.stop(), broker.stop()) };
        match tokio::time::timeout(SHUTDOWN, orderly).await {
            Ok(_) => tracing::info!("hub is closed"),
            Err(_) => tracing::warn!("hub is closed; some clients did not leave in time"),
        }
    }
}

/// What to do when a port cannot be had.
fn way_out(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a right: give the service CAP_NET_BIND_SERVICE, or choose \
             another port"
        }
        _ => "choose another port, or 0 for any",
    }
}

fn random() -> Result<[u8; 32], HubError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(HubError::Random)?;
    Ok(bytes)
}

/// The sockets of a hub, opened together so that none is left behind if one fails.
struct Sockets {
    http: tokio::net::TcpListener,
    mqtt: tokio::net::TcpListener,
    websocket: tokio::net::TcpListener,
    stun: Doors,
    probes: Probes,
    addresses: Addresses,
}

impl Sockets {
    async fn open(config: &Config) -> Result<Self, HubError> {
        let (bind, ports) = (config.bind, config.ports);
        let failed = |port, purpose| {
            let address = SocketAddr::new(bind, port);
            move |error| HubError::Bind { address, purpose, error }
        };
        let http = broker::bind(bind, ports.http).await.map_err(failed(ports.http, "HTTP"))?;
        let mqtt = broker::bind(bind, ports.mqtt).await.map_err(failed(ports.mqtt, "MQTT"))?;
        let websocket = broker::bind(bind, ports.websocket)
            .await
            .map_err(failed(ports.websocket, "MQTT over WebSocket"))?;
        let stun = Doors::open(SocketAddr::new(bind, ports.stun))
            .await
            .map_err(failed(ports.stun, "STUN and TURN"))?;
        let probes = Probes::open(bind, ports.second_stun, &config.stun_addresses)
            .await
            .map_err(|(address, error)| HubError::Bind { address, purpose: "STUN", error })?;
        let turns = match &config.tls {
            Some(_) => {
                let failed = failed(ports.turns, "TURN over TLS");
                Some(broker::bind(bind, ports.turns).await.map_err(failed)?)
            }
            None => None,
        };
        let addresses = Addresses {
            http: http.local_addr().map_err(failed(ports.http, "HTTP"))?,
            mqtt: mqtt.local_addr().map_err(failed(ports.mqtt, "MQTT"))?,
            websocket: websocket.local_addr().map_err(failed(ports.websocket, "WebSocket"))?,
            stun: stun.local_addr().map_err(failed(ports.stun, "STUN"))?,
            turns: turns
                .as_ref()
                .map(tokio::net::TcpListener::local_addr)
                .transpose()
                .map_err(failed(ports.turns, "TURN over TLS"))?,
        };
        let stun = stun.with_tls(turns);
        Ok(Self { http, mqtt, websocket, stun, probes, addresses })
    }
}
