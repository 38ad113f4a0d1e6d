//! Keeps the model true: takes what the shell says and changes the signals, in batches.
//!
//! A message alone is shown at once. When thousands a second come, they are shown as often as the
//! page manages: a batch takes in what came while the one before was worked on.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use js_sys::Date;
use leptos::prelude::*;
use tincan_engine::{Delivery, Event, MessageView};
use tincan_web::Notice;
use tincan_wire::{SortedMap, UserId};
use wasm_bindgen_futures::spawn_local;

use crate::model::{Model, News, preview};
use crate::notify;

/// So many wait at most; then they are worked off even if the browser gives no time for it.
const MAX_WAITING: usize = 4_096;

/// Between two batches at least, while they follow each other: half a frame.
const PAUSE_MS: f64 = 8.0;

/// Between two batches at most.
const MAX_PAUSE_MS: f64 = 100.0;

/// A batch of so many is a flood, which nobody reads.
const FLOOD: usize = 60;

/// Between two batches of a flood: four times a second one sees that it goes on.
const FLOOD_PAUSE_MS: f64 = 250.0;

/// A pause ends early when nothing has come for so long.
const LOOK_MS: f64 = 32.0;

struct Inbox {
    model: Model,
    waiting: RefCell<Vec<Notice>>,
    /// How many waited when we looked last.
    seen: Cell<usize>,
    is_planned: Cell<bool>,
    /// When the next batch may begin.
    free_at: Cell<f64>,
}

/// Listens to the shell for as long as the tab lives.
pub(crate) fn follow(model: Model) {
    let inbox = Rc::new(Inbox {
        model,
        waiting: RefCell::default(),
        seen: Cell::new(0),
        is_planned: Cell::new(false),
        free_at: Cell::new(0.0),
    });
    model.client().subscribe(move |notice| inbox.take(notice));
}

impl Inbox {
    fn take(self: &Rc<Self>, notice: &Notice) {
        let waiting = {
            let mut waiting = self.waiting.borrow_mut();
            waiting.push(notice.clone());
            waiting.len()
        };
        if waiting >= MAX_WAITING {
            return self.work_off();
        }
        if self.is_planned.replace(true) {
            return;
        }
        let quiet_ms = Date::now() - self.free_at.get();
        let is_theirs = matches!(notice,
            Notice::Event(Event::Message { message }) if !message.outgoing);
        if quiet_ms >= 2.0 * PAUSE_MS && is_theirs {
            // At once, before anything is said to whoever sent it.
            self.work_off();
        } else if quiet_ms >= 0.0 {
            let inbox = Rc::clone(self);
            queue_microtask(move || inbox.work_off());
        } else {
            self.wait();
        }
    }

    fn wait(self: &Rc<Self>) {
        let inbox = Rc::clone(self);
        self.seen.set(self.waiting.borrow().len());
        let wait = (self.free_at.get() - Date::now()).clamp(0.0, LOOK_MS);
        set_timeout(move || inbox.look(), Duration::from_millis(wait.ceil() as u64));
    }

    fn look(self: &Rc<Self>) {
        let more = self.waiting.borrow().len() > self.seen.get();
        if more && self.free_at.get() > Date::now() {
            self.wait();
        } else {
            self.work_off();
        }
    }

    fn work_off(&self) {
        self.is_planned.set(false);
        let notices = self.waiting.take();
        if notices.is_empty() {
            return;
        }
        let (begin, count) = (Date::now(), notices.len());
        apply(self.model, notices);
        let end = Date::now();
        let follows = begin - self.free_at.get() < 2.0 * PAUSE_MS;
        self.free_at.set(end + if follows { pause_ms(end - begin, count) } else { 0.0 });
    }
}

/// How long the next batch waits, by how long this one took and how many notices it had. A page
/// that follows easily is left alone; a busy one gets most of the time for the rest. What the
/// browser takes to draw it all comes on top, and nobody tells.
fn pause_ms(took: f64, count: usize) -> f64 {
    match took < PAUSE_MS {
        _ if count >= FLOOD => FLOOD_PAUSE_MS,
        true => PAUSE_MS,
        false => (4.0 * took).min(MAX_PAUSE_MS),
    }
}

/// What a batch changes in a conversation's line.
#[derive(Default)]
struct TalkNews {
    came: u64,
    last: Option<MessageView>,
    /// For the mark of our last message.
    delivered: Vec<(Vec<tincan_wire::MessageId>, Delivery)>,
    /// How far they have read.
    read: Option<u64>,
    /// What came before was seen, on this screen or another.
    read_here: bool,
}

