//! Search over names and over all that was said.

use std::time::Duration;

use leptos::prelude::*;
use tincan_engine::{Answer, ContactView, MessageView, Query};
use tincan_wire::UserId;

use crate::avatar::avatar;
use crate::letters::lower;
use crate::model::{Model, model};
use crate::snippet::snippet;
use crate::watch::{per_id, watch};
use crate::{dates, words};

/// Messages found at a time.
const LIMIT: usize = 50;

/// After the last key.
const PAUSE: Duration = Duration::from_millis(120);

#[derive(Clone, PartialEq, Eq)]
enum Found {
    Nothing,
    Messages { messages: Vec<MessageView>, more: bool, wanted: String },
    Failed(String),
}

/// What was found for the words in the search box.
#[component]
pub(crate) fn Search(text: RwSignal<String>) -> impl IntoView {
    let model = model();
    let found = RwSignal::new(Found::Nothing);
    let turn = StoredValue::new(0_u32);
    watch(move || {
        let wanted = text.get().trim().to_owned();
        let this = turn.get_value().wrapping_add(1);
        turn.set_value(this);
        set_timeout(move || ask(model, found, turn, this, wanted), PAUSE);
    });
    let names = Memo::new(move |_| {
        let wanted = lower(text.get().trim());
        let is_found = |view: &ContactView| {
            lower(&view.title()).contains(&wanted) || lower(view.name.as_str()).contains(&wanted)
        };
        model.people.with(|people| {
            let found = people.values().filter(|person| person.view.with(is_found));
            found.map(|person| person.id).collect::<Vec<_>>()
        })
    });
    view! {
        <ul class="contacts" aria-label="Contacts found">
            {per_id(move || names.get(), move |id| view! { <NameFound id=id text=text/> }.into_any())}
        </ul>
        <div class="found" aria-live="polite">
            {move || match found.get() {
                Found::Nothing => ().into_any(),
                Found::Failed(sentence) => view! { <p class="hint" role="alert">{sentence}</p> }.into_any(),
                Found::Messages { messages, more, wanted } => told(model, messages, more, &wanted),
            }}
        </div>
    }
}

fn ask(model: Model, found: RwSignal<Found>, turn: StoredValue<u32>, this: u32, wanted: String) {
    if turn.try_get_value() != Some(this) {
        return;
    }
    wasm_bindgen_futures::spawn_local(async move {
        let query = Query::Search { text: wanted.clone(), contact: None, limit: LIMIT };
        let answer = match model.query(query).await {
            Ok(Answer::Messages { messages, more }) => Found::Messages { messages, more, wanted },
            Ok(Answer::Summaries { .. }) => Found::Nothing,
            Err(sentence) => Found::Failed(sentence),
        };
        if turn.try_get_value() == Some(this) {
            found.try_set(answer);
        }
    });
}

fn told(model: Model, messages: Vec<MessageView>, more: bool, wanted: &str) -> AnyView {
    let count = match (messages.len(), more) {
        (0, _) => "No message has these words.".to_owned(),
        (_, true) => "The newest of many messages:".to_owned(),
        (count, false) => words::counted(count as u64, "message", "messages"),
    };
    let rows: Vec<_> =
        messages.into_iter().map(|message| message_found(model, message, wanted)).collect();
    view! {
        <p class="found-count" data-testid="search-count">{count}</p>
        <ul class="contacts" aria-label="Messages found">{rows}</ul>
    }
    .into_any()
}

fn message_found(model: Model, message: MessageView, wanted: &str) -> AnyView {
    let contact = message.contact;
    let who = match message.outgoing {
        true => ["You to ", &model.title_of(contact)].concat(),
        false => model.title_of(contact),
    };
    let pieces: Vec<_> = snippet(&message.content, wanted)
        .into_iter()
        .map(|piece| match piece.is_match {
            true => view! { <mark>{piece.text}</mark> }.into_any(),
            false => piece.text.into_any(),
        })
        .collect();
    let when = dates::brief(message.timestamp);
    let id = message.id.to_string();
    let open = move |_| {
        model.router.open_chat(contact);
        model.jump.set(Some(message.clone()));
    };
    view! {
        <li>
            <button type="button" class="contact" data-testid="search-result" data-id=id on:click=open>
                <span class="contact-lines">
                    <span class="contact-line">
                        <bdi class="contact-name" dir="auto">{who}</bdi>
                        <span class="when">{when}</span>
                    </span>
                    <span class="snippet" dir="auto">{pieces}</span>
                </span>
            </button>
        </li>
    }
    .into_any()
}

#[component]
fn NameFound(id: UserId, text: RwSignal<String>) -> impl IntoView {
    let model = model();
    let title = model.title_of(id);
    let letter = title.clone();
    let open = move |_| {
        text.set(String::new());
        model.router.open_chat(id);
    };
    view! {
        <li>
            <button type="button" class="contact" data-testid="search-contact" data-id=id.to_string() on:click=open>
                {avatar(id, move || letter.clone())}
                <bdi class="contact-name" dir="auto">{title}</bdi>
            </button>
        </li>
    }
}
