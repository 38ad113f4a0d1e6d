//! The whole page: two panes, what lies over them, and the first visit.

use leptos::prelude::*;

use crate::banner::Banners;
use crate::contacts::Side;
use crate::conversation::Conversation;
use crate::loading::once_loaded;
use crate::model::{Model, model};
use crate::watch::{per_id, watch};
use crate::welcome::Welcome;
use crate::{icons, later};

/// The page.
#[component]
pub(crate) fn App(model: Model) -> impl IntoView {
    provide_context(model);
    crate::notify::count_unread(model);
    let has_name =
        Memo::new(move |_| model.me.with(|me| me.as_ref().map(|me| !me.name.is_empty())));
    view! {
        {move || match has_name.get() {
            None => view! { <p class="starting" role="status">"Starting…"</p> }.into_any(),
            Some(false) => view! { <Welcome/> }.into_any(),
            Some(true) => view! { <Panes/> }.into_any(),
        }}
        <Toast/>
    }
}

#[component]
fn Panes() -> impl IntoView {
    let model = model();
    let chat = Memo::new(move |_| model.router.get().chat);
    let panel = Memo::new(move |_| model.router.get().panel);
    // A conversation shows once its contact is known: after a load, that takes a moment.
    let person = Memo::new(move |_| {
        let id = chat.get()?;
        model.people.with(|people| people.contains_key(&id)).then_some(id)
    });
    let banners_in_chat = Memo::new(move |_| model.narrow.get() && person.get().is_some());
    view! {
        <main class="app" data-pane=move || if person.get().is_some() { "chat" } else { "list" }>
            <Side banners=Signal::derive(move || !banners_in_chat.get())/>
            <div class="main">
                // Keyed, so that no part of one conversation is reused for another.
                {per_id(
                    move || person.get().into_iter().collect(),
                    move |id| view! { <Conversation id=id banners=banners_in_chat/> }.into_any(),
                )}
                {move || person.get().is_none().then(|| view! { <Nothing/> }.into_any())}
            </div>
        </main>
        {move || panel.get().map(|panel| {
            once_loaded(move || later::panel(panel, chat.get_untracked()))
        })}
        {move || model.opened.with(Option::is_some).then(|| once_loaded(later::guest))}
    }
}

/// What stands where a conversation would be.
#[component]
fn Nothing() -> impl IntoView {
    view! {
        <div class="nothing">
            {icons::logo()}
            <p>"Choose a conversation, or invite someone to one."</p>
        </div>
    }
}

/// Says what was just done, or why not, for a few seconds.
#[component]
fn Toast() -> impl IntoView {
    const SHOWN: std::time::Duration = std::time::Duration::from_secs(7);
    let toast = model().toast;
    let shown = StoredValue::new(0_u32);
    watch(move || {
        if toast.with(Option::is_none) {
            return;
        }
        let this = shown.get_value().wrapping_add(1);
        shown.set_value(this);
        set_timeout(
            move || {
                if shown.try_get_value() == Some(this) {
                    toast.set(None);
                }
            },
            SHOWN,
        );
    });
    view! {
        <div class="toast-place" role="status" aria-live="polite" data-testid="toast">
            {move || toast.get().map(|words| view! {
                <div class="toast">
                    <p dir="auto">{words}</p>
                    <button
                        type="button"
                        class="plain round"
                        aria-label="Close"
                        on:click=move |_| toast.set(None)
                    >
                        {icons::icon(icons::CLOSE)}
                    </button>
                </div>
            }.into_any())}
        </div>
    }
}

/// Used by the panes: the banners in the one place where they are seen.
pub(crate) fn banners(when: impl Fn() -> bool + Send + Sync + 'static) -> impl IntoView {
    move || if when() { view! { <Banners/> }.into_any() } else { ().into_any() }
}
