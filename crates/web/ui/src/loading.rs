//! Shows what is loaded later, once it is there.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::model::{Model, model};

/// How far the second part of the code is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Second {
    /// Nobody has asked for it, or it could not be loaded.
    #[default]
    Away,
    Loading,
    There,
}

/// What `show` gives; nothing as long as the second part of the code is under way. `show` may
/// open the doors of [`crate::later`].
pub(crate) fn once_loaded(show: impl Fn() -> AnyView + Send + Sync + 'static) -> AnyView {
    boxed(Box::new(show))
}

fn boxed(show: Box<dyn Fn() -> AnyView + Send + Sync>) -> AnyView {
    let model = model();
    load(model);
    let is_there = Memo::new(move |_| model.second.get() == Second::There);
    (move || if is_there.get() { show() } else { ().into_any() }).into_any()
}

fn load(model: Model) {
    if model.second.get_untracked() != Second::Away {
        return;
    }
    model.second.set(Second::Loading);
    spawn_local(async move {
        match tincan_web::load_later().await {
            Ok(()) => model.second.set(Second::There),
            Err(error) => {
                model.second.set(Second::Away);
                model.toast.set(Some(error.to_string()));
                // A panel that does not show is not open, and may be opened again.
                model.router.close_panel();
            }
        }
    });
}
