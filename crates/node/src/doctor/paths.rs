//! UDP to and from outside: STUN, the router, IPv6, and how large datagrams may be.

use std::net::SocketAddr;

use tincan_doctor::{Ipv6, MTU_SIZES, Mtu, Nat, Place, Stun, StunAnswer, Way};

use super::nat::{self, Servers};
use super::own::Own;
use super::stun::{Asker, Heard, Question};
use crate::dial::resolve;
use crate::ice_servers::{IceKind, parse};

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) udp: Option<Stun>,
    pub(super) nat: Option<Nat>,
    pub(super) ipv6: Option<Ipv6>,
    pub(super) mtu: Option<Mtu>,
}

/// A STUN server with its name.
#[derive(Clone, Debug)]
struct Server {
    host: String,
    at: SocketAddr,
}

/// `listed` and `probes` are URLs.
pub(super) async fn look(listed: &[String], probes: &[String], own: Own) -> Paths {
    let (servers, probes) = tokio::join!(servers(listed), servers(probes));
    let first = |v4: bool| servers.iter().find(|server| server.at.is_ipv4() == v4).cloned();
    let v4 = first(true).filter(|_| own.v4.is_some());
    let v6 = first(false).filter(|_| own.has_v6 || own.is_loopback);
    let places = v4.as_ref().map(|first| places(first.at, &servers, &probes));
    let (udp, nat, by_v6, mtu) = tokio::join!(
        async { Some(stun(v4.as_ref()?).await) },
        async { nat::look(places?).await },
        async { Some(stun(v6.as_ref()?).await) },
        async { mtu(v4.as_ref().or(v6.as_ref())?.at).await },
    );
    let answers = |stun: &Option<Stun>| stun.as_ref().is_some_and(|stun| stun.answer.is_some());
    // Without any answer at all their size is not what is wrong.
    let mtu = mtu.filter(|_| answers(&udp) || answers(&by_v6));
    let ipv6 = (!own.is_loopback).then_some(Ipv6 { has_address: own.has_v6, stun: by_v6 });
    Paths { udp, nat, ipv6, mtu }
}

async fn servers(urls: &[String]) -> Vec<Server> {
    let mut found: Vec<Server> = Vec::new();
    for url in urls.iter().filter_map(|url| parse(url)).filter(|url| url.kind == IceKind::Stun) {
        // What cannot be resolved is left out, as in a chat.
        for at in resolve(&url.host, url.port).await.unwrap_or_default() {
            found.push(Server { host: url.host.clone(), at });
        }
    }
    found
}

/// Another port of the first server, and another address, among all that is known.
fn places(first: SocketAddr, servers: &[Server], probes: &[Server]) -> Servers {
    let others = || {
        let all = probes.iter().chain(servers).map(|server| server.at);
        all.filter(move |at| at.is_ipv4() == first.is_ipv4() && *at != first)
    };
    Servers {
        first,
        other_port: others().find(|at| at.ip() == first.ip()),
        other_address: others().find(|at| at.ip() != first.ip()),
    }
}

async fn stun(server: &Server) -> Stun {
    let asked =
        async { Asker::bind(server.at).await.ok()?.ask_one(Question::plain(server.at)).await };
    let answer =
        asked.await.map(|Heard { mapped, took }| StunAnswer { mapped: Some(mapped), took });
    let place = Place { way: Way::Stun, host: server.host.clone(), port: server.at.port() };
    Stun { place, answer }
}

async fn mtu(server: SocketAddr) -> Option<Mtu> {
    let asker = Asker::bind(server).await.ok()?;
    asker.keep_whole().ok()?;
    let question = |bytes| Question { bytes: Some(bytes), ..Question::plain(server) };
    let heard = asker.ask(&MTU_SIZES.map(question)).await;
    let answered = MTU_SIZES.into_iter().zip(heard).filter(|(_, heard)| heard.is_some());
    Some(Mtu { largest: answered.map(|(size, _)| size).max() })
}
