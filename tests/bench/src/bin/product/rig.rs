//! A hub and two nodes that are contacts.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tincan_hub::Hub;
use tincan_node::engine::{Command, ContactStatus, Event, PeerState, Target};
use tincan_node::wire::UserId;
use tincan_node::{Config, Events, Handle, Node};

/// How long anything may take before the bench gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Rig {
    pub(crate) hub: Hub,
    pub(crate) origin: String,
    pub(crate) folder: TempDir,
}

impl Rig {
    pub(crate) async fn new() -> Result<Self> {
        let folder = tempfile::tempdir_in(".").context("a folder on the project's disk")?;
        let mut config = tincan_hub::Config::on(IpAddr::V4(Ipv4Addr::LOCALHOST));
        // Two hundred nodes of one bench come from one address.
        config.limits.connections = 1_000;
        config.limits.connections_per_address = 1_000;
        config.limits.contact_requests_per_address = 10_000;
        config.limits.http_requests_per_second = 10_000;
        config.limits.stun_answers_per_second = 10_000;
        let hub = Hub::start(config).await?;
        let origin = format!("http://{}", hub.addresses().http);
        Ok(Self { hub, origin, folder })
    }

    pub(crate) fn config(&self, name: &str) -> Config {
        let mut config = Config::new(self.folder.path().join(name));
        config.hub = Some(self.origin.clone());
        config
    }

    pub(crate) async fn node(&self, name: &str) -> Result<Node> {
        Ok(Node::start(self.config(name)).await?)
    }

    pub(crate) async fn end(self) {
        self.hub.shutdown().await;
    }
}

/// Makes `b` a contact of `a` by an invite.
pub(crate) async fn befriend(rig: &Rig, a: &Handle, b: &Handle) -> Result<(UserId, UserId)> {
    let mut events = a.events().await;
    let invite = a.invite(Some(rig.origin.clone()), vec![], 1, Duration::from_secs(3_600)).await?;
    let (id_a, id_b) = (a.id().await?, b.id().await?);
    let mut other = b.events().await;
    b.command(Command::AddContact { target: Target::Invite(invite), nickname: None }).await?;
    accepted(&mut events, id_b).await?;
    accepted(&mut other, id_a).await?;
    Ok((id_a, id_b))
}

async fn accepted(events: &mut Events, id: UserId) -> Result<()> {
    wait(events, "accepted", |event| match event {
        Event::Contact { contact } => contact.id == id && contact.status == ContactStatus::Accepted,
        _ => false,
    })
    .await
}

pub(crate) async fn state(events: &mut Events, id: UserId, state: PeerState) -> Result<()> {
    wait(events, "peer state", |event| match event {
        Event::Peer(view) => view.contact == id && view.state == state,
        _ => false,
    })
    .await
}

/// Waits for one event.
pub(crate) async fn wait(
    events: &mut Events,
    what: &str,
    mut is_it: impl FnMut(&Event) -> bool,
) -> Result<()> {
    loop {
        let next = tokio::time::timeout(PATIENCE, events.next()).await;
        match next.with_context(|| format!("no event in time: {what}"))? {
            Some(event) if is_it(&event) => return Ok(()),
            Some(_) => {}
            None => bail!("the node ended"),
        }
    }
}
