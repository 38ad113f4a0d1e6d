//! Making an invite, showing it, and waiting for whoever takes it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tincan_engine::{ContactStatus, Event};
use tincan_wire::UserId;

use crate::chat::input::{Entered, Input};
use crate::chat::requests::answer;
use crate::chat::screen::Screen;
use crate::chat::slash::{Help, Slash, Typed, parse};
use crate::clock_text::ClockText;
use crate::commands::make_invite;
use crate::event_text::alarm_words;
use crate::failure::Failure;
use crate::link_qr::qr_for_terminal;
use crate::people_text::{broker_line, now, requester, title};
use crate::session::Session;

/// For how long the invite of a waiting chat is good: a day.
const INVITE_SECS: u64 = 24 * 3_600;

/// How long the invite waits for the hub: a broker keeps requests only for whom it has met, and
/// a guest may be quick. A hub that is away does not keep the link from being passed on.
const MET_WITHIN: Duration = Duration::from_secs(1);

/// Shows a new invite; gives whoever took it, or nobody if the person left.
pub(crate) async fn wait_for_guest(
    session: &Session,
    screen: &mut Screen,
    input: &mut Input,
) -> Result<Option<UserId>, Failure> {
    let mut events = session.events().await;
    let known: BTreeSet<UserId> = session
        .contacts()
        .await?
        .iter()
        .filter(|contact| contact.status == ContactStatus::Accepted)
        .map(|contact| contact.id)
        .collect();
    // Why it is not there is among the events.
    let _ = session.wait_online(MET_WITHIN).await;
    show_invite(session, screen).await?;
    screen.notice("Waiting for the other side; /quit leaves.").await?;
    loop {
        tokio::select! {
            event = events.next() => {
                let Some(event) = event else {
                    return Err(Failure::failed("the node has stopped"));
                };
                screen.event(&event)?;
                match event {
                    Event::Contact { contact }
                        if contact.status == ContactStatus::Accepted
                            && !known.contains(&contact.id) =>
                    {
                        screen.notice(&format!("{} is here.", title(&contact))).await?;
                        return Ok(Some(contact.id));
                    }
                    Event::Request { request } => {
                        let who = requester(&request);
                        screen.notice(&format!("{who} asks to talk: /accept or /decline")).await?;
                    }
                    Event::Broker(view) if view.reason.is_some() => {
                        screen.notice(&format!("hub: {}", broker_line(&view, now()))).await?;
                    }
                    Event::Alarm { alarm, .. } => screen.notice(&alarm_words(&alarm)).await?,
                    _ => {}
                }
            }
            entered = input.next() => match entered {
                Entered::Interrupted => return Ok(None),
                Entered::End if screen.is_terminal() => return Ok(None),
                // A script without input still waits for its guest.
                Entered::End => {}
                Entered::Line(line) => {
                    if !waiting_line(session, screen, &line).await? {
                        return Ok(None);
                    }
                }
            },
        }
    }
}

/// Handles a line that is typed before anybody is there; false leaves.
async fn waiting_line(session: &Session, screen: &mut Screen, line: &str) -> Result<bool, Failure> {
    match parse(line) {
        Typed::Nothing => {}
        Typed::Do(Slash::Quit) => return Ok(false),
        Typed::Do(Slash::Help) => screen.notice(&Help.to_string()).await?,
        Typed::Do(Slash::Invite) => show_invite(session, screen).await?,
        Typed::Do(Slash::Accept(who)) => say(screen, answer(session, who, true).await).await?,
        Typed::Do(Slash::Decline(who)) => say(screen, answer(session, who, false).await).await?,
        Typed::Say(_) | Typed::Do(_) | Typed::Unknown(_) => {
            screen.notice("Nobody is here yet: pass the link on, or /quit.").await?;
        }
    }
    Ok(true)
}

/// Shows why an answer was not given.
async fn say(screen: &mut Screen, answer: Result<UserId, Failure>) -> Result<(), Failure> {
    match answer.err().and_then(|failure| failure.line()) {
        Some(why) => screen.notice(&why).await,
        None => Ok(()),
    }
}

/// Makes an invite and shows it as link and, where it can be, as QR code.
pub(crate) async fn show_invite(session: &Session, screen: &mut Screen) -> Result<(), Failure> {
    let invite = make_invite(session, 1, INVITE_SECS).await?;
    let link = invite.to_string();
    screen.value(&json!({ "invite": link, "expiry": invite.expiry }))?;
    if let Some(code) = qr_for_terminal(&link).filter(|_| screen.is_terminal()) {
        screen.notice(&code).await?;
    }
    let until = ClockText::of_this_machine().full(invite.expiry);
    screen.notice(&format!("Invite for one person, until {until}:")).await?;
    screen.notice("").await?;
    screen.notice(&link).await?;
    screen.notice(&format!("The other side: tincan chat '{link}'")).await
}
