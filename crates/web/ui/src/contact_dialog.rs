//! About a contact: what they are called here, how the connection runs, and what they may.

use leptos::prelude::*;
use tincan_engine::{Command, ContactStatus, ContactView, PeerView};
use tincan_wire::{DisplayName, UserId};

use crate::badge::Badge;
use crate::connection::{ends, traffic};
use crate::copy::copy;
use crate::dialog::Dialog;
use crate::model::{Model, Person, model};
use crate::route::Panel;
use crate::{dates, words};

/// The dialog about the contact `id`.
#[component]
pub(crate) fn ContactDialog(id: UserId) -> impl IntoView {
    let model = model();
    let person = model.person(id);
    view! {
        <Dialog title="Contact" testid="contact-dialog">
            {person.map(|person| view! {
                <About person=person/>
                <Rename person=person/>
                <Trust person=person/>
                <Receipts person=person/>
                <RelayOnly person=person/>
                <Block person=person/>
            }.into_any())}
        </Dialog>
    }
}

#[component]
fn About(person: Person) -> impl IntoView {
    let model = model();
    let id = person.id;
    let view = person.view;
    let own_name = Memo::new(move |_| view.with(|view| view.name.to_string()));
    let last_seen = Memo::new(move |_| {
        view.with(|view| {
            view.last_seen.filter(|_| !view.online).map(|seen| dates::full(seen.as_millis()))
        })
    });
    let waiting = Memo::new(move |_| view.with(|view| view.waiting));
    let peer = Memo::new(move |_| view.with(|view| view.peer.clone()));
    view! {
        <dl class="facts">
            <dt>"Calls themselves"</dt>
            <dd><bdi dir="auto">{move || own_name.get()}</bdi></dd>
            <dt>"Connection"</dt>
            <dd><Badge id=id/>{move || peer.with(path_words)}</dd>
            {move || peer.with(|peer| peer.ended.clone()).map(|ended| view! {
                <dt>"Last trouble"</dt>
                <dd>{words::sentence(&ended.reason)}" "{dates::full(ended.at.as_millis())}</dd>
            }.into_any())}
            {move || last_seen.get().map(|seen| view! {
                <dt>"Last heard of"</dt>
                <dd>{seen}</dd>
            }.into_any())}
            {move || (waiting.get() > 0).then(|| view! {
                <dt>"Waiting for them"</dt>
                <dd>{words::counted(waiting.get(), "message", "messages")}</dd>
            }.into_any())}
            <dt>"Id"</dt>
            <dd>
                <code class="id">{id.to_string()}</code>
                <button
                    type="button"
                    class="small"
                    on:click=move |_| copy(model, &id.to_string(), "The id is in the clipboard.")
                >
                    "Copy"
                </button>
            </dd>
        </dl>
    }
}

/// Which way the packets go, for those who want to know.
fn path_words(peer: &PeerView) -> Option<AnyView> {
    let path = peer.path.as_ref()?;
    let way = match path.is_relayed() {
        true => "Encrypted from end to end; the relay sees only who talks to whom and how much.",
        false => "From machine to machine; no server is between.",
    };
    let kinds = ends(path);
    let passed = traffic(path);
    let since = peer.path_since.map(|since| dates::full(since.as_millis()));
    let ends = [path.local_address.as_str(), " ↔ ", &path.remote_address].concat();
    let has_ends = !path.local_address.is_empty() && !path.remote_address.is_empty();
    Some(
        view! {
            <p class="quiet">{way}</p>
            <p class="quiet" data-testid="path-ends">{kinds}{since.map(|since| [", since ", &since].concat())}</p>
            <p class="quiet" data-testid="path-traffic">{passed}</p>
            {has_ends.then(|| view! { <p class="quiet"><code class="id">{ends}</code></p> }.into_any())}
        }
        .into_any(),
    )
}

