//! `tincan hub`: a hub by itself.

use serde_json::json;
use tincan_hub::{Config, Hub, Ports};

use crate::Outcome;
use crate::cli;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::EndSignals;

pub(crate) async fn run(args: cli::Hub, json: bool) -> Outcome {
    let mut signals = EndSignals::listen()?;
    let ports = Ports {
        http: args.port,
        mqtt: args.mqtt_port,
        websocket: args.ws_port,
        stun: args.stun_port,
    };
    let config = Config {
        name: args.hub_name,
        bind: args.bind,
        ports,
        public_host: args.public_host.clone(),
        data_dir: args.data,
        log_ids: args.log_ids,
        ..Config::default()
    };
    let hub = Hub::start(config).await.map_err(Failure::failed)?;
    let outcome = print_addresses(&hub, args.public_host.as_deref(), Output::new(json));
    if outcome.is_ok() {
        signals.next().await;
    }
    hub.shutdown().await;
    outcome
}

fn print_addresses(hub: &Hub, public_host: Option<&str>, out: Output) -> Outcome {
    let at = hub.addresses();
    let host = match public_host {
        Some(host) => host.to_owned(),
        // Whoever is on this machine reaches it there; others know its name or address.
        None if at.http.ip().is_unspecified() => "127.0.0.1".to_owned(),
        None if at.http.is_ipv6() => format!("[{}]", at.http.ip()),
        None => at.http.ip().to_string(),
    };
    let origin = format!("http://{host}:{}", at.http.port());
    let value = json!({
        "origin": origin,
        "http": at.http,
        "mqtt": at.mqtt,
        "websocket": at.websocket,
        "stun": at.stun,
    });
    out.value(&value, || {
        format!(
            "hub       {origin}\nmqtt      {}\nwebsocket {}\nstun      {}\n\
             Chat here: tincan --hub {origin} chat",
            at.mqtt, at.websocket, at.stun
        )
    })
}
