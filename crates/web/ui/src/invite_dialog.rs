//! Makes an invite: a link, and the same as a QR code.

use js_sys::{Object, Reflect};
use leptos::prelude::*;
use tincan_engine::{BrokerState, Command, Reply};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::copy::copy;
use crate::dialog::Dialog;
use crate::model::{Model, model};
use crate::qr::qr;
use crate::watch::watch;

const DAY_SECS: u64 = 86_400;

/// How long an invite may be good, and what that is called.
const SPANS: [(u64, &str); 4] = [
    (3_600, "an hour"),
    (DAY_SECS, "a day"),
    (7 * DAY_SECS, "a week"),
    (90 * DAY_SECS, "three months"),
];

/// How many people may use it.
const USES: [(u32, &str); 3] = [(1, "one person"), (10, "ten people"), (100, "a hundred people")];

/// The dialog.
#[component]
pub(crate) fn InviteDialog() -> impl IntoView {
    let model = model();
    let uses = RwSignal::new(1_u32);
    let span = RwSignal::new(7 * DAY_SECS);
    let link = RwSignal::new(None::<Result<String, String>>);
    watch(move || {
        let wanted = (uses.get(), span.get());
        link.set(None);
        spawn_local(async move {
            let made = make(model, wanted.0, wanted.1).await;
            let now = (uses.try_get_untracked(), span.try_get_untracked());
            if now == (Some(wanted.0), Some(wanted.1)) {
                link.set(Some(made));
            }
        });
    });
    view! {
        <Dialog title="Invite someone" testid="invite-dialog">
            <p>"Send this link, or let them scan the code. Whoever opens it can talk to you at once: no account, no app."</p>
            <div class="invite">
                {move || match link.get().filter(|_| is_met(model)) {
                    None => view! { <div class="qr-place" role="status">"Making the invite…"</div> }.into_any(),
                    Some(Err(sentence)) => view! { <p role="alert" class="problem">{sentence}</p> }.into_any(),
                    Some(Ok(link)) => ready(model, link),
                }}
            </div>
            <div class="pair">
                <label>
                    "For"
                    <select
                        data-testid="invite-uses"
                        on:change=move |event| if let Ok(count) = event_target_value(&event).parse() { uses.set(count) }
                    >
                        {USES.map(|(count, words)| view! {
                            <option value=count.to_string() selected=count == 1>{words}</option>
                        }.into_any()).into_iter().collect_view()}
                    </select>
                </label>
                <label>
                    "Good for"
                    <select
                        data-testid="invite-span"
                        on:change=move |event| if let Ok(secs) = event_target_value(&event).parse() { span.set(secs) }
                    >
                        {SPANS.map(|(secs, words)| view! {
                            <option value=secs.to_string() selected=secs == 7 * DAY_SECS>{words}</option>
                        }.into_any()).into_iter().collect_view()}
                    </select>
                </label>
            </div>
        </Dialog>
    }
}

fn ready(model: Model, link: String) -> AnyView {
    let code = qr(&link, "QR code of the invite link");
    let (to_copy, to_share) = (link.clone(), link.clone());
    let can_share = share_of().is_some();
    view! {
        <div class="qr-place">{code}</div>
        <label>
            "Link"
            <input
                type="text"
                readonly=true
                class="link-text"
                data-testid="invite-link"
                prop:value=link.clone()
                on:focus=|event| {
                    let input = event_target::<web_sys::HtmlInputElement>(&event);
                    input.select();
                }
            />
        </label>
        <div class="actions">
            <button
                type="button"
                class="main-action"
                data-testid="invite-copy"
                on:click=move |_| copy(model, &to_copy, "The link is in the clipboard.")
            >
                "Copy the link"
            </button>
            {can_share.then(|| view! {
                <button type="button" data-testid="invite-share" on:click=move |_| share(&to_share)>
                    "Share"
                </button>
            }.into_any())}
        </div>
    }
    .into_any()
}

/// A broker keeps requests only for whom it has met, and a guest may be quick. A hub that is away
/// does not keep the link from being passed on.
fn is_met(model: Model) -> bool {
    let is_coming =
        model.broker.with(|hub| hub.state != BrokerState::Connected && hub.reason.is_none());
    !is_coming || model.standing.with(|standing| !standing.online)
}

async fn make(model: Model, uses: u32, ttl_secs: u64) -> Result<String, String> {
    let hub = Some(model.standing.with_untracked(|standing| standing.hub.clone()));
    let command = Command::CreateInvite { hub, brokers: Vec::new(), uses, ttl_secs };
    match model.command(command).await? {
        Reply::Invite { invite } => Ok(invite.to_string()),
        _ => Err("The invite could not be made.".to_owned()),
    }
}

/// `navigator.share`, which not every browser has.
fn share_of() -> Option<js_sys::Function> {
    let navigator = window().navigator();
    Reflect::get(&navigator, &JsValue::from_str("share")).ok()?.dyn_into().ok()
}

fn share(link: &str) {
    let Some(share) = share_of() else { return };
    let data = Object::new();
    drop(Reflect::set(&data, &"title".into(), &"Talk to me on Tincan".into()));
    drop(Reflect::set(&data, &"url".into(), &link.into()));
    if let Ok(promise) = share.call1(&window().navigator(), &data) {
        // A person may change their mind; nothing is to be said of that.
        spawn_local(async move {
            drop(JsFuture::from(promise.unchecked_into::<js_sys::Promise>()).await)
        });
    }
}
