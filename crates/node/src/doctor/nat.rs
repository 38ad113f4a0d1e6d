//! What the router does to IPv4 (RFC 5780), by the places at which the hub's STUN answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tincan_doctor::Nat;
use tokio::time::timeout_at;

use super::own::towards;
use super::random;
use super::stun::{Asker, From, Question};

/// How long a datagram may take to a socket behind the same router.
const HAIRPIN: Duration = Duration::from_millis(400);

/// Enough for the next router and back, and not for the one behind it.
const NEAR_HOPS: u32 = 2;

/// The hops that a datagram has otherwise.
const USUAL_HOPS: u32 = 64;

/// Where to ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Servers {
    pub(super) first: SocketAddr,
    /// The same address at another port.
    pub(super) other_port: Option<SocketAddr>,
    /// Another address.
    pub(super) other_address: Option<SocketAddr>,
}

/// `None` if the first server does not answer.
pub(super) async fn look(servers: Servers) -> Option<Nat> {
    let (mapping, filtering, hairpin) =
        tokio::join!(mapping(servers), filtering(servers), hairpin(servers.first));
    let Mapped { local, first, other_port, other_address } = mapping?;
    // What does not answer at all is not kept out by a router.
    let answers = |seen: Option<SocketAddr>, heard: Option<bool>| seen.and(heard);
    Some(Nat {
        local: Some(local),
        first,
        other_port,
        other_address,
        heard_other_port: answers(other_port, filtering.port),
        heard_other_address: answers(other_address, filtering.address),
        hairpin: hairpin.map(|hairpin| hairpin.works),
        is_far: hairpin.and_then(|hairpin| hairpin.is_far),
    })
}

struct Mapped {
    local: SocketAddr,
    first: SocketAddr,
    other_port: Option<SocketAddr>,
    other_address: Option<SocketAddr>,
}

/// One socket, seen from all places.
async fn mapping(servers: Servers) -> Option<Mapped> {
    let asker = Asker::bind(servers.first).await.ok()?;
    let others: Vec<_> =
        [servers.other_port, servers.other_address].into_iter().flatten().collect();
    let all: Vec<_> = [servers.first].iter().chain(&others).copied().map(Question::plain).collect();
    let heard = asker.ask(&all).await;
    let seen_by = |server: Option<SocketAddr>| {
        let index = all.iter().position(|question| Some(question.to) == server)?;
        heard.get(index).copied().flatten().map(|heard| heard.mapped)
    };
    let port = asker.socket.local_addr().ok()?.port();
    Some(Mapped {
        local: SocketAddr::new(towards(servers.first)?, port),
        first: seen_by(Some(servers.first))?,
        other_port: seen_by(servers.other_port),
        other_address: seen_by(servers.other_address),
    })
}

/// Whether other port and other address are heard by a socket that has written to one place alone.
async fn filtering(servers: Servers) -> Heard {
    let asked = async {
        let asker = Asker::bind(servers.first).await.ok()?;
        asker.ask_one(Question::plain(servers.first)).await?;
        let others =
            [(From::OtherPort, servers.other_port), (From::OtherAddress, servers.other_address)];
        let questions: Vec<_> = others
            .into_iter()
            .filter(|(_, server)| server.is_some())
            .map(|(from, _)| Question { from, ..Question::plain(servers.first) })
            .collect();
        let heard = asker.ask(&questions).await;
        let heard_from = |from| {
            let index = questions.iter().position(|question| question.from == from)?;
            heard.get(index).map(Option::is_some)
        };
        Some(Heard { port: heard_from(From::OtherPort), address: heard_from(From::OtherAddress) })
    };
    asked.await.unwrap_or_default()
}

#[derive(Clone, Copy, Default)]
struct Heard {
    port: Option<bool>,
    address: Option<bool>,
}

#[derive(Clone, Copy)]
struct Hairpin {
    works: bool,
    is_far: Option<bool>,
}

/// Whether two sockets reach each other at their outside addresses, and by how many hops.
async fn hairpin(server: SocketAddr) -> Option<Hairpin> {
    let (one, other) = (Asker::bind(server).await.ok()?, Asker::bind(server).await.ok()?);
    let question = Question::plain(server);
    let (to_one, to_other) = tokio::join!(one.ask_one(question), other.ask_one(question));
    let (to_one, to_other) = (to_one?.mapped, to_other?.mapped);
    // As ICE does: both sides try, and try again once the other has.
    let (there, back) = (random::<16>(), random::<16>());
    for _ in 0..2 {
        let _ = one.socket.send_to(&there, to_other).await;
        let _ = other.socket.send_to(&back, to_one).await;
    }
    if !hears(&one, &back).await {
        return Some(Hairpin { works: false, is_far: None });
    }
    let near = random::<16>();
    let is_near = async {
        one.socket.set_ttl(NEAR_HOPS).ok()?;
        one.socket.send_to(&near, to_other).await.ok()?;
        one.socket.set_ttl(USUAL_HOPS).ok()?;
        Some(hears(&other, &near).await)
    };
    let is_far = is_near.await.map(|is_near| !is_near);
    Some(Hairpin { works: true, is_far })
}

async fn hears(asker: &Asker, expected: &[u8]) -> bool {
    let end = Instant::now() + HAIRPIN;
    let mut buffer = [0; 64];
    while let Ok(received) = timeout_at(end.into(), asker.socket.recv_from(&mut buffer)).await {
        if received.is_ok_and(|(len, _)| buffer.get(..len) == Some(expected)) {
            return true;
        }
    }
    false
}
