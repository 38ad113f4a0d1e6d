//! The whole path on this machine, quickly: for work on the shell. `cargo xtask bench` has the
//! project's figures.
#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::collections::VecDeque;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use tincan_hub::Hub;
use tincan_node::engine::{Command, Delivery, Event, PeerState, Target};
use tincan_node::{Config, Events, Handle, Node};

type Outcome<T> = Result<T, Box<dyn Error>>;

async fn until(events: &mut Events, mut wanted: impl FnMut(&Event) -> bool) -> Outcome<()> {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(60), events.next()).await?;
        if wanted(&event.ok_or("the node ended")?) {
            return Ok(());
        }
    }
}

fn is_peer(event: &Event, wanted: PeerState) -> bool {
    matches!(event, Event::Peer(view) if view.state == wanted)
}

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> Outcome<()> {
    let bulk: usize = std::env::args().nth(1).unwrap_or("100000".to_owned()).parse()?;
    let dir = tempfile::tempdir_in(".")?;
    let hub = Hub::start(tincan_hub::Config::on(IpAddr::V4(Ipv4Addr::LOCALHOST))).await?;
    let origin = format!("http://{}", hub.addresses().http);
    let start = |name: &str| {
        let mut config = Config::new(dir.path().join(name));
        config.hub = Some(origin.clone());
        Node::start(config)
    };
    let (a, b) = (start("a").await?, start("b").await?);
    let (ha, hb) = (a.handle(), b.handle());
    let (mut at_a, mut at_b) = (ha.events().await, hb.events().await);
    let invite = ha.invite(Some(origin.clone()), vec![], 1, Duration::from_secs(3_600)).await?;
    hb.add(Target::Invite(invite), None).await?;
    until(&mut at_b, |event| matches!(event, Event::Contact { .. })).await?;
    let peer = b.id();
    let accepted = |event: &Event| {
        matches!(event, Event::Contact { contact }
            if contact.status == tincan_node::engine::ContactStatus::Accepted)
    };
    until(&mut at_a, accepted).await?;
    let opened = Instant::now();
    ha.command(Command::OpenChat { contact: peer, screen: ha.screen() }).await?;
    until(&mut at_a, |event| is_peer(event, PeerState::Connected)).await?;
    println!("opened in {:?}", opened.elapsed());
    one_at_a_time(&ha, &hb, peer).await?;
    fast(&ha, peer, bulk).await?;
    println!("{:?}", ha.shell_status().await?);
    a.close().await;
    b.close().await;
    hub.shutdown().await;
    Ok(())
}

async fn one_at_a_time(ha: &Handle, hb: &Handle, peer: tincan_node::wire::UserId) -> Outcome<()> {
    let (mut at_a, mut at_b) = (ha.events().await, hb.events().await);
    let (mut sent, mut shown, mut delivered) = (vec![], vec![], vec![]);
    for _ in 0..1_000 {
        let start = Instant::now();
        let incoming =
            |event: &Event| matches!(event, Event::Message { message } if !message.outgoing);
        let send = async {
            let message = ha.send(peer, "x".repeat(200)).await;
            (message, start.elapsed())
        };
        let ((message, queued), heard) = tokio::join!(send, until(&mut at_b, incoming));
        heard?;
        sent.push(queued);
        shown.push(start.elapsed());
        let id = message?.id;
        until(&mut at_a, |event| {
            matches!(event, Event::Delivery { ids, state: Delivery::Delivered, .. } if ids.contains(&id))
        })
        .await?;
        delivered.push(start.elapsed());
    }
    for (name, times) in
        [("queued", &mut sent), ("shown", &mut shown), ("delivered", &mut delivered)]
    {
        times.sort_unstable();
        println!(
            "{name}: p50 {:?} p99 {:?}",
            times[times.len() / 2],
            times[times.len() * 99 / 100]
        );
    }
    Ok(())
}

async fn fast(ha: &Handle, peer: tincan_node::wire::UserId, count: usize) -> Outcome<()> {
    let start = Instant::now();
    let mut under_way = VecDeque::new();
    for _ in 0..count {
        if under_way.len() >= 2_000
            && let Some(first) = under_way.pop_front()
        {
            let first: tokio::task::JoinHandle<_> = first;
            first.await??;
        }
        let ha = ha.clone();
        under_way.push_back(tokio::spawn(async move { ha.send(peer, "y".repeat(200)).await }));
    }
    for send in under_way {
        send.await??;
    }
    println!("queued {count} in {:?}", start.elapsed());
    while ha.contacts().await?.iter().any(|contact| contact.waiting > 0) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let span = start.elapsed();
    println!("{count} delivered in {span:?}: {:.0} a second", count as f64 / span.as_secs_f64());
    Ok(())
}
