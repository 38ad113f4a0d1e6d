//! Somebody with a real node: sockets, disk, WebRTC.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tincan_node::engine::{
    Alarm, BrokerState, Command, ContactStatus, ContactView, Delivery, Event, MessageView,
    PeerState, Status, Target,
};
use tincan_node::{Config, Handle, Node};
use tincan_wire::{Invite, SessionId, UserId};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::broker::HostileBroker;

/// Longer than anything here takes on a busy machine; some attacks cost an attempt or two of 15 s.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Counts of what was dropped have no event of their own: each reason is told once a minute.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A node under observation.
pub struct Watched {
    handle: Handle,
    id: UserId,
    events: Arc<Mutex<Vec<Event>>>,
    news: Arc<Notify>,
}

/// Somebody with a node in this process.
pub struct Person {
    node: Node,
    home: TempDir,
    watched: Watched,
}

impl std::ops::Deref for Person {
    type Target = Watched;

    fn deref(&self) -> &Watched {
        &self.watched
    }
}

impl Person {
    /// A node in a new home, connected to the broker.
    pub async fn start(broker: &HostileBroker) -> Result<Self> {
        Self::at(tempfile::tempdir()?, broker).await
    }

    /// Ends the node in good order, and starts it again in its home.
    pub async fn restart(self, broker: &HostileBroker) -> Result<Self> {
        let home = self.end().await;
        Self::at(home, broker).await
    }

    /// Ends the node in good order.
    pub async fn end(self) -> TempDir {
        self.node.close().await;
        self.home
    }

    /// A node in this home.
    pub async fn at(home: TempDir, broker: &HostileBroker) -> Result<Self> {
        let mut config = Config::new(home.path());
        config.hub = Some(broker.origin());
        config.brokers = vec![broker.url()];
        let node = Node::start(config).await?;
        let watched = Watched::new(node.handle()).await?;
        watched.connected().await?;
        Ok(Self { node, home, watched })
    }
}

impl Watched {
    /// Observes a node from now on.
    pub async fn new(handle: Handle) -> Result<Self> {
        let (events, news) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let mut source = handle.events().await;
        let (sink, bell) = (Arc::clone(&events), Arc::clone(&news));
        tokio::spawn(async move {
            while let Some(event) = source.next().await {
                sink.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                bell.notify_waiters();
            }
        });
        let id = handle.id().await?;
        Ok(Self { handle, id, events, news })
    }

    /// Who.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// For what is not here.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Every event since the start.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every alarm about a contact since the start.
    pub fn alarms(&self, about: UserId) -> Vec<Alarm> {
        let alarm = |event| match event {
            Event::Alarm { contact, alarm } if contact == Some(about) => Some(alarm),
            _ => None,
        };
        self.events().into_iter().filter_map(alarm).collect()
    }

