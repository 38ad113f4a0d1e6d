//! `tincan id`: who we are. Needs no network, no runtime and no engine.

use serde_json::json;

use crate::Outcome;
use crate::cli;
use crate::failure::Failure;
use crate::link_qr::{qr, qr_for_terminal};
use crate::settings::Settings;

pub(crate) fn run(args: &cli::Id, settings: &Settings) -> Outcome {
    let id = tincan_node::identity(&settings.home).map_err(Failure::failed)?.to_string();
    settings.output.value(&json!({ "id": id }), || id.clone())?;
    if args.qr
        && !settings.output.is_json()
        && let Some(code) = qr_for_terminal(&id).or_else(|| qr(&id))
    {
        settings.output.text(&code)?;
    }
    Ok(())
}
