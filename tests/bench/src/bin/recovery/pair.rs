//! Two who talk, as processes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tincan_e2e::lan::{Machine, be_router};
use tincan_e2e::{HubProcess, NodeProcess, befriend};
use tincan_node::Events;
use tincan_node::engine::{Command, Delivery, Event, PeerState, Reply};
use tincan_node::wire::UserId;
use tokio::time::timeout;

/// How long anything may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(150);

/// Two who talk, each on a machine of their own, and the hub on the router between them.
pub(crate) struct Apart {
    pub(crate) ada: Machine,
    pub(crate) bob: Machine,
    pub(crate) pair: Pair,
    _hub: HubProcess,
}

impl Apart {
    /// Connected; Ada's interface is called `net1`, and her network has the number 1.
    pub(crate) async fn open() -> Result<Self> {
        be_router();
        let (ada, bob) = (Machine::new(), Machine::new());
        ada.plug("net1", 1);
        bob.plug("net", 200);
        let hub = HubProcess::start_at("10.77.200.1");
        let pair = Pair::under(&hub, &ada.wrapper(), &bob.wrapper()).await;
        pair.open().await?;
        Ok(Self { ada, bob, pair, _hub: hub })
    }
}

/// Two contacts.
pub(crate) struct Pair {
    pub(crate) ada: NodeProcess,
    pub(crate) bob: NodeProcess,
}

impl Pair {
    /// Two at this hub, not connected.
    pub(crate) async fn new(hub: &HubProcess) -> Self {
        Self::under(hub, &[], &[]).await
    }

    /// The same, each started by another program.
    pub(crate) async fn under(hub: &HubProcess, ada: &[String], bob: &[String]) -> Self {
        let start = async |name: &str, wrapper: &[String]| {
            let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
            NodeProcess::start_under(&wrapper, name, &["--hub", hub.origin()]).await
        };
        let (ada, bob) = (start("Ada", ada).await, start("Bob", bob).await);
        befriend(&ada, &bob).await;
        Self { ada, bob }
    }

    /// Both look at their conversation, and are connected.
    pub(crate) async fn open(&self) -> Result<()> {
        let (a, b) = (self.ada.id(), self.bob.id());
        let mut events = (self.ada.handle().events().await, self.bob.handle().events().await);
        for (node, contact) in [(&self.ada, b), (&self.bob, a)] {
            let screen = node.handle().screen();
            node.handle().command(Command::OpenChat { contact, screen }).await?;
        }
        connected(&mut events.0, b).await?;
        connected(&mut events.1, a).await
    }

    /// Both say something now: how long until both are delivered.
    pub(crate) async fn both_say(&self) -> Result<Duration> {
        let (a, b) = (self.ada.id(), self.bob.id());
        let (first, second) =
            tokio::try_join!(say(&self.ada, b, "from Ada"), say(&self.bob, a, "from Bob"))?;
        Ok(first.max(second))
    }
}

/// Says something now: how long until it is delivered.
pub(crate) async fn say(from: &NodeProcess, to: UserId, text: &str) -> Result<Duration> {
    let start = Instant::now();
    let mut events = from.handle().events().await;
    let ask = Command::SendMessage { contact: to, content: text.to_owned(), reply: None };
    let Reply::Message { message } = from.handle().command(ask).await? else {
        bail!("no message was made");
    };
    wait(&mut events, "a delivery", |event| match event {
        Event::Delivery { ids, state, .. } => {
            ids.contains(&message.id) && matches!(state, Delivery::Delivered | Delivery::Read)
        }
        _ => false,
    })
    .await?;
    Ok(start.elapsed())
}

/// Waits until the session with this contact is connected.
pub(crate) async fn connected(events: &mut Events, id: UserId) -> Result<()> {
    state(events, id, PeerState::Connected).await
}

/// Waits until the session with this contact is in this state.
pub(crate) async fn state(events: &mut Events, id: UserId, state: PeerState) -> Result<()> {
    wait(events, "a state", |event| match event {
        Event::Peer(view) => view.contact == id && view.state == state,
        _ => false,
    })
    .await
}

async fn wait(events: &mut Events, what: &str, is_it: impl Fn(&Event) -> bool) -> Result<()> {
    loop {
        let next = timeout(PATIENCE, events.next()).await;
        match next.with_context(|| format!("no event in time: {what}"))? {
            Some(event) if is_it(&event) => return Ok(()),
            Some(_) => {}
            None => bail!("the node ended"),
        }
    }
}
