//! Answers from elsewhere: what a client needs to find out whom its NAT lets in (RFC 5780 §4.4).
//!
//! A Binding request with CHANGE-REQUEST asks to be answered from another port, or from another
//! address and port. The shell has sockets there, or has not, and then nothing is answered.

use std::net::SocketAddr;

use crate::client::{Client, Transport};
use crate::counters::Dropped;
use crate::message::attribute::{CHANGE_REQUEST, COMPREHENSION_OPTIONAL, XOR_MAPPED_ADDRESS};
use crate::message::{Class, Message, Method};
use crate::now::Now;
use crate::server::{Server, close_message, success};

/// From where an answer is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFrom {
    /// From where the request arrived.
    Here,
    /// From the same address and another port.
    OtherPort,
    /// From another address, and another port.
    OtherAddress,
}

/// The bits of CHANGE-REQUEST (RFC 5780 §7.2).
const CHANGE_ADDRESS: u32 = 4;
const CHANGE_PORT: u32 = 2;

/// Whether a datagram is a Binding request that asks to be answered from elsewhere.
#[must_use]
pub fn wants_change(bytes: &[u8]) -> bool {
    // Most datagrams carry data: one comparison is enough for them.
    bytes.starts_with(&[0, 1])
        && Message::parse(bytes).is_ok_and(|message| message.find(CHANGE_REQUEST).is_some())
}

impl Server {
    /// Takes a datagram at a socket that only tells clients their address, or one that
    /// [`wants_change`]. Gives the answer, and from where to send it. It is at most 24 bytes
    /// longer than the request, and counts against the rate of answers to strangers.
    pub fn handle_probe(
        &mut self,
        now: Now,
        remote: SocketAddr,
        bytes: &[u8],
    ) -> Option<(AnswerFrom, Vec<u8>)> {
        let Ok(message) = Message::parse(bytes) else {
            self.count(Dropped::Malformed);
            return None;
        };
        let is_request = (message.class(), message.method()) == (Class::Request, Method::Binding);
        let is_known = |kind| kind >= COMPREHENSION_OPTIONAL || kind == CHANGE_REQUEST;
        let is_plain =
            !message.has_integrity() && message.attributes().all(|(kind, _)| is_known(kind));
        let from = match message.number(CHANGE_REQUEST) {
            Ok(None) => AnswerFrom::Here,
            Ok(Some(bits)) if bits & CHANGE_ADDRESS != 0 => AnswerFrom::OtherAddress,
            Ok(Some(bits)) if bits & CHANGE_PORT != 0 => AnswerFrom::OtherPort,
            Ok(Some(_)) => AnswerFrom::Here,
            Err(_) => return None,
        };
        if !is_request || !is_plain {
            self.count(Dropped::Unanswerable);
            return None;
        }
        let client = Client { transport: Transport::Udp, remote, local: remote, connection: 0 };
        if !self.may_answer(now, &client) {
            return None;
        }
        let answer =
            success(Method::Binding, message.transaction()).xor_address(XOR_MAPPED_ADDRESS, remote);
        Some((from, close_message(answer, None, message.has_fingerprint())))
    }
}
