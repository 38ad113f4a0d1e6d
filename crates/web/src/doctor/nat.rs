//! Where STUN servers see this browser, and what that tells of the router.
//!
//! A page does not learn which server saw it where. But one connection asks all servers from one
//! socket, so that more than one answer means more than one outside port; and who answers at all
//! is seen by asking each server alone.

use std::net::SocketAddr;

use futures_util::future::{join, join_all};
use tincan_doctor::{Nat, StunAnswer, Way};

use super::probe::{Happening, Probe};
use super::{place, since, within};
use crate::clock::steady_ms;
use crate::hub::IceServer;

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

async fn gather(urls: Vec<String>) -> Gathered {
    let mut found = Gathered::default();
    let server = IceServer { urls, ..IceServer::default() };
    let Ok(mut probe) = Probe::new(&[server], false) else { return found };
    let began = steady_ms();
    let looking = async {
        if probe.offer().await.is_err() {
            return;
        }
        while let Some(happening) = probe.next().await {
            match happening {
                Happening::Found(it) if it.is_udp && it.kind == "srflx" => {
                    let mapped = it.address;
                    let answer = StunAnswer { mapped, took: since(began) };
                    found.answer = found.answer.or(Some(answer));
                    let new = mapped.filter(|at| at.is_ipv4() && !found.seen_at.contains(at));
                    found.seen_at.extend(new);
                }
                Happening::Found(it) if it.is_udp && it.kind == "host" => {
                    found.own += usize::from(it.address.is_none_or(|at| at.is_ipv4()));
                }
                Happening::Found(_) | Happening::Opened | Happening::Message => {}
                Happening::Gathered => return,
            }
        }
    };
    // What was found until then counts.
    let _ = within(looking).await;
    found
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
