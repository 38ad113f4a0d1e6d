//! The handle to a node: in this process, or in another over its control socket.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tincan_engine::{
    Answer, Command, ContactView, Delivery, Event, MessageView, Query, Reply, Status, Target,
};
use tincan_wire::{DisplayName, Invite, MessageId, UserId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::control::{Client, ControlError};
use crate::events::{Events, Source};
use crate::feed::{Bounds, Feed};
use crate::request::{Answering, Request, RequestError, ShellError, ShellStatus};
use crate::store::Store;

/// How many requests of handles may wait for the shell; more wait where they come from.
pub(crate) const MAX_REQUESTS: usize = 1_024;

/// How often a message that is waited for is looked up: the event may have come before we listened
/// and the disk a moment later.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The events that wait for slow readers, however many they are; the oldest are lost to a reader
/// then, and counted.
pub(crate) const EVENT_BOUNDS: Bounds = Bounds { items: 8_192, bytes: 16 * 1024 * 1024 };

/// A handle to a running node. Cheap to clone; the node lives on when it is dropped.
#[derive(Clone, Debug)]
pub struct Handle {
    inner: Inner,
}

#[derive(Clone, Debug)]
enum Inner {
    Local(Local),
    Remote(Arc<Client>),
}

/// A node in this process.
#[derive(Clone)]
pub(crate) struct Local {
    pub(crate) requests: mpsc::Sender<Request>,
    /// Questions go past the shell: they change nothing.
    pub(crate) store: Arc<Store>,
    pub(crate) events: Feed<Arc<Event>>,
    pub(crate) screens: Arc<AtomicU64>,
}

impl Handle {
    pub(crate) fn local(local: Local) -> Self {
        Self { inner: Inner::Local(local) }
    }

    /// A handle to the node that runs on the home directory `home` in another process of this
    /// user.
    ///
    /// # Errors
    /// [`ControlError::NotRunning`] when nobody listens there.
    pub async fn connect(home: &Path) -> Result<Self, ControlError> {
        Ok(Self { inner: Inner::Remote(Arc::new(Client::connect(home).await?)) })
    }

    /// Asks the engine for something.
    ///
    /// # Errors
    /// What the engine or the shell says against it, or that the node is gone.
    pub async fn command(&self, command: Command) -> Result<Reply, RequestError> {
        match &self.inner {
            Inner::Local(local) => local.ask(|answer| Request::Command { command, answer }).await,
            Inner::Remote(client) => client.command(&command).await,
        }
    }

    /// Asks the store something.
    ///
    /// # Errors
    /// Why it can't be read, or that the node is gone.
    pub async fn query(&self, query: Query) -> Result<Answer, RequestError> {
        match &self.inner {
            Inner::Local(local) => Ok(local.store.query(query).await?),
            Inner::Remote(client) => client.query(&query).await,
        }
    }

    /// Everything that happens from now on. At most 8,192 events, and 16 MiB of
    /// them, wait for a slow reader.
    pub async fn events(&self) -> Events {
        let source = match &self.inner {
            Inner::Local(local) => Source::Local(local.events.subscribe()),
            Inner::Remote(client) => Source::Remote(client.subscribe().await),
        };
        Events::new(source)
    }

    /// A number for a screen of one's own, for `OpenChat`, `CloseChat` and `CloseScreen`. Over a
    /// control socket the connection is the screen, whatever number is given.
    #[must_use]
    pub fn screen(&self) -> u64 {
        match &self.inner {
            Inner::Local(local) => local.screens.fetch_add(1, Ordering::Relaxed),
            Inner::Remote(_) => 0,
        }
    }

    /// How the shell stands.
    ///
    /// # Errors
    /// When the node is gone.
    pub async fn shell_status(&self) -> Result<ShellStatus, RequestError> {
        match &self.inner {
            Inner::Local(local) => local.ask(|answer| Request::Status { answer }).await,
            Inner::Remote(client) => client.status().await,
        }
    }

    /// Meet people at this hub from now on, and connect to it. It is remembered.
    ///
    /// # Errors
    /// When the origin is none, or cannot be saved.
    pub async fn set_hub(&self, origin: &str) -> Result<(), RequestError> {
        match &self.inner {
            Inner::Local(local) => {
                let origin = origin.to_owned();
                local.ask(|answer| Request::SetHub { origin, answer }).await
            }
            Inner::Remote(client) => client.set_hub(origin).await,
        }
    }

    /// Ends the node. Its [`Node::wait`](crate::Node::wait) returns when all is written.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn stop(&self) -> Result<(), RequestError> {
        match &self.inner {
            Inner::Local(local) => {
                local.requests.send(Request::Stop).await.map_err(|_| RequestError::Closed)
            }
            Inner::Remote(client) => client.stop().await,
        }
    }

    /// How things stand.
    ///
    /// # Errors
    /// When the node is gone.
    pub async fn status(&self) -> Result<Status, RequestError> {
        match self.command(Command::GetStatus).await? {
            Reply::Status { status } => Ok(*status),
            _ => Err(unexpected()),
        }
    }

    /// Who we are.
    ///
    /// # Errors
    /// When the node is gone.
    pub async fn id(&self) -> Result<UserId, RequestError> {
        Ok(self.status().await?.id)
    }

    /// Every contact.
    ///
    /// # Errors
    /// When the node is gone.
    pub async fn contacts(&self) -> Result<Vec<ContactView>, RequestError> {
        match self.command(Command::ListContacts).await? {
            Reply::Contacts { contacts } => Ok(contacts),
            _ => Err(unexpected()),
        }
    }

    /// Makes an invite; `hub` and `brokers` go into the link.
    ///
    /// # Errors
    /// What the engine says against it.
    pub async fn invite(
        &self,
        hub: Option<String>,
        brokers: Vec<String>,
        uses: u32,
        ttl: Duration,
    ) -> Result<Invite, RequestError> {
        let ttl_secs = ttl.as_secs();
        match self.command(Command::CreateInvite { hub, brokers, uses, ttl_secs }).await? {
            Reply::Invite { invite } => Ok(invite),
            _ => Err(unexpected()),
        }
    }

    /// Asks someone to be a contact.
    ///
    /// # Errors
    /// What the engine or the shell says against it.
    pub async fn add(
        &self,
        target: Target,
        nickname: Option<DisplayName>,
    ) -> Result<ContactView, RequestError> {
        match self.command(Command::AddContact { target, nickname }).await? {
            Reply::Contact { contact } => Ok(contact),
            _ => Err(unexpected()),
        }
    }

    /// Accepts a waiting contact request.
    ///
    /// # Errors
    /// What the engine says against it.
    pub async fn accept(&self, contact: UserId) -> Result<(), RequestError> {
        self.command(Command::AcceptContact { contact }).await.map(drop)
    }

    /// Says something; returns when it is on our disk.
    ///
    /// # Errors
    /// What the engine says against it.
    pub async fn send(
        &self,
        contact: UserId,
        content: impl Into<String>,
    ) -> Result<MessageView, RequestError> {
        let command = Command::SendMessage { contact, content: content.into(), reply: None };
        match self.command(command).await? {
            Reply::Message { message } => Ok(message),
            _ => Err(unexpected()),
        }
    }

    /// Waits until a message of ours is delivered, read or failed, at most for `patience`, and
    /// says in which state it is then.
    ///
    /// # Errors
    /// When the node is gone.
    pub async fn wait_delivered(
        &self,
        contact: UserId,
        id: MessageId,
        patience: Duration,
    ) -> Result<Delivery, RequestError> {
        let give_up = Instant::now() + patience;
        let mut events = self.events().await;
        let mut state = self.delivery(contact, id).await?;
        while matches!(state, Delivery::Queued | Delivery::Sent) {
            let missed = events.missed();
            let look = give_up.min(Instant::now() + LOOK_AGAIN);
            match timeout_at(look, events.next()).await {
                Err(_) if look == give_up => return Ok(state),
                Err(_) => state = self.delivery(contact, id).await?,
                Ok(None) => return Err(RequestError::Closed),
                Ok(Some(Event::Delivery { contact: whose, ids, state: now })) => {
                    if whose == contact && ids.contains(&id) {
                        state = now;
                    }
                }
                Ok(Some(_)) if events.missed() > missed => {
                    state = self.delivery(contact, id).await?;
                }
                Ok(Some(_)) => {}
            }
        }
        Ok(state)
    }

    async fn delivery(&self, contact: UserId, id: MessageId) -> Result<Delivery, RequestError> {
        match self.query(Query::Message { contact, id }).await? {
            Answer::Messages { messages, .. } => {
                Ok(messages.first().map_or(Delivery::Failed, |message| message.state))
            }
            Answer::Summaries { .. } => Err(unexpected()),
        }
    }

    /// The last `limit` messages of a conversation, oldest first.
    ///
    /// # Errors
    /// Why it can't be read.
    pub async fn history(
        &self,
        contact: UserId,
        limit: usize,
    ) -> Result<Vec<MessageView>, RequestError> {
        self.messages(Query::History { contact, before: None, limit }).await
    }

    /// Messages in which all the words occur, newest first.
    ///
    /// # Errors
    /// Why it can't be read.
    pub async fn search(
        &self,
        text: &str,
        contact: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MessageView>, RequestError> {
        self.messages(Query::Search { text: text.to_owned(), contact, limit }).await
    }

    async fn messages(&self, query: Query) -> Result<Vec<MessageView>, RequestError> {
        match self.query(query).await? {
            Answer::Messages { messages, .. } => Ok(messages),
            Answer::Summaries { .. } => Err(unexpected()),
        }
    }
}

/// An answer to another question: only a node of another version gives that.
fn unexpected() -> RequestError {
    let reason = "the node answers something else; is it another version?".to_owned();
    ShellError::BadRequest { reason }.into()
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}

impl Local {
    /// Puts the question in line at once, in the order of the calls, and hands out where the
    /// answer will be.
    pub(crate) async fn submit<T>(
        &self,
        request: impl FnOnce(Answering<T>) -> Request,
    ) -> Result<oneshot::Receiver<Result<T, RequestError>>, RequestError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| RequestError::Closed)?;
        Ok(answered)
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(Answering<T>) -> Request,
    ) -> Result<T, RequestError> {
        self.submit(request).await?.await.map_err(|_| RequestError::Closed)?
    }
}
