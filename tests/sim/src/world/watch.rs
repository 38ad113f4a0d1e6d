//! What the outputs of an engine tell: states and transitions for the table, and what is to be
//! checked.

use std::collections::BTreeMap;

use tincan_engine::{
    Alarm, BrokerState, BrokerView, Command, Delivery, Event, Input, MessageView, Output,
    PeerInput, PeerOutput, PeerState, PeerView,
};
use tincan_wire::{MessageId, SessionId, UserId};

use super::{ROGUE, World};
use crate::coverage::Row;
use crate::invariant::Invariant;

/// Why an engine says what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Start,
    Person,
    Leave,
    Broker,
    Frame,
    Session,
    Disk,
    NewNetwork,
    Timer,
}

impl Call {
    pub(super) fn of(input: &Input) -> Self {
        match input {
            Input::Command { command: Command::Disconnect, .. } | Input::Shutdown => Self::Leave,
            Input::Command { .. } => Self::Person,
            Input::Broker(_) | Input::Challenge { .. } => Self::Broker,
            Input::Peer { input: PeerInput::Frame(_), .. } => Self::Frame,
            Input::Peer { .. } => Self::Session,
            Input::Stored { .. } | Input::Outbox { .. } => Self::Disk,
            Input::NetworkChanged => Self::NewNetwork,
        }
    }
}

/// What was last told in this run.
#[derive(Debug, Default)]
pub(super) struct Seen {
    link: Option<BrokerState>,
    sessions: BTreeMap<UserId, PeerState>,
    /// The session of each contact that we offered, until it ends.
    offered: BTreeMap<UserId, SessionId>,
    /// One that has ended in the present call.
    dropped: BTreeMap<UserId, SessionId>,
}

impl Seen {
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

impl World {
    pub(super) fn watch(&mut self, node: usize, output: &Output, call: &Call) {
        match output {
            Output::Event(event) => self.watch_event(node, event, *call),
            Output::Peer { sid, contact, output } => {
                self.watch_session(node, *sid, *contact, output);
            }
            Output::Broker(_)
            | Output::Store { .. }
            | Output::LoadOutbox { .. }
            | Output::Reply { .. }
            | Output::Token { .. } => {}
        }
    }

    fn watch_event(&mut self, node: usize, event: &Event, call: Call) {
        match event {
            Event::Broker(view) => self.watch_link(node, view, call),
            Event::Peer(view) => self.watch_peer(node, view, call),
            Event::Message { message } => {
                self.check_shown(node, message);
                if message.outgoing {
                    self.count(Row::MessageQueued);
                    self.model.tell(node, message.id, Delivery::Queued);
                }
            }
            Event::Delivery { contact, ids, state } => {
                self.check_delivery(node, *contact, ids, *state);
                ids.iter().for_each(|id| self.watch_message(node, *id, *state));
            }
            Event::Read { contact, to } => self.watch_read(node, *contact, *to),
            Event::Alarm { contact, alarm } => self.watch_alarm(node, *contact, alarm),
            Event::Contact { .. }
            | Event::Request { .. }
            | Event::RequestGone { .. }
            | Event::Presence { .. }
            | Event::ReadHere { .. }
            | Event::Typing { .. }
            | Event::Dropped { .. } => {}
        }
    }

    fn watch_link(&mut self, node: usize, view: &BrokerView, call: Call) {
        use BrokerState::{Connected, Connecting, Disconnected, Error};
        let local = self.nodes[node].local(self.now);
        let slot = &mut self.nodes[node];
        slot.waits.link(view.state, local);
        let from = slot.seen.link.replace(view.state).unwrap_or(Disconnected);
        self.count(match view.state {
            Disconnected => Row::LinkDisconnected,
            Connecting => Row::LinkConnecting,
            Connected => Row::LinkConnected,
            Error => Row::LinkError,
        });
        let row = match (from, view.state, call) {
            (Disconnected, Connecting, Call::Timer) => Row::LinkRetries,
            (Disconnected, Connecting, _) => Row::LinkConnects,
            (Connecting, Connected, _) => Row::LinkUp,
            (Connecting, Error, Call::Timer) => Row::LinkSilent,
            (Connecting, Error, _) => Row::LinkRefused,
            (Connected, Disconnected, Call::Leave) => Row::LinkLeft,
            (Connected, Disconnected, _) => Row::LinkLost,
            (Connected, Connecting, _) => Row::LinkMoves,
            (Error, Connecting, Call::Timer) => Row::LinkErrorRetries,
            (Error, Connecting, _) => Row::LinkErrorConnects,
            _ => return,
        };
        self.count(row);
    }

