//! Adds a contact by an invite or an id that one was sent.

use leptos::prelude::*;
use tincan_engine::{Command, Reply, Target};
use tincan_wire::{DisplayName, Invite, UserId};
use wasm_bindgen_futures::spawn_local;

use crate::dialog::Dialog;
use crate::model::{Model, model};
use crate::scanner::Scanner;
use crate::words;

/// The dialog.
#[component]
pub(crate) fn AddDialog() -> impl IntoView {
    let model = model();
    let text = RwSignal::new(String::new());
    let nickname = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let add = move || {
        let target = match target(&text.get_untracked()) {
            Ok(target) => target,
            Err(sentence) => return problem.set(Some(sentence)),
        };
        let nickname =
            Some(DisplayName::clean(&nickname.get_untracked())).filter(|name| !name.is_empty());
        is_busy.set(true);
        problem.set(None);
        spawn_local(async move {
            match add_contact(model, target, nickname).await {
                Ok(id) => model.router.open_chat(id),
                Err(sentence) => drop(problem.try_set(Some(sentence))),
            }
            is_busy.try_set(false);
        });
    };
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        add();
    };
    let scanned = Callback::new(move |read: String| {
        text.set(read);
        add();
    });
    view! {
        <Dialog title="Add a contact" testid="add-dialog">
            <form on:submit=submit>
                <label>
                    "Invite link, or the other person's id"
                    <textarea
                        rows="3"
                        class="link-text"
                        autofocus=true
                        spellcheck="false"
                        autocomplete="off"
                        placeholder="https://… or tin1…"
                        data-testid="add-input"
                        prop:value=move || text.get()
                        on:input=move |event| text.set(event_target_value(&event))
                    ></textarea>
                </label>
                <label>
                    "What you call them (optional)"
                    <input type="text" dir="auto" autocomplete="off" maxlength="64" data-testid="add-nickname" bind:value=nickname/>
                </label>
                <p role="alert" class="problem" data-testid="add-problem">{move || problem.get()}</p>
                <div class="actions">
                    <button
                        type="submit"
                        class="main-action"
                        data-testid="add-submit"
                        disabled=move || is_busy.get() || text.with(|text| text.trim().is_empty())
                    >
                        "Add"
                    </button>
                    <Scanner label="Scan a code" read=scanned/>
                </div>
            </form>
        </Dialog>
    }
}

/// Reads what was pasted.
fn target(text: &str) -> Result<Target, String> {
    let text = text.trim();
    if text.starts_with("tin1") {
        return text.parse::<UserId>().map(Target::Id).map_err(|_| {
            "This id is damaged or cut off. Copy it again; it has 62 characters.".to_owned()
        });
    }
    text.parse::<Invite>().map(Target::Invite).map_err(|error| words::about_invite(&error))
}

/// Asks someone to be a contact. The answer says whom.
pub(crate) async fn add_contact(
    model: Model,
    target: Target,
    nickname: Option<DisplayName>,
) -> Result<UserId, String> {
    match model.command(Command::AddContact { target, nickname }).await? {
        Reply::Contact { contact } => {
            let id = contact.id;
            model.put_contact(contact);
            Ok(id)
        }
        _ => Err("The contact could not be added.".to_owned()),
    }
}
