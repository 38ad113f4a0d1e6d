//! What the page knows, as signals. [`crate::notices`] keeps it true; the parts of the page read
//! it and ask the shell through it.

use std::rc::Rc;

use leptos::prelude::*;
use tincan_engine::{
    Alarm, Answer, BrokerState, BrokerView, Command, ContactView, Delivery, MessageView, Query,
    Reply, RequestView, Summary,
};
use tincan_web::{Client, RequestError, Role, Standing};
use tincan_wire::{DisplayName, MessageId, SortedMap, UserId};
use wasm_bindgen_futures::spawn_local;

use crate::loading::Second;
use crate::route::Router;
use crate::words;

/// The most alarms that are shown at a time; the oldest gives way.
const MAX_ALARMS: usize = 4;

/// Of a last message so much is kept for the list, in characters.
const PREVIEW_CHARS: usize = 160;

/// Who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Me {
    pub(crate) id: UserId,
    pub(crate) name: DisplayName,
}

/// A contact with what the list shows of the conversation. Each part changes alone.
#[derive(Clone, Copy)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) view: RwSignal<ContactView>,
    pub(crate) talk: RwSignal<Talk>,
    pub(crate) typing: RwSignal<bool>,
}

/// A conversation in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Talk {
    pub(crate) unread: u64,
    /// Its words are cut to what the list shows.
    pub(crate) last: Option<MessageView>,
}

/// Something that an open conversation shows.
pub(crate) enum News {
    Message(MessageView),
    Delivery {
        ids: Vec<MessageId>,
        state: Delivery,
    },
    Read {
        to: u64,
    },
    /// Everything may be different: read the history anew.
    Reload,
}

/// An alarm that a person has not put away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raised {
    pub(crate) serial: u32,
    pub(crate) contact: Option<UserId>,
    pub(crate) alarm: Alarm,
}

type Listener = Rc<dyn Fn(Vec<News>)>;

/// Everything the page knows. Cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Model {
    client: StoredValue<Client, LocalStorage>,
    listener: StoredValue<Option<(UserId, Listener)>, LocalStorage>,
    pub(crate) router: Router,
    /// `None` until the engine has answered for the first time.
    pub(crate) me: RwSignal<Option<Me>>,
    pub(crate) standing: RwSignal<Standing>,
    pub(crate) broker: RwSignal<BrokerView>,
    pub(crate) people: RwSignal<SortedMap<UserId, Person>>,
    pub(crate) requests: RwSignal<Vec<RequestView>>,
    pub(crate) alarms: RwSignal<Vec<Raised>>,
    /// A sentence about what was just done, or could not be.
    pub(crate) toast: RwSignal<Option<String>>,
    /// Whether someone looks at this tab: it is visible and has the focus.
    pub(crate) attended: RwSignal<bool>,
    /// The conversation whose end someone looks at.
    pub(crate) watching: RwSignal<Option<UserId>>,
    /// A message that the open conversation is to go to.
    pub(crate) jump: RwSignal<Option<MessageView>>,
    /// The invite by which the page was opened, until it is answered.
    pub(crate) opened: RwSignal<Option<crate::guest::Opened>>,
    /// Counts how often everything was asked for anew, as when another tab leads.
    pub(crate) refreshed: RwSignal<u32>,
    /// Whether there is room for one pane only.
    pub(crate) narrow: RwSignal<bool>,
    /// Whether a newer version of the page waits.
    pub(crate) update_ready: RwSignal<bool>,
    /// The part of the code that is loaded later.
    pub(crate) second: RwSignal<Second>,
}

impl Model {
    pub(crate) fn new(client: Client) -> Self {
        let standing = client.standing();
        Self {
            client: StoredValue::new_local(client),
            listener: StoredValue::new_local(None),
            router: Router::new(),
            me: RwSignal::new(None),
            standing: RwSignal::new(standing),
            broker: RwSignal::new(BrokerView {
                state: BrokerState::Connecting,
                reason: None,
                retry_at: None,
                attempts: 0,
            }),
            people: RwSignal::new(SortedMap::new()),
            requests: RwSignal::new(Vec::new()),
            alarms: RwSignal::new(Vec::new()),
            toast: RwSignal::new(None),
            attended: RwSignal::new(crate::attention::is_attended()),
            watching: RwSignal::new(None),
            jump: RwSignal::new(None),
            opened: RwSignal::new(None),
            refreshed: RwSignal::new(0),
            narrow: RwSignal::new(false),
            update_ready: RwSignal::new(false),
            second: RwSignal::new(Second::default()),
        }
    }

    pub(crate) fn client(self) -> Client {
        self.client.get_value()
    }

    pub(crate) fn is_leader(self) -> bool {
        self.standing.with_untracked(|standing| standing.role == Role::Leader)
    }

    /// A contact, without listening for new ones.
    pub(crate) fn person(self, id: UserId) -> Option<Person> {
        self.people.with_untracked(|people| people.get(&id).copied())
    }

