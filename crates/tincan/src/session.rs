//! The node that a command works with: the one that runs on this home already, reached through
//! its control socket, or else one of this process's own.

use std::fmt;
use std::time::Duration;

use tincan_engine::{
    Answer, BrokerState, Command, CommandError, ContactStatus, ContactView, Event, Query, Reply,
    RequestView, Status,
};
use tincan_node::{
    Config, ControlError, Events, Handle, Node, RequestError, ShellError, ShellStatus,
};
use tincan_wire::UserId;
use tokio::time::Instant;

use crate::built_in_hub::BuiltInHub;
use crate::contact_name::{self, Person};
use crate::failure::Failure;
use crate::offline::Offline;
use crate::settings::{Settings, without_password};

/// A node to work with.
#[derive(Debug)]
pub(crate) struct Session {
    handle: Handle,
    /// Of this process, unless another runs on the home.
    node: Option<Node>,
    /// Inside this process, if it is remembered and no other hub is configured.
    hub: Option<BuiltInHub>,
}

impl Session {
    /// Finds the running node of the home, or starts one.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, Failure> {
        if let Some(session) = Self::find_running(settings).await? {
            return Ok(session);
        }
        let hub = match settings.has_place() {
            true => None,
            false => BuiltInHub::restart(&settings.home).await?,
        };
        Self::start(settings, hub).await
    }

    /// The same for taking an invite that says where its people meet: a hub that a chat here
    /// brought along before anybody came is given up for theirs.
    pub(crate) async fn open_to_join(settings: &Settings) -> Result<Self, Failure> {
        if settings.has_place() || !BuiltInHub::is_remembered(&settings.home) {
            return Self::open(settings).await;
        }
        let session = Self::open_offline(settings).await?;
        if session.is_elsewhere() {
            return Ok(session);
        }
        let somebody_came =
            session.contacts().await?.iter().any(|known| known.status == ContactStatus::Accepted);
        if somebody_came {
            session.close().await;
            return Self::open(settings).await;
        }
        BuiltInHub::forget(&settings.home);
        Ok(session)
    }

    /// The same for what needs no network: brings no hub along.
    pub(crate) async fn open_offline(settings: &Settings) -> Result<Self, Failure> {
        match Self::find_running(settings).await? {
            Some(session) => Ok(session),
            None => Self::start(settings, None).await,
        }
    }

    /// Starts a node of this process's own, meeting others at `hub` if there is one.
    pub(crate) async fn start(
        settings: &Settings,
        hub: Option<BuiltInHub>,
    ) -> Result<Self, Failure> {
        let mut config = node_config(settings);
        if let Some(hub) = &hub {
            config.hub = Some(hub.origin().to_owned());
        }
        let node = Node::start(config).await.map_err(Failure::failed)?;
        let session = Self { handle: node.handle(), node: Some(node), hub };
        session.apply_name(settings).await?;
        Ok(session)
    }

    async fn find_running(settings: &Settings) -> Result<Option<Self>, Failure> {
        let handle = match Handle::connect(&settings.home).await {
            Ok(handle) => handle,
            Err(ControlError::NotRunning { .. }) => return Ok(None),
            Err(error) => return Err(Failure::failed(error)),
        };
        let session = Self { handle, node: None, hub: None };
        if settings.place_said {
            session.check_place(settings).await?;
        }
        session.apply_name(settings).await?;
        Ok(Some(session))
    }

    /// A running node stays where it is: to ask for another place is a mistake.
    async fn check_place(&self, settings: &Settings) -> Result<(), Failure> {
        let place = self.meeting_place().await?;
        if place.hub == settings.hub && place.brokers == settings.brokers {
            return Ok(());
        }
        Err(Failure::BadInput(format!(
            "the tincan that runs on {} uses {place}; leave --hub and --broker out, or stop it first",
            settings.home.display(),
        )))
    }

    async fn apply_name(&self, settings: &Settings) -> Result<(), Failure> {
        let Some(name) = &settings.name else { return Ok(()) };
        if self.status().await?.name != *name {
            self.command(Command::SetName { name: name.clone() }).await?;
        }
        Ok(())
    }

    /// Whether another process runs the node.
    pub(crate) const fn is_elsewhere(&self) -> bool {
        self.node.is_none()
    }

    /// The handle itself, for what is not wrapped here.
    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends the node and the hub if they are this process's own.
    pub(crate) async fn close(self) {
        if let Some(node) = self.node {
            node.close().await;
        }
        if let Some(hub) = self.hub {
            hub.stop().await;
        }
    }

    pub(crate) async fn command(&self, command: Command) -> Result<Reply, Failure> {
        self.handle.command(command).await.map_err(refused)
    }

    pub(crate) async fn query(&self, query: Query) -> Result<Answer, Failure> {
        self.handle.query(query).await.map_err(refused)
    }

    pub(crate) async fn events(&self) -> Events {
        self.handle.events().await
    }

    pub(crate) async fn status(&self) -> Result<Status, Failure> {
        match self.command(Command::GetStatus).await? {
            Reply::Status { status } => Ok(*status),
            other => Err(unexpected(&other)),
        }
    }

    /// Where this node is to be met.
    pub(crate) async fn meeting_place(&self) -> Result<MeetingPlace, Failure> {
        let shell = self.handle.shell_status().await.map_err(Failure::failed)?;
        Ok(MeetingPlace { hub: shell.hub, brokers: shell.brokers })
    }

    /// How the shell of the node stands.
    pub(crate) async fn shell_status(&self) -> Result<ShellStatus, Failure> {
        self.handle.shell_status().await.map_err(Failure::failed)
    }

    pub(crate) async fn contacts(&self) -> Result<Vec<ContactView>, Failure> {
        match self.command(Command::ListContacts).await? {
            Reply::Contacts { contacts } => Ok(contacts),
            other => Err(unexpected(&other)),
        }
    }

    pub(crate) async fn requests(&self) -> Result<Vec<RequestView>, Failure> {
        match self.command(Command::ListRequests).await? {
            Reply::Requests { requests } => Ok(requests),
            other => Err(unexpected(&other)),
        }
    }

    /// The contact with this id.
    pub(crate) async fn contact(&self, id: UserId) -> Result<ContactView, Failure> {
        self.contacts().await?.into_iter().find(|contact| contact.id == id).ok_or_else(|| {
            Failure::bad_input(format!(
                "{id} is no contact; add them with `tincan contact add {id}` or by their invite"
            ))
        })
    }

    /// Which contact is meant by `words`.
    pub(crate) async fn find_contact(&self, words: &str) -> Result<UserId, Failure> {
        let people: Vec<Person> = self.contacts().await?.iter().map(Person::from).collect();
        contact_name::find(words, &people)
    }

    /// Which waiting requester is meant by `words`.
    pub(crate) async fn find_requester(&self, words: &str) -> Result<UserId, Failure> {
        let people: Vec<Person> = self.requests().await?.iter().map(Person::from).collect();
        if people.is_empty() {
            return Err(Failure::failed("no request waits for an answer"));
        }
        contact_name::find(words, &people)
    }

    /// Which contact or requester is meant by `words`.
    pub(crate) async fn find_anyone(&self, words: &str) -> Result<UserId, Failure> {
        let mut people: Vec<Person> = self.contacts().await?.iter().map(Person::from).collect();
        people.extend(self.requests().await?.iter().map(Person::from));
        contact_name::find(words, &people)
    }

    /// Waits until the broker is connected; after `timeout` says why it is not.
    pub(crate) async fn wait_online(&self, timeout: Duration) -> Result<(), Failure> {
        let mut events = self.events().await;
        let deadline = Instant::now() + timeout;
        let (mut broker, mut offline) = (self.status().await?.broker, Offline::default());
        while broker.state != BrokerState::Connected {
            offline.look(&broker);
            match tokio::time::timeout_at(deadline, events.next()).await {
                Ok(Some(Event::Broker(view))) => broker = view,
                Ok(Some(_)) => {}
                Ok(None) => return Err(Failure::failed("the node has stopped")),
                Err(_) => return offline.failure(&broker).map_or(Ok(()), Err),
            }
        }
        Ok(())
    }
}

