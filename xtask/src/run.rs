//! `cargo xtask run`: from a fresh checkout to a chat that waits for its other side, and the page
//! beside it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::step::{cargo, root, step};
use crate::web;

/// How long the hub may take to open before its page is shown.
const PATIENCE: Duration = Duration::from_secs(30);

/// Flags that choose where the hub is; with one of them the page is not opened.
const CHOOSING: [&str; 4] = ["--hub", "--broker", "--hub-port", "--hub-bind"];

/// Builds the page and the binary, and becomes a chat with a hub inside; `more` goes to that chat.
pub(crate) fn run(more: &[&str]) -> Result<()> {
    web::page()?;
    step("build", &mut cargo(&["build", "--release", "-p", "tincan"]))?;
    let binary = root().join("target/release/tincan");
    // A home of its own: the other side may be the same user on the same machine, in the
    // default home.
    let home = root().join("target/run/home");
    println!(
        "\nStarting a hub and a chat in {}.\n\
         The chat prints an invite link. Open it in a browser, or in a second terminal by\n\n    \
         {} chat 'LINK'\n",
        home.display(),
        binary.display()
    );
    let mut chat = Command::new(&binary);
    chat.arg("--home").arg(&home).args(["chat", "--invite"]).args(more);
    if !more.iter().any(|flag| CHOOSING.iter().any(|choosing| flag.starts_with(choosing))) {
        // Browsers let a page store and encrypt only where nobody can change it on its way: by
        // HTTPS, or on this machine.
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, port(&home)?));
        chat.args(["--hub-bind", &here.ip().to_string(), "--hub-port", &here.port().to_string()]);
        println!(
            "The page is at http://{here}/. For other machines of this network, whose browsers \
             need HTTPS,\nuse `cargo xtask run --hub-bind ADDRESS`.\n"
        );
        show(here)?;
    }
    // This process becomes the chat, so that Ctrl-C and the terminal are the chat's alone.
    Err(chat.exec()).with_context(|| format!("cannot start {}", binary.display()))
}

/// The port that the home's hub had before, or a free one.
fn port(home: &Path) -> Result<u16> {
    let before = std::fs::read(home.join("hub.json")).ok();
    let before: Option<serde_json::Value> =
        before.and_then(|before| serde_json::from_slice(&before).ok());
    let before = before.and_then(|before| before.get("http")?.as_u64()?.try_into().ok());
    match before {
        Some(port) => Ok(port),
        None => Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port()),
    }
}

/// Opens the page where there is a screen, beside us: a process of its own waits for the hub.
fn show(hub: SocketAddr) -> Result<()> {
    let has_screen =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if has_screen {
        Command::new(std::env::current_exe()?)
            .args(["show-page", &hub.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot wait for the hub")?;
    }
    Ok(())
}

/// Waits until the hub is open, then shows its page in the browser.
pub(crate) fn show_page(hub: &str) -> Result<()> {
    let hub: SocketAddr = hub.parse().context("that is no address")?;
    let start = Instant::now();
    while TcpStream::connect(hub).is_err() {
        if start.elapsed() > PATIENCE {
            bail!("the hub did not open");
        }
        sleep(Duration::from_millis(50));
    }
    let status = Command::new("xdg-open").arg(format!("http://{hub}/")).status()?;
    if status.success() { Ok(()) } else { bail!("xdg-open: {status}") }
}
