//! The open conversation: who it is with, the messages, the composer.

use leptos::html;
use leptos::prelude::*;
use tincan_engine::{Command, ContactView};
use tincan_wire::{MessageId, UserId};
use wasm_bindgen::JsCast as _;
use web_sys::{Element, KeyboardEvent, MouseEvent};

use crate::app::banners;
use crate::avatar::avatar;
use crate::badge::Badge;
use crate::composer::Composer;
use crate::loading::once_loaded;
use crate::message_list::{Frame, ListSignals, ListState, MessageList};
use crate::model::{Model, model};
use crate::route::Panel;
use crate::watch::watch;
use crate::{icons, later, words};

/// A message that something is to be done about, and the reply being written.
#[derive(Clone, Copy)]
pub(crate) struct Picked {
    pub(crate) about: RwSignal<Option<MessageId>>,
    pub(crate) reply: RwSignal<Option<MessageId>>,
}

/// The conversation with `id`.
#[component]
pub(crate) fn Conversation(
    id: UserId,
    /// Whether the banners are shown here.
    banners: Memo<bool>,
) -> impl IntoView {
    let model = model();
    let picked = Picked { about: RwSignal::new(None), reply: RwSignal::new(None) };
    let list = StoredValue::new_local(None::<MessageList>);
    be_on_screen(model, id);
    view! {
        <section class="conversation" aria-label="Conversation">
            <Head id=id/>
            {crate::conversation::banners_here(banners)}
            <Messages id=id list=list picked=picked/>
            <Composer id=id picked=picked list=list/>
        </section>
        {move || picked.about.get().map(|message| {
            once_loaded(move || later::message(message, picked, list))
        })}
    }
}

fn banners_here(here: Memo<bool>) -> impl IntoView {
    banners(move || here.get())
}

/// Tells the engine that this conversation is on this screen, and again when another tab leads.
fn be_on_screen(model: Model, id: UserId) {
    let screen = model.client().screen();
    watch(move || {
        model.refreshed.track();
        model.run_quietly(Command::OpenChat { contact: id, screen });
    });
    on_cleanup(move || {
        model.watching.set(None);
        model.run_quietly(Command::CloseChat { contact: id, screen });
    });
}

#[component]
fn Head(id: UserId) -> impl IntoView {
    let model = model();
    let Some(person) = model.person(id) else { return ().into_any() };
    let title = Memo::new(move |_| person.view.with(ContactView::title));
    let is_verified = Memo::new(move |_| person.view.with(|view| view.verified));
    view! {
        <header class="chat-head">
            <button
                type="button"
                class="plain round back"
                aria-label="Back to the list"
                data-testid="back"
                on:click=move |_| model.router.back()
            >
                {icons::icon(icons::BACK)}
            </button>
            {avatar(id, move || title.get())}
            <div class="chat-who">
                <h1 class="chat-name">
                    <bdi dir="auto" data-testid="chat-name">{move || title.get()}</bdi>
                    {move || is_verified.get().then(|| view! {
                        <span class="verified" title="Verified">
                            {icons::icon(icons::SHIELD)}
                            <span class="sr">"verified"</span>
                        </span>
                    }.into_any())}
                </h1>
                <Badge id=id/>
            </div>
            <button
                type="button"
                class="plain round"
                aria-label="About this contact"
                title="About this contact"
                data-testid="contact-open"
                on:click=move |_| model.router.open_panel(Panel::Contact)
            >
                {icons::icon(icons::INFO)}
            </button>
        </header>
    }
    .into_any()
}

type ListHandle = StoredValue<Option<MessageList>, LocalStorage>;

#[component]
fn Messages(id: UserId, list: ListHandle, picked: Picked) -> impl IntoView {
    let model = model();
    let signals = ListSignals::new();
    let scroller = NodeRef::<html::Div>::new();
    let rows = NodeRef::<html::Div>::new();
    let spacer = NodeRef::<html::Div>::new();
    watch(move || {
        let (Some(scroller), Some(rows), Some(spacer)) = (scroller.get(), rows.get(), spacer.get())
        else {
            return;
        };
        if list.with_value(Option::is_some) {
            return;
        }
        let frame = Frame {
            scroller: scroller.unchecked_into(),
            rows: rows.unchecked_into(),
            spacer: spacer.unchecked_into(),
        };
        let made = MessageList::new(model, id, signals, frame);
        match (&made, model.jump.get_untracked()) {
            (Some(made), Some(message)) if message.contact == id => {
                model.jump.set(None);
                made.go_to(message);
            }
            (Some(made), _) => made.load_end(),
            (None, _) => {}
        }
        list.set_value(made);
    });
    watch(move || {
        let wanted = model.jump.get().filter(|message| message.contact == id);
        if let (Some(message), Some(list)) = (wanted, list.get_value()) {
            model.jump.set(None);
            list.go_to(message);
        }
    });
    on_cleanup(move || {
        model.unlisten(id);
        if let Some(Some(list)) = list.try_get_value() {
            list.leave();
        }
    });
    mark_read(model, id, signals);
    let title = model.title_of(id);
    let click = move |event: MouseEvent| act(list, picked, event.target());
    let key = move |event: KeyboardEvent| move_focus(list, &event);
    view! {
        <div class="messages">
            <div
                class="scroller"
                node_ref=scroller
                role="log"
                aria-label=["Messages with ", &title].concat()
                aria-live=move || if signals.at_end.get() { "polite" } else { "off" }
                tabindex="0"
                data-testid="messages"
                on:scroll=move |_| if let Some(list) = list.get_value() { list.scrolled() }
                on:click=click
                on:keydown=key
            >
                <div class="spacer" node_ref=spacer></div>
                <div class="rows" node_ref=rows></div>
            </div>
            {move || about_list(signals.state.get(), list)}
            <ToEnd signals=signals list=list/>
        </div>
    }
}

