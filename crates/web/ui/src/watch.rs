//! Effects and lists of contacts through one door each, so that what leptos makes of them is
//! compiled once and not per use: every byte of the page is transferred.

use std::sync::Arc;

use leptos::prelude::*;
use tincan_wire::UserId;

/// Runs `look` now and whenever a signal that it read changes.
pub(crate) fn watch(look: impl Fn() + 'static) {
    watch_boxed(Box::new(look));
}

fn watch_boxed(look: Box<dyn Fn()>) {
    Effect::new(move |_| look());
}

/// One view per id, in this order; those that stay are kept as they are.
pub(crate) fn per_id(
    ids: impl Fn() -> Vec<UserId> + Send + Sync + 'static,
    show: impl Fn(UserId) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    per_id_boxed(Box::new(ids), Arc::new(show))
}

type Ids = Box<dyn Fn() -> Vec<UserId> + Send + Sync>;
type Show = Arc<dyn Fn(UserId) -> AnyView + Send + Sync>;

fn per_id_boxed(ids: Ids, show: Show) -> AnyView {
    view! { <For each=move || ids() key=|id| *id children=move |id| show(id)/> }.into_any()
}
