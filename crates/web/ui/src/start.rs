//! How the page begins.

use leptos::mount::mount_to;
use leptos::prelude::*;
use tincan_web::Client;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlElement;

use crate::app::App;
use crate::model::Model;
use crate::{attention, guest, notices};

/// Starts the page, once its code is loaded.
#[wasm_bindgen(start)]
pub fn begin() {
    std::panic::set_hook(Box::new(|panic| {
        leptos::logging::error!("{panic}");
        // The style sheet shows a sentence then.
        if let Some(root) = document().document_element() {
            drop(root.set_attribute("data-broken", "true"));
        }
    }));
    attention::apply_theme();
    spawn_local(async {
        match Client::start().await {
            Ok(client) => show(client).await,
            Err(error) => {
                let sentence = error.to_string();
                mount(move || {
                    view! {
                        <main class="boot-failure-page">
                            <h1>"Tincan"</h1>
                            <p class="boot-failure" role="alert" data-testid="start-error">{sentence}</p>
                            <button type="button" on:click=|_| drop(window().location().reload())>
                                "Load again"
                            </button>
                        </main>
                    }
                    .into_any()
                });
            }
        }
    });
}

async fn show(client: Client) {
    let owner = Owner::new();
    let model = owner.with(|| Model::new(client));
    attention::follow(model);
    notices::follow(model);
    guest::follow(model);
    model.refresh().await;
    mount(move || view! { <App model=model/> }.into_any());
    // What the page knows lives as long as the tab.
    std::mem::forget(owner);
}

/// Puts the page in place of the outline that was shown while it was loading.
fn mount(page: impl FnOnce() -> AnyView + 'static) {
    let place = document().get_element_by_id("app");
    let Some(place) = place.and_then(|place| place.dyn_into::<HtmlElement>().ok()) else { return };
    place.set_text_content(None);
    mount_to(place, page).forget();
}
