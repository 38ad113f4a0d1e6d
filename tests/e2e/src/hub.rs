//! `tincan hub` as a process.

use serde_json::Value;

use crate::process::{Finished, Process, tincan};

/// A hub that keeps its ports when it is started again.
#[derive(Debug)]
pub struct HubProcess {
    process: Option<Process>,
    at: String,
    origin: String,
    ports: [String; 4],
    flags: Vec<String>,
}

impl HubProcess {
    /// Starts one at free ports of loopback.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1")
    }

    /// The same, at another address of this machine.
    pub fn start_at(at: &str) -> Self {
        Self::start_with(at, &[])
    }

    /// The same, with more flags.
    pub fn start_with(at: &str, flags: &[&str]) -> Self {
        let any = ["0", "0", "0", "0"].map(str::to_owned);
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let (process, address) = run(at, &any, &flags);
        let port = |key: &str| {
            let address = address[key].as_str().expect("it prints its addresses");
            address.rsplit(':').next().expect("it has a port").to_owned()
        };
        let ports = [port("http"), port("mqtt"), port("websocket"), port("stun")];
        let origin = address["origin"].as_str().expect("it prints its origin").to_owned();
        Self { process: Some(process), at: at.to_owned(), origin, ports, flags }
    }

    /// Where it is reached.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Its process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").pid()
    }

    /// The port on which it speaks MQTT over TCP.
    pub fn mqtt_port(&self) -> &str {
        &self.ports[1]
    }

    /// The port on which it speaks MQTT over WebSocket.
    pub fn websocket_port(&self) -> &str {
        &self.ports[2]
    }

    /// The port on which it answers STUN.
    pub fn stun_port(&self) -> &str {
        &self.ports[3]
    }

    /// Ends it, and waits until it has ended.
    ///
    /// # Panics
    /// When it does not run.
    pub fn stop(&mut self) -> Finished {
        self.process.take().expect("it runs").terminate()
    }

    /// Ends it without a word, as a power cut would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// Starts it again where it was.
    pub fn start_again(&mut self) {
        self.process = Some(run(&self.at, &self.ports, &self.flags).0);
    }
}

fn run(at: &str, ports: &[String; 4], flags: &[String]) -> (Process, Value) {
    let [http, mqtt, websocket, stun] = ports;
    let words = [
        "hub",
        "--json",
        "--bind",
        at,
        "--port",
        http,
        "--mqtt-port",
        mqtt,
        "--ws-port",
        websocket,
        "--stun-port",
        stun,
        "--second-stun-port",
        "0",
    ];
    let mut process = Process::start(tincan(&words).args(flags));
    let address = process.wait_for("the hub's addresses", |line| {
        serde_json::from_str::<Value>(line).ok().filter(|value| value["origin"].is_string())
    });
    (process, address)
}
