//! `tincan contact …`: who may talk with us, and what we call them.

use std::time::Duration;

use serde_json::json;
use tincan_engine::{Command, ContactStatus, ContactView, Event, Reply, Target};
use tincan_wire::{DisplayName, Invite, UserId};
use tokio::time::Instant;

use crate::Outcome;
use crate::chat::names_a_place;
use crate::cli::Contact;
use crate::failure::Failure;
use crate::link_qr::{qr, qr_for_terminal};
use crate::offline::Offline;
use crate::people_text::{contact_line, now, requester, title};
use crate::session::Session;
use crate::settings::{Settings, display_name};

/// How long an answer to a request may take to leave: the hub is near or it is not there.
const PUBLISH_WITHIN: Duration = Duration::from_secs(10);
/// Who has accepted may be known by a sign of life that has overtaken their answer, and with it
/// their name: it is waited for that long.
const NAME_WITHIN: Duration = Duration::from_secs(2);

pub(crate) async fn run(action: Contact, settings: Settings) -> Outcome {
    // What is malformed is said before anything is started.
    let action = Action::parse(action)?;
    let session = match &action {
        Action::Add { target, .. } if names_a_place(target) => {
            Session::open_to_join(&settings).await?
        }
        _ => Session::open(&settings).await?,
    };
    let outcome = act(action, &settings, &session).await;
    session.close().await;
    outcome
}

/// What to do, parsed.
enum Action {
    Add { target: Target, nickname: Option<DisplayName>, timeout: Duration },
    List,
    Accept(String),
    Decline(String),
    Block(String),
    Unblock(String),
    Rename { contact: String, nickname: Option<DisplayName> },
    RelayOnly { contact: String, on: Option<bool> },
    Verify { contact: String, verified: Option<bool>, qr: bool },
}

impl Action {
    fn parse(action: Contact) -> Result<Self, Failure> {
        let nickname = |name: Option<String>| name.as_deref().map(display_name).transpose();
        Ok(match action {
            Contact::Add { target, nickname: name, timeout } => {
                Self::Add { target: parse_target(&target)?, nickname: nickname(name)?, timeout }
            }
            Contact::List => Self::List,
            Contact::Accept(name) => Self::Accept(name.contact),
            Contact::Decline(name) => Self::Decline(name.contact),
            Contact::Block(name) => Self::Block(name.contact),
            Contact::Unblock(name) => Self::Unblock(name.contact),
            Contact::Rename { contact, nickname: name } => {
                Self::Rename { contact, nickname: nickname(name)? }
            }
            Contact::RelayOnly { contact, setting } => {
                Self::RelayOnly { contact, on: setting.into() }
            }
            Contact::Verify { contact, equal, undo, qr } => {
                Self::Verify { contact, verified: (equal || undo).then_some(equal), qr }
            }
        })
    }
}

/// An invite link or a bare id.
pub(crate) fn parse_target(text: &str) -> Result<Target, Failure> {
    let text = text.trim();
    if text.contains(['#', ':']) {
        return text.parse::<Invite>().map(Target::Invite).map_err(Failure::bad_input);
    }
    text.parse::<UserId>().map(Target::Id).map_err(|error| {
        Failure::BadInput(format!("`{text}` is neither an invite link nor an id: {error}"))
    })
}

async fn act(action: Action, settings: &Settings, session: &Session) -> Outcome {
    let out = settings.output;
    match action {
        Action::Add { target, nickname, timeout } => {
            let contact = add(session, target, nickname, timeout, true).await?;
            out.value(&contact, || match contact.status {
                ContactStatus::Requested => {
                    format!("asked {}; they have not answered yet", title(&contact))
                }
                status => format!("{} is {status}", title(&contact)),
            })
        }
        Action::List => list(settings, session).await,
        Action::Accept(name) => {
            let contact = session.find_requester(&name).await?;
            answer(settings, session, Command::AcceptContact { contact }, contact).await
        }
        Action::Decline(name) => {
            let contact = session.find_requester(&name).await?;
            answer(settings, session, Command::DeclineContact { contact }, contact).await
        }
        Action::Block(name) => {
            let contact = session.find_anyone(&name).await?;
            change(settings, session, Command::BlockContact { contact }, contact).await
        }
        Action::Unblock(name) => {
            let contact = session.find_anyone(&name).await?;
            change(settings, session, Command::UnblockContact { contact }, contact).await
        }
        Action::Rename { contact, nickname } => {
            let contact = session.find_contact(&contact).await?;
            change(settings, session, Command::RenameContact { contact, nickname }, contact).await
        }
        Action::RelayOnly { contact, on } => {
            let contact = session.find_contact(&contact).await?;
            change(settings, session, Command::SetRelayOnly { contact, on }, contact).await
        }
        Action::Verify { contact, verified, qr } => {
            let contact = session.find_contact(&contact).await?;
            verify(settings, session, contact, verified, qr).await
        }
    }
}

