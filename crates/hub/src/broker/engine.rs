//! The MQTT engine behind the boundary: the parts of `mqtt5` that route, keep sessions and speak
//! to one client. Only this module and `gate` know it, and `fuzzing`, which tries what it reads.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mqtt5::broker::client_handler::ClientHandler;
use mqtt5::broker::config::BrokerConfig;
use mqtt5::broker::resource_monitor::{ResourceLimits, ResourceMonitor};
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::storage::{
    DynamicStorage, FileBackend, MemoryBackend, QueueLimits, StorageBackend as _,
};
use mqtt5::broker::sys_topics::BrokerStats;
use mqtt5::broker::tls_acceptor::TlsStreamWrapper;
use mqtt5::broker::transport::BrokerTransport;
use mqtt5::broker::websocket_server::WebSocketStreamWrapper;
use tokio::sync::broadcast;
use tokio_tungstenite::WebSocketStream;

use super::gate::Gate;
use crate::authority::Authority;
use crate::config::Limits;
use crate::stream::ClientStream;
use crate::tasks::Stopped;

/// The largest packet, in bytes: an envelope of 16 KiB (protocol §3), or a CONNECT with a token of
/// 2 KiB, and room for topic and properties.
pub(crate) const MAX_PACKET_BYTES: usize = 17 * 1024;

/// How long a session is kept for someone who is away (protocol §2).
const SESSION_EXPIRY: Duration = Duration::from_secs(14 * 24 * 3600);

/// What is kept for one who is away; the oldest goes first. Fourteen days of contact requests are
/// far less, and everything else expires after 30 s.
const QUEUE: QueueLimits = QueueLimits { max_messages: 512, max_bytes: 2 * 1024 * 1024 };

/// Messages between the router and one connection before they wait in its queue.
const CHANNEL_MESSAGES: usize = 256;

/// Publishes with QoS 1 of one client that may be unacknowledged, and the other way round.
const IN_FLIGHT: u16 = 64;

/// Filters of one client; the protocol needs one.
const MAX_SUBSCRIPTIONS: usize = 8;

/// How often expired sessions and messages are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// The data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep sessions in {}: {reason}; choose a directory that this user can write and no other hub uses", path.display())]
pub struct StorageError {
    path: PathBuf,
    reason: String,
}

/// Routes messages and keeps sessions.
pub(super) struct Engine {
    authority: Arc<Authority>,
    config: BrokerConfig,
    router: Arc<MessageRouter>,
    storage: Arc<DynamicStorage>,
    stats: Arc<BrokerStats>,
    monitor: Arc<ResourceMonitor>,
    sessions: Arc<SessionCount>,
    goodbye: broadcast::Sender<()>,
}

impl Engine {
    pub(super) async fn open(
        data_dir: Option<PathBuf>,
        limits: &Limits,
        authority: Arc<Authority>,
    ) -> Result<Self, StorageError> {
        let failed = |path: &PathBuf| {
            let path = path.clone();
            move |error: mqtt5::MqttError| StorageError { path, reason: error.to_string() }
        };
        let path = data_dir.clone().unwrap_or_default();
        let storage = match &data_dir {
            Some(path) => {
                let opened = FileBackend::with_queue_limits(path, QUEUE).await;
                DynamicStorage::File(opened.map_err(failed(path))?)
            }
            None => DynamicStorage::Memory(MemoryBackend::with_queue_limits(QUEUE)),
        };
        let storage = Arc::new(storage);
        let router = MessageRouter::with_storage(Arc::clone(&storage))
            .with_fallback_queue_limits(QUEUE)
            .with_retained_limits(1, 1);
        let expiry_secs = u32::try_from(SESSION_EXPIRY.as_secs()).unwrap_or(u32::MAX);
        router.recover_sessions(expiry_secs).await.map_err(failed(&path))?;
        router.initialize().await.map_err(failed(&path))?;
        let engine = Self {
            authority,
            config: broker_config(),
            router: Arc::new(router),
            storage,
            stats: Arc::new(BrokerStats::new()),
            monitor: Arc::new(ResourceMonitor::new(unlimited())),
            sessions: Arc::new(SessionCount::new(limits.sessions)),
            goodbye: broadcast::channel(1).0,
        };
        engine.count_sessions().await;
        Ok(engine)
    }

