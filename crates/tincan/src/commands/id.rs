//! `tincan id`: who we are. Needs no network.

use serde_json::json;
use tincan_node::{Config, ControlError, Handle, Node};
use tincan_wire::UserId;

use crate::Outcome;
use crate::cli;
use crate::failure::Failure;
use crate::link_qr::{qr, qr_for_terminal};
use crate::session::node_config;
use crate::settings::Settings;

pub(crate) async fn run(args: cli::Id, settings: Settings) -> Outcome {
    let id = find(&settings).await?.to_string();
    settings.output.value(&json!({ "id": id }), || id.clone())?;
    if args.qr
        && !settings.output.is_json()
        && let Some(code) = qr_for_terminal(&id).or_else(|| qr(&id))
    {
        settings.output.text(&code)?;
    }
    Ok(())
}

async fn find(settings: &Settings) -> Result<UserId, Failure> {
    match Handle::connect(&settings.home).await {
        Ok(running) => running.id().await.map_err(Failure::failed),
        Err(ControlError::NotRunning { .. }) => {
            // A node that has started has its identity on disk: nothing need be waited for. It
            // ends with the process, and nobody else shall rely on it.
            let config = Config { control_socket: false, ..node_config(settings) };
            Ok(Node::start(config).await.map_err(Failure::failed)?.id())
        }
        Err(error) => Err(Failure::failed(error)),
    }
}