    fn watch_peer(&mut self, node: usize, view: &PeerView, call: Call) {
        use PeerState::{Closed, Connected, Connecting, Disconnected, Failed, New, Verifying};
        let local = self.nodes[node].local(self.now);
        let slot = &mut self.nodes[node];
        slot.waits.session(view.contact, view.state, local);
        if let (Connected, Some(sid)) = (view.state, view.sid) {
            slot.waits.session_settles(sid);
            let impostor = self.paths.ends.get(&(sid, node)).is_some_and(|end| end.has_impostor);
            if impostor {
                self.broken(Invariant::Sealed, format!("{node} takes an impostor for a contact"));
            }
        }
        let Some(from) = self.nodes[node].seen.sessions.insert(view.contact, view.state) else {
            return;
        };
        if from == view.state {
            return;
        }
        self.count(match view.state {
            New => Row::SessionNew,
            Connecting => Row::SessionConnecting,
            Verifying => Row::SessionVerifying,
            Connected => Row::SessionConnected,
            Disconnected => Row::SessionDisconnected,
            Failed => Row::SessionFailed,
            Closed => Row::SessionClosed,
        });
        let because = |words: &str| view.reason.as_ref().is_some_and(|text| text.contains(words));
        let row = match (from, view.state) {
            (Connecting, Verifying) => Row::SessionChannel,
            (Verifying, Connected) => Row::SessionVerified,
            (Connecting, New) if because("within 15 s") => Row::SessionLate,
            (Verifying, New) if because("hello within 10 s") => Row::SessionHelloLate,
            (_, Failed) => Row::SessionSixTimes,
            (Connected, Disconnected) => Row::SessionLost,
            (Connected, Closed | New) if call == Call::Frame => Row::SessionBye,
            (Disconnected, Connected) => Row::SessionBack,
            (Disconnected, Connecting) => Row::SessionRenewed,
            (Disconnected, _) if because("no path for 5 min") => Row::SessionGivenUp,
            (Failed, _) => Row::SessionFailedEnds,
            (Closed, New | Connecting) => Row::SessionRevived,
            _ => return,
        };
        self.count(row);
    }

    fn watch_session(&mut self, node: usize, sid: SessionId, contact: UserId, output: &PeerOutput) {
        let local = self.nodes[node].local(self.now);
        let slot = &mut self.nodes[node];
        match output {
            PeerOutput::Offer { .. } => {
                slot.waits.session_begins(sid, local);
                slot.seen.offered.insert(contact, sid);
                slot.seen.dropped.remove(&contact);
                self.count(Row::SessionStarts);
            }
            PeerOutput::Answer { .. } if !self.paths.ends.contains_key(&(sid, node)) => {
                slot.waits.session_begins(sid, local);
                if slot.seen.dropped.remove(&contact).is_some() {
                    self.count(Row::SessionGlareLost);
                }
                self.count(Row::SessionOffered);
            }
            PeerOutput::Close => {
                slot.waits.session_settles(sid);
                let offered = slot.seen.offered.remove(&contact);
                let opened = self.paths.ends.get(&(sid, node)).is_some_and(|end| end.is_opened);
                if offered == Some(sid) && !opened {
                    slot.seen.dropped.insert(contact, sid);
                }
            }
            PeerOutput::Answer { .. }
            | PeerOutput::AcceptAnswer { .. }
            | PeerOutput::AddCandidate(_)
            | PeerOutput::Send(_)
            | PeerOutput::RestartIce
            | PeerOutput::Receive(_) => {}
        }
    }

    fn watch_message(&mut self, node: usize, id: MessageId, state: Delivery) {
        let from = self.model.tell(node, id, state).unwrap_or(Delivery::Queued);
        let row = match (from, state) {
            (Delivery::Queued, Delivery::Sent) => Row::MessageSent,
            (Delivery::Sent, Delivery::Delivered) => Row::MessageDelivered,
            (Delivery::Sent, Delivery::Queued) => Row::MessageRequeued,
            (from, Delivery::Failed) => {
                let cancelled = self.model.is_given_up(id);
                match from {
                    _ if !cancelled => Row::MessageTooOld,
                    Delivery::Sent => Row::MessageCancelledSent,
                    _ => Row::MessageCancelledQueued,
                }
            }
            _ => return,
        };
        self.count(row);
    }

    fn watch_read(&mut self, node: usize, contact: UserId, to: u64) {
        let upto = |message: &&MessageView| message.s <= to;
        let read: Vec<_> = self.nodes[node].disk.ours(contact).filter(upto).map(|m| m.id).collect();
        for id in read {
            // What was given up stays so, and what was read is not read again.
            if self.model.told(node, id) == Some(Delivery::Delivered) {
                self.check_delivery(node, contact, &[id], Delivery::Read);
                self.model.tell(node, id, Delivery::Read);
                self.count(Row::MessageRead);
            }
        }
    }

    /// No alarm without a cause.
    fn watch_alarm(&mut self, node: usize, contact: Option<UserId>, alarm: &Alarm) {
        let other = contact.and_then(|contact| self.who.get(&contact).copied());
        match alarm {
            Alarm::HelloFailed { reason } => {
                let count = self.coverage.of(Row::Impostor);
                if count == 0 && other != Some(ROGUE) {
                    let what = format!("{node} takes {other:?} for an impostor: {reason}");
                    self.broken(Invariant::Sealed, what);
                }
                self.count(Row::SessionBadHello);
            }
            Alarm::MessageIdReused { id } => {
                if other != Some(ROGUE) {
                    let what = format!("{node} says that {id} was reused by {other:?}");
                    self.broken(Invariant::OnceInOrder, what);
                }
            }
            Alarm::CredentialsRefused { .. } => self.count(Row::LinkErrorWaits),
            Alarm::StorageFailed { .. } => {}
        }
    }
}
