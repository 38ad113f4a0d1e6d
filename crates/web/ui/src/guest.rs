//! The invite in the address bar, if the page was opened by one.

use leptos::prelude::*;
use tincan_engine::Target;
use tincan_wire::Invite;
use wasm_bindgen_futures::spawn_local;

use crate::add_dialog::add_contact;
use crate::dialog::Modal;
use crate::model::{Model, model};
use crate::{dates, route, words};

/// An invite that was opened, or the sentence that says what is wrong with it.
pub(crate) type Opened = Result<Invite, String>;

/// Reads the address now and whenever its fragment changes.
pub(crate) fn follow(model: Model) {
    let look = move || {
        if let Some(opened) = read() {
            model.opened.set(Some(opened));
            route::clear_fragment();
        }
    };
    look();
    drop(window_event_listener_untyped("hashchange", move |_| look()));
}

fn read() -> Option<Opened> {
    let location = window().location();
    let fragment = location.hash().ok().filter(|fragment| fragment.len() > 1)?;
    let origin = location.origin().ok()?;
    let link = [origin.as_str(), "/", &fragment].concat();
    let invite = link.parse::<Invite>().map_err(|error| words::about_invite(&error));
    Some(invite.and_then(|invite| match invite.expiry <= dates::now_ms() {
        true => Err(words::EXPIRED.to_owned()),
        false => Ok(invite),
    }))
}

/// What the one who invites is called.
pub(crate) fn inviter(invite: &Invite) -> String {
    invite.name.as_ref().map_or_else(|| invite.key.short(), ToString::to_string)
}

/// Takes an opened invite: adds who invites and opens the conversation.
pub(crate) async fn take(model: Model, invite: Invite) -> Result<(), String> {
    let id = add_contact(model, Target::Invite(invite), None).await?;
    model.router.open_chat(id);
    Ok(())
}

/// For those who have a name already: asks before anything is sent.
#[component]
pub(crate) fn GuestDialog() -> impl IntoView {
    let model = model();
    let close = Callback::new(move |()| model.opened.set(None));
    move || {
        model.opened.get().map(|opened| {
            view! {
                <Modal title="Invite" testid="guest-dialog" close=close>
                    {match opened {
                        Err(sentence) => view! {
                            <p role="alert" data-testid="invite-error">{sentence}</p>
                        }
                        .into_any(),
                        Ok(invite) => offer(model, invite),
                    }}
                </Modal>
            }
        })
    }
}

fn offer(model: Model, invite: Invite) -> AnyView {
    let name = inviter(&invite);
    let problem = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let accept = move |_| {
        let invite = invite.clone();
        is_busy.set(true);
        spawn_local(async move {
            match take(model, invite).await {
                Ok(()) => model.opened.set(None),
                Err(sentence) => {
                    problem.try_set(Some(sentence));
                    is_busy.try_set(false);
                }
            }
        });
    };
    view! {
        <p><bdi dir="auto" class="contact-name">{name}</bdi>" invites you to talk."</p>
        <p role="alert" class="problem" data-testid="invite-error">{move || problem.get()}</p>
        <div class="actions">
            <button
                type="button"
                class="main-action"
                autofocus=true
                data-testid="guest-accept"
                disabled=move || is_busy.get()
                on:click=accept
            >
                "Talk to them"
            </button>
            <button type="button" on:click=move |_| model.opened.set(None)>"Not now"</button>
        </div>
    }
    .into_any()
}
