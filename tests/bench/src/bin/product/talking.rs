//! Messages: one at a time, and as fast as flow control allows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tincan_bench::{Target, figure, millis, quantile};
use tincan_node::engine::{self, Answer, Delivery, Event, PeerState, Query};
use tincan_node::wire::UserId;
use tincan_node::{Events, Handle};

use crate::rig::{PATIENCE, Rig, befriend, state};

/// Messages one at a time.
const SINGLE: usize = 5_000;
/// Messages one way, as fast as possible.
const BULK: usize = 300_000;
/// Messages that wait for our own disk at a time.
const IN_FLIGHT: usize = 2_000;

pub(crate) async fn measure() -> Result<()> {
    let rig = Rig::new().await?;
    let (a, b) = (rig.node("a").await?, rig.node("b").await?);
    let (id_a, id_b) = befriend(&rig, &a.handle(), &b.handle()).await?;
    let mut at_a = a.handle().events().await;
    let screen = a.handle().screen();
    a.handle().command(engine::Command::OpenChat { contact: id_b, screen }).await?;
    state(&mut at_a, id_b, PeerState::Connected).await?;
    one_at_a_time(&a.handle(), &b.handle(), id_b).await?;
    bulk(&a.handle(), &b.handle(), id_a, id_b).await?;
    a.close().await;
    b.close().await;
    rig.end().await;
    Ok(())
}

async fn one_at_a_time(a: &Handle, b: &Handle, id_b: UserId) -> Result<()> {
    let (mut at_a, mut at_b) = (a.events().await, b.events().await);
    let content = "x".repeat(200);
    let (mut shown, mut delivered) = (Vec::new(), Vec::new());
    for _ in 0..SINGLE {
        let start = Instant::now();
        let (sent, at_shown) = tokio::join!(a.send(id_b, content.clone()), next_message(&mut at_b));
        at_shown?;
        shown.push(start.elapsed());
        let id = sent?.id;
        crate::rig::wait(&mut at_a, "delivered", |event| match event {
            Event::Delivery { ids, state, .. } => {
                *state == Delivery::Delivered && ids.contains(&id)
            }
            _ => false,
        })
        .await?;
        delivered.push(start.elapsed());
    }
    let p50 = millis(quantile(&mut shown, 0.5));
    let p99 = millis(quantile(&mut shown, 0.99));
    figure("200 bytes: send → shown at the other side, p50", p50, "ms", Target::AtMost(1.0));
    figure("200 bytes: send → shown at the other side, p99", p99, "ms", Target::AtMost(10.0));
    let p50 = millis(quantile(&mut delivered, 0.5));
    figure("200 bytes: send → delivered shown, p50", p50, "ms", Target::AtMost(15.0));
    Ok(())
}

async fn next_message(events: &mut Events) -> Result<()> {
    crate::rig::wait(
        events,
        "message",
        |event| matches!(event, Event::Message { message } if !message.outgoing),
    )
    .await
}

/// Sends, and stops the clock when the last is on both disks and known to be.
async fn bulk(a: &Handle, b: &Handle, id_a: UserId, id_b: UserId) -> Result<()> {
    let before = (count(a, id_b).await?, count(b, id_a).await?);
    let content = "y".repeat(200);
    let start = Instant::now();
    let mut in_flight = VecDeque::new();
    for _ in 0..BULK {
        if in_flight.len() >= IN_FLIGHT
            && let Some(first) = in_flight.pop_front()
        {
            joined(first).await?;
        }
        let (a, content) = (a.clone(), content.clone());
        in_flight.push_back(tokio::spawn(async move { a.send(id_b, content).await }));
    }
    for send in in_flight {
        joined(send).await?;
    }
    wait_empty(a, id_b).await?;
    let span = start.elapsed();
    let after = (count(a, id_b).await?, count(b, id_a).await?);
    ensure!(after.0 - before.0 == BULK, "{} of {BULK} at the sender", after.0 - before.0);
    ensure!(after.1 - before.1 == BULK, "{} of {BULK} at the receiver", after.1 - before.1);
    let rate = BULK as f64 / span.as_secs_f64();
    let name = "200 bytes one way, delivered and on both disks";
    figure(name, rate, "a second", Target::AtLeast(30_000.0));
    Ok(())
}

type Sending = tokio::task::JoinHandle<Result<engine::MessageView, tincan_node::RequestError>>;

async fn joined(send: Sending) -> Result<()> {
    send.await??;
    Ok(())
}

async fn wait_empty(a: &Handle, id_b: UserId) -> Result<()> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let contacts = a.contacts().await?;
        if contacts.iter().any(|contact| contact.id == id_b && contact.waiting == 0) {
            return Ok(());
        }
        if Instant::now() > give_up {
            bail!("the outbox is not empty after {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// How many messages the history holds: page by page, as a screen reads them.
async fn count(handle: &Handle, contact: UserId) -> Result<usize> {
    let (mut total, mut before) = (0, None);
    loop {
        let query = Query::History { contact, before, limit: engine::query::MAX_PAGE };
        let Answer::Messages { messages, more } = handle.query(query).await? else {
            bail!("not messages");
        };
        total += messages.len();
        let Some(first) = messages.first() else { return Ok(total) };
        before = Some(engine::Cursor { h: first.h, outgoing: first.outgoing, id: first.id });
        if !more {
            return Ok(total);
        }
    }
}
