//! Where STUN servers see this browser, and what that tells of the router.
//!
//! A page does not learn which server saw it where. But one connection asks all servers from one
//! socket, so that more than one answer means more than one outside port; and who answers at all
//! is seen by asking each server alone.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, join, join_all, select};
use tincan_doctor::{Nat, StunAnswer, Way};

use super::candidate::Found;
use super::probe::{Happening, Probe};
use super::{place, since};
use crate::clock::steady_ms;
use crate::hub::IceServer;
use crate::timer::sleep;

/// How long the first answer of a server may take.
const FIRST_MS: i32 = 2_000;

/// How long those of others may take after it.
const OTHERS_MS: i32 = 600;

/// What was seen.
#[derive(Default)]
pub(super) struct Paths {
    pub(super) answer: Option<StunAnswer>,
    pub(super) nat: Option<Nat>,
}

pub(super) async fn look(stun: &[String], probes: &[String]) -> Paths {
    let Some(first) = stun.first() else { return Paths::default() };
    let urls: Vec<&String> = std::iter::once(first).chain(probes).collect();
    let alone = join_all(urls.iter().map(|url| gather(vec![(*url).clone()])));
    let together = gather(urls.iter().map(|url| (*url).clone()).collect());
    let (alone, together) = join(alone, together).await;
    let answer = alone.first().and_then(|first| first.answer);
    Paths { answer, nat: judge(&urls, &alone, &together) }
}

/// What one connection found.
#[derive(Default)]
struct Gathered {
    /// Different addresses at which servers saw it, by IPv4 and UDP.
    seen_at: Vec<SocketAddr>,
    /// Addresses of its own, hidden or not.
    own: usize,
    answer: Option<StunAnswer>,
}

impl Gathered {
    fn take(&mut self, found: &Found, took: Duration) {
        if !found.is_udp {
            return;
        }
        match found.kind.as_str() {
            "srflx" => {
                let mapped = found.address;
                self.answer = self.answer.or(Some(StunAnswer { mapped, took }));
                let new = mapped.filter(|at| at.is_ipv4() && !self.seen_at.contains(at));
                self.seen_at.extend(new);
            }
            "host" => self.own += usize::from(found.address.is_none_or(|at| at.is_ipv4())),
            _ => {}
        }
    }
}

/// Asks servers from one socket. A browser may go on looking for long, on networks that lead
/// nowhere: once one server has answered, the others have [`OTHERS_MS`] more.
async fn gather(urls: Vec<String>) -> Gathered {
    let mut found = Gathered::default();
    let others = if urls.len() > 1 { OTHERS_MS } else { 0 };
    let server = IceServer { urls, ..IceServer::default() };
    let Ok(mut probe) = Probe::new(&[server], false) else { return found };
    let began = steady_ms();
    if probe.offer().await.is_err() {
        return found;
    }
    while let Some(happening) = next(&mut probe, FIRST_MS).await {
        if let Happening::Found(it) = &happening {
            found.take(it, since(began));
        }
        if matches!(happening, Happening::Gathered) || found.answer.is_some() {
            break;
        }
    }
    while let Some(Happening::Found(it)) = next(&mut probe, others).await {
        found.take(&it, since(began));
    }
    found
}

/// What happens next, unless nothing does for so long.
async fn next(probe: &mut Probe, ms: i32) -> Option<Happening> {
    let (next, end) = (pin!(probe.next()), pin!(sleep(ms)));
    match select(next, end).await {
        Either::Left((happening, _)) => happening,
        Either::Right(_) => None,
    }
}

/// `None` where a browser does not let it be told.
fn judge(urls: &[&String], alone: &[Gathered], together: &Gathered) -> Option<Nat> {
    let first = *together.seen_at.first()?;
    // Of several networks at once it is not known which answer is whose.
    if together.own > 1 && together.seen_at.len() > 1 {
        return None;
    }
    let host = |url: &String| place(Way::Stun, url).host;
    let home = host(urls.first()?);
    let answers = |same_host: bool| {
        let others = urls.iter().zip(alone).skip(1);
        others
            .filter(|(url, _)| (host(url) == home) == same_host)
            .any(|(_, it)| it.answer.is_some())
    };
    let (port_answers, address_answers) = (answers(true), answers(false));
    let other = |nth: usize| Some(together.seen_at.get(nth).copied().unwrap_or(first));
    // As few ports as can be: two for three servers are one for each address.
    let (other_port, other_address) = match (port_answers, address_answers) {
        (true, true) if together.seen_at.len() > 2 => (other(1), other(2)),
        (true, true) => (Some(first), other(1)),
        (true, false) => (other(1), None),
        (false, true) => (None, other(1)),
        (false, false) => (None, None),
    };
    Some(Nat {
        local: None,
        first,
        other_port,
        other_address,
        heard_other_port: None,
        heard_other_address: None,
        hairpin: None,
        is_far: None,
    })
}
