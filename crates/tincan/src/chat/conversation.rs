//! One conversation on the screen: what comes is shown, what is typed is said.

use std::collections::BTreeSet;
use std::time::Duration;

use tincan_engine::{
    BrokerState, Command, ContactView, Delivery, Event, MessageView, Path, PeerState, PeerView,
    Reply,
};
use tincan_node::Events;
use tincan_wire::{MessageId, UserId};
use tokio::time::{Instant, sleep_until};

use crate::Outcome;
use crate::chat::input::{Entered, Input};
use crate::chat::screen::Screen;
use crate::chat::slash::{Slash, Typed, parse};
use crate::clock_text::wrong_clock;
use crate::commands::last_messages;
use crate::duration_text::show_duration;
use crate::event_text::{Names, alarm_words, line};
use crate::failure::Failure;
use crate::people_text::{broker_line, now, peer_line, title};
use crate::session::Session;

mod doing;

/// A chat that is open with one contact.
#[derive(Debug)]
pub(crate) struct Conversation<'a> {
    session: &'a Session,
    screen: &'a mut Screen,
    events: Events,
    number: u64,
    contact: ContactView,
    names: Names,
    /// Ours that are not delivered yet, oldest first.
    waiting: BTreeSet<MessageId>,
    /// What was said last about the connection, so that it is not said twice.
    told: Option<PeerState>,
    told_broker: Option<BrokerState>,
    told_clock: bool,
}

/// What a step of the conversation leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    Leave,
}

impl<'a> Conversation<'a> {
    /// Opens the chat with `contact`, so that they see it and the connection is made.
    pub(crate) async fn open(
        session: &'a Session,
        screen: &'a mut Screen,
        contact: UserId,
    ) -> Result<Self, Failure> {
        let events = session.events().await;
        let number = session.handle().screen();
        session.command(Command::OpenChat { contact, screen: number }).await?;
        Ok(Self {
            session,
            screen,
            events,
            number,
            contact: session.contact(contact).await?,
            names: Names::of(session).await?,
            waiting: BTreeSet::new(),
            told: None,
            told_broker: None,
            told_clock: false,
        })
    }

    /// Shows the end of the history, and then talks until the person leaves.
    pub(crate) async fn hold(
        &mut self,
        input: &mut Input,
        history: usize,
        patience: Duration,
    ) -> Outcome {
        self.greet(history).await?;
        let mut until = None;
        let outcome = loop {
            let ended = until.is_some();
            if ended && self.waiting.is_empty() {
                break Ok(());
            }
            let deadline = until.unwrap_or_else(Instant::now);
            tokio::select! {
                event = self.events.next() => {
                    let Some(event) = event else {
                        break Err(Failure::failed("the node has stopped"));
                    };
                    self.happened(event).await?;
                }
                entered = input.next(), if !ended => match self.entered(entered).await? {
                    Next::GoOn => {}
                    Next::Leave if self.screen.is_terminal() => break Ok(()),
                    // A script's input has ended: what it said is still to arrive.
                    Next::Leave => until = Some(Instant::now() + patience),
                },
                () = sleep_until(deadline), if ended => break Err(self.undelivered(patience)),
            }
        };
        // A node of our own ends next and says that itself: a word by the broker could come after
        // it and look like a sign of life.
        if self.session.is_elsewhere() {
            let close = Command::CloseChat { contact: self.contact.id, screen: self.number };
            // A node that has stopped has closed it by itself.
            let _ = self.session.command(close).await;
        }
        outcome
    }

    async fn greet(&mut self, history: usize) -> Outcome {
        let name = title(&self.contact);
        let verified = if self.contact.verified { ", verified" } else { "" };
        for message in last_messages(self.session, self.contact.id, history).await? {
            self.show(&message).await?;
        }
        self.screen.notice(&format!("── {name}{verified} ── /help lists commands ──")).await?;
        self.mark_read().await?;
        let status = self.session.status().await?;
        match status.broker.state {
            BrokerState::Connected => self.tell_wrong_clock().await?,
            _ => self.tell_broker(&status.broker).await?,
        }
        let peer = self.contact.peer.clone();
        self.tell_peer(&peer).await
    }

