//! The left pane: who there is, in the order of the last words.

use leptos::prelude::*;
use tincan_engine::{ContactStatus, ContactView};
use tincan_wire::UserId;

use crate::app::banners;
use crate::avatar::avatar;
use crate::letters::lower;
use crate::loading::once_loaded;
use crate::model::{Person, model};
use crate::requests::Requests;
use crate::route::Panel;
use crate::watch::per_id;
use crate::{dates, icons, later, marks};

/// The pane with contacts, requests and search.
#[component]
pub(crate) fn Side(
    /// Whether the banners are shown here.
    banners: Signal<bool>,
) -> impl IntoView {
    let model = model();
    let text = RwSignal::new(String::new());
    let is_searching = Memo::new(move |_| text.with(|text| !text.trim().is_empty()));
    view! {
        <div class="side" role="region" aria-label="Conversations">
            <header class="side-head">
                <h1 class="brand">{icons::logo()}"Tincan"</h1>
                <button
                    type="button"
                    class="plain round"
                    aria-label="Invite someone"
                    title="Invite someone"
                    data-testid="invite-open"
                    on:click=move |_| model.router.open_panel(Panel::Invite)
                >
                    {icons::icon(icons::INVITE)}
                </button>
                <button
                    type="button"
                    class="plain round"
                    aria-label="Add a contact"
                    title="Add a contact"
                    data-testid="add-open"
                    on:click=move |_| model.router.open_panel(Panel::Add)
                >
                    {icons::icon(icons::ADD)}
                </button>
                <button
                    type="button"
                    class="plain round"
                    aria-label="Settings"
                    title="Settings"
                    data-testid="settings-open"
                    on:click=move |_| model.router.open_panel(Panel::Settings)
                >
                    {icons::icon(icons::SETTINGS)}
                </button>
            </header>
            <div class="search" role="search">
                <input
                    type="search"
                    aria-label="Search names and messages"
                    placeholder="Search"
                    autocomplete="off"
                    data-testid="search-input"
                    bind:value=text
                    on:keydown=move |event| if event.key() == "Escape" { text.set(String::new()) }
                />
            </div>
            <div class="side-body">
                {move || if is_searching.get() {
                    once_loaded(move || later::search(text))
                } else {
                    view! { <Requests/> <Contacts/> }.into_any()
                }}
            </div>
            {crate::contacts::banners_here(banners)}
        </div>
    }
}

fn banners_here(here: Signal<bool>) -> impl IntoView {
    banners(move || here.get())
}

#[component]
fn Contacts() -> impl IntoView {
    let model = model();
    let order = Memo::new(move |_| model.people.with(|people| in_order(people.values())));
    let is_empty =
        Memo::new(move |_| order.with(Vec::is_empty) && model.requests.with(Vec::is_empty));
    view! {
        <ul class="contacts" aria-label="Contacts" data-testid="contacts">
            {per_id(move || order.get(), |id| view! { <ContactRow id=id/> }.into_any())}
        </ul>
        {move || is_empty.get().then(|| view! {
            <div class="hint" data-testid="no-contacts">
                <p>"Nobody is here yet. Send someone an invite; whoever opens it can talk to you at once."</p>
                <button
                    type="button"
                    class="main-action"
                    on:click=move |_| model.router.open_panel(Panel::Invite)
                >
                    "Invite someone"
                </button>
            </div>
        }.into_any())}
    }
}

/// Who is listed: the last words first, then those without any by name. Blocked ones are in the
/// settings.
fn in_order<'a>(people: impl Iterator<Item = &'a Person>) -> Vec<UserId> {
    let mut listed: Vec<_> = people
        .filter(|person| person.view.with(|view| view.status != ContactStatus::Blocked))
        .map(|person| {
            let last = person.talk.with(|talk| talk.last.as_ref().map(|last| last.h));
            (std::cmp::Reverse(last), person.view.with(|view| lower(&view.title())), person.id)
        })
        .collect();
    listed.sort_unstable();
    listed.into_iter().map(|(_, _, id)| id).collect()
}

#[component]
fn ContactRow(id: UserId) -> impl IntoView {
    let model = model();
    let Some(person) = model.person(id) else { return ().into_any() };
    let title = Memo::new(move |_| person.view.with(ContactView::title));
    let is_online = Memo::new(move |_| person.view.with(|view| view.online));
    let is_verified = Memo::new(move |_| person.view.with(|view| view.verified));
    let is_open = Memo::new(move |_| model.router.get().chat == Some(id));
    let unread = Memo::new(move |_| match model.watching.get() == Some(id) {
        true => 0,
        false => person.talk.with(|talk| talk.unread),
    });
    let when = Memo::new(move |_| {
        person.talk.with(|talk| talk.last.as_ref().map(|last| dates::brief(last.timestamp)))
    });
    view! {
        <li>
            <button
                type="button"
                class="contact"
                data-testid="contact"
                data-id=id.to_string()
                data-online=move || is_online.get().to_string()
                aria-current=move || is_open.get().then_some("true")
                on:click=move |_| model.router.open_chat(id)
            >
                <span class="avatar-place">
                    {avatar(id, move || title.get())}
                    <span class="presence" class:online=move || is_online.get()></span>
                </span>
                <span class="contact-lines">
                    <span class="contact-line">
                        <bdi class="contact-name" dir="auto" data-testid="contact-name">
                            {move || title.get()}
                        </bdi>
                        {move || is_verified.get().then(|| view! {
                            <span class="verified" title="Verified">
                                {icons::icon(icons::SHIELD)}
                                <span class="sr">", verified"</span>
                            </span>
                        }.into_any())}
                        <span class="sr">
                            {move || if is_online.get() { ", online" } else { ", offline" }}
                        </span>
                        <span class="when">{move || when.get()}</span>
                    </span>
                    <span class="contact-line">
                        <span class="last" data-testid="contact-last">{move || last_line(person)}</span>
                        {move || (unread.get() > 0).then(|| view! {
                            <span class="unread" data-testid="unread">
                                {unread_text(unread.get())}
                                <span class="sr">" unread"</span>
                            </span>
                        }.into_any())}
                    </span>
                </span>
            </button>
        </li>
    }
    .into_any()
}

fn unread_text(count: u64) -> String {
    if count > 999 { "999+".to_owned() } else { count.to_string() }
}

/// What stands under the name: typing, how far we are, or the last words.
fn last_line(person: Person) -> AnyView {
    if person.typing.get() {
        return view! { <span class="typing">"typing…"</span> }.into_any();
    }
    let status = person.view.with(|view| view.status);
    let quiet = |words: &'static str| view! { <span class="quiet">{words}</span> }.into_any();
    person.talk.with(|talk| match (&talk.last, status) {
        (_, ContactStatus::Declined) => quiet("Declined"),
        (None, ContactStatus::Requested) => quiet("Asked; no answer yet"),
        (None, _) => quiet("No messages yet"),
        (Some(last), _) => {
            let words = last.content.clone();
            let ours = last.outgoing.then(|| {
                view! {
                    <span class="quiet">{["You (", marks::word(last.state), "): "].concat()}</span>
                }
                .into_any()
            });
            view! { {ours} <bdi dir="auto">{words}</bdi> }.into_any()
        }
    })
}