fn about_list(state: ListState, list: ListHandle) -> Option<AnyView> {
    match state {
        ListState::Loading | ListState::Ready => None,
        ListState::Empty => Some(
            view! { <p class="list-note" data-testid="no-messages">"No messages yet. Say hello."</p> }
                .into_any(),
        ),
        ListState::Failed(sentence) => Some(
            view! {
                <div class="list-note" role="alert">
                    <p>{sentence}</p>
                    <button
                        type="button"
                        on:click=move |_| if let Some(list) = list.get_value() { list.load_end() }
                    >
                        "Try again"
                    </button>
                </div>
            }
            .into_any(),
        ),
    }
}

#[component]
fn ToEnd(signals: ListSignals, list: ListHandle) -> impl IntoView {
    let label = move || match signals.unseen.get() {
        0 => "Go to the newest message".to_owned(),
        count => words::counted(count, "new message", "new messages"),
    };
    move || {
        (!signals.at_end.get()).then(|| {
            view! {
                <button
                    type="button"
                    class="to-end"
                    data-testid="to-end"
                    aria-label=label
                    on:click=move |_| if let Some(list) = list.get_value() { list.go_to_end() }
                >
                    {icons::icon(icons::DOWN)}
                    {move || (signals.unseen.get() > 0).then(label)}
                </button>
            }
            .into_any()
        })
    }
}

/// Says that what came has been shown, while someone looks at the end of the conversation.
fn mark_read(model: Model, id: UserId, signals: ListSignals) {
    let Some(person) = model.person(id) else { return };
    let is_marking = RwSignal::new(false);
    let watched = Memo::new(move |_| {
        model.attended.get() && signals.at_end.get() && signals.state.get() == ListState::Ready
    });
    let unread = Memo::new(move |_| person.talk.with(|talk| talk.unread));
    watch(move || model.watching.set(watched.get().then_some(id)));
    watch(move || {
        if !watched.get() || unread.get() == 0 || is_marking.get() {
            return;
        }
        is_marking.set(true);
        wasm_bindgen_futures::spawn_local(async move {
            // The count follows what the engine says to all screens; what failed is tried again.
            drop(model.command(Command::MarkRead { contact: id }).await);
            // Not more often than this: each is a transaction.
            let done = move || {
                is_marking.try_set(false);
            };
            set_timeout(done, std::time::Duration::from_millis(150));
        });
    });
}

/// What a button within the messages asks for.
fn act(list: ListHandle, picked: Picked, target: Option<web_sys::EventTarget>) {
    let element = target.and_then(|target| target.dyn_into::<Element>().ok());
    let button = element.and_then(|element| element.closest("[data-do]").ok().flatten());
    let (Some(button), Some(list)) = (button, list.get_value()) else { return };
    let message = message_of(&button);
    match (button.get_attribute("data-do").as_deref(), message) {
        (Some("more"), Some(id)) => picked.about.set(Some(id)),
        (Some("unfold"), Some(id)) => list.unfold(id),
        (Some("quote"), _) => {
            let reference = button.get_attribute("data-ref").and_then(|id| id.parse().ok());
            if let Some(id) = reference {
                list.go_to_id(id);
            }
        }
        _ => {}
    }
}

fn message_of(element: &Element) -> Option<MessageId> {
    let message = element.closest("[data-id]").ok().flatten()?;
    message.get_attribute("data-id")?.parse().ok()
}

/// The arrows lead from message to message, once one has the focus.
fn move_focus(list: ListHandle, event: &KeyboardEvent) {
    let by = match event.key().as_str() {
        "ArrowUp" => -1,
        "ArrowDown" => 1,
        _ => return,
    };
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let id = target.filter(|target| target.matches(".more").unwrap_or(false));
    if let (Some(id), Some(list)) = (id.as_ref().and_then(message_of), list.get_value()) {
        event.prevent_default();
        list.focus_by(id, by);
    }
}
