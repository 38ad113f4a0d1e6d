//! The broker: a hub, and in front of it somebody who reads, keeps, holds back and writes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use tincan_hub::Hub;
use tincan_wire::{Leaf, UserId};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::connection;
use crate::letter::{Letter, Posted};
use crate::packet::write_publish;
use crate::person::PATIENCE;

/// What becomes of a letter that a client has published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes its way.
    Pass,
    /// The sender gets its acknowledgement, and nobody the letter.
    Withhold,
}

/// Decides about each letter.
pub(crate) type Judge = Box<dyn FnMut(&Posted) -> Fate + Send>;

/// A broker under the control of a test. What clients publish goes through its judge; what the
/// test wants is delivered to whom it wants, as if the broker had it from a client.
pub struct HostileBroker {
    hub: Hub,
    address: SocketAddr,
    inner: Arc<Inner>,
    accepting: JoinHandle<()>,
}

pub(crate) struct Inner {
    pub(crate) hub: SocketAddr,
    judge: Mutex<Judge>,
    posted: watch::Sender<Vec<Posted>>,
    clients: Mutex<BTreeMap<UserId, Client>>,
    refuses_mqtt_5: AtomicBool,
    next: AtomicU64,
}

struct Client {
    serial: u64,
    level: u8,
    writer: mpsc::UnboundedSender<Vec<u8>>,
}

impl HostileBroker {
    /// A broker on loopback that does no harm yet.
    pub async fn start() -> Result<Self> {
        let hub = Hub::start(tincan_hub::Config::on(IpAddr::V4(Ipv4Addr::LOCALHOST))).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            hub: hub.addresses().mqtt,
            judge: Mutex::new(Box::new(|_| Fate::Pass)),
            posted: watch::Sender::new(Vec::new()),
            clients: Mutex::default(),
            refuses_mqtt_5: AtomicBool::new(false),
            next: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&inner)));
        Ok(Self { hub, address, inner, accepting })
    }

    /// The origin of the hub behind it.
    pub fn origin(&self) -> String {
        format!("http://{}", self.hub.addresses().http)
    }

    /// Where nodes connect to.
    pub fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    /// From now on this decides about each letter.
    pub fn judge(&self, judge: impl FnMut(&Posted) -> Fate + Send + 'static) {
        *lock(&self.inner.judge) = Box::new(judge);
    }

    /// From now on letters from one user to another on this leaf are withheld.
    pub fn withhold(&self, from: UserId, to: UserId, leaf: Leaf) {
        self.judge(move |posted| match posted.is(from, to, leaf) {
            true => Fate::Withhold,
            false => Fate::Pass,
        });
    }

    /// The next letter from one user to another on this leaf is withheld, and no more.
    pub fn withhold_next(&self, from: UserId, to: UserId, leaf: Leaf) {
        let mut held = false;
        self.judge(move |posted| {
            if held || !posted.is(from, to, leaf) {
                return Fate::Pass;
            }
            held = true;
            Fate::Withhold
        });
    }

    /// From now on every letter goes its way.
    pub fn relent(&self) {
        self.judge(|_| Fate::Pass);
    }

    /// From now on it claims to know MQTT 3.1.1 only.
    pub fn refuse_mqtt_5(&self) {
        self.inner.refuses_mqtt_5.store(true, Ordering::Relaxed);
    }

    /// The protocol level of a client's connection.
    pub fn mqtt_level(&self, user: UserId) -> Option<u8> {
        lock(&self.inner.clients).get(&user).map(|client| client.level)
    }

    /// Every letter so far, also those that were withheld.
    pub fn posted(&self) -> Vec<Posted> {
        self.inner.posted.borrow().clone()
    }

    /// Every letter so far from one user to another.
    pub fn letters(&self, from: UserId, to: UserId) -> Vec<Letter> {
        let posted = self.inner.posted.borrow();
        posted.iter().filter(|p| p.is_between(from, to)).map(|p| p.letter.clone()).collect()
    }

    /// Waits for the `nth` letter, from 1, from one user to another on a leaf.
    pub async fn nth(&self, nth: usize, from: UserId, to: UserId, leaf: Leaf) -> Result<Letter> {
        let find = |posted: &Vec<Posted>| {
            let mut fits = posted.iter().filter(|posted| posted.is(from, to, leaf));
            fits.nth(nth - 1).map(|posted| posted.letter.clone())
        };
        let mut posted = self.inner.posted.subscribe();
        let waiting = posted.wait_for(|posted| find(posted).is_some());
        let found =
            timeout(PATIENCE, waiting).await.with_context(|| format!("{nth}. {leaf}"))??;
        find(&found).context("just seen")
    }

    /// Delivers a letter to a user who is connected, whatever its topic says.
    pub fn deliver(&self, to: UserId, letter: &Letter) -> Result<()> {
        let clients = lock(&self.inner.clients);
        let client = clients.get(&to).context("the recipient is not connected")?;
        client.writer.send(write_publish(client.level, letter)?)?;
        Ok(())
    }

    /// Writes bytes to a user who is connected, whether they are MQTT or not.
    pub fn write(&self, to: UserId, bytes: &[u8]) -> Result<()> {
        let clients = lock(&self.inner.clients);
        let client = clients.get(&to).context("the recipient is not connected")?;
        client.writer.send(bytes.to_vec())?;
        Ok(())
    }
}

impl Drop for HostileBroker {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Inner {
    pub(crate) fn refuses(&self, level: u8) -> bool {
        level == crate::packet::LEVEL_5 && self.refuses_mqtt_5.load(Ordering::Relaxed)
    }

    /// A client has come; what is written to it leaves through the receiver.
    pub(crate) fn enter(&self, user: UserId, level: u8) -> (u64, mpsc::UnboundedReceiver<Vec<u8>>) {
        let serial = self.next.fetch_add(1, Ordering::Relaxed);
        let (writer, written) = mpsc::unbounded_channel();
        lock(&self.clients).insert(user, Client { serial, level, writer });
        (serial, written)
    }

    /// A client is gone, unless it has come again meanwhile.
    pub(crate) fn leave(&self, user: UserId, serial: u64) {
        let mut clients = lock(&self.clients);
        if clients.get(&user).is_some_and(|client| client.serial == serial) {
            clients.remove(&user);
        }
    }

    pub(crate) fn post(&self, posted: Posted) -> Fate {
        let fate = lock(&self.judge)(&posted);
        self.posted.send_modify(|all| all.push(posted));
        fate
    }
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    // A listener that fails shows as nodes that do not connect.
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection::serve(stream, Arc::clone(&inner)));
    }
}

/// What a panic left behind is good enough: the test has failed anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
