//! `tincan hub` as a process.

use serde_json::Value;

use crate::process::{Finished, Process, tincan};

/// A hub on loopback that keeps its ports when it is started again.
#[derive(Debug)]
pub struct HubProcess {
    process: Option<Process>,
    origin: String,
    ports: [String; 4],
}

impl HubProcess {
    /// Starts one at free ports.
    pub fn start() -> Self {
        let any = ["0", "0", "0", "0"].map(str::to_owned);
        let (process, address) = run(&any);
        let port = |key: &str| {
            let address = address[key].as_str().expect("it prints its addresses");
            address.rsplit(':').next().expect("it has a port").to_owned()
        };
        let ports = [port("http"), port("mqtt"), port("websocket"), port("stun")];
        let origin = address["origin"].as_str().expect("it prints its origin").to_owned();
        Self { process: Some(process), origin, ports }
    }

    /// Where it is reached.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Ends it, and waits until it has ended.
    ///
    /// # Panics
    /// When it does not run.
    pub fn stop(&mut self) -> Finished {
        self.process.take().expect("it runs").terminate()
    }

    /// Starts it again where it was.
    pub fn start_again(&mut self) {
        self.process = Some(run(&self.ports).0);
    }
}

fn run(ports: &[String; 4]) -> (Process, Value) {
    let [http, mqtt, websocket, stun] = ports;
    let words = [
        "hub",
        "--json",
        "--bind",
        "127.0.0.1",
        "--port",
        http,
        "--mqtt-port",
        mqtt,
        "--ws-port",
        websocket,
        "--stun-port",
        stun,
    ];
    let mut process = Process::start(&mut tincan(&words));
    let address = process.wait_for("the hub's addresses", |line| {
        serde_json::from_str::<Value>(line).ok().filter(|value| value["origin"].is_string())
    });
    (process, address)
}
