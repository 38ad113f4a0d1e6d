//! A panel over the page: a `dialog` element, closed by its button, Escape, a click beside it or
//! the browser's back button. The focus goes back to where it came from.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use crate::icons;
use crate::model::model;
use crate::watch::watch;

/// A dialog with a title. What closes it is the route: the caller shows it while it is open.
#[component]
pub(crate) fn Dialog(
    /// What it is about.
    title: &'static str,
    /// For tests.
    testid: &'static str,
    children: Children,
) -> impl IntoView {
    let router = model().router;
    let close = move || router.back();
    view! { <Modal title=title testid=testid close=Callback::new(move |()| close())>{children()}</Modal> }
}

/// A dialog that something else than the route shows.
#[component]
pub(crate) fn Modal(
    title: &'static str,
    testid: &'static str,
    /// What takes it away.
    close: Callback<()>,
    children: Children,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    let opener =
        document().active_element().and_then(|element| element.dyn_into::<HtmlElement>().ok());
    let opener = StoredValue::new_local(opener);
    watch(move || {
        if let Some(dialog) = node.get()
            && !dialog.open()
        {
            // It is in the document, and not open.
            drop(dialog.show_modal());
        }
    });
    on_cleanup(move || {
        let opener = opener.try_get_value().flatten();
        queue_microtask(move || {
            if let Some(opener) = opener {
                drop(opener.focus());
            }
        });
    });
    let cancel = move |event: web_sys::Event| {
        event.prevent_default();
        close.run(());
    };
    let beside = move |event: web_sys::MouseEvent| {
        let is_beside = node.get_untracked().is_some_and(|dialog| {
            event
                .target()
                .is_some_and(|target| target == *dialog.unchecked_ref::<web_sys::EventTarget>())
        });
        if is_beside {
            close.run(());
        }
    };
    view! {
        <dialog
            node_ref=node
            class="dialog"
            data-testid=testid
            aria-label=title
            on:cancel=cancel
            on:close=move |_| close.run(())
            on:mousedown=beside
        >
            <div class="dialog-box">
                <header class="dialog-head">
                    <h2>{title}</h2>
                    <button
                        type="button"
                        class="plain round"
                        aria-label="Close"
                        data-testid="dialog-close"
                        on:click=move |_| close.run(())
                    >
                        {icons::icon(icons::CLOSE)}
                    </button>
                </header>
                <div class="dialog-body">{children()}</div>
            </div>
        </dialog>
    }
}
