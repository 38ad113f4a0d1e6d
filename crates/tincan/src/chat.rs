//! `tincan chat`: finds out with whom, brings a hub of its own where none is configured, and
//! holds the conversation.

mod conversation;
mod gate;
mod input;
mod invitation;
mod marks;
mod pick;
mod requests;
mod screen;
mod slash;
mod terminal;

use std::time::Duration;

use tincan_engine::{ContactStatus, Target};
use tincan_wire::UserId;

use crate::Outcome;
use crate::built_in_hub::BuiltInHub;
use crate::chat::conversation::Conversation;
use crate::chat::input::Input;
use crate::chat::screen::Screen;
use crate::cli;
use crate::commands::{add_contact, parse_target};
use crate::failure::Failure;
use crate::people_text::title;
use crate::session::Session;
use crate::settings::Settings;
use crate::signals::EndSignals;

/// How long the answer to a request is waited for before the chat opens anyway: whoever made the
/// invite answers at once if they are online.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// With whom.
enum With {
    /// Someone by an invite or an id that may be new.
    Target(Box<Target>),
    /// Someone we know, by any name.
    Named(String),
    /// Whoever takes a new invite.
    Invited,
    /// Not said: whoever is picked.
    Anyone,
}

impl With {
    fn parse(args: &cli::Chat) -> Result<Self, Failure> {
        Ok(match args.with.as_deref().map(str::trim) {
            Some(text) if text.contains('#') || text.starts_with("tincan:") => {
                Self::Target(Box::new(parse_target(text)?))
            }
            Some(text) => Self::Named(text.to_owned()),
            None if args.invite => Self::Invited,
            None => Self::Anyone,
        })
    }
}

pub(crate) async fn run(args: cli::Chat, settings: Settings) -> Outcome {
    let with = With::parse(&args)?;
    let mut signals = EndSignals::listen()?;
    let session = open(&args, &with, &settings).await?;
    let outcome = tokio::select! {
        outcome = on_screen(&args, with, &settings, &session) => outcome,
        _ = signals.next() => Ok(()),
    };
    session.close().await;
    outcome
}

/// Finds or starts the node, and a hub where nobody could be met otherwise.
async fn open(args: &cli::Chat, with: &With, settings: &Settings) -> Result<Session, Failure> {
    let joins = matches!(with, With::Target(target) if names_a_place(target));
    let session = match joins {
        true => Session::open_to_join(settings).await?,
        false => Session::open(settings).await?,
    };
    let place = session.meeting_place().await?;
    if place.is_known() || session.is_elsewhere() || joins {
        return Ok(session);
    }
    session.close().await;
    let hub = BuiltInHub::start(&settings.home, args.hub_port, args.hub_bind).await?;
    Session::start(settings, Some(hub)).await
}

/// Whether it is an invite that says where its people meet.
pub(crate) fn names_a_place(target: &Target) -> bool {
    match target {
        Target::Id(_) => false,
        Target::Invite(invite) => invite.hub.is_some() || !invite.brokers.is_empty(),
    }
}

async fn on_screen(
    args: &cli::Chat,
    with: With,
    settings: &Settings,
    session: &Session,
) -> Outcome {
    // Whom a command line names is found before the terminal is touched.
    let contact = match &with {
        With::Target(target) => Some(ask(session, target).await?),
        With::Named(words) => Some(session.find_contact(words).await?),
        With::Invited | With::Anyone => None,
    };
    if let Some(contact) = contact {
        session.contact(contact).await?;
    }
    let (mut screen, mut input) = Screen::of_this_process(settings.output)?;
    let contact = match (contact, with) {
        (Some(contact), _) => Some(contact),
        (None, With::Anyone) => anyone(session, &mut screen, &mut input).await?,
        (None, _) => invitation::wait_for_guest(session, &mut screen, &mut input).await?,
    };
    match contact {
        Some(contact) => {
            let mut conversation = Conversation::open(session, &mut screen, contact).await?;
            conversation.hold(&mut input, args.last, args.timeout).await
        }
        None => Ok(()),
    }
}

async fn ask(session: &Session, target: &Target) -> Result<UserId, Failure> {
    let contact = add_contact(session, target.clone(), None, ANSWER_WITHIN, false).await?;
    if contact.status == ContactStatus::Blocked {
        return Err(Failure::failed(format!(
            "{} is blocked; take it back with `tincan contact unblock`",
            title(&contact)
        )));
    }
    Ok(contact.id)
}

/// One of the contacts, or whoever takes a new invite where there are none.
async fn anyone(
    session: &Session,
    screen: &mut Screen,
    input: &mut Input,
) -> Result<Option<UserId>, Failure> {
    let mut contacts = session.contacts().await?;
    contacts.retain(|contact| {
        matches!(contact.status, ContactStatus::Accepted | ContactStatus::Requested)
    });
    if contacts.is_empty() {
        return invitation::wait_for_guest(session, screen, input).await;
    }
    match pick::pick(&contacts, screen, input).await? {
        pick::Picked::Contact(contact) => Ok(Some(contact)),
        pick::Picked::NewInvite => invitation::wait_for_guest(session, screen, input).await,
        pick::Picked::Nobody => Ok(None),
    }
}
