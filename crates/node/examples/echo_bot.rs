//! A bot that says back whatever it is told: `cargo run --example echo_bot HOME HUB`.
#![allow(clippy::print_stdout, reason = "whoever starts it wants the invite")]

use std::error::Error;
use std::time::Duration;

use tincan_node::engine::{Event, MessageKind};
use tincan_node::{Config, Node};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut config = Config::new(arguments.next().ok_or("which home directory?")?);
    config.hub = arguments.next();
    let hub = config.hub.clone();
    let node = Node::start(config).await?;
    let handle = node.handle();
    let mut events = handle.events().await;
    let invite = handle.invite(hub, vec![], 100, Duration::from_secs(86_400)).await?;
    println!("{invite}");
    while let Some(event) = events.next().await {
        match event {
            Event::Request { request } => handle.accept(request.id).await?,
            Event::Message { message } if !message.outgoing => {
                if matches!(message.kind, MessageKind::Text { .. }) {
                    handle.send(message.contact, message.content).await?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
