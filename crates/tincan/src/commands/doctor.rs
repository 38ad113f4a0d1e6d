//! `tincan doctor`: what keeps a chat from working.

use std::fs;
use std::io::{IsTerminal as _, stdout};
use std::path::Path;

use tincan_doctor::{Diagnosis, Style, Verdict, diagnose};
use tincan_node::doctor::examine;

use crate::Outcome;
use crate::cli;
use crate::failure::Failure;
use crate::session::node_config;
use crate::settings::Settings;
use crate::signals::EndSignals;

pub(crate) async fn run(args: cli::Doctor, settings: Settings) -> Outcome {
    let mut signals = EndSignals::listen()?;
    let config = node_config(&settings);
    let seen = tokio::select! {
        seen = examine(&config) => seen.map_err(Failure::bad_input)?,
        _ = signals.next() => return Err(Failure::failed("interrupted: nothing was found out")),
    };
    let diagnosis = diagnose(&seen);
    match &args.report {
        Some(path) if path.as_os_str() == "-" => {
            settings.output.text(report(&diagnosis).trim_end())?
        }
        Some(path) => {
            write(path, &report(&diagnosis))?;
            print(&settings, &diagnosis)?;
        }
        None => print(&settings, &diagnosis)?,
    }
    match diagnosis.verdict() {
        Verdict::Good | Verdict::Unknown | Verdict::Notice => Ok(()),
        Verdict::Problem => Err(Failure::Said),
    }
}

fn print(settings: &Settings, diagnosis: &Diagnosis) -> Outcome {
    let style = if stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        Style::Coloured
    } else {
        Style::Plain
    };
    settings.output.value(diagnosis, || diagnosis.text(style).trim_end().to_owned())
}

fn report(diagnosis: &Diagnosis) -> String {
    diagnosis.report(env!("CARGO_PKG_VERSION"), std::env::consts::OS)
}

fn write(path: &Path, report: &str) -> Outcome {
    fs::write(path, report).map_err(|error| {
        Failure::Failed(format!("cannot write the report to {}: {error}", path.display()))
    })
}