fn apply(model: Model, notices: Vec<Notice>) {
    let listener = model.listening();
    let mut news = Vec::new();
    let mut talks = last_messages(&notices);
    let listens = |contact: UserId| listener.as_ref().is_some_and(|(id, _)| *id == contact);
    for notice in notices {
        match notice {
            Notice::Standing(standing) => model.standing.set(standing),
            Notice::Refresh => {
                news.push(News::Reload);
                model.refreshed.update(|count| *count = count.wrapping_add(1));
                spawn_local(model.refresh());
            }
            Notice::Event(Event::Message { message }) => {
                let talk = talks.or_insert_with(message.contact, TalkNews::default);
                if !message.outgoing {
                    talk.came += 1;
                    notify::tell(model, &message);
                }
                if listens(message.contact) {
                    news.push(News::Message(message));
                }
            }
            Notice::Event(Event::Delivery { contact, ids, state }) => {
                talks
                    .or_insert_with(contact, TalkNews::default)
                    .delivered
                    .push((ids.clone(), state));
                if listens(contact) {
                    news.push(News::Delivery { ids, state });
                }
            }
            Notice::Event(Event::Read { contact, to }) => {
                talks.or_insert_with(contact, TalkNews::default).read = Some(to);
                if listens(contact) {
                    news.push(News::Read { to });
                }
            }
            Notice::Event(Event::ReadHere { contact }) => {
                let talk = talks.or_insert_with(contact, TalkNews::default);
                talk.came = 0;
                talk.read_here = true;
            }
            Notice::Event(event) => change(model, event),
        }
    }
    // What one looks at comes first.
    if let Some((_, hear)) = listener.filter(|_| !news.is_empty()) {
        hear(news);
    }
    for (contact, talk) in talks {
        change_talk(model, contact, talk);
    }
}

/// The last message of each conversation: of thousands, only this one is put into a line.
fn last_messages(notices: &[Notice]) -> SortedMap<UserId, TalkNews> {
    let mut last: SortedMap<UserId, &MessageView> = SortedMap::new();
    for notice in notices {
        if let Notice::Event(Event::Message { message }) = notice {
            let known = last.or_insert_with(message.contact, || message);
            if known.h <= message.h {
                *known = message;
            }
        }
    }
    let news = |message: &MessageView| TalkNews {
        last: Some(preview(message.clone())),
        ..TalkNews::default()
    };
    last.into_iter().map(|(contact, message)| (contact, news(message))).collect()
}

fn change_talk(model: Model, contact: UserId, news: TalkNews) {
    let Some(person) = model.person(contact) else { return };
    if news.came > 0 {
        person.typing.set(false);
    }
    let last_id = person.talk.with_untracked(|talk| talk.last.as_ref().map(|last| last.id));
    let delivered =
        news.delivered.iter().rev().find(|(ids, _)| ids.iter().any(|id| last_id == Some(*id)));
    let is_seen = news.read_here || news.read.is_some();
    if news.came == 0 && news.last.is_none() && delivered.is_none() && !is_seen {
        return;
    }
    person.talk.update(|talk| {
        if news.read_here {
            talk.unread = 0;
        }
        talk.unread += news.came;
        if let (Some(last), Some((_, state))) = (&mut talk.last, delivered) {
            last.state = *state;
        }
        if let Some(last) = news.last
            && talk.last.as_ref().is_none_or(|known| known.h <= last.h)
        {
            talk.last = Some(last);
        }
        if let (Some(last), Some(to)) = (&mut talk.last, news.read)
            && last.outgoing
            && last.s <= to
            && last.state == Delivery::Delivered
        {
            last.state = Delivery::Read;
        }
    });
}

fn change(model: Model, event: Event) {
    match event {
        Event::Broker(broker) => model.broker.set(broker),
        Event::Contact { contact } => model.put_contact(contact),
        Event::Request { request } => {
            notify::tell_request(model, &request);
            model.requests.update(|requests| {
                requests.retain(|known| known.id != request.id);
                requests.push(request);
            });
        }
        Event::RequestGone { contact } => {
            model.requests.update(|requests| requests.retain(|known| known.id != contact));
        }
        Event::Peer(peer) => {
            if let Some(person) = model.person(peer.contact) {
                person.view.update(|view| view.peer = peer);
            }
        }
        Event::Presence { contact, online, chat_open } => {
            if let Some(person) = model.person(contact) {
                person.view.update(|view| {
                    view.online = online;
                    view.chat_open = chat_open;
                });
                if !online {
                    person.typing.set(false);
                }
            }
        }
        Event::Typing { contact, on } => {
            if let Some(person) = model.person(contact) {
                person.typing.set(on);
            }
        }
        Event::Alarm { contact, alarm } => model.raise(contact, alarm),
        // Counted in the status; nothing that a person could do.
        Event::Dropped { .. } => {}
        // Handled with the conversation that they belong to.
        Event::Message { .. }
        | Event::Delivery { .. }
        | Event::Read { .. }
        | Event::ReadHere { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_batch_waits_the_longer_the_more_this_one_took() {
        for (took, count, expected) in [
            (0.0, 1, PAUSE_MS),
            (7.0, FLOOD - 1, PAUSE_MS),
            (8.0, 1, 32.0),
            (60.0, 1, MAX_PAUSE_MS),
            (0.0, FLOOD, FLOOD_PAUSE_MS),
            (60.0, FLOOD, FLOOD_PAUSE_MS),
        ] {
            assert_eq!(pause_ms(took, count), expected, "{count} in {took} ms");
        }
    }
}
