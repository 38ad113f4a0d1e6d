//! What people do and see: commands with their answers, contacts, histories, events.

use tincan_engine::{
    Alarm, BrokerState, Command, CommandError, ContactStatus, ContactView, Delivery, Engine, Event,
    Input, MessageView, PeerState, Reply, RequestView, Status, Target,
};
use tincan_wire::{Invite, MessageId, SessionId, UserId};

use super::World;

impl World {
    pub fn befriend(&mut self, a: usize, b: usize) {
        let invite = self.invite(a);
        self.add(b, Target::Invite(invite)).unwrap();
        let (id_a, id_b) = (self.nodes[a].id, self.nodes[b].id);
        self.run_until("both are contacts", |world| {
            world.is_accepted(a, id_b) && world.is_accepted(b, id_a)
        });
    }

    pub fn invite(&mut self, node: usize) -> Invite {
        self.invite_for(node, 1, 3_600)
    }

    pub fn invite_for(&mut self, node: usize, uses: u32, ttl_secs: u64) -> Invite {
        let hub = Some("http://127.0.0.1:8080".into());
        let command = Command::CreateInvite { hub, brokers: vec![], uses, ttl_secs };
        match self.command(node, command) {
            Ok(Reply::Invite { invite }) => invite,
            other => panic!("no invite: {other:?}"),
        }
    }

    pub fn add(&mut self, node: usize, target: Target) -> Result<Reply, CommandError> {
        self.command(node, Command::AddContact { target, nickname: None })
    }

    pub fn status_with(&self, node: usize, other: usize) -> Option<ContactStatus> {
        self.contact(node, self.nodes[other].id).map(|contact| contact.status)
    }

    pub fn is_accepted(&self, node: usize, id: UserId) -> bool {
        self.contact(node, id).is_some_and(|contact| contact.status == ContactStatus::Accepted)
    }

    pub fn are_friends(&self, a: usize, b: usize) -> bool {
        self.is_accepted(a, self.nodes[b].id) && self.is_accepted(b, self.nodes[a].id)
    }

    pub fn status(&self, node: usize) -> Status {
        self.nodes[node].engine.as_ref().map(Engine::status).expect("the node runs")
    }

    pub fn broker_state(&self, node: usize) -> BrokerState {
        self.status(node).broker.state
    }

    pub fn contact(&self, node: usize, id: UserId) -> Option<ContactView> {
        let engine = self.nodes[node].engine.as_ref()?;
        engine.status().contacts.into_iter().find(|contact| contact.id == id)
    }

    /// How `node` sees `other`, who must be a contact.
    pub fn view(&self, node: usize, other: usize) -> ContactView {
        self.contact(node, self.nodes[other].id).expect("a contact")
    }

    pub fn peer_state(&self, node: usize, other: usize) -> PeerState {
        let contact = self.contact(node, self.nodes[other].id);
        contact.map_or(PeerState::Closed, |contact| contact.peer.state)
    }

    pub fn sid(&self, node: usize, other: usize) -> Option<SessionId> {
        self.contact(node, self.nodes[other].id)?.peer.sid
    }

    pub fn requests(&mut self, node: usize) -> Vec<RequestView> {
        match self.command(node, Command::ListRequests) {
            Ok(Reply::Requests { requests }) => requests,
            other => panic!("no requests: {other:?}"),
        }
    }

    pub fn dropped(&self, node: usize, reason: &str) -> u64 {
        self.status(node).dropped.get(reason).copied().unwrap_or(0)
    }

    pub fn open_chat(&mut self, node: usize, other: usize) {
        let contact = self.nodes[other].id;
        let result = self.command(node, Command::OpenChat { contact, screen: 1 });
        assert_eq!(result, Ok(Reply::Done));
    }

    pub fn close_chat(&mut self, node: usize, other: usize) {
        let contact = self.nodes[other].id;
        let result = self.command(node, Command::CloseChat { contact, screen: 1 });
        assert_eq!(result, Ok(Reply::Done));
    }