/// Asks someone to be a contact, and waits for their answer. Without a connection by then it
/// fails if `must_leave`: the process is about to end.
pub(crate) async fn add(
    session: &Session,
    target: Target,
    nickname: Option<DisplayName>,
    timeout: Duration,
    must_leave: bool,
) -> Result<ContactView, Failure> {
    let mut events = session.events().await;
    let reply = session.command(Command::AddContact { target, nickname }).await?;
    let Reply::Contact { mut contact } = reply else {
        return Err(Failure::failed(format!("the request's fate is unknown: {reply:?}")));
    };
    let mut offline = Offline::default();
    offline.look(&session.status().await?.broker);
    let mut deadline = Instant::now() + timeout;
    while contact.status == ContactStatus::Requested || is_without_name(&contact) {
        match tokio::time::timeout_at(deadline, events.next()).await {
            Ok(Some(Event::Contact { contact: changed })) if changed.id == contact.id => {
                contact = changed;
                if is_without_name(&contact) {
                    deadline = deadline.min(Instant::now() + NAME_WITHIN);
                }
            }
            Ok(Some(event)) => offline.note(&event),
            Ok(None) => return Err(Failure::failed("the node has stopped; the request is kept")),
            Err(_) => break,
        }
    }
    if contact.status == ContactStatus::Requested && must_leave && !timeout.is_zero() {
        let broker = session.status().await?.broker;
        return offline.failure(&broker).map_or(Ok(contact), Err);
    }
    Ok(contact)
}

fn is_without_name(contact: &ContactView) -> bool {
    contact.status == ContactStatus::Accepted && contact.name.is_empty()
}

/// Answers a request; a node of our own stays until the answer can leave.
async fn answer(
    settings: &Settings,
    session: &Session,
    command: Command,
    contact: UserId,
) -> Outcome {
    let accepted = matches!(command, Command::AcceptContact { .. });
    session.command(command).await?;
    if !session.is_elsewhere() {
        session.wait_online(PUBLISH_WITHIN).await?;
    }
    let word = if accepted { "accepted" } else { "declined" };
    settings.output.value(&json!({ "id": contact, "answer": word }), || format!("{word} {contact}"))
}

async fn change(
    settings: &Settings,
    session: &Session,
    command: Command,
    contact: UserId,
) -> Outcome {
    session.command(command).await?;
    match session.contacts().await?.iter().find(|known| known.id == contact) {
        Some(known) => settings.output.value(known, || contact_line(known, now())),
        None => settings.output.value(&json!({ "id": contact }), || format!("done: {contact}")),
    }
}

async fn list(settings: &Settings, session: &Session) -> Outcome {
    let (contacts, requests) = (session.contacts().await?, session.requests().await?);
    let out = settings.output;
    for contact in &contacts {
        out.value(contact, || contact_line(contact, now()))?;
    }
    for request in &requests {
        let mut value = serde_json::to_value(request)?;
        if let Some(fields) = value.as_object_mut() {
            fields.insert("status".into(), "asks".into());
        }
        out.value(&value, || {
            format!("{}  {}  asks: accept or decline", request.id, requester(request))
        })?;
    }
    if contacts.is_empty() && requests.is_empty() {
        out.note("no contacts yet; make an invite with `tincan invite` or take one with `tincan contact add`")?;
    }
    Ok(())
}

async fn verify(
    settings: &Settings,
    session: &Session,
    contact: UserId,
    verified: Option<bool>,
    show_qr: bool,
) -> Outcome {
    let number = match session.command(Command::GetSafetyNumber { contact }).await? {
        Reply::SafetyNumber { number } => number.to_string(),
        other => return Err(Failure::failed(format!("no safety number came but {other:?}"))),
    };
    if let Some(verified) = verified {
        session.command(Command::VerifyContact { contact, verified }).await?;
    }
    let view = session.contact(contact).await?;
    let value = json!({ "id": contact, "safety_number": number, "verified": view.verified });
    settings.output.value(&value, || {
        let name = title(&view);
        let state = if view.verified {
            format!("{name} is verified.")
        } else {
            format!(
                "Compare this with what {name} sees, by voice or face to face; if it is equal: \
                 tincan contact verify {contact} --equal"
            )
        };
        format!("{}\n{state}", number_lines(&number))
    })?;
    if show_qr && !settings.output.is_json() {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        if let Some(code) = qr_for_terminal(&digits).or_else(|| qr(&digits)) {
            settings.output.text(&code)?;
        }
    }
    Ok(())
}

/// Twelve groups in three lines of four, as people read them aloud.
pub(crate) fn number_lines(number: &str) -> String {
    let groups: Vec<&str> = number.split_whitespace().collect();
    groups.chunks(4).map(|line| line.join(" ")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safety_number_has_three_lines_of_four_groups() {
        let number = ["12345"; 12].join(" ");
        assert_eq!(number_lines(&number), [["12345"; 4].join(" ").as_str(); 3].join("\n"));
    }

    #[test]
    fn what_is_neither_invite_nor_id_is_bad_input() {
        for bad in ["", "bob", "tin1qqqq", "http://127.0.0.1/#x", "tincan:#"] {
            assert!(matches!(parse_target(bad), Err(Failure::BadInput(_))), "{bad}");
        }
    }
}
