//! The connection badge: what the path to a contact is, in words.

use leptos::prelude::*;
use tincan_wire::UserId;

use crate::connection;
use crate::model::model;

/// The badge of a contact.
#[component]
pub(crate) fn Badge(id: UserId) -> impl IntoView {
    let model = model();
    let told = Memo::new(move |_| {
        let person = model.person(id)?;
        let broker = model.broker.with(|broker| broker.state);
        let online = model.standing.with(|standing| standing.online);
        Some(person.view.with(|view| connection::badge(view, broker, online)))
    });
    view! {
        <span
            class="badge"
            data-testid="badge"
            data-kind=move || told.get().map(|(kind, _)| kind.name())
        >
            <span class="badge-dot"></span>
            {move || told.get().map(|(_, words)| words)}
        </span>
    }
}
