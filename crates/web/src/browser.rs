//! What the browser tells of itself, and is asked for.

use std::rc::Rc;

use js_sys::{Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, PageTransitionEvent, VisibilityState};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["navigator", "storage"], js_name = persist, catch)]
    fn ask_to_persist() -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = ["navigator", "storage"], js_name = persisted, catch)]
    fn ask_whether_persisted() -> Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(words: &str);
}

/// What happens to a page.
pub(crate) enum Change {
    /// The browser has a network again.
    Online,
    /// It has none.
    Offline,
    /// Nobody sees the page any more.
    Hidden,
    /// Somebody does.
    Shown,
    /// The page is left, for another or for good.
    Leaves,
    /// A page that was left is shown again as it was.
    Returns,
}

/// Tells `hear` what happens to the page, for as long as it lives.
pub(crate) fn watch(hear: impl Fn(Change) + 'static) {
    let Some(window) = web_sys::window() else { return };
    let hear = Rc::new(hear);
    let on = |name: &str, change: fn(&Event) -> Option<Change>| {
        let hear = Rc::clone(&hear);
        let call = Closure::<dyn FnMut(_)>::new(move |event: Event| {
            if let Some(change) = change(&event) {
                hear(change);
            }
        });
        // A window takes every listener.
        let _ = window.add_event_listener_with_callback(name, call.into_js_value().unchecked_ref());
    };
    on("online", |_| Some(Change::Online));
    on("offline", |_| Some(Change::Offline));
    on("pagehide", |_| Some(Change::Leaves));
    on("pageshow", |event| {
        let returns = event.dyn_ref::<PageTransitionEvent>().is_some_and(|event| event.persisted());
        returns.then_some(Change::Returns)
    });
    let call = Closure::<dyn FnMut(_)>::new(move |_: Event| {
        let state = web_sys::window()
            .and_then(|window| window.document())
            .map(|document| document.visibility_state());
        hear(if state == Some(VisibilityState::Visible) { Change::Shown } else { Change::Hidden });
    });
    if let Some(document) = window.document() {
        let _ = document.add_event_listener_with_callback(
            "visibilitychange",
            call.into_js_value().unchecked_ref(),
        );
    }
}

/// The origin that served the page.
pub(crate) fn own_origin() -> String {
    web_sys::window().and_then(|window| window.location().origin().ok()).unwrap_or_default()
}

pub(crate) fn is_online() -> bool {
    web_sys::window().is_none_or(|window| window.navigator().on_line())
}

/// Whether WebRTC is there and not switched off.
pub(crate) fn has_webrtc() -> bool {
    Reflect::get(&js_sys::global(), &"RTCPeerConnection".into())
        .is_ok_and(|constructor| constructor.is_function())
}

/// A number that no other tab has; below 2^53, so that it is the same in every script.
pub(crate) fn random_number() -> Option<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes) >> 11)
}

/// Asks the browser to keep what is stored; `false` if it does not say so.
pub(crate) async fn persist() -> bool {
    match ask_to_persist() {
        Ok(asked) => JsFuture::from(asked).await.is_ok_and(|kept| kept.is_truthy()),
        Err(_) => false,
    }
}

/// Whether the browser keeps what is stored; `None` if it does not say.
pub(crate) async fn is_persisted() -> Option<bool> {
    let asked = ask_whether_persisted().ok()?;
    JsFuture::from(asked).await.ok().map(|kept| kept.is_truthy())
}

/// Loads the page again, after what is being done now.
pub(crate) fn reload_soon() {
    wasm_bindgen_futures::spawn_local(async {
        crate::timer::sleep(0).await;
        if let Some(window) = web_sys::window() {
            // A page that cannot be loaded again stays as it is.
            let _ = window.location().reload();
        }
    });
}

/// For whoever looks into the console.
pub(crate) fn complain(words: &str) {
    console_error(words);
}
