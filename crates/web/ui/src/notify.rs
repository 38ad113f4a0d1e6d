//! Tells of messages while one looks elsewhere: notifications, the count in the title and on the
//! app's icon.

use std::cell::Cell;

use js_sys::{Function, Promise, Reflect};
use leptos::prelude::*;
use tincan_engine::{MessageView, RequestView};
use tincan_wire::UserId;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Notification, NotificationOptions, NotificationPermission, ServiceWorkerRegistration,
};

use crate::model::Model;
use crate::watch::watch;
use crate::{dates, prefs};

/// What the page is called.
const TITLE: &str = "Tincan";

/// Of a message so much is shown, in characters.
const WORDS_CHARS: usize = 120;

/// One contact is told of at most this often: a burst is one notification.
const PAUSE_MS: u64 = 2_000;

/// A tab that had the focus this long ago without a word since is taken for closed.
const FOCUS_HOLDS_MS: u64 = 60_000;

thread_local! {
    static LAST_TOLD_MS: Cell<u64> = const { Cell::new(0) };
}

/// Whether a person wants notifications and the browser allows them.
pub(crate) fn is_on() -> bool {
    prefs::read("notify").is_some() && permission() == Some(NotificationPermission::Granted)
}

/// Whether notifications show what was written.
pub(crate) fn with_words() -> bool {
    prefs::read("notify-words").is_some()
}

/// Sets that.
pub(crate) fn set_with_words(on: bool) {
    prefs::write("notify-words", if on { "on" } else { "" });
}

/// Turns notifications on or off; asks the browser if need be. Returns whether they are on.
pub(crate) async fn turn(on: bool) -> bool {
    prefs::write("notify", if on { "on" } else { "" });
    if on && permission() == Some(NotificationPermission::Default) {
        let asked = Notification::request_permission();
        if let Ok(asked) = asked {
            drop(JsFuture::from(asked).await);
        }
    }
    is_on()
}

/// What the browser says, if it has notifications at all.
fn permission() -> Option<NotificationPermission> {
    let class = Reflect::get(&window(), &JsValue::from_str("Notification")).ok()?;
    class.is_function().then(Notification::permission)
}

/// Notes for the other tabs whether someone looks at this one.
pub(crate) fn attended(on: bool) {
    let now = if on { dates::now_ms().to_string() } else { String::new() };
    prefs::write("focus", &now);
}

fn is_another_tab_attended() -> bool {
    let since = prefs::read("focus").and_then(|since| since.parse::<u64>().ok());
    since.is_some_and(|since| dates::now_ms().saturating_sub(since) < FOCUS_HOLDS_MS)
}

/// Tells of a message, if nobody looks.
pub(crate) fn tell(model: Model, message: &MessageView) {
    if !is_due(model) {
        return;
    }
    let words = with_words().then(|| message.content.chars().take(WORDS_CHARS).collect::<String>());
    let title = model.title_of(message.contact);
    show(model, Some(message.contact), &title, words.as_deref().unwrap_or("New message"));
}

/// Tells of a request, if nobody looks.
pub(crate) fn tell_request(model: Model, request: &RequestView) {
    if is_due(model) {
        show(model, None, TITLE, &[request.name.as_str(), " wants to talk to you"].concat());
    }
}

/// One tab tells, of one thing at a time.
fn is_due(model: Model) -> bool {
    let is_wanted = !model.attended.get_untracked()
        && model.is_leader()
        && is_on()
        && !is_another_tab_attended();
    let now = dates::now_ms();
    let is_due = is_wanted && now.saturating_sub(LAST_TOLD_MS.get()) >= PAUSE_MS;
    if is_due {
        LAST_TOLD_MS.set(now);
    }
    is_due
}

fn show(model: Model, contact: Option<UserId>, title: &str, words: &str) {
    let options = NotificationOptions::new();
    options.set_body(words);
    options.set_icon("/icon-192.png");
    let tag = contact.map_or_else(|| "request".to_owned(), |id| id.to_string());
    options.set_tag(&tag);
    match Notification::new_with_options(title, &options) {
        Ok(notification) => {
            let shown = notification.clone();
            let open = Closure::once_into_js(move || {
                drop(window().focus());
                if let Some(contact) = contact {
                    model.router.open_chat(contact);
                }
                shown.close();
            });
            notification.set_onclick(Some(open.unchecked_ref()));
        }
        // Phones only let the service worker do it.
        Err(_) => spawn_local(show_by_worker(title.to_owned(), options)),
    }
}

async fn show_by_worker(title: String, options: NotificationOptions) {
    let Ok(ready) = window().navigator().service_worker().ready() else { return };
    let Ok(registration) = JsFuture::from(ready).await else { return };
    let registration: ServiceWorkerRegistration = registration.unchecked_into();
    if let Ok(shown) = registration.show_notification_with_options(&title, &options) {
        drop(JsFuture::from(shown).await);
    }
}

/// Keeps the number of unread messages in the title and on the app's icon.
pub(crate) fn count_unread(model: Model) {
    let unread = Memo::new(move |_| {
        let watched = model.watching.get();
        let count = |people: &tincan_wire::SortedMap<UserId, crate::model::Person>| {
            let others = people.values().filter(|person| watched != Some(person.id));
            others.map(|person| person.talk.with(|talk| talk.unread)).sum::<u64>()
        };
        model.people.with(count) + model.requests.with(|requests| requests.len() as u64)
    });
    watch(move || {
        let count = unread.get();
        let title = match count {
            0 => TITLE.to_owned(),
            _ => ["(", &count.to_string(), ") ", TITLE].concat(),
        };
        document().set_title(&title);
        set_badge(count);
    });
}

/// `navigator.setAppBadge`, which not every browser has.
fn set_badge(count: u64) {
    let navigator = window().navigator();
    let set = Reflect::get(&navigator, &JsValue::from_str("setAppBadge"));
    let Some(set) = set.ok().and_then(|set| set.dyn_into::<Function>().ok()) else { return };
    if let Ok(promise) = set.call1(&navigator, &JsValue::from_f64(count as f64)) {
        spawn_local(async move { drop(JsFuture::from(promise.unchecked_into::<Promise>()).await) });
    }
}
