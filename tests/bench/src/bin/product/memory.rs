//! What a node takes at rest, and for each idle connected peer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tincan_bench::{Target, figure};
use tincan_node::engine::{self, PeerState, Target as Whom};
use tincan_node::{Config, Handle, Node};

use crate::rig::{Rig, state};

const PEERS: u32 = 200;

/// The process that is looked at: a node with room for all of them.
pub(crate) async fn node(home: &str, hub: &str) -> Result<()> {
    let mut config = Config::new(home);
    config.hub = Some(hub.to_owned());
    config.engine.max_sessions = PEERS as usize + 2;
    let node = Node::start(config).await?;
    let invite = node
        .handle()
        .invite(Some(hub.to_owned()), vec![], PEERS + 1, Duration::from_secs(3_600))
        .await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{invite}")?;
    stdout.flush()?;
    // Until the bench closes our standard input.
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    node.close().await;
    Ok(())
}

pub(crate) async fn measure() -> Result<()> {
    let rig = Rig::new().await?;
    let home = rig.folder.path().join("measured");
    let mut child = Command::new(std::env::current_exe()?)
        .args([std::ffi::OsStr::new("node"), home.as_os_str(), rig.origin.as_ref()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let outcome = with_child(&rig, &mut child).await;
    drop(child.stdin.take());
    child.wait()?;
    rig.end().await;
    outcome
}

async fn with_child(rig: &Rig, child: &mut Child) -> Result<()> {
    let stdout = child.stdout.take().context("its output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let invite: tincan_node::wire::Invite = line.trim().parse()?;
    let at_rest = resident_kb(child.id())?;
    figure("memory of a node at rest", at_rest / 1_000.0, "MB", Target::AtMost(30.0));
    // The first peer brings in code and caches that all others share; it is no part of what one
    // more peer costs.
    let first = rig.node("first").await?;
    connect(&first.handle(), &invite).await?;
    let with_first = resident_kb(child.id())?;
    let mut nodes = vec![first];
    for number in 0..PEERS {
        // A node opens four strangers' requests a second; more are dropped unread.
        tokio::time::sleep(Duration::from_millis(250)).await;
        let node = rig.node(&format!("peer{number}")).await?;
        connect(&node.handle(), &invite).await.with_context(|| format!("peer {number}"))?;
        nodes.push(node);
    }
    let connected = resident_kb(child.id())?;
    let each = (connected - with_first) / f64::from(PEERS);
    figure("memory of one more idle connected peer, over 200", each, "KB", Target::AtMost(60.0));
    for node in nodes {
        node.close().await;
    }
    Ok(())
}

async fn connect(handle: &Handle, invite: &tincan_node::wire::Invite) -> Result<()> {
    let mut events = handle.events().await;
    let target = Whom::Invite(invite.clone());
    handle.command(engine::Command::AddContact { target, nickname: None }).await?;
    let screen = handle.screen();
    handle.command(engine::Command::OpenChat { contact: invite.key, screen }).await?;
    state(&mut events, invite.key, PeerState::Connected).await
}

/// Resident kilobytes (1,000 bytes) of a process.
fn resident_kb(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    for line in status.lines() {
        if let Some(rest) = line.strip_prefix("VmRSS:") {
            let kib: f64 = rest.trim().trim_end_matches("kB").trim().parse()?;
            return Ok(kib * 1.024);
        }
    }
    bail!("no VmRSS in /proc/{pid}/status")
}
