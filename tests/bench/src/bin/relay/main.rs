//! The hub's relay beside coturn: on the same core, in the same run, by turns, asked by the same
//! program on another core.
//!
//! What is measured, for each of the two:
//! - datagrams of 1,200 bytes a second over one pair, in ChannelData on the client's side, each way.
//!   The loop is closed: 16 to 32 datagrams are on their way at any time, so that the relay always
//!   has work and its socket's buffer, which neither server sets, is never full. They are sent one
//!   by one, where what asks has as many calls to make as the relay and may be the slower one (see
//!   how busy the relay is), and 16 with one call.
//! - what of a flood of more than it can take still arrives.
//! - allocations a second: a challenge and the signed request, 64 clients at a time.
//! - how much its memory grows by allocations that have a permission and a channel.
//!
//! The hub is this program, started again: its limits are raised, which `tincan hub` has no flags
//! for. coturn has none by default.

mod allocations;
mod dialog;
mod pair;
mod pinned;
mod server;
mod socket;

use anyhow::{Result, bail};
use tincan_bench::{Target, figure};

use allocations::Allocations;
use pair::{Direction, Flow, Pair, Sending};
use server::{Kind, Server};

/// Rounds, each with both servers by turns.
const ROUNDS: usize = 5;

/// Allocations of one round.
const ALLOCATIONS: usize = 1_000;

/// Allocations by whose number the growth of memory is divided, and those before them, which make
/// what is made only once.
const HELD: usize = 2_000;
const WARM_UP: usize = 200;

/// How much more than the faster one passes on is sent in the flood.
const FLOOD: f64 = 1.5;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => measure(),
        [server::HUB] => server::be_hub(),
        other => bail!("this program knows no {other:?}"),
    }
}

fn measure() -> Result<()> {
    pinned::raise_file_limit()?;
    memory()?;
    // Both are there all the time, and one of them waits.
    let servers = [Server::start(Kind::Hub)?, Server::start(Kind::Coturn)?];
    pinned::to_core(pinned::LOAD)?;
    let fastest = throughput(&servers, Direction::ToPeer, Sending::OneByOne)?;
    flood(&servers, fastest)?;
    throughput(&servers, Direction::ToClient, Sending::OneByOne)?;
    throughput(&servers, Direction::ToPeer, Sending::Together)?;
    throughput(&servers, Direction::ToClient, Sending::Together)?;
    allocation_rate(&servers)
}

/// Of servers that are just started: what is given back to an allocator hides growth.
fn memory() -> Result<()> {
    for kind in [Kind::Hub, Kind::Coturn] {
        let server = Server::start(kind)?;
        pinned::to_core(pinned::LOAD)?;
        let mut held = Allocations::of_round(0);
        held.make(&server, WARM_UP, true)?;
        let before = server.resident_bytes()?;
        held.make(&server, HELD, true)?;
        let grown = server.resident_bytes()?.saturating_sub(before);
        let target = kind.target(Target::AtMost(5.0));
        let what = format!("{}: memory for an allocation with a channel", kind.name());
        figure(&what, grown as f64 / HELD as f64 / 1_000.0, "KB", target);
    }
    Ok(())
}

/// The rate of the faster one.
fn throughput(servers: &[Server; 2], direction: Direction, sending: Sending) -> Result<f64> {
    let mut flows: [Vec<Flow>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (server, flows) in servers.iter().zip(&mut flows) {
            flows.push(Pair::open(server)?.pass(direction, sending, server)?);
        }
    }
    let what = format!("1,200 bytes {}, {}", direction.name(), sending.name());
    for (server, flows) in servers.iter().zip(&flows) {
        let name = server.kind().name();
        let part = |part: fn(&Flow) -> f64| median(flows.iter().map(part).collect());
        figure(&format!("{name}: {what}"), part(|flow| flow.rate), "a second", Target::None);
        let busy = format!("{name}: {what}: of its core");
        figure(&busy, part(|flow| flow.busy * 100.0), "%", Target::None);
        let time = format!("{name}: {what}: processor time for each");
        figure(&time, part(|flow| flow.busy / flow.rate * 1e6), "µs", Target::None);
        let lost = format!("{name}: {what}: lost");
        figure(&lost, part(|flow| flow.lost * 100.0), "%", Target::None);
    }
    let [ours, theirs] = flows.map(|flows| median(flows.iter().map(|flow| flow.rate).collect()));
    let times = format!("the hub's relay to coturn: {what}");
    figure(&times, ours / theirs, "times", Target::AtLeast(1.0));
    Ok(ours.max(theirs))
}

fn flood(servers: &[Server; 2], fastest: f64) -> Result<()> {
    let offered = fastest * FLOOD;
    let mut rates: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    let mut sent = Vec::new();
    for _ in 0..ROUNDS {
        for (server, rates) in servers.iter().zip(&mut rates) {
            let flow = Pair::open(server)?.flood(offered)?;
            rates.push(flow.rate);
            sent.push(flow.rate / (1.0 - flow.lost));
        }
    }
    figure("flood to the peer: sent", median(sent), "a second", Target::None);
    for (server, rates) in servers.iter().zip(rates) {
        let what = format!("{}: flood to the peer: arrived", server.kind().name());
        figure(&what, median(rates), "a second", Target::None);
    }
    Ok(())
}

fn allocation_rate(servers: &[Server; 2]) -> Result<()> {
    let mut rates: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for round in (1..).take(ROUNDS) {
        for (server, rates) in servers.iter().zip(&mut rates) {
            let mut clients = Allocations::of_round(round);
            let took = clients.make(server, ALLOCATIONS, false)?;
            rates.push(ALLOCATIONS as f64 / took.as_secs_f64());
            clients.release()?;
        }
    }
    let [ours, theirs] = rates.map(median);
    for (kind, rate) in [(Kind::Hub, ours), (Kind::Coturn, theirs)] {
        figure(&format!("{}: allocations", kind.name()), rate, "a second", Target::None);
    }
    let what = "the hub's relay to coturn: allocations";
    figure(what, ours / theirs, "times", Target::AtLeast(1.0));
    Ok(())
}

/// Of an odd number of samples.
fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}
