//! `tincan search`: messages whose words match, newest first.

use std::collections::BTreeMap;

use tincan_engine::query::MAX_PAGE;
use tincan_engine::{Answer, Query};

use crate::Outcome;
use crate::cli;
use crate::clock_text::ClockText;
use crate::failure::Failure;
use crate::people_text::{history_line, title};
use crate::session::Session;
use crate::settings::Settings;

pub(crate) async fn run(args: cli::Search, settings: Settings) -> Outcome {
    if !(1..=MAX_PAGE).contains(&args.limit) {
        return Err(Failure::bad_input(format!("--limit must be 1 to {MAX_PAGE}")));
    }
    let session = Session::open_offline(&settings).await?;
    let outcome = print(&args, &settings, &session).await;
    session.close().await;
    outcome
}

async fn print(args: &cli::Search, settings: &Settings, session: &Session) -> Outcome {
    let contact = match &args.contact {
        Some(words) => Some(session.find_contact(words).await?),
        None => None,
    };
    let query = Query::Search { text: args.words.join(" "), contact, limit: args.limit };
    let Answer::Messages { messages, more } = session.query(query).await? else {
        return Err(Failure::failed("the node answered another question"));
    };
    let names: BTreeMap<_, _> =
        session.contacts().await?.iter().map(|contact| (contact.id, title(contact))).collect();
    let clock = ClockText::of_this_machine();
    for message in &messages {
        settings.output.value(message, || {
            let name = names.get(&message.contact).cloned();
            let name = name.unwrap_or_else(|| message.contact.short());
            let line = history_line(message, &name, &clock);
            if message.outgoing { format!("[to {name}] {line}") } else { line }
        })?;
    }
    if more {
        settings.output.note("… and more; raise --limit or add words")?;
    }
    Ok(())
}
