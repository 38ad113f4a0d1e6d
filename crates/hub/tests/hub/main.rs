//! A whole hub on loopback, used by real clients.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod admission;
mod authority;
mod byte_stream;
mod client;
mod delivery;
mod garbage;
mod http;
mod lifecycle;
mod limits;
mod logs;
mod page;
mod rules;
mod site;
mod stun;
mod tls;
mod turn;
mod user;

use std::net::{IpAddr, Ipv4Addr};

use tincan_hub::{Config, Hub};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A hub with default limits on free ports.
async fn hub() -> Hub {
    hub_with(|_| {}).await
}

async fn hub_with(change: impl FnOnce(&mut Config)) -> Hub {
    let mut config = Config::on(LOOPBACK);
    change(&mut config);
    Hub::start(config).await.expect("a hub opens on free ports")
}