    async fn happened(&mut self, event: Event) -> Outcome {
        self.names.note(&event);
        self.screen.event(&event)?;
        if self.screen.is_json() {
            return self.happened_unseen(event).await;
        }
        match event {
            Event::Message { message } if message.contact == self.contact.id => {
                self.note(&message);
                self.show(&message).await?;
                if !message.outgoing {
                    self.mark_read().await?;
                }
            }
            Event::Delivery { contact, ids, state } if contact == self.contact.id => {
                self.settle(&ids, state);
                self.screen.delivery(&ids, state).await?;
            }
            Event::Read { contact, to } if contact == self.contact.id => {
                self.screen.read(to).await?;
            }
            Event::Peer(peer) if peer.contact == self.contact.id => self.tell_peer(&peer).await?,
            Event::Broker(view) => self.tell_broker(&view).await?,
            Event::Contact { contact } if contact.id == self.contact.id => {
                self.tell_contact(contact).await?;
            }
            Event::Presence { contact, online, chat_open } if contact == self.contact.id => {
                self.tell_presence(online, chat_open).await?;
            }
            Event::Alarm { alarm, .. } => {
                self.screen.notice(&format!("!! {}", alarm_words(&alarm))).await?;
            }
            Event::Request { .. } => {
                let clock = crate::clock_text::ClockText::of_this_machine();
                if let Some(line) = line(&event, &self.names, &clock) {
                    self.screen.notice(&format!("── {line} (here: /accept)")).await?;
                }
            }
            Event::Message { message } if !message.outgoing => {
                let name = self.names.of_id(message.contact);
                self.screen.notice(&format!("── {name} has written to you")).await?;
            }
            Event::Message { .. }
            | Event::Delivery { .. }
            | Event::Peer(_)
            | Event::Contact { .. }
            | Event::Presence { .. }
            | Event::RequestGone { .. }
            | Event::Read { .. }
            | Event::ReadHere { .. }
            | Event::Typing { .. }
            | Event::Dropped { .. } => {}
        }
        Ok(())
    }

    /// What must be done about an event even where only a program looks.
    async fn happened_unseen(&mut self, event: Event) -> Outcome {
        match event {
            Event::Message { message } if message.contact == self.contact.id => {
                self.note(&message);
                if !message.outgoing {
                    self.mark_read().await?;
                }
            }
            Event::Delivery { contact, ids, state } if contact == self.contact.id => {
                self.settle(&ids, state);
            }
            Event::Peer(peer) if peer.contact == self.contact.id => self.contact.peer = peer,
            Event::Contact { contact } if contact.id == self.contact.id => {
                self.contact = contact;
            }
            _ => {}
        }
        Ok(())
    }

    /// Remembers a message of ours until it has arrived.
    fn note(&mut self, message: &MessageView) {
        if message.outgoing && matches!(message.state, Delivery::Queued | Delivery::Sent) {
            self.waiting.insert(message.id);
        }
    }

    fn settle(&mut self, ids: &[MessageId], state: Delivery) {
        if matches!(state, Delivery::Delivered | Delivery::Read | Delivery::Failed) {
            for id in ids {
                self.waiting.remove(id);
            }
        }
    }

    async fn entered(&mut self, entered: Entered) -> Result<Next, Failure> {
        let Entered::Line(text) = entered else { return Ok(Next::Leave) };
        let done = match parse(&text) {
            Typed::Nothing => Ok(()),
            Typed::Do(Slash::Quit) => return Ok(Next::Leave),
            Typed::Do(slash) => self.do_it(slash).await,
            Typed::Say(words) => self.say(words).await,
            Typed::Unknown(command) => {
                let why = format!("{command} is no command; /help lists them, // says a slash");
                Err(Failure::BadInput(why))
            }
        };
        match done {
            Ok(()) => Ok(Next::GoOn),
            Err(Failure::NobodyReads) => Err(Failure::NobodyReads),
            Err(failure) => {
                let why = failure.line().unwrap_or_default();
                if self.screen.is_json() {
                    crate::output::complain(&why);
                }
                self.screen.notice(&format!("!! {why}")).await?;
                Ok(Next::GoOn)
            }
        }
    }