    pub fn connect(&mut self, a: usize, b: usize) {
        self.open_chat(a, b);
        self.run_until("both are connected", |world| world.are_connected(a, b));
    }

    pub fn are_connected(&self, a: usize, b: usize) -> bool {
        self.peer_state(a, b) == PeerState::Connected
            && self.peer_state(b, a) == PeerState::Connected
            && self.sid(a, b) == self.sid(b, a)
    }

    /// Sends without waiting for anything but our own disk.
    pub fn send(&mut self, node: usize, other: usize, content: &str) -> MessageId {
        let command = self.saying(other, content);
        match self.command(node, command) {
            Ok(Reply::Message { message }) => message.id,
            other => panic!("not sent: {other:?}"),
        }
    }

    /// Sends and does not wait; returns the command's number.
    pub fn post_message(&mut self, node: usize, other: usize, content: &str) -> u64 {
        let command = self.saying(other, content);
        self.post(node, command)
    }

    pub fn saying(&self, other: usize, content: &str) -> Command {
        let contact = self.nodes[other].id;
        Command::SendMessage { contact, content: content.into(), reply: None }
    }

    pub fn history(&self, node: usize, other: usize) -> Vec<MessageView> {
        let node = &self.nodes[node];
        node.disk.history(node.id, self.nodes[other].id)
    }

    pub fn received(&self, node: usize, other: usize) -> Vec<String> {
        let history = self.history(node, other);
        history.into_iter().filter(|m| !m.outgoing).map(|m| m.content).collect()
    }

    /// What a screen was shown of `other`'s messages, in the order in which it was shown.
    pub fn shown(&self, node: usize, other: usize) -> Vec<String> {
        let contact = self.nodes[other].id;
        self.events(node, |event| match event {
            Event::Message { message } if !message.outgoing && message.contact == contact => {
                Some(message.content.clone())
            }
            _ => None,
        })
    }

    pub fn all_delivered(&self, node: usize, other: usize) -> bool {
        let contact = self.nodes[other].id;
        self.nodes[node].disk.undelivered(contact) == 0
    }

    pub fn delivery(&self, node: usize, other: usize, id: MessageId) -> Option<Delivery> {
        self.history(node, other).into_iter().find(|m| m.id == id).map(|m| m.state)
    }

    /// Every state that screens were told of a message.
    pub fn deliveries(&self, node: usize, id: MessageId) -> Vec<Delivery> {
        self.events(node, |event| match event {
            Event::Delivery { ids, state, .. } if ids.contains(&id) => Some(*state),
            _ => None,
        })
    }

    pub fn alarms(&self, node: usize) -> Vec<Alarm> {
        self.events(node, |event| match event {
            Event::Alarm { alarm, .. } => Some(alarm.clone()),
            _ => None,
        })
    }

    /// The states that screens were told of the session with `other`, without repetitions.
    pub fn peer_states(&self, node: usize, other: usize) -> Vec<PeerState> {
        let contact = self.nodes[other].id;
        let mut states = self.events(node, |event| match event {
            Event::Peer(view) if view.contact == contact => Some(view.state),
            _ => None,
        });
        states.dedup();
        states
    }

    /// Gives a command and runs until it is answered.
    pub fn command(&mut self, node: usize, command: Command) -> Result<Reply, CommandError> {
        let id = self.post(node, command);
        self.run_until("the command is answered", |world| {
            world.nodes[node].replies.contains_key(&id)
        });
        self.nodes[node].replies.remove(&id).expect("just seen")
    }

    /// Gives a command and does not wait.
    pub fn post(&mut self, node: usize, command: Command) -> u64 {
        self.next_command += 1;
        let id = self.next_command;
        self.handle(node, Input::Command { id, command });
        id
    }

    /// The events of a node that `pick` chooses.
    pub fn events<T>(&self, node: usize, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.nodes[node].events.iter().filter_map(|(_, event)| pick(event)).collect()
    }
}
