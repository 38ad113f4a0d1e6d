//! Whether someone looks at the page, and how wide it is.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::spawn_local;

use crate::model::Model;
use crate::{notify, prefs};

/// Below this there is room for one pane only. The style sheet says the same.
const NARROW: &str = "(max-width: 719.98px)";

/// Whether this tab is visible and has the focus.
pub(crate) fn is_attended() -> bool {
    let document = document();
    !document.hidden() && document.has_focus().unwrap_or(false)
}

/// Keeps `attended`, `narrow` and `update_ready` true.
pub(crate) fn follow(model: Model) {
    for event in ["focus", "blur", "visibilitychange", "pageshow"] {
        let look = move |_: web_sys::Event| {
            let attended = is_attended();
            if model.attended.get_untracked() == attended {
                return;
            }
            model.attended.set(attended);
            notify::attended(attended);
            if attended {
                spawn_local(model.refresh_talks());
            }
        };
        // `visibilitychange` is told to the document and bubbles to the window.
        drop(window_event_listener_untyped(event, look));
    }
    notify::attended(is_attended());
    follow_width(model);
    let ready = move |_: web_sys::Event| model.update_ready.set(true);
    drop(window_event_listener_untyped("tincan-update-ready", ready));
    let root = document().document_element();
    if root.is_some_and(|root| root.get_attribute("data-update").as_deref() == Some("ready")) {
        model.update_ready.set(true);
    }
}

fn follow_width(model: Model) {
    let Ok(Some(query)) = window().match_media(NARROW) else { return };
    model.narrow.set(query.matches());
    let asked = query.clone();
    let look = Closure::<dyn Fn()>::new(move || model.narrow.set(asked.matches()));
    query.set_onchange(Some(look.as_ref().unchecked_ref()));
    // For as long as the tab lives.
    look.forget();
    std::mem::forget(query);
}

/// Light, dark, or as the system says.
pub(crate) fn theme() -> String {
    prefs::read("theme").unwrap_or_else(|| "system".to_owned())
}

/// Sets the theme and remembers it.
pub(crate) fn set_theme(theme: &str) {
    prefs::write("theme", if theme == "system" { "" } else { theme });
    apply_theme();
}

/// Puts the theme on the document. The style sheet does the rest.
pub(crate) fn apply_theme() {
    let Some(root) = document().document_element() else { return };
    // Setting a valid attribute of an element can't fail.
    drop(match theme().as_str() {
        theme @ ("light" | "dark") => root.set_attribute("data-theme", theme),
        _ => root.remove_attribute("data-theme"),
    });
}