    /// Says it: the engine's event shows it.
    async fn say(&mut self, content: String) -> Outcome {
        let command = Command::SendMessage { contact: self.contact.id, content, reply: None };
        match self.session.command(command).await? {
            Reply::Message { message } => {
                self.note(&message);
                Ok(())
            }
            other => Err(Failure::failed(format!("the message's fate is unknown: {other:?}"))),
        }
    }

    async fn show(&mut self, message: &MessageView) -> Outcome {
        let name = title(&self.contact);
        self.screen.message(message, &name).await
    }

    async fn mark_read(&mut self) -> Outcome {
        self.session.command(Command::MarkRead { contact: self.contact.id }).await.map(drop)
    }

    async fn tell_peer(&mut self, peer: &PeerView) -> Outcome {
        let news = self.told != Some(peer.state) && peer.state != PeerState::Verifying;
        let is_relayed = |peer: &PeerView| peer.path.as_ref().map(Path::is_relayed);
        let other_way = peer.state == PeerState::Connected
            && peer.path.is_some()
            && is_relayed(peer) != is_relayed(&self.contact.peer);
        self.contact.peer = peer.clone();
        if !news && !other_way {
            return Ok(());
        }
        self.told = Some(peer.state);
        let line = format!("── {}: {}", title(&self.contact), peer_line(peer, now()));
        self.screen.notice(&line).await
    }

    /// Once, as soon as the hub has told its time.
    async fn tell_wrong_clock(&mut self) -> Outcome {
        let behind = self.session.shell_status().await?.clock_behind_ms;
        let Some(behind) = behind else { return Ok(()) };
        if !std::mem::replace(&mut self.told_clock, true)
            && let Some(words) = wrong_clock(behind)
        {
            self.screen.notice(&format!("!! {words}")).await?;
        }
        Ok(())
    }

    async fn tell_broker(&mut self, view: &tincan_engine::BrokerView) -> Outcome {
        if view.state == BrokerState::Connected {
            self.tell_wrong_clock().await?;
        }
        let before = self.told_broker.replace(view.state);
        let quiet = match view.state {
            // The start goes well mostly, and then nothing need be said.
            BrokerState::Connected => matches!(before, None | Some(BrokerState::Connected)),
            BrokerState::Connecting => true,
            BrokerState::Disconnected | BrokerState::Error => false,
        };
        if quiet {
            if view.state == BrokerState::Connecting {
                self.told_broker = before;
            }
            return Ok(());
        }
        self.screen.notice(&format!("── hub: {}", broker_line(view, now()))).await
    }

    async fn tell_contact(&mut self, contact: ContactView) -> Outcome {
        let (before, after) = (self.contact.status, contact.status);
        let peer = self.contact.peer.clone();
        self.contact = ContactView { peer, ..contact };
        if before != after {
            let line = format!("── {}: {after}", title(&self.contact));
            self.screen.notice(&line).await?;
        }
        Ok(())
    }

    async fn tell_presence(&mut self, online: bool, chat_open: bool) -> Outcome {
        let before = (self.contact.online, self.contact.chat_open);
        self.contact.online = online;
        self.contact.chat_open = chat_open;
        if before == (online, chat_open) {
            return Ok(());
        }
        let state = match (online, chat_open) {
            (true, true) => "online, has this chat open",
            (true, false) => "online",
            (false, _) => "offline",
        };
        self.screen.notice(&format!("── {}: {state}", title(&self.contact))).await
    }

    fn undelivered(&self, patience: Duration) -> Failure {
        let (count, name) = (self.waiting.len(), title(&self.contact));
        let span = show_duration(patience);
        Failure::failed(format!(
            "{count} not delivered to {name} within {span}; they stay in the outbox and go out \
             when `tincan` runs on both sides"
        ))
    }
}
