//! What a person can set.

use leptos::prelude::*;
use tincan_engine::{Command, ContactStatus, ContactView};
use tincan_web::{Settings, Storage};
use tincan_wire::{DisplayName, UserId};
use wasm_bindgen_futures::spawn_local;

use crate::backup::{Export, Import};
use crate::copy::copy;
use crate::dialog::Dialog;
use crate::doctor::Doctor;
use crate::model::{Model, about, model};
use crate::watch::per_id;
use crate::{attention, notify};

/// The dialog.
#[component]
pub(crate) fn SettingsDialog() -> impl IntoView {
    view! {
        <Dialog title="Settings" testid="settings-dialog">
            <You/>
            <Look/>
            <Privacy/>
            <Notifying/>
            <Keeping/>
            <Backups/>
            <Hub/>
            <Doctor/>
            <Blocked/>
            <p class="quiet version">"Tincan " {env!("CARGO_PKG_VERSION")}</p>
        </Dialog>
    }
}

#[component]
fn You() -> impl IntoView {
    let model = model();
    let me = model.me.get_untracked();
    let name = RwSignal::new(me.as_ref().map(|me| me.name.to_string()).unwrap_or_default());
    let id = me.map(|me| me.id.to_string()).unwrap_or_default();
    let to_copy = id.clone();
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let name = DisplayName::clean(&name.get_untracked());
        if name.is_empty() {
            return model.toast.set(Some("A name needs at least one letter.".to_owned()));
        }
        spawn_local(async move {
            let words = match model.command(Command::SetName { name: name.clone() }).await {
                Ok(_) => {
                    model.me.update(|me| {
                        if let Some(me) = me {
                            me.name = name
                        }
                    });
                    "Saved.".to_owned()
                }
                Err(sentence) => sentence,
            };
            model.toast.set(Some(words));
        });
    };
    view! {
        <section>
            <h3>"You"</h3>
            <form class="line" on:submit=save>
                <label>
                    "Your name, as others see it"
                    <input type="text" dir="auto" maxlength="64" autocomplete="nickname" data-testid="settings-name" bind:value=name/>
                </label>
                <button type="submit" data-testid="settings-name-save">"Save"</button>
            </form>
            <div class="line">
                <p>"Your id" <br/> <code class="id" data-testid="own-id">{id}</code></p>
                <button
                    type="button"
                    class="small"
                    on:click=move |_| copy(model, &to_copy, "Your id is in the clipboard.")
                >
                    "Copy"
                </button>
            </div>
        </section>
    }
}

#[component]
fn Look() -> impl IntoView {
    let chosen = attention::theme();
    let options = [("system", "As the system"), ("light", "Light"), ("dark", "Dark")];
    view! {
        <section>
            <h3>"Appearance"</h3>
            <label>
                "Theme"
                <select
                    data-testid="settings-theme"
                    on:change=|event| attention::set_theme(&event_target_value(&event))
                >
                    {options.map(|(value, words)| view! {
                        <option value=value selected=chosen == value>{words}</option>
                    }.into_any()).into_iter().collect_view()}
                </select>
            </label>
        </section>
    }
}

/// Changes the settings of the shell.
fn change(model: Model, with: impl FnOnce(&mut Settings)) {
    let mut settings = model.standing.with_untracked(|standing| standing.settings.clone());
    with(&mut settings);
    spawn_local(async move {
        if let Err(error) = model.client().set_settings(settings).await {
            model.toast.set(Some(about(&error)));
        }
    });
}

#[component]
fn Privacy() -> impl IntoView {
    let model = model();
    let receipts =
        Memo::new(move |_| model.standing.with(|standing| standing.settings.read_receipts));
    let relay_only =
        Memo::new(move |_| model.standing.with(|standing| standing.settings.relay_only));
    view! {
        <section>
            <h3>"Privacy"</h3>
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="settings-receipts"
                    prop:checked=move || receipts.get()
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        change(model, |settings| settings.read_receipts = on);
                    }
                />
                "Tell others when you have read their messages"
            </label>
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="settings-relay"
                    prop:checked=move || relay_only.get()
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        change(model, |settings| settings.relay_only = on);
                    }
                />
                "Connect through relays only, so that others don't learn your address (slower)"
            </label>
        </section>
    }
}

