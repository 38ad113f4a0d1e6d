//! Asks the store for pages of a conversation.

use tincan_engine::{Answer, Cursor, MessageView, Query};
use tincan_wire::{MessageId, UserId};

use crate::gallop::{Ask, Found, Gallop};
use crate::model::Model;
use crate::timeline::{PAGE, cursor_of};

/// A forgotten page may have grown by so many messages that came late.
const SLACK: usize = 50;

/// More questions than these are never asked for one page.
const MAX_QUESTIONS: usize = 64;

/// Messages in the order of the display, and whether there are more on either side.
pub(crate) struct Page {
    pub(crate) messages: Vec<MessageView>,
    pub(crate) older: bool,
    pub(crate) newer: bool,
}

/// What is known of the page behind the loaded ones.
#[derive(Clone, Copy)]
pub(crate) struct Search {
    /// The last loaded message.
    pub(crate) behind: Cursor,
    /// The moment of the first loaded message and how many are loaded: how dense they are.
    pub(crate) first_h: u64,
    pub(crate) loaded: usize,
    /// Where the page ends, if it was loaded before.
    pub(crate) ends: Option<Option<Cursor>>,
    /// The newest moment known of.
    pub(crate) newest: u64,
}

/// The `limit` messages before a place, or before the end.
pub(crate) async fn before(
    model: Model,
    contact: UserId,
    before: Option<Cursor>,
    limit: usize,
) -> Result<Page, String> {
    match model.query(Query::History { contact, before, limit }).await? {
        Answer::Messages { messages, more } => {
            Ok(Page { messages, older: more, newer: before.is_some() })
        }
        Answer::Summaries { .. } => Err("The stored messages can't be read.".to_owned()),
    }
}

/// The messages up to this one.
pub(crate) async fn up_to(
    model: Model,
    contact: UserId,
    message: &MessageView,
    limit: usize,
) -> Result<Page, String> {
    let place = Cursor { h: message.h.saturating_add(1), ..cursor_of(message) };
    before(model, contact, Some(place), limit).await
}

/// The page behind a message. It connects, and begins with messages that are loaded already.
pub(crate) async fn after(model: Model, contact: UserId, search: Search) -> Result<Page, String> {
    let connects = |page: &Page| {
        !page.older || page.messages.iter().any(|message| message.id == search.behind.id)
    };
    if let Some(ends) = search.ends {
        let page = before(model, contact, ends, PAGE + SLACK).await?;
        if connects(&page) {
            return Ok(page);
        }
    }
    let density =
        (search.behind.h.saturating_sub(search.first_h) / search.loaded.max(1) as u64).max(1);
    let guess = density.saturating_mul(PAGE as u64 / 2);
    let mut gallop = Gallop::new(search.behind.h, guess, search.newest);
    for _ in 0..MAX_QUESTIONS {
        let ask = gallop.ask();
        let place = match ask {
            Ask::Before(h) => Some(Cursor { h, ..search.behind }),
            Ask::End => None,
        };
        let page = before(model, contact, place, PAGE).await?;
        let has_newer = page.messages.last().is_some_and(|last| last.h > search.behind.h);
        let connected = connects(&page);
        if connected && (has_newer || ask == Ask::End) {
            return Ok(page);
        }
        if !gallop.learn(if connected { Found::Nothing } else { Found::Gap }) {
            // More than a page at one moment: the widest answer there is has it.
            return before(model, contact, place, tincan_engine::query::MAX_PAGE).await;
        }
    }
    Err("The later messages can't be found; go to the end of the conversation.".to_owned())
}

/// One message, if it is there.
pub(crate) async fn message(model: Model, contact: UserId, id: MessageId) -> Option<MessageView> {
    match model.query(Query::Message { contact, id }).await {
        Ok(Answer::Messages { messages, .. }) => messages.into_iter().next(),
        Ok(Answer::Summaries { .. }) | Err(_) => None,
    }
}
