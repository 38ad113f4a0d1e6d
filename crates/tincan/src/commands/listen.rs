//! `tincan listen`: stay online and print what happens, for scripts and for watching.

use serde_json::json;
use tincan_engine::{Command, Event};
use tincan_wire::UserId;

use crate::Outcome;
use crate::cli;
use crate::clock_text::ClockText;
use crate::event_text::{Names, line};
use crate::failure::Failure;
use crate::output::complain;
use crate::session::Session;
use crate::settings::Settings;
use crate::signals::EndSignals;

pub(crate) async fn run(args: cli::Listen, settings: Settings) -> Outcome {
    let mut signals = EndSignals::listen()?;
    let session = Session::open(&settings).await?;
    let outcome = tokio::select! {
        outcome = print(&args, &settings, &session) => outcome,
        _ = signals.next() => Ok(()),
    };
    session.close().await;
    outcome
}

async fn print(args: &cli::Listen, settings: &Settings, session: &Session) -> Outcome {
    let only = match &args.contact {
        Some(words) => Some(session.find_anyone(words).await?),
        None => None,
    };
    let mut events = session.events().await;
    let mut names = Names::of(session).await?;
    let clock = ClockText::of_this_machine();
    if args.accept {
        for request in session.requests().await? {
            accept(session, request.id).await;
        }
    }
    let out = settings.output;
    if !out.is_json() {
        let id = session.status().await?.id;
        out.text(&format!("listening as {id}"))?;
    }
    let mut missed = 0;
    while let Some(event) = events.next().await {
        if events.missed() > missed {
            missed = events.missed();
            out.value(&json!({ "missed": missed }), || {
                format!("{missed} events came too fast to be shown; the history has every message")
            })?;
        }
        names.note(&event);
        if let (true, Event::Request { request }) = (args.accept, &event) {
            accept(session, request.id).await;
        }
        if only.is_some_and(|only| about(&event).is_some_and(|whom| whom != only)) {
            continue;
        }
        if out.is_json() {
            out.json(&event)?;
        } else if let Some(line) = line(&event, &names, &clock) {
            out.text(&line)?;
        }
    }
    Err(Failure::failed("the node has stopped"))
}

async fn accept(session: &Session, contact: UserId) {
    if let Err(failure) = session.command(Command::AcceptContact { contact }).await
        && let Some(line) = failure.line()
    {
        complain(&line);
    }
}

/// Whom an event is about, if it is about someone.
fn about(event: &Event) -> Option<UserId> {
    match event {
        Event::Broker(_) | Event::Dropped { .. } => None,
        Event::Contact { contact } => Some(contact.id),
        Event::Request { request } => Some(request.id),
        Event::Peer(peer) => Some(peer.contact),
        Event::Message { message } => Some(message.contact),
        Event::Alarm { contact, .. } => *contact,
        Event::RequestGone { contact }
        | Event::Presence { contact, .. }
        | Event::Delivery { contact, .. }
        | Event::Read { contact, .. }
        | Event::ReadHere { contact }
        | Event::Typing { contact, .. } => Some(*contact),
    }
}