    pub(super) fn sessions(&self) -> usize {
        self.sessions.now.load(Ordering::Relaxed)
    }

    pub(super) async fn serve_stream(&self, stream: ClientStream, address: SocketAddr) {
        let transport = match stream {
            ClientStream::Plain(stream) => BrokerTransport::tcp(stream),
            ClientStream::Tls(stream) => BrokerTransport::tls(TlsStreamWrapper::new(*stream)),
        };
        self.serve(transport, address).await;
    }

    pub(super) async fn serve_websocket(
        &self,
        stream: WebSocketStream<ClientStream>,
        address: SocketAddr,
    ) {
        let stream = WebSocketStreamWrapper::new(stream);
        self.serve(BrokerTransport::websocket(stream), address).await;
    }

    /// Serves one client until it is gone.
    async fn serve(&self, transport: BrokerTransport, address: SocketAddr) {
        let gate = Arc::new(Gate::new(
            Arc::clone(&self.authority),
            Arc::clone(&self.storage),
            Arc::clone(&self.sessions),
            address,
        ));
        let mut config = self.config.clone();
        config.event_handler = Some(gate.clone());
        let handler = ClientHandler::new(
            transport,
            address,
            Arc::new(config),
            Arc::clone(&self.router),
            gate,
            Some(Arc::clone(&self.storage)),
            Arc::clone(&self.stats),
            Arc::clone(&self.monitor),
            self.goodbye.subscribe(),
        );
        if let Err(error) = handler.run().await {
            tracing::debug!(kind = %error_kind(&error), "connection ended");
        }
    }

    /// Drops what has expired, until told to stop.
    pub(super) async fn keep_house(&self, mut stopped: Stopped) {
        while stopped.goes_on_after(HOUSEKEEPING).await {
            if let Err(error) = self.storage.cleanup_expired().await {
                tracing::warn!(%error, "cleaning up expired sessions failed");
            }
            self.router.sweep_sessions().await;
            self.monitor.cleanup_expired_windows().await;
            self.count_sessions().await;
        }
    }

    async fn count_sessions(&self) {
        if let Ok(ids) = self.storage.session_client_ids().await {
            self.sessions.now.store(ids.len(), Ordering::Relaxed);
        }
    }

    /// Tells every connection that the hub stops.
    pub(super) fn say_goodbye(&self) {
        // An error means that nobody is connected.
        let _nobody_there = self.goodbye.send(());
    }

    /// Writes what is to be kept.
    pub(super) async fn close(&self) {
        if let Err(error) = self.storage.shutdown().await {
            tracing::warn!(%error, "writing the sessions failed");
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// How many sessions there are, counted anew at every housekeeping and up in between.
#[derive(Debug)]
pub(super) struct SessionCount {
    limit: usize,
    now: AtomicUsize,
}

impl SessionCount {
    fn new(limit: usize) -> Self {
        Self { limit, now: AtomicUsize::new(0) }
    }

    /// Makes room for one more, if there is any.
    pub(super) fn take(&self) -> bool {
        let more = |now: usize| (now < self.limit).then_some(now + 1);
        self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

fn broker_config() -> BrokerConfig {
    BrokerConfig {
        session_expiry_interval: SESSION_EXPIRY,
        max_packet_size: MAX_PACKET_BYTES,
        topic_alias_maximum: 0,
        retain_available: false,
        maximum_qos: 1,
        subscription_identifier_available: false,
        shared_subscription_available: false,
        max_subscriptions_per_client: MAX_SUBSCRIPTIONS,
        client_channel_capacity: CHANNEL_MESSAGES,
        max_outbound_inflight: IN_FLIGHT,
        server_receive_maximum: Some(IN_FLIGHT),
        sys_topics_enabled: false,
        ..BrokerConfig::default()
    }
}

/// The engine's own limits are off: the hub counts connections and rates itself.
fn unlimited() -> ResourceLimits {
    ResourceLimits {
        max_connections: usize::MAX,
        max_connections_per_ip: usize::MAX,
        max_message_rate_per_client: 0,
        max_bandwidth_per_client: 0,
        ..ResourceLimits::default()
    }
}

/// The name of an error without its text, which may hold ids.
fn error_kind(error: &mqtt5::MqttError) -> String {
    let text = format!("{error:?}");
    text.chars().take_while(|c| c.is_ascii_alphanumeric()).collect()
}
