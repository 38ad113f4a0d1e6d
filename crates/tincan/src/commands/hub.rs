//! `tincan hub`: a hub by itself.

use std::fs;
use std::path::Path;

use serde_json::json;
use tincan_hub::{Config, Hub, HubError, Ports, RelayConfig, TlsConfig};

use crate::Outcome;
use crate::cli;
use crate::failure::Failure;
use crate::output::{Output, complain};
use crate::signals::EndSignals;

pub(crate) async fn run(args: cli::Hub, json: bool) -> Outcome {
    let mut signals = EndSignals::listen()?;
    let ports = Ports {
        http: args.port,
        mqtt: args.mqtt_port,
        websocket: args.ws_port,
        stun: args.stun_port,
        second_stun: args.second_stun_port,
        turns: args.turns_port,
    };
    let secret = match &args.relay_secret_file {
        Some(file) => Some(secret_of(file)?),
        None => None,
    };
    let relay = RelayConfig {
        enabled: !args.no_relay,
        addresses: args.relay_address,
        secret,
        elsewhere: args.relay_url,
        allow_private_peers: args.relay_private,
    };
    let config = Config {
        name: args.hub_name,
        bind: args.bind,
        ports,
        public_host: args.public_host.clone(),
        data_dir: args.data,
        tls: args.tls_cert.zip(args.tls_key).map(|(cert, key)| TlsConfig::new(cert, key)),
        relay,
        stun_addresses: args.stun_address,
        log_ids: args.log_ids,
        ..Config::default()
    };
    let hub = Hub::start(config).await.map_err(|error| match error {
        HubError::Certificate(error) => Failure::BadInput(error.to_string()),
        other => Failure::failed(other),
    })?;
    if let Some(warning) = hub.certificate_warning() {
        complain(&warning.to_string());
    }
    let outcome = print_addresses(&hub, args.public_host.as_deref(), Output::new(json));
    if outcome.is_ok() {
        signals.next().await;
    }
    hub.shutdown().await;
    outcome
}

/// The first line of a file; an empty one is a mistake.
fn secret_of(file: &Path) -> Result<String, Failure> {
    let failed = |reason: String| {
        Failure::Failed(format!("cannot read the relay's secret from {}: {reason}", file.display()))
    };
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let secret = text.lines().next().unwrap_or_default().trim();
    if secret.is_empty() {
        return Err(failed("its first line is empty; write the secret there".to_owned()));
    }
    Ok(secret.to_owned())
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
    let origin = match (at.scheme(), at.http.port()) {
        ("https", 443) => format!("https://{host}"),
        (scheme, port) => format!("{scheme}://{host}:{port}"),
    };
    let mut value = json!({
        "origin": origin,
        "http": at.http,
        "mqtt": at.mqtt,
        "websocket": at.websocket,
        "stun": at.stun,
    });
    if let Some(turns) = at.turns {
        value["turns"] = json!(turns);
    }
    out.value(&value, || {
        let turns = at.turns.map(|turns| format!("turns     {turns}\n")).unwrap_or_default();
        format!(
            "hub       {origin}\nmqtt      {}\nwebsocket {}\nstun      {}\n{turns}\
             Chat here: tincan --hub {origin} chat",
            at.mqtt, at.websocket, at.stun
        )
    })
}
