//! The clipboard.

use leptos::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::model::Model;

/// Puts `text` into the clipboard and says so.
pub(crate) fn copy(model: Model, text: &str, done: &'static str) {
    // Pages without TLS have no clipboard; asking would throw.
    if !window().is_secure_context() {
        return model
            .toast
            .set(Some("This page may not use the clipboard. Select and copy by hand.".to_owned()));
    }
    let written = window().navigator().clipboard().write_text(text);
    spawn_local(async move {
        let words = match JsFuture::from(written).await {
            Ok(_) => done,
            Err(_) => "The browser did not allow it. Select and copy by hand.",
        };
        model.toast.set(Some(words.to_owned()));
    });
}
