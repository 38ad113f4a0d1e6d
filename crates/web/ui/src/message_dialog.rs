//! What can be known of and done with one message.

use leptos::prelude::*;
use tincan_engine::{Command, Delivery, MessageView};
use tincan_wire::MessageId;

use crate::conversation::Picked;
use crate::copy::copy;
use crate::dialog::Modal;
use crate::message_list::MessageList;
use crate::model::model;
use crate::{dates, marks};

/// About `message`.
#[component]
pub(crate) fn MessageDialog(
    message: MessageId,
    picked: Picked,
    list: StoredValue<Option<MessageList>, LocalStorage>,
) -> impl IntoView {
    let close = Callback::new(move |()| picked.about.set(None));
    let found = list.get_value().and_then(|list| list.message(message));
    view! {
        <Modal title="Message" testid="message-dialog" close=close>
            {found.map(|message| about(message, picked, close))}
        </Modal>
    }
}

fn about(message: MessageView, picked: Picked, close: Callback<()>) -> AnyView {
    let model = model();
    let (contact, id) = (message.contact, message.id);
    let is_waiting = message.outgoing && matches!(message.state, Delivery::Queued | Delivery::Sent);
    let content = message.content.clone();
    let state = message.outgoing.then(|| {
        view! {
            <dt>{marks::word(message.state)}</dt>
            <dd>{marks::sentence(message.state)}</dd>
        }
        .into_any()
    });
    view! {
        <dl class="facts">
            <dt>{if message.outgoing { "Written" } else { "Written, by their clock" }}</dt>
            <dd>{dates::full(message.timestamp)}</dd>
            {state}
        </dl>
        <div class="actions">
            <button
                type="button"
                data-testid="message-reply"
                on:click=move |_| {
                    picked.reply.set(Some(id));
                    close.run(());
                }
            >
                "Reply"
            </button>
            <button
                type="button"
                data-testid="message-copy"
                on:click=move |_| {
                    copy(model, &content, "The text is in the clipboard.");
                    close.run(());
                }
            >
                "Copy the text"
            </button>
            {is_waiting.then(|| view! {
                <button
                    type="button"
                    class="danger"
                    data-testid="message-cancel"
                    on:click=move |_| {
                        model.run(Command::CancelMessage { contact, id });
                        close.run(());
                    }
                >
                    "Don't send it"
                </button>
            }.into_any())}
        </div>
    }
    .into_any()
}
