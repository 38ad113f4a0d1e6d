//! Tincan's one binary: reads what was asked for, drives a node or a hub, prints the outcome.
//!
//! It is a library only so that the fuzz targets reach what reads the config file.

mod built_in_hub;
mod chat;
mod cli;
mod clock_text;
mod commands;
mod config_file;
mod contact_name;
mod duration_text;
mod event_text;
mod failure;
#[doc(hidden)]
pub mod fuzzing;
mod link_qr;
mod offline;
mod output;
mod own_address;
mod people_text;
mod places;
mod runtime;
mod screen_text;
mod session;
mod settings;
mod signals;
mod usage_error;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output::complain;

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => commands::run(cli),
        Err(error) => usage_error::show(&error),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(line) = failure.line() {
                complain(&line);
            }
            ExitCode::from(failure.code())
        }
    }
}

/// What every command ends with.
type Outcome = Result<(), Failure>;