#[component]
fn Rename(person: Person) -> impl IntoView {
    let model = model();
    let id = person.id;
    let nickname = person.view.with_untracked(|view| view.nickname.clone());
    let name = RwSignal::new(nickname.map(|name| name.to_string()).unwrap_or_default());
    let own = move || person.view.with(|view| view.name.to_string());
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let nickname =
            Some(DisplayName::clean(&name.get_untracked())).filter(|name| !name.is_empty());
        model.run(Command::RenameContact { contact: id, nickname });
        model.toast.set(Some("Saved.".to_owned()));
    };
    view! {
        <form class="line" on:submit=save>
            <label>
                "What you call them"
                <input
                    type="text"
                    dir="auto"
                    autocomplete="off"
                    maxlength="64"
                    placeholder=own
                    data-testid="nickname-input"
                    bind:value=name
                />
            </label>
            <button type="submit" data-testid="nickname-save">"Save"</button>
        </form>
    }
}

#[component]
fn Trust(person: Person) -> impl IntoView {
    let model = model();
    let is_verified = Memo::new(move |_| person.view.with(|view| view.verified));
    view! {
        <div class="line">
            <p>{move || if is_verified.get() {
                "You compared the safety numbers: it is really them."
            } else {
                "Compare the safety numbers to be sure that it is really them."
            }}</p>
            <button
                type="button"
                data-testid="verify-open"
                on:click=move |_| model.router.open_panel(Panel::Verify)
            >
                "Verify"
            </button>
        </div>
    }
}

#[component]
fn Receipts(person: Person) -> impl IntoView {
    let chosen = person.view.with_untracked(|view| view.read_receipts);
    let id = person.id;
    setting("Tell them when you have read their messages", "contact-receipts", chosen, move |on| {
        Command::SetReadReceipts { contact: id, on }
    })
}

#[component]
fn RelayOnly(person: Person) -> impl IntoView {
    let chosen = person.view.with_untracked(|view| view.relay_only);
    let id = person.id;
    setting(
        "Hide your network address from them: talk through a relay only",
        "contact-relay",
        chosen,
        move |on| Command::SetRelayOnly { contact: id, on },
    )
}

/// A setting of one contact, which may be as it is in general.
fn setting(
    words: &'static str,
    testid: &'static str,
    chosen: Option<bool>,
    command: impl Fn(Option<bool>) -> Command + 'static,
) -> AnyView {
    let model = model();
    let chosen = match chosen {
        None => "",
        Some(true) => "on",
        Some(false) => "off",
    };
    let choose = move |event: web_sys::Event| {
        let value = event_target_value(&event);
        let on = match value.as_str() {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        model.run(command(on));
    };
    let options = [("", "As in the settings"), ("on", "Always"), ("off", "Never")];
    view! {
        <label>
            {words}
            <select data-testid=testid on:change=choose>
                {options.map(|(value, words)| view! {
                    <option value=value selected=chosen == value>{words}</option>
                }.into_any()).into_iter().collect_view()}
            </select>
        </label>
    }
    .into_any()
}

#[component]
fn Block(person: Person) -> impl IntoView {
    let model = model();
    let id = person.id;
    let is_blocked =
        Memo::new(move |_| person.view.with(|view| view.status == ContactStatus::Blocked));
    let is_sure = RwSignal::new(false);
    move || {
        match (is_blocked.get(), is_sure.get()) {
        (true, _) => view! {
            <button
                type="button"
                data-testid="unblock"
                on:click=move |_| model.run(Command::UnblockContact { contact: id })
            >
                "Unblock"
            </button>
        }
        .into_any(),
        (false, false) => view! {
            <button type="button" class="danger" data-testid="block" on:click=move |_| is_sure.set(true)>
                "Block…"
            </button>
        }
        .into_any(),
        (false, true) => sure(model, person, is_sure),
    }
    }
}

fn sure(model: Model, person: Person, is_sure: RwSignal<bool>) -> AnyView {
    let title = person.view.with_untracked(ContactView::title);
    let contact = person.id;
    view! {
        <div class="line">
            <p>"You will hear nothing more from "<bdi dir="auto">{title}</bdi>". What was said stays."</p>
            <button
                type="button"
                class="danger"
                data-testid="block-sure"
                on:click=move |_| {
                    is_sure.set(false);
                    model.run(Command::BlockContact { contact });
                }
            >
                "Block"
            </button>
        </div>
    }
    .into_any()
}
