//! Doors to what is loaded later: each is opened only after [`tincan_web::load_later`], by
//! [`crate::loading`]. What only they lead to is in the second part of the code.

use leptos::prelude::*;
use tincan_wire::{MessageId, UserId};

use crate::add_dialog::AddDialog;
use crate::backup::Import;
use crate::contact_dialog::ContactDialog;
use crate::conversation::Picked;
use crate::guest::GuestDialog;
use crate::invite_dialog::InviteDialog;
use crate::message_dialog::MessageDialog;
use crate::message_list::MessageList;
use crate::model::model;
use crate::route::Panel;
use crate::search::Search;
use crate::settings::SettingsDialog;
use crate::verify::VerifyDialog;

/// A panel; `chat` is the open conversation.
#[inline(never)]
pub(crate) fn panel(panel: Panel, chat: Option<UserId>) -> AnyView {
    let known = chat.filter(|id| model().person(*id).is_some());
    match (panel, known) {
        (Panel::Settings, _) => view! { <SettingsDialog/> }.into_any(),
        (Panel::Invite, _) => view! { <InviteDialog/> }.into_any(),
        (Panel::Add, _) => view! { <AddDialog/> }.into_any(),
        (Panel::Contact, Some(id)) => view! { <ContactDialog id=id/> }.into_any(),
        (Panel::Verify, Some(id)) => view! { <VerifyDialog id=id/> }.into_any(),
        (Panel::Contact | Panel::Verify, None) => ().into_any(),
    }
}

/// An invite that was opened.
#[inline(never)]
pub(crate) fn guest() -> AnyView {
    view! { <GuestDialog/> }.into_any()
}

/// The form that takes a backup in.
#[inline(never)]
pub(crate) fn import() -> AnyView {
    view! { <Import/> }.into_any()
}

/// About a message.
#[inline(never)]
pub(crate) fn message(
    message: MessageId,
    picked: Picked,
    list: StoredValue<Option<MessageList>, LocalStorage>,
) -> AnyView {
    view! { <MessageDialog message=message picked=picked list=list/> }.into_any()
}

/// What was found for the words in the search box.
#[inline(never)]
pub(crate) fn search(text: RwSignal<String>) -> AnyView {
    view! { <Search text=text/> }.into_any()
}
