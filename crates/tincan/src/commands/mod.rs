//! The subcommands: one file each, and the way from the command line to them.

mod completions;
mod contact;
mod doctor;
mod export;
mod history;
mod hub;
mod id;
mod import;
mod invite;
mod listen;
mod new_file;
mod passphrase;
mod search;
mod send;
mod status;

pub(crate) use contact::{add as add_contact, number_lines, parse_target};
pub(crate) use history::last as last_messages;
pub(crate) use invite::make as make_invite;

use tracing_subscriber::EnvFilter;

use crate::Outcome;
use crate::chat;
use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::runtime;
use crate::settings::Settings;

/// Does what was asked for.
pub(crate) fn run(cli: Cli) -> Outcome {
    start_log(cli.global.verbose, matches!(cli.command, Command::Hub(_)))?;
    let settings = || Settings::gather(&cli.global);
    match cli.command {
        Command::Completions { shell } => completions::completions(shell),
        Command::Man => completions::man(),
        Command::Id(args) => runtime::run(id::run(args, settings()?)),
        Command::Chat(args) => runtime::run(chat::run(args, settings()?)),
        Command::Hub(args) => runtime::run_wide(hub::run(args, cli.global.json)),
        Command::Invite(args) => runtime::run(invite::run(args, settings()?)),
        Command::Contact { action } => runtime::run(contact::run(action, settings()?)),
        Command::Send(args) => runtime::run(send::run(args, settings()?)),
        Command::Listen(args) => runtime::run(listen::run(args, settings()?)),
        Command::History(args) => runtime::run(history::run(args, settings()?)),
        Command::Search(args) => runtime::run(search::run(args, settings()?)),
        Command::Export(args) => export::run(args, settings()?),
        Command::Import(args) => import::run(args, settings()?),
        Command::Doctor(args) => runtime::run(doctor::run(args, settings()?)),
        Command::Status => runtime::run(status::run(settings()?)),
    }
}

/// Logs to stderr as `-v` and `TINCAN_LOG` say; without either, nothing at all, except that a hub
/// warns: nobody looks at it until something is wrong, such as a certificate that is not renewed.
fn start_log(verbose: u8, is_hub: bool) -> Outcome {
    let said = std::env::var("TINCAN_LOG").ok().filter(|said| !said.is_empty());
    let filter = match (&said, verbose) {
        (Some(said), _) => said.as_str(),
        (None, 0) if is_hub => "tincan_hub=warn",
        (None, 0) => return Ok(()),
        (None, 1) => "warn,tincan=info,tincan_node=info,tincan_hub=info,tincan_engine=info",
        (None, _) => "info,tincan=debug,tincan_node=debug,tincan_hub=debug,tincan_engine=debug",
    };
    // The last word on a target wins: what would log ids and addresses stays silent.
    let filter = EnvFilter::try_new(format!("{filter},{}", tincan_hub::LOG_DIRECTIVES))
        .map_err(|error| Failure::BadInput(format!("TINCAN_LOG: {error}; write one like debug")))?;
    let to_stderr = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _already_there = to_stderr.try_init();
    Ok(())
}
