//! An event as one line for a person.

use std::collections::BTreeMap;

use tincan_engine::{Alarm, Delivery, Event};
use tincan_wire::UserId;

use crate::clock_text::ClockText;
use crate::failure::Failure;
use crate::people_text::{broker_line, mark, now, peer_line, requester, title};
use crate::screen_text::{indented, one_line};
use crate::session::Session;

/// How the contacts are called.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<UserId, String>);

impl Names {
    pub(crate) async fn of(session: &Session) -> Result<Self, Failure> {
        let contacts = session.contacts().await?;
        Ok(Self(contacts.iter().map(|contact| (contact.id, title(contact))).collect()))
    }

    /// Learns a name from an event.
    pub(crate) fn note(&mut self, event: &Event) {
        if let Event::Contact { contact } = event {
            self.0.insert(contact.id, title(contact));
        }
    }

    pub(crate) fn of_id(&self, id: UserId) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| id.short())
    }
}

/// The line; `None` for what a person need not see.
pub(crate) fn line(event: &Event, names: &Names, clock: &ClockText) -> Option<String> {
    let line = match event {
        Event::Broker(view) => format!("broker: {}", broker_line(view, now())),
        Event::Contact { contact } => format!("{}: {}", title(contact), contact.status),
        Event::Request { request } => format!(
            "{} asks to be a contact: `tincan contact accept {}`",
            requester(request),
            request.id
        ),
        Event::RequestGone { .. }
        | Event::Read { .. }
        | Event::ReadHere { .. }
        | Event::Typing { .. } => return None,
        Event::Peer(peer) => format!("{}: {}", names.of_id(peer.contact), peer_line(peer, now())),
        Event::Presence { contact, online, chat_open } => {
            let state = match (online, chat_open) {
                (true, true) => "online, has this chat open",
                (true, false) => "online",
                (false, _) => "offline",
            };
            format!("{}: {state}", names.of_id(*contact))
        }
        Event::Message { message } => {
            let name = names.of_id(message.contact);
            let who = if message.outgoing { format!("you to {name}") } else { name };
            let time = clock.time(message.timestamp);
            format!("{time} {who}: {}", indented(&message.content, 4))
        }
        Event::Delivery { contact, ids, state } => {
            let what = match state {
                Delivery::Queued => "waiting",
                Delivery::Sent => "sent",
                Delivery::Delivered => "delivered",
                Delivery::Read => "read",
                Delivery::Failed => "given up",
            };
            format!("{} {} {what}: {}", mark(*state), names.of_id(*contact), ids.len())
        }
        Event::Alarm { contact, alarm } => {
            let whom = contact.map(|id| format!("{}: ", names.of_id(id))).unwrap_or_default();
            format!("ALARM {whom}{}", alarm_words(alarm))
        }
        Event::Dropped { reason, count } => format!("dropped {count} × {}", one_line(reason)),
    };
    Some(line)
}

/// What an alarm means and what to do.
pub(crate) fn alarm_words(alarm: &Alarm) -> String {
    match alarm {
        Alarm::HelloFailed { reason } => format!(
            "somebody is between you and this contact ({}); the connection was closed, and \
             nothing was said. Compare safety numbers with `tincan contact verify`",
            one_line(reason)
        ),
        Alarm::MessageIdReused { id } => {
            format!("a second message came under the id {id}; it was kept out")
        }
        Alarm::StorageFailed { reason } => format!(
            "the disk refused to write ({}); make room: what comes is kept by its sender until then",
            one_line(reason)
        ),
        Alarm::CredentialsRefused { reason } => format!(
            "the broker refuses us ({}); mend the user and password or the hub's address, then \
             start again",
            one_line(reason)
        ),
    }
}
