//! `tincan invite`: a link that adds its holder as a contact.

use serde_json::json;
use tincan_engine::{Command, Reply};
use tincan_wire::Invite;

use crate::Outcome;
use crate::cli;
use crate::clock_text::ClockText;
use crate::failure::Failure;
use crate::link_qr::{qr, qr_for_terminal};
use crate::session::Session;
use crate::settings::Settings;

pub(crate) async fn run(args: cli::Invite, settings: Settings) -> Outcome {
    let session = Session::open(&settings).await?;
    let outcome = print_invite(&args, &settings, &session).await;
    session.close().await;
    outcome
}

async fn print_invite(args: &cli::Invite, settings: &Settings, session: &Session) -> Outcome {
    let invite = make(session, args.uses, args.ttl.as_secs()).await?;
    let link = invite.to_string();
    let out = settings.output;
    let until = ClockText::of_this_machine().full(invite.expiry);
    let value = json!({ "link": link, "expiry": invite.expiry, "uses": args.uses });
    out.value(&value, || link.clone())?;
    if args.qr && !out.is_json() {
        match qr_for_terminal(&link).or_else(|| qr(&link)) {
            Some(code) => out.text(&code)?,
            None => crate::output::complain("the link is too long for a QR code"),
        }
    }
    if !out.is_json() {
        crate::output::complain(&format!("good for {} until {until}", people(args.uses)));
    }
    Ok(())
}

fn people(uses: u32) -> String {
    if uses == 1 { "one person".to_owned() } else { format!("{uses} people") }
}

/// Makes an invite that names the place where this session's node is to be met.
pub(crate) async fn make(session: &Session, uses: u32, ttl_secs: u64) -> Result<Invite, Failure> {
    let place = session.meeting_place().await?;
    if place.hub.is_none() && place.brokers.is_empty() {
        return Err(Failure::bad_input(
            "an invite names a hub or a broker and none is configured: give --hub or --broker, or \
             run `tincan chat`, which brings a hub of its own",
        ));
    }
    let command = Command::CreateInvite { hub: place.hub, brokers: place.brokers, uses, ttl_secs };
    match session.command(command).await? {
        Reply::Invite { invite } => Ok(invite),
        other => Err(Failure::failed(format!("no invite came but {other:?}"))),
    }
}
