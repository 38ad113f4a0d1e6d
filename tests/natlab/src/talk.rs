//! A person with the page and a node who talk.

use std::time::{Duration, Instant};

use crate::hub::Hub;
use crate::lab::Lab;
use crate::meeting::Opened;
use crate::node::Node;
use crate::path::Reported;
use crate::plan::Side;
use crate::trial::Counters;
use crate::visitor::{Browser, Visitor};

/// How long anything may take before it is held not to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Both who talk, and where they meet.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) visitor: Visitor,
    pub(crate) node: Node,
    hub: Hub,
    nth: usize,
}

impl Talk {
    /// Starts node and browser at a hub.
    pub(crate) fn first(lab: &Lab, browser: Browser, hub: Hub) -> Result<Self, String> {
        let authority = hub.authority().map(|path| path.display().to_string());
        let trust = authority.as_deref().map(|path| ["--ca-file", path]);
        let flags = trust.as_ref().map_or(&[][..], |trust| &trust[..]);
        let node = Node::start_with(lab, Side::B, hub.place(), flags)?;
        let visitor = Visitor::start(lab, Side::A, browser, &hub)?;
        Ok(Self { visitor, node, hub, nth: 1 })
    }

    /// Ends all but what is stored, and begins again.
    pub(crate) fn anew(self, lab: &Lab, counters: &[Counters<'_>; 2]) -> Result<Self, String> {
        let Self { mut visitor, node, hub, nth } = self;
        visitor.leave()?;
        drop(hub);
        let hub = Hub::start(lab)?;
        // Before the node looks at the network, and after all of the old have ended but the
        // browser, which has no page.
        let node = node.started_after(lab, || {
            [Side::A, Side::B].into_iter().for_each(|side| lab.forget_mappings(side));
            counters.iter().for_each(Counters::reset);
        })?;
        visitor.come_back()?;
        Ok(Self { visitor, node, hub, nth: nth + 1 })
    }

    /// The page follows the node's invite.
    pub(crate) fn open_by_invite(&mut self) -> Result<Opened, String> {
        let link = self.node.invite()?;
        self.visitor.follow(&link, "Ada")?;
        let end = Instant::now() + PATIENCE;
        let accepted = self.node.until_accepted(end)?;
        self.node.take_contact()?;
        self.open_from(accepted, end)
    }

    /// A person opens the chat in the page.
    pub(crate) fn open_by_page(&mut self) -> Result<Opened, String> {
        let start = Instant::now();
        self.visitor.open_chat(self.node.name())?;
        self.open_from(start, start + PATIENCE)
    }

    fn open_from(&mut self, start: Instant, end: Instant) -> Result<Opened, String> {
        let verified = self.until_verified(end)?;
        self.visitor.say(&format!("Hello {}", self.nth))?;
        Ok(Opened { verified: verified - start, delivered: start.elapsed() })
    }

    /// The node has something to say to a page that shows no chat.
    pub(crate) fn open_by_node(&mut self) -> Result<Opened, String> {
        let start = Instant::now();
        let end = start + PATIENCE;
        let id = self.node.say(&format!("Hello {}", self.nth))?;
        let verified = self.until_verified(end)?;
        let delivered = self.node.until_delivered(&id, end);
        let delivered = delivered.ok_or_else(|| self.node.words())?;
        self.visitor.open_chat(self.node.name())?;
        Ok(Opened { verified: verified - start, delivered: delivered - start })
    }

    fn until_verified(&self, end: Instant) -> Result<Instant, String> {
        let verified = self.node.until_verified(end);
        verified.ok_or_else(|| format!("no session: {}", self.node.words()))
    }

    /// What the node says of the path.
    pub(crate) fn reported(&self) -> Option<Reported> {
        Reported::of(&self.node.peer())
    }

    /// One message each way, with words that were not said before.
    pub(crate) fn exchange(&mut self, text: &str) -> Result<(), String> {
        let text = format!("{} {text}", self.nth);
        self.visitor.say(&text)?;
        let answer = format!("{text}!");
        let id = self.node.say(&answer)?;
        let delivered = self.node.until_delivered(&id, Instant::now() + PATIENCE);
        delivered.ok_or_else(|| self.node.words())?;
        self.visitor.see(&answer)
    }
}
