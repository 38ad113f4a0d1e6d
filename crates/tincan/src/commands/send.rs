//! `tincan send`: one message, and the wait until it is on the other side's disk.

use std::io::Read;
use std::time::Duration;

use tincan_engine::query::MAX_PAGE;
use tincan_engine::{Command, Delivery, Event, MessageView, Reply};
use tincan_node::Events;
use tokio::time::{Instant, timeout_at};

use crate::Outcome;
use crate::cli;
use crate::commands::last_messages;
use crate::failure::Failure;
use crate::offline::Offline;
use crate::people_text::{mark, title};
use crate::session::Session;
use crate::settings::Settings;
use crate::signals::EndSignals;

/// What is read from stdin at most: one message has 16 KiB, and a byte more shows that it is
/// too long.
const MAX_INPUT_BYTES: u64 = 16 * 1024 + 1;

pub(crate) async fn run(args: cli::Send, settings: Settings) -> Outcome {
    let text = match args.text.as_deref() {
        Some("-") | None => read_stdin()?,
        Some(text) => text.to_owned(),
    };
    let session = Session::open(&settings).await?;
    let outcome = send(&args, text, &settings, &session).await;
    session.close().await;
    outcome
}

fn read_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_INPUT_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::Failed(format!("cannot read standard input: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::bad_input("standard input is not UTF-8 text; messages are text"))?;
    // The line break that ends a text is the shell's, not the message's.
    Ok(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text))
}

async fn send(args: &cli::Send, text: String, settings: &Settings, session: &Session) -> Outcome {
    let contact = session.find_contact(&args.contact).await?;
    let mut events = session.events().await;
    let command = Command::SendMessage { contact, content: text, reply: None };
    let message = match session.command(command).await? {
        Reply::Message { message } => message,
        other => return Err(Failure::failed(format!("the message's fate is unknown: {other:?}"))),
    };
    let mut signals = EndSignals::listen()?;
    let (mut message, mut offline) = (message, Offline::default());
    if !args.timeout.is_zero() {
        offline.look(&session.status().await?.broker);
        message.state = tokio::select! {
            state = arrival(session, &mut events, &mut offline, &message, args.timeout) => state?,
            _ = signals.next() => message.state,
        };
    }
    let name = title(&session.contact(contact).await?);
    let out = settings.output;
    out.value(&message, || {
        format!("{} {}", mark(message.state).trim_end(), words(&message, &name))
    })?;
    if args.timeout.is_zero() || matches!(message.state, Delivery::Delivered | Delivery::Read) {
        return Ok(());
    }
    Err(undelivered(&message, &name, args.timeout, offline, session).await?)
}

/// Waits until the message is delivered or given up, or the time is over; says how far it came.
async fn arrival(
    session: &Session,
    events: &mut Events,
    offline: &mut Offline,
    message: &MessageView,
    timeout: Duration,
) -> Result<Delivery, Failure> {
    let deadline = Instant::now() + timeout;
    let (mut state, mut missed) = (message.state, events.missed());
    while !matches!(state, Delivery::Delivered | Delivery::Read | Delivery::Failed) {
        match timeout_at(deadline, events.next()).await {
            Ok(Some(Event::Delivery { ids, state: now, .. })) if ids.contains(&message.id) => {
                state = now;
            }
            Ok(Some(_)) if events.missed() > missed => {
                missed = events.missed();
                let found = last_messages(session, message.contact, MAX_PAGE).await?;
                let found = found.iter().find(|known| known.id == message.id);
                state = found.map_or(state, |known| known.state);
            }
            Ok(Some(event)) => offline.note(&event),
            Ok(None) => return Err(Failure::failed("the node has stopped; the message is kept")),
            Err(_) => break,
        }
    }
    Ok(state)
}

fn words(message: &MessageView, name: &str) -> String {
    match message.state {
        Delivery::Queued => format!("in the outbox for {name}"),
        Delivery::Sent => format!("sent to {name}"),
        Delivery::Delivered => format!("delivered to {name}"),
        Delivery::Read => format!("read by {name}"),
        Delivery::Failed => format!("not delivered to {name}"),
    }
}

async fn undelivered(
    message: &MessageView,
    name: &str,
    timeout: Duration,
    offline: Offline,
    session: &Session,
) -> Result<Failure, Failure> {
    if message.state == Delivery::Failed {
        return Ok(Failure::failed(format!("the message to {name} was given up")));
    }
    if let Some(failure) = offline.failure(&session.status().await?.broker) {
        return Ok(failure);
    }
    let span = crate::duration_text::show_duration(timeout);
    Ok(Failure::failed(format!(
        "not delivered within {span}: {name} does not answer; it stays in the outbox and goes out \
         when `tincan` runs on both sides"
    )))
}
