//! Questions to STUN servers from one socket, several at once.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use quinn_udp::{UdpSockRef, UdpSocketState};
use tincan_relay::message::attribute::{CHANGE_REQUEST, XOR_MAPPED_ADDRESS};
use tincan_relay::message::{Class, Message, Method, Transaction};
use tincan_relay::request;
use tokio::net::UdpSocket;
use tokio::time::timeout_at;

use super::random;

/// When a question is asked, counted from its start; it has failed at the last of them.
const SCHEDULE: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(200),
    Duration::from_millis(600),
    Duration::from_millis(1_500),
];

/// An attribute that whoever does not know it steps over (RFC 8489 §14), to fill datagrams.
const PADDING: u16 = 0xFFF0;

/// What goes before padding: the header, and that of the attribute.
const BEFORE_PADDING: usize = 24;

/// The largest datagram that could come.
const BUFFER_BYTES: usize = 2_048;

/// From where an answer shall come (RFC 5780 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Anywhere,
    OtherPort,
    OtherAddress,
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) to: SocketAddr,
    pub(super) from: From,
    /// How large the datagram shall be, in bytes, if that matters.
    pub(super) bytes: Option<usize>,
}

impl Question {
    pub(super) fn plain(to: SocketAddr) -> Self {
        Self { to, from: From::Anywhere, bytes: None }
    }

    fn request(self, transaction: Transaction) -> Vec<u8> {
        let request = request::binding(transaction);
        let request = match self.from {
            From::Anywhere => request,
            From::OtherPort => request.number(CHANGE_REQUEST, 2),
            From::OtherAddress => request.number(CHANGE_REQUEST, 6),
        };
        let padding = self.bytes.map(|bytes| vec![0; bytes.saturating_sub(BEFORE_PADDING)]);
        match padding {
            Some(padding) => request.attribute(PADDING, &padding).finish(),
            None => request.finish(),
        }
    }
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// Under which address the server sees the socket.
    pub(super) mapped: SocketAddr,
    pub(super) took: Duration,
}

/// A socket that asks.
pub(super) struct Asker {
    pub(super) socket: UdpSocket,
}

impl Asker {
    /// For servers of the family of `server`.
    pub(super) async fn bind(server: SocketAddr) -> io::Result<Self> {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        Ok(Self { socket: UdpSocket::bind((any, 0)).await? })
    }

    /// From now on no router may cut what is sent.
    pub(super) fn keep_whole(&self) -> io::Result<()> {
        UdpSocketState::new(UdpSockRef::from(&self.socket)).map(drop)
    }

    /// Asks all of them, and again, until all are answered or none will be.
    pub(super) async fn ask(&self, questions: &[Question]) -> Vec<Option<Heard>> {
        let transactions: Vec<_> = questions.iter().map(|_| Transaction(random())).collect();
        let began = Instant::now();
        let mut heard: Vec<Option<Heard>> = vec![None; questions.len()];
        let mut buffer = vec![0; BUFFER_BYTES];
        for until in &SCHEDULE[1..] {
            for (index, question) in questions.iter().enumerate() {
                if heard[index].is_none() {
                    let request = question.request(transactions[index]);
                    // What is too large for this machine's own network is told at once.
                    let _ = self.socket.send_to(&request, question.to).await;
                }
            }
            while heard.contains(&None) {
                let received = self.socket.recv_from(&mut buffer);
                let Ok(received) = timeout_at((began + *until).into(), received).await else {
                    break;
                };
                // Somebody who is not there may say so by ICMP.
                let Ok((len, sender)) = received else { continue };
                let Some((transaction, mapped)) = read(&buffer[..len]) else { continue };
                let index = transactions.iter().position(|asked| *asked == transaction);
                // Connections take answers only from where they asked, and so do most routers.
                let is_expected = |index: &usize| {
                    let Question { to, from, .. } = questions[*index];
                    from != From::Anywhere || to == sender
                };
                if let Some(index) = index.filter(is_expected) {
                    heard[index].get_or_insert(Heard { mapped, took: began.elapsed() });
                }
            }
            if !heard.contains(&None) {
                break;
            }
        }
        heard
    }

    /// Asks one.
    pub(super) async fn ask_one(&self, question: Question) -> Option<Heard> {
        self.ask(&[question]).await.pop().flatten()
    }
}

/// The answer in a datagram.
fn read(bytes: &[u8]) -> Option<(Transaction, SocketAddr)> {
    let message = Message::parse(bytes).ok()?;
    let is_answer = (message.class(), message.method()) == (Class::Success, Method::Binding);
    let mapped = message.address(XOR_MAPPED_ADDRESS).ok()??;
    is_answer.then_some((message.transaction(), mapped))
}
