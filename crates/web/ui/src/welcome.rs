//! The first visit: a name, and one is talking.

use leptos::prelude::*;
use tincan_engine::Command;
use tincan_wire::{DisplayName, Invite};
use wasm_bindgen_futures::spawn_local;

use crate::banner::Banners;
use crate::loading::once_loaded;
use crate::model::{Me, Model, model};
use crate::{guest, icons, later};

/// Asks for a name; with an invite, opens the conversation with who invites.
#[component]
pub(crate) fn Welcome() -> impl IntoView {
    let model = model();
    let name = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let has_backup = RwSignal::new(false);
    let opened = Memo::new(move |_| model.opened.get());
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let name = DisplayName::clean(&name.get_untracked());
        if name.is_empty() {
            return problem.set(Some("Please give a name with at least one letter.".to_owned()));
        }
        is_busy.set(true);
        problem.set(None);
        let invite = opened.get_untracked().and_then(Result::ok);
        spawn_local(async move {
            if let Err(sentence) = begin(model, name, invite).await {
                problem.try_set(Some(sentence));
                is_busy.try_set(false);
            }
        });
    };
    view! {
        <main class="welcome">
            <div class="welcome-box">
                <div class="welcome-sign">{icons::logo()}</div>
                <h1>{move || match opened.get() {
                    Some(Ok(invite)) => view! {
                        <bdi dir="auto" data-testid="inviter">{guest::inviter(&invite)}</bdi>
                        " invites you to talk"
                    }
                    .into_any(),
                    Some(Err(_)) | None => "Talk directly".into_any(),
                }}</h1>
                <p>"Your words go from your device to theirs, and nobody between can read them. They are kept on the two devices only. No account is needed."</p>
                {move || opened.get().and_then(Result::err).map(|sentence| view! {
                    <p role="alert" class="problem" data-testid="invite-error">{sentence}</p>
                }.into_any())}
                <form on:submit=submit>
                    <label>
                        "What are you called?"
                        <input
                            type="text"
                            dir="auto"
                            autocomplete="nickname"
                            autofocus=true
                            maxlength="64"
                            data-testid="name-input"
                            bind:value=name
                        />
                    </label>
                    <p role="alert" class="problem" data-testid="name-problem">{move || problem.get()}</p>
                    <button
                        type="submit"
                        class="main-action wide"
                        data-testid="name-submit"
                        disabled=move || is_busy.get()
                    >
                        {move || if matches!(opened.get(), Some(Ok(_))) { "Start talking" } else { "Begin" }}
                    </button>
                </form>
                {move || if has_backup.get() {
                    once_loaded(later::import)
                } else {
                    view! {
                        <button
                            type="button"
                            class="plain wide"
                            data-testid="welcome-import"
                            on:click=move |_| has_backup.set(true)
                        >
                            "I have a backup"
                        </button>
                    }
                    .into_any()
                }}
                <Banners/>
            </div>
        </main>
    }
}

async fn begin(model: Model, name: DisplayName, invite: Option<Invite>) -> Result<(), String> {
    model.command(Command::SetName { name: name.clone() }).await?;
    let refused = match invite {
        Some(invite) => guest::take(model, invite).await.err(),
        None => None,
    };
    // A refused invite does not keep anyone out: the page opens, and says what was wrong.
    model.opened.set(refused.map(Err));
    model.me.update(|me| {
        if let Some(Me { name: known, .. }) = me {
            *known = name;
        }
    });
    Ok(())
}