    /// Looks at the node's status whenever something happens, until it gives something.
    pub async fn until<T>(
        &self,
        what: &str,
        mut wanted: impl FnMut(&Status) -> Option<T>,
    ) -> Result<T> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let news = self.news.notified();
            let status = self.handle.status().await?;
            if let Some(found) = wanted(&status) {
                return Ok(found);
            }
            ensure!(Instant::now() < give_up, "waited for {what} in vain: {status:?}");
            // Whether something happened or not, the next look tells.
            let _ = timeout_at(Instant::now() + LOOK_AGAIN, news).await;
        }
    }

    /// Waits for an alarm about a contact.
    pub async fn until_alarm(&self, about: UserId) -> Result<Alarm> {
        self.until("an alarm", |_| self.alarms(about).into_iter().next()).await
    }

    /// Waits until the broker is there.
    pub async fn connected(&self) -> Result<()> {
        let connected = |status: &Status| status.broker.state == BrokerState::Connected;
        self.until("the broker", |status| connected(status).then_some(())).await
    }

    /// How many were dropped so far for this reason.
    pub async fn dropped(&self, reason: &str) -> Result<u64> {
        Ok(self.handle.status().await?.dropped.get(reason).copied().unwrap_or(0))
    }

    /// Waits until exactly so many were dropped for this reason, no more and no fewer.
    pub async fn until_dropped(&self, reason: &str, expected: u64) -> Result<()> {
        let what = format!("{expected} × {reason}");
        let count = |status: &Status| status.dropped.get(reason).copied().unwrap_or(0);
        let found = |status: &Status| Some(count(status)).filter(|count| *count >= expected);
        let counted = self.until(&what, found).await?;
        ensure!(counted == expected, "{reason}: {counted} instead of {expected}");
        Ok(())
    }

    /// A contact as a screen would show it.
    pub async fn contact(&self, id: UserId) -> Result<ContactView> {
        let contacts = self.handle.contacts().await?;
        contacts.into_iter().find(|contact| contact.id == id).context("no such contact")
    }

    /// Waits until a contact is in a state.
    pub async fn until_contact<T>(
        &self,
        id: UserId,
        what: &str,
        mut wanted: impl FnMut(&ContactView) -> Option<T>,
    ) -> Result<T> {
        let find = |status: &Status| {
            let contact = status.contacts.iter().find(|contact| contact.id == id)?;
            wanted(contact)
        };
        self.until(what, find).await
    }

    /// The session with a contact, or the attempt at one, as soon as there is another than this.
    pub async fn attempt_with(
        &self,
        id: UserId,
        another_than: Option<SessionId>,
    ) -> Result<SessionId> {
        let another =
            |contact: &ContactView| contact.peer.sid.filter(|sid| Some(*sid) != another_than);
        self.until_contact(id, "an attempt", another).await
    }

    /// The session with a contact, once it is verified.
    pub async fn session_with(&self, id: UserId) -> Result<SessionId> {
        let sid = |contact: &ContactView| match contact.peer.state {
            PeerState::Connected => contact.peer.sid,
            _ => None,
        };
        self.until_contact(id, "a session", sid).await
    }

    /// An invite for one.
    pub async fn invite(&self) -> Result<Invite> {
        let hour = Duration::from_secs(3_600);
        Ok(self.handle.invite(None, Vec::new(), 1, hour).await?)
    }

    /// Makes a contact of somebody, who invites.
    pub async fn befriend(&self, other: &Self) -> Result<()> {
        let invite = other.invite().await?;
        self.handle.add(Target::Invite(invite), None).await?;
        self.accepted(other.id).await?;
        other.accepted(self.id).await
    }

    /// Waits until somebody is a contact.
    pub async fn accepted(&self, id: UserId) -> Result<()> {
        let accepted = |contact: &ContactView| contact.status == ContactStatus::Accepted;
        self.until_contact(id, "a contact", |contact| accepted(contact).then_some(())).await
    }

    /// Shows the chat with a contact on a screen: a session is wanted.
    pub async fn open_chat(&self, contact: UserId) -> Result<()> {
        let screen = self.handle.screen();
        self.handle.command(Command::OpenChat { contact, screen }).await?;
        Ok(())
    }

    /// Waits until a message counts as delivered.
    pub async fn delivered(&self, message: &MessageView) -> Result<()> {
        let state = self.handle.wait_delivered(message.contact, message.id, PATIENCE).await?;
        let delivered = matches!(state, Delivery::Delivered | Delivery::Read);
        ensure!(delivered, "{}: {state:?}", message.content);
        Ok(())
    }

    /// Says something, and waits until it is in the other's history, as it was said, and counts
    /// as delivered here.
    pub async fn says_to(&self, other: &Self, words: &str) -> Result<()> {
        let message = self.handle.send(other.id, words).await?;
        self.delivered(&message).await?;
        let heard = other.heard_from(self.id).await?;
        ensure!(heard.last().is_some_and(|last| last == words), "{heard:?}");
        Ok(())
    }

    /// Everything in the history that a contact has said.
    pub async fn heard_from(&self, id: UserId) -> Result<Vec<String>> {
        let history = self.handle.history(id, 1_000).await?;
        let heard = history.into_iter().filter(|message| !message.outgoing);
        Ok(heard.map(|message| message.content).collect())
    }

    /// A word each way.
    pub async fn talk_with(&self, other: &Self, words: &str) -> Result<()> {
        self.says_to(other, &format!("{words}?")).await?;
        other.says_to(self, &format!("{words}!")).await
    }
}
