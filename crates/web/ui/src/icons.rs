//! The few signs of the page, drawn in lines in a box of 24.

use leptos::prelude::*;

pub(crate) const BACK: &str = "M15 5l-7 7 7 7";
pub(crate) const CLOSE: &str = "M6 6l12 12M18 6L6 18";
pub(crate) const SETTINGS: &str = "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8v4.4M9 14.8v4.4";
pub(crate) const INVITE: &str = "M10 12.5a4 4 0 1 0 0-8a4 4 0 0 0 0 8M3 20c.6-3.3 3.4-5 7-5 1.6 0 3 .3 4.200 1M18.500 14v6M15.500 17h6";
pub(crate) const ADD: &str = "M12 5v14M5 12h14";
pub(crate) const SEND: &str = "M4 12l16-8-5 16-3.500-6.500L4 12M20 4l-8.500 9.500";
pub(crate) const SHIELD: &str = "M12 3l7 3v5.500c0 4.500-3 7.800-7 9.500-4-1.700-7-5-7-9.500V6l7-3M8.800 12l2.300 2.300 4.200-4.600";
pub(crate) const DOWN: &str = "M6 10l6 6 6-6";
pub(crate) const ALERT: &str = "M12 3.500L2.500 20h19L12 3.500M12 10v4.500M12 17.200v.3";
pub(crate) const INFO: &str = "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 11v5.500M12 7.600v.2";

/// A sign; the words for it stand beside it or in a label.
pub(crate) fn icon(path: &'static str) -> AnyView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=path></path>
        </svg>
    }
    .into_any()
}

/// The can that is the product's sign.
pub(crate) fn logo() -> AnyView {
    view! {
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path d="M8 7.500c0-2 3.600-3.500 8-3.500s8 1.500 8 3.500v15c0 2-3.600 3.500-8 3.500s-8-1.500-8-3.500zM8 7.500c0 2 3.600 3.500 8 3.500s8-1.500 8-3.500M8 13.500c0 2 3.600 3.500 8 3.500s8-1.500 8-3.500M8 18.500c0 2 3.600 3.500 8 3.500s8-1.500 8-3.500"></path>
        </svg>
    }
    .into_any()
}