#[component]
fn Notifying() -> impl IntoView {
    let model = model();
    let is_on = RwSignal::new(notify::is_on());
    let with_words = RwSignal::new(notify::with_words());
    let turn = move |event: web_sys::Event| {
        let wanted = event_target_checked(&event);
        spawn_local(async move {
            let is = notify::turn(wanted).await;
            // Set to what was clicked first, so that a refusal shows.
            is_on.try_set(wanted);
            is_on.try_set(is);
            if wanted && !is {
                model.toast.set(Some(
                    "The browser does not allow notifications for this page. Change that in its settings.".to_owned(),
                ));
            }
        });
    };
    view! {
        <section>
            <h3>"Notifications"</h3>
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="settings-notify"
                    prop:checked=move || is_on.get()
                    on:change=turn
                />
                "Notify me of messages while I look elsewhere"
            </label>
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="settings-notify-words"
                    prop:checked=move || with_words.get()
                    disabled=move || !is_on.get()
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        notify::set_with_words(on);
                        with_words.set(on);
                    }
                />
                "Show what they wrote; anyone near the screen can read it"
            </label>
        </section>
    }
}

#[component]
fn Keeping() -> impl IntoView {
    let model = model();
    let storage = Memo::new(move |_| model.standing.with(|standing| standing.storage));
    view! {
        <section>
            <h3>"Storage"</h3>
            {move || match storage.get() {
                Storage::Persistent => {
                    view! { <p data-testid="storage-state">"The browser keeps your messages until you delete them."</p> }.into_any()
                }
                Storage::Unknown | Storage::MayBeDeleted => view! {
                    <div class="line">
                        <p data-testid="storage-state">"The browser may delete your messages when space runs short."</p>
                        <button
                            type="button"
                            data-testid="settings-persist"
                            on:click=move |_| spawn_local(async move {
                                let words = match model.client().persist().await {
                                    true => "The browser keeps your messages now.",
                                    false => "The browser did not agree. A backup keeps your messages safe.",
                                };
                                model.toast.set(Some(words.to_owned()));
                            })
                        >
                            "Ask it to keep them"
                        </button>
                    </div>
                }
                .into_any(),
            }}
        </section>
    }
}

#[component]
fn Backups() -> impl IntoView {
    view! {
        <section>
            <h3>"Backup"</h3>
            <details data-testid="export-open">
                <summary>"Save a backup"</summary>
                <Export/>
            </details>
            <details data-testid="import-open">
                <summary>"Take a backup in"</summary>
                <Import/>
            </details>
        </section>
    }
}

#[component]
fn Hub() -> impl IntoView {
    let model = model();
    let settings_hub = model.standing.with_untracked(|standing| standing.settings.hub.clone());
    let hub = RwSignal::new(settings_hub.unwrap_or_default());
    let problem = RwSignal::new(None::<String>);
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let mut settings = model.standing.with_untracked(|standing| standing.settings.clone());
        let wanted = hub.get_untracked().trim().trim_end_matches('/').to_owned();
        settings.hub = Some(wanted).filter(|wanted| !wanted.is_empty());
        spawn_local(async move {
            match model.client().set_settings(settings).await {
                Ok(()) => {
                    problem.try_set(None);
                    model.toast.set(Some("Saved.".to_owned()));
                }
                Err(error) => {
                    problem.try_set(Some(about(&error)));
                }
            }
        });
    };
    view! {
        <section>
            <h3>"Hub"</h3>
            <p class="quiet">"Where contacts are found. It sees who looks for whom, and never a word."</p>
            <form class="line" on:submit=save>
                <label>
                    "Address; leave it empty for the one of this page"
                    <input
                        type="url"
                        autocomplete="off"
                        placeholder=move || model.standing.with(|standing| standing.hub.clone())
                        data-testid="settings-hub"
                        bind:value=hub
                    />
                </label>
                <button type="submit" data-testid="settings-hub-save">"Save"</button>
            </form>
            <p role="alert" class="problem">{move || problem.get()}</p>
        </section>
    }
}

#[component]
fn Blocked() -> impl IntoView {
    let model = model();
    let blocked = Memo::new(move |_| {
        model.people.with(|people| {
            let is_blocked = |view: &ContactView| view.status == ContactStatus::Blocked;
            let blocked = people.values().filter(|person| person.view.with(is_blocked));
            blocked.map(|person| person.id).collect::<Vec<_>>()
        })
    });
    move || {
        (!blocked.with(Vec::is_empty)).then(|| {
            view! {
                <section>
                    <h3>"Blocked"</h3>
                    <ul class="plain-list">
                        {per_id(move || blocked.get(), move |id| blocked_row(model, id))}
                    </ul>
                </section>
            }
            .into_any()
        })
    }
}

fn blocked_row(model: Model, id: UserId) -> AnyView {
    view! {
        <li class="line" data-testid="blocked" data-id=id.to_string()>
            <bdi dir="auto">{model.title_of(id)}</bdi>
            <button
                type="button"
                class="small"
                on:click=move |_| model.run(Command::UnblockContact { contact: id })
            >
                "Unblock"
            </button>
        </li>
    }
    .into_any()
}
