//! `tincan history`: a conversation, oldest message first.

use std::collections::VecDeque;

use tincan_engine::query::MAX_PAGE;
use tincan_engine::{Answer, Cursor, MessageView, Query};
use tincan_wire::UserId;

use crate::Outcome;
use crate::cli;
use crate::clock_text::ClockText;
use crate::failure::Failure;
use crate::people_text::{history_line, title};
use crate::session::Session;
use crate::settings::Settings;

pub(crate) async fn run(args: cli::History, settings: Settings) -> Outcome {
    let session = Session::open_offline(&settings).await?;
    let outcome = print(&args, &settings, &session).await;
    session.close().await;
    outcome
}

async fn print(args: &cli::History, settings: &Settings, session: &Session) -> Outcome {
    let contact = session.find_contact(&args.contact).await?;
    let name = match session.contacts().await?.iter().find(|known| known.id == contact) {
        Some(known) => title(known),
        None => contact.short(),
    };
    let wanted = if args.all { usize::MAX } else { args.last };
    let clock = ClockText::of_this_machine();
    for message in &last(session, contact, wanted).await? {
        settings.output.value(message, || history_line(message, &name, &clock))?;
    }
    Ok(())
}

/// The last `wanted` messages, oldest first, read page by page from the end.
pub(crate) async fn last(
    session: &Session,
    contact: UserId,
    wanted: usize,
) -> Result<VecDeque<MessageView>, Failure> {
    let mut all = VecDeque::new();
    let mut before = None;
    while all.len() < wanted {
        let limit = (wanted - all.len()).min(MAX_PAGE);
        let query = Query::History { contact, before, limit };
        let Answer::Messages { messages, more } = session.query(query).await? else {
            return Err(Failure::failed("the node answered another question"));
        };
        before = messages.first().map(|oldest| Cursor {
            h: oldest.h,
            outgoing: oldest.outgoing,
            id: oldest.id,
        });
        for message in messages.into_iter().rev() {
            all.push_front(message);
        }
        if !more || before.is_none() {
            break;
        }
    }
    Ok(all)
}
