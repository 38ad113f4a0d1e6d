//! A node: an engine with its store, sockets and control socket, on a thread of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Instant;

use thiserror::Error;
use tincan_engine::Engine;
use tincan_wire::UserId;
use tokio::sync::{mpsc, oneshot, watch};

use crate::broker::{BrokerLink, Login, MeetingPlace, MeetingPlaceError};
use crate::changes::Changes;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{ControlError, ControlServer};
use crate::dial::{Dialer, TlsSettings};
use crate::drop_log::DropLog;
use crate::feed::Feed;
use crate::handle::{EVENT_BOUNDS, Handle, Local, MAX_REQUESTS};
use crate::home::{Home, HomeError};
use crate::network::Network;
use crate::shell::{MEETING_PLACE, Shell, Sources, Waiting};
use crate::store::{Store, StoreError};

/// Threads for name resolution and other calls that block; idle ones end after 10 s.
const MAX_BLOCKING_THREADS: usize = 4;

/// The first screen number given out; those below are free for programs that count by
/// themselves.
const FIRST_SCREEN: u64 = 1 << 32;

/// A running node. It ends with [`Node::close`], with [`Handle::stop`], or when it is dropped.
#[derive(Debug)]
pub struct Node {
    handle: Handle,
    id: UserId,
    stop: Option<oneshot::Sender<()>>,
    ended: watch::Receiver<bool>,
}

/// Why a node could not be started. The message says what the person can do.
#[derive(Debug, Error)]
pub enum NodeError {
    /// The home directory.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The store in it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configured hub or brokers.
    #[error(transparent)]
    MeetingPlace(#[from] MeetingPlaceError),
    /// The UDP sockets.
    #[error("no UDP socket can be opened: {0}; check the limits of this user and the firewall")]
    Sockets(io::Error),
    /// The control socket.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Thread, event loop or randomness.
    #[error("the system refuses what a node needs: {0}; check the limits of this user")]
    System(io::Error),
}

impl Node {
    /// Starts a node. It begins to connect at once.
    ///
    /// # Errors
    /// See [`NodeError`]; nothing runs then, and the home is free again.
    pub async fn start(config: Config) -> Result<Self, NodeError> {
        let (stop, stopped) = oneshot::channel();
        let (tell_started, started) = oneshot::channel();
        let (tell_ended, ended) = watch::channel(false);
        thread::Builder::new()
            .name("tincan-node".to_owned())
            .spawn(move || {
                run(config, stopped, tell_started);
                tell_ended.send_replace(true);
            })
            .map_err(NodeError::System)?;
        let (handle, id) = started.await.map_err(|_| {
            NodeError::System(io::Error::other("the node's thread ended at its start"))
        })??;
        Ok(Self { handle, id, stop: Some(stop), ended })
    }

    /// A handle to it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.id
    }

    /// Waits until it has ended, for whatever reason.
    pub async fn wait(&self) {
        let mut ended = self.ended.clone();
        // A sender that is gone means the same.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Ends it: says good-bye to contacts and broker, and writes what waits.
    pub async fn close(mut self) {
        drop(self.stop.take());
        self.wait().await;
    }
}

/// The node's thread.
fn run(
    config: Config,
    stopped: oneshot::Receiver<()>,
    started: oneshot::Sender<Result<(Handle, UserId), NodeError>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return drop(started.send(Err(NodeError::System(error)))),
    };
    runtime.block_on(async move {
        match open(config, stopped) {
            Ok(parts) => {
                let Parts { shell, sources, handle, id } = parts;
                if started.send(Ok((handle, id))).is_ok() {
                    shell.run(sources).await;
                }
            }
            Err(error) => drop(started.send(Err(error))),
        }
    });
}

struct Parts {
    shell: Shell,
    sources: Sources,
    handle: Handle,
    id: UserId,
}

fn open(config: Config, stop: oneshot::Receiver<()>) -> Result<Parts, NodeError> {
    let configured = MeetingPlace::new(config.hub.as_deref(), &config.brokers)?;
    let home = Home::open(&config.home)?;
    let (tell_answers, answers) = mpsc::unbounded_channel();
    let (store, snapshot) = Store::open(&home, move |batch| {
        // The shell takes answers until it has ended; then nobody needs them.
        let _ = tell_answers.send(batch);
    })?;
    let store = Arc::new(store);
    let place = if configured.is_nowhere() {
        store
            .setting(MEETING_PLACE)
            .map(|text| MeetingPlace::from_setting(&text))
            .unwrap_or_default()
    } else {
        configured
    };
    let mut network =
        Network::open(config.listen_addresses, place.is_loopback()).map_err(NodeError::Sockets)?;

    let (requests, requests_in) = mpsc::channel(MAX_REQUESTS);
    let events = Feed::new(EVENT_BOUNDS);
    let screens = Arc::new(AtomicU64::new(FIRST_SCREEN));
    let local = Local { requests, store: Arc::clone(&store), events: events.clone(), screens };
    let control = match config.control_socket {
        true => Some(ControlServer::start(home.path(), local.clone())?),
        false => None,
    };

    let id = tincan_wire::Identity::from_seed(snapshot.seed).user_id();
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| NodeError::System(io::Error::other(error)))?;
    let clock = Clock::start();
    let now = Instant::now();
    let engine = Engine::new(config.engine, snapshot, seed, clock.at(now));

    let dialer =
        Dialer::new(TlsSettings { ca_file: config.ca_file, pinned_key: config.pinned_key });
    let login = Login { username: config.broker_username, password: config.broker_password };
    network.set_dialer(dialer.clone());
    let (broker, reports) = BrokerLink::start(dialer, place.clone(), login, config.stun);

    let shell = Shell {
        home: home.path().to_owned(),
        clock,
        engine,
        store,
        network,
        changes: Changes::open(),
        broker,
        place,
        control,
        events,
        waiting: Waiting::default(),
        started: now,
        next_network_look: now,
        next_path_report: now,
        drop_log: DropLog::default(),
        clock_behind_ms: None,
    };
    let sources = Sources { requests: requests_in, answers, reports, stop };
    Ok(Parts { shell, sources, handle: Handle::local(local), id })
}
