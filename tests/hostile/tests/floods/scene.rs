//! Who is there: Bob, whose node is a process of its own and gets the flood, and Alice, a contact
//! of his who still has something to say to him afterwards.

use anyhow::Result;
use tincan_e2e::NodeProcess;
use tincan_hostile::{Adversary, HostileBroker, Letter, Person, Watched};
use tincan_node::Handle;
use tincan_wire::{Leaf, Topic};

use crate::gauge::Gauge;

pub(crate) struct Scene {
    pub(crate) broker: HostileBroker,
    pub(crate) alice: Person,
    pub(crate) bob: Watched,
    pub(crate) node: NodeProcess,
}

impl Scene {
    /// They are contacts and have spoken.
    pub(crate) async fn new() -> Result<Self> {
        let broker = HostileBroker::start().await?;
        let (origin, url) = (broker.origin(), broker.url());
        let flags = ["--hub", &origin, "--broker", &url];
        let (alice, node) = tokio::join!(Person::start(&broker), NodeProcess::start("Bob", &flags));
        let (alice, bob) = (alice?, Watched::new(Handle::connect(node.home()).await?).await?);
        bob.connected().await?;
        alice.befriend(&bob).await?;
        alice.talk_with(&bob, "before").await?;
        Ok(Self { broker, alice, bob, node })
    }

    /// The same, and Mallory is a contact of Bob's.
    pub(crate) async fn with_mallory() -> Result<(Self, Adversary)> {
        let scene = Self::new().await?;
        let mut mallory = Adversary::new(77);
        mallory.befriend(&scene.broker, &scene.bob).await?;
        Ok((scene, mallory))
    }

    pub(crate) fn gauge(&self, flood: &'static str) -> Gauge {
        Gauge::before(flood, self.node.pid())
    }

    /// Waits until Bob has taken in all that the broker had for him until now.
    pub(crate) async fn until_taken_in(&self) -> Result<()> {
        let topic = Topic { user: self.bob.id(), leaf: Leaf::Heartbeat };
        let last = Letter { retain: true, ..Letter::new(&topic, "the last") };
        let count = self.bob.dropped("retained message").await?;
        self.broker.deliver(self.bob.id(), &last)?;
        self.bob.until_dropped("retained message", count + 1).await
    }

    /// Takes the figures, and sees that Alice and Bob can talk.
    pub(crate) async fn end(self, gauge: Gauge, bound: usize) -> Result<()> {
        gauge.after(bound);
        self.alice.talk_with(&self.bob, "after").await
    }
}
