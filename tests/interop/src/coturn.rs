//! coturn's own clients, as Debian has them.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;
use tokio::time::timeout;

/// How long one run may take: the relay's client ends some 10 s after it has lost something.
const RUN: Duration = Duration::from_secs(90);

/// Who the relay's client says it is. It makes its credential of the secret itself.
const USER: &str = "tester";

/// Messages that each of two pairs of clients sends the other way and back.
const MESSAGES: &str = "20";

/// How the relay's client reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Datagrams.
    Udp,
    /// A stream in the clear.
    Tcp,
    /// A stream in TLS, of any version that both know.
    Tls,
}

/// What became of a run.
#[derive(Debug)]
pub struct Run {
    /// Whether it ended well by itself.
    pub success: bool,
    /// All that it said.
    pub said: String,
}

impl Run {
    /// Whether every message that was sent through the relay has come back.
    pub fn lost_nothing(&self) -> bool {
        self.success && self.said.contains("Total lost packets 0 (")
    }
}

/// Has two pairs of clients talk through the relay at this address, whose secret this is. `more`
/// are further flags.
///
/// # Errors
/// The program is not installed, or hangs.
pub async fn relay(server: SocketAddr, over: Over, secret: &str, more: &[&str]) -> Result<Run> {
    let over: &[&str] = match over {
        Over::Udp => &[],
        Over::Tcp => &["-t"],
        Over::Tls => &["-t", "-S"],
    };
    let (port, host) = (server.port().to_string(), server.ip().to_string());
    // Both ends of a talk are clients of the relay; pairs of ports for RTCP are not asked for.
    let words = ["-y", "-c", "-m", "2", "-n", MESSAGES, "-u", USER, "-W", secret, "-p", &port];
    run("turnutils_uclient", &[&words[..], over, more, &[&host]].concat()).await
}

/// Asks a STUN server over UDP for the address of whoever asks.
///
/// # Errors
/// The program is not installed, or hangs.
pub async fn stun(server: SocketAddr) -> Result<Run> {
    let (port, host) = (server.port().to_string(), server.ip().to_string());
    run("turnutils_stunclient", &["-p", &port, &host]).await
}

async fn run(program: &str, words: &[&str]) -> Result<Run> {
    let child = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{program} is not there; install Debian's package coturn"))?;
    let Ok(output) = timeout(RUN, child.wait_with_output()).await else {
        bail!("{program} {words:?} hangs");
    };
    let output = output?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(Run { success: output.status.success(), said })
}
