//! People who ask to be contacts and wait for an answer.

use leptos::prelude::*;
use tincan_engine::{Command, RequestView};

use crate::avatar::avatar;
use crate::model::model;
use crate::watch::per_id;

/// The waiting requests, above the contacts.
#[component]
pub(crate) fn Requests() -> impl IntoView {
    let model = model();
    view! {
        <ul class="requests" aria-label="Requests" aria-live="polite">
            {per_id(
                move || model.requests.with(|requests| requests.iter().map(|request| request.id).collect()),
                move |id| {
                    let request = model.requests.with_untracked(|requests| {
                        requests.iter().find(|request| request.id == id).cloned()
                    });
                    request.map(|request| view! { <Request request=request/> }.into_any()).into_any()
                },
            )}
        </ul>
    }
}

#[component]
fn Request(request: RequestView) -> impl IntoView {
    let model = model();
    let id = request.id;
    let name = if request.name.is_empty() { id.short() } else { request.name.to_string() };
    let letter = name.clone();
    let answered = RwSignal::new(false);
    let answer = move |accept: bool| {
        answered.set(true);
        wasm_bindgen_futures::spawn_local(async move {
            let command = match accept {
                true => Command::AcceptContact { contact: id },
                false => Command::DeclineContact { contact: id },
            };
            match model.command(command).await {
                Ok(_) => {
                    model.requests.update(|requests| requests.retain(|known| known.id != id));
                    if accept {
                        model.router.open_chat(id);
                    }
                }
                Err(sentence) => {
                    model.toast.set(Some(sentence));
                    answered.try_set(false);
                }
            }
        });
    };
    view! {
        <li class="request" data-testid="request" data-id=id.to_string()>
            {avatar(id, move || letter.clone())}
            <div class="request-words">
                <bdi class="contact-name" dir="auto" data-testid="request-name">{name}</bdi>
                <p class="quiet">"wants to talk to you"</p>
                <div class="actions">
                    <button
                        type="button"
                        class="main-action"
                        data-testid="request-accept"
                        disabled=move || answered.get()
                        on:click=move |_| answer(true)
                    >
                        "Accept"
                    </button>
                    <button
                        type="button"
                        data-testid="request-decline"
                        disabled=move || answered.get()
                        on:click=move |_| answer(false)
                    >
                        "Decline"
                    </button>
                    <button
                        type="button"
                        class="plain"
                        data-testid="request-block"
                        disabled=move || answered.get()
                        on:click=move |_| {
                            answered.set(true);
                            model.run(Command::BlockContact { contact: id });
                        }
                    >
                        "Block"
                    </button>
                </div>
            </div>
        </li>
    }
}