/// The hub or the brokers where a node is to be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MeetingPlace {
    pub(crate) hub: Option<String>,
    pub(crate) brokers: Vec<String>,
}

impl MeetingPlace {
    /// Whether there is one.
    pub(crate) const fn is_known(&self) -> bool {
        self.hub.is_some() || !self.brokers.is_empty()
    }
}

impl fmt::Display for MeetingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brokers = self.brokers.iter().map(|url| without_password(url));
        let places: Vec<String> = self.hub.iter().cloned().chain(brokers).collect();
        f.write_str(if places.is_empty() { "no hub" } else { "" })?;
        f.write_str(&places.join(", "))
    }
}

/// What the node says against something: a mistake of whoever asked, or a failure.
fn refused(error: RequestError) -> Failure {
    match &error {
        RequestError::Command(
            CommandError::OwnId
            | CommandError::UnknownContact
            | CommandError::EmptyMessage
            | CommandError::MessageTooLong { .. }
            | CommandError::OutOfBounds { .. },
        )
        | RequestError::Shell(ShellError::BadAddress { .. }) => Failure::bad_input(error),
        RequestError::Command(_)
        | RequestError::Query(_)
        | RequestError::Shell(_)
        | RequestError::Closed => Failure::failed(error),
    }
}

fn unexpected(reply: &Reply) -> Failure {
    Failure::failed(format!("the running node answered something else: {reply:?}"))
}

/// The node's config as the settings have it.
pub(crate) fn node_config(settings: &Settings) -> Config {
    let mut config = Config::new(settings.home.clone());
    config.hub.clone_from(&settings.hub);
    config.brokers.clone_from(&settings.brokers);
    config.ca_file.clone_from(&settings.ca_file);
    config.pinned_key = settings.pinned_key;
    config.engine = settings.engine.clone();
    config
}