    /// Our own id, once known.
    pub(crate) fn my_id(self) -> Option<UserId> {
        self.me.with_untracked(|me| me.as_ref().map(|me| me.id))
    }

    /// What a contact is called here.
    pub(crate) fn title_of(self, id: UserId) -> String {
        match self.person(id) {
            Some(person) => person.view.with_untracked(ContactView::title),
            None => id.short(),
        }
    }

    /// Asks the engine. The error is a sentence for the person.
    pub(crate) async fn command(self, command: Command) -> Result<Reply, String> {
        self.client().command(command).await.map_err(|error| about(&error))
    }

    /// Asks the store. The error is a sentence for the person.
    pub(crate) async fn query(self, query: Query) -> Result<Answer, String> {
        self.client().query(query).await.map_err(|error| about(&error))
    }

    /// Asks the engine and only says so if it could not be done.
    pub(crate) fn run(self, command: Command) {
        spawn_local(async move {
            if let Err(sentence) = self.command(command).await {
                self.toast.set(Some(sentence));
            }
        });
    }

    /// Asks the engine; nobody needs to know what becomes of it.
    pub(crate) fn run_quietly(self, command: Command) {
        spawn_local(async move { drop(self.command(command).await) });
    }

    /// Hands what the conversation with `id` shows to `hear`, in place of another's.
    pub(crate) fn listen(self, id: UserId, hear: Listener) {
        self.listener.set_value(Some((id, hear)));
    }

    /// Ends [`listen`](Self::listen), if it is still for `id`.
    pub(crate) fn unlisten(self, id: UserId) {
        self.listener.update_value(|listener| {
            if listener.as_ref().is_some_and(|(listening, _)| *listening == id) {
                *listener = None;
            }
        });
    }

    /// The conversation that listens.
    pub(crate) fn listening(self) -> Option<(UserId, Listener)> {
        self.listener.with_value(Clone::clone)
    }

    /// Puts a contact in, or what is new of one.
    pub(crate) fn put_contact(self, view: ContactView) {
        match self.person(view.id) {
            Some(person) => person.view.set(view),
            None => {
                let person = Person {
                    id: view.id,
                    view: RwSignal::new(view),
                    talk: RwSignal::new(Talk::default()),
                    typing: RwSignal::new(false),
                };
                self.people.update(|people| {
                    people.insert(person.id, person);
                });
            }
        }
    }

    pub(crate) fn raise(self, contact: Option<UserId>, alarm: Alarm) {
        self.alarms.update(|alarms| {
            if alarms.iter().any(|known| known.contact == contact && known.alarm == alarm) {
                return;
            }
            if alarms.len() == MAX_ALARMS {
                alarms.remove(0);
            }
            let serial = alarms.last().map_or(0, |last| last.serial.wrapping_add(1));
            alarms.push(Raised { serial, contact, alarm });
        });
    }

    /// Asks anew for everything that is shown.
    pub(crate) async fn refresh(self) {
        match self.command(Command::GetStatus).await {
            Ok(Reply::Status { status }) => {
                self.broker.set(status.broker);
                let known: Vec<_> = status.contacts.iter().map(|contact| contact.id).collect();
                status.contacts.into_iter().for_each(|contact| self.put_contact(contact));
                if self.people.with_untracked(|people| people.len() != known.len()) {
                    self.people.update(|people| people.retain(|id, _| known.contains(id)));
                }
                self.me.set(Some(Me { id: status.id, name: status.name }));
            }
            Ok(_) => {}
            Err(sentence) => self.toast.set(Some(sentence)),
        }
        if let Ok(Reply::Requests { requests }) = self.command(Command::ListRequests).await {
            self.requests.set(requests);
        }
        self.refresh_talks().await;
    }

    /// Asks anew for unread counts and last messages: another tab may have read some.
    pub(crate) async fn refresh_talks(self) {
        let Ok(Answer::Summaries { summaries }) = self.query(Query::Summaries).await else {
            return;
        };
        for Summary { contact, unread, last } in summaries {
            let Some(person) = self.person(contact) else { continue };
            let talk = Talk { unread, last: last.map(preview) };
            if person.talk.with_untracked(|known| *known != talk) {
                person.talk.set(talk);
            }
        }
    }
}

/// A message for a list: its words cut, on one line.
pub(crate) fn preview(message: MessageView) -> MessageView {
    let content = message.content.chars().take(PREVIEW_CHARS);
    let content = content.map(|c| if c.is_control() { ' ' } else { c }).collect();
    MessageView { content, ..message }
}

/// A sentence about a request that was not done.
pub(crate) fn about(error: &RequestError) -> String {
    match error {
        RequestError::Command(error) => words::about_command(error),
        other => words::sentence(&other.to_string()),
    }
}

/// The model, from within a component.
pub(crate) fn model() -> Model {
    expect_context()
}
