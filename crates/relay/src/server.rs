//! The server: what comes in, what goes out, and who answers what.

mod allocate;
mod authentication;
mod bind;
mod refresh;
mod relaying;

use std::collections::VecDeque;
use std::net::SocketAddr;

use zeroize::Zeroize as _;

use crate::allocation::Relay;
use crate::answers::Answers;
use crate::channel_data;
use crate::client::Client;
use crate::config::{Config, Families};
use crate::counters::{Counters, Dropped};
use crate::credential::{Key, Secrets};
use crate::error_code::ErrorCode;
use crate::mac::hmac_sha1;
use crate::message::attribute::{
    COMPREHENSION_OPTIONAL, NONCE, REALM, SOFTWARE, UNKNOWN_ATTRIBUTES, XOR_MAPPED_ADDRESS,
    is_understood,
};
use crate::message::{Builder, Class, Message, Method, Transaction};
use crate::nonce::Nonces;
use crate::now::Now;
use crate::output::{Output, RelayId, ToClient, ToPeer};
use crate::peers::Peers;
use crate::shares::Shares;
use crate::table::{SlotId, Table};

use authentication::Identity;

/// What SOFTWARE says. It tells no version: that would be of use to attackers alone.
const SOFTWARE_NAME: &[u8] = b"relay";

/// Unknown attributes that an answer names at most.
const MAX_UNKNOWN: usize = 8;

/// A STUN and TURN server for clients over UDP, TCP and TLS and peers over UDP.
///
/// Each datagram or frame of a client goes to [`handle_client`](Self::handle_client), each
/// datagram that comes to a relayed address to [`handle_peer`](Self::handle_peer); what they
/// return is to be sent on. After each of them, and after
/// [`handle_timeout`](Self::handle_timeout) at the time that
/// [`poll_timeout`](Self::poll_timeout) says, [`poll_output`](Self::poll_output) is called until
/// it gives `None`. Data that is relayed makes no outputs, so that a shell may pass on a whole
/// batch of datagrams before it polls, as long as it polls once it has handled the batch.
///
/// What others can fill is bounded by [`Config`]: allocations, and in each one permissions and
/// channels. Outputs are at most two for each input, and three for each allocation that ends.
/// Whoever has no credential fills nothing.
///
/// All times must be of one clock and not go back.
#[derive(Debug)]
pub struct Server {
    config: Config,
    secrets: Secrets,
    peers: Peers,
    nonces: Nonces,
    strangers: Answers,
    table: Table,
    /// By the random part of the name.
    credentials: Shares<Box<[u8]>>,
    addresses: Shares<crate::address::AddressKey>,
    counters: Counters,
    outputs: VecDeque<Output>,
    /// Data indications so far, which makes their transaction ids differ.
    indications: u64,
}

impl Server {
    /// A server without allocations. The seed must be random and secret; nonces of a server
    /// before it are stale.
    #[must_use]
    pub fn new(config: Config, secrets: Secrets, mut seed: [u8; 32]) -> Self {
        let part = |name: &[u8]| {
            let [a, b, c, d, e, f, g, h, ..] = hmac_sha1(&seed, &[name]);
            u64::from_be_bytes([a, b, c, d, e, f, g, h])
        };
        let (addresses, clients, indications) =
            (part(b"addresses"), part(b"clients"), part(b"indications"));
        let nonces = Nonces::new(&seed, config.nonce_life_ms);
        seed.zeroize();
        Self {
            peers: Peers::new(&config),
            nonces,
            strangers: Answers::new(config.stranger_answers, addresses),
            table: Table::new(config.allocations, clients),
            credentials: Shares::new(
                config.allocations_per_credential,
                config.rate_per_credential,
                config.allocations,
            ),
            addresses: Shares::new(
                config.allocations_per_address,
                config.rate_per_address,
                config.allocations,
            ),
            counters: Counters::default(),
            outputs: VecDeque::new(),
            indications,
            config,
            secrets,
        }
    }

    /// Takes credentials of these secrets from now on. Allocations stay.
    pub fn set_secrets(&mut self, secrets: Secrets) {
        self.secrets = secrets;
    }

    /// Takes other addresses for its own from now on; see [`Config::own_addresses`].
    pub fn set_own_addresses(&mut self, addresses: Vec<std::net::IpAddr>) {
        self.config.own_addresses = addresses;
        self.peers = Peers::new(&self.config);
    }

    /// Allocates addresses of these families from now on. Allocations stay.
    pub fn set_families(&mut self, families: Families) {
        self.config.families = families;
    }

    /// Takes a datagram, or a frame of a stream, of a client. What is to go to a peer is a part
    /// of `bytes`.
    pub fn handle_client<'a>(
        &mut self,
        now: Now,
        client: &Client,
        bytes: &'a [u8],
    ) -> Option<ToPeer<'a>> {
        if bytes.first().copied().is_some_and(channel_data::is_channel_data) {
            return self.relay_channel_data(now, client, bytes);
        }
        let Ok(message) = Message::parse(bytes) else {
            self.counters.drop_one(Dropped::Malformed);
            return None;
        };
        match (message.class(), message.method()) {
            (Class::Indication, Method::Send) => return self.relay_send(now, client, &message),
            (Class::Request, Method::Binding) => self.answer_binding(now, client, &message),
            (
                Class::Request,
                Method::Allocate | Method::Refresh | Method::CreatePermission | Method::ChannelBind,
            ) => self.answer_request(now, client, &message),
            (Class::Request | Class::Indication | Class::Success | Class::Error, _) => {
                self.counters.drop_one(Dropped::Unanswerable);
            }
        }
        None
    }

    /// Takes a datagram of `data_len` bytes that came from `peer` to a relayed address. The
    /// server need not see the data itself.
    pub fn handle_peer(
        &mut self,
        now: Now,
        relay: RelayId,
        peer: SocketAddr,
        data_len: usize,
    ) -> Option<ToClient> {
        self.relay_to_client(now, relay, peer, data_len)
    }

    /// The shell has opened a socket, whose address for peers is this one.
    pub fn opened(&mut self, now: Now, relay: RelayId, address: SocketAddr) {
        let state = self.relay_state(relay);
        if state == Some(Relay::Opening) && self.table.open(relay, address) {
            self.finish_allocate(now, SlotId::of(relay));
            return;
        }
        self.outputs.push_back(Output::Close(relay));
        if state == Some(Relay::Opening) {
            self.failed(now, relay);
        }
    }

    /// The shell could not open a socket, or one that was open has failed and is closed.
    pub fn failed(&mut self, now: Now, relay: RelayId) {
        match self.relay_state(relay) {
            Some(Relay::Opening) => {
                self.table.close(relay, Relay::Refused(ErrorCode::InsufficientCapacity));
                self.finish_allocate(now, SlotId::of(relay));
            }
            Some(Relay::Open(_)) => {
                self.table.close(relay, Relay::Closed);
                self.end_without_relays(now, SlotId::of(relay));
            }
            Some(Relay::Unwanted | Relay::Refused(_) | Relay::Closed) | None => {}
        }
    }

    /// A client's connection is closed; its allocation ends with it (RFC 8656 §3.1).
    pub fn client_gone(&mut self, now: Now, client: &Client) {
        if let Some(id) = self.table.of_client(client) {
            self.end(now, id);
        }
    }

    /// Ends what is over.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(id) = self.table.ended(now.ms) {
            let Some(allocation) = self.table.get(id) else { return };
            if allocation.relays.are_opening() {
                self.refuse_allocate(now, id);
                continue;
            }
            let client = allocation.client;
            self.end(now, id);
            if client.transport.is_stream() {
                self.outputs.push_back(Output::Hangup(client));
            }
        }
    }

    /// The millisecond at which [`handle_timeout`](Self::handle_timeout) has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        self.table.next_end_ms()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether this client has an allocation. A stream whose client has none should be held to
    /// short frames, and be closed after a while.
    #[must_use]
    pub fn has_allocation(&self, client: &Client) -> bool {
        self.table.of_client(client).is_some()
    }

    /// How many allocations there are.
    #[must_use]
    pub fn allocations(&self) -> usize {
        self.table.len()
    }

    /// What was relayed and dropped so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Tells a client its address. What is anything but a plain request is not answered, so that
    /// an answer is at most 24 bytes longer than its request.
    fn answer_binding(&mut self, now: Now, client: &Client, message: &Message<'_>) {
        let is_plain = !message.has_integrity()
            && message.attributes().all(|(kind, _)| kind >= COMPREHENSION_OPTIONAL);
        if !is_plain {
            self.counters.drop_one(Dropped::Unanswerable);
        } else if self.may_answer(now, client) {
            let answer = success(Method::Binding, message.transaction())
                .xor_address(XOR_MAPPED_ADDRESS, client.remote);
            self.send(client, close_message(answer, None, message.has_fingerprint()));
        }
    }

    fn answer_request(&mut self, now: Now, client: &Client, message: &Message<'_>) {
        let identity = match self.authenticate(now, client, message) {
            Ok(identity) => identity,
            Err(code) => return self.refuse_stranger(now, client, message, code),
        };
        let answer = match self.grant(now, client, message, &identity) {
            Ok(Some(answer)) => answer.attribute(SOFTWARE, SOFTWARE_NAME),
            Ok(None) => return,
            Err(code) => {
                self.counters.refused += 1;
                error(message.method(), message.transaction(), code)
            }
        };
        let answer = match unknown(message) {
            unknown if unknown.is_empty() => answer,
            unknown => answer.attribute(UNKNOWN_ATTRIBUTES, &unknown),
        };
        self.send(client, close_message(answer, Some(&identity.key), message.has_fingerprint()));
    }

    /// Does what an authenticated client asks for. `None` is answered later.
    fn grant(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
        identity: &Identity<'_>,
    ) -> Result<Option<Builder>, ErrorCode> {
        if !unknown(message).is_empty() {
            return Err(ErrorCode::UnknownAttribute);
        }
        // Whose the allocation is matters before what becomes of it.
        match message.method() {
            Method::Allocate => self.allocate(now, client, message, identity),
            _ if identity.is_other => Err(ErrorCode::WrongCredentials),
            Method::Refresh => self.refresh(now, client, message).map(Some),
            Method::CreatePermission => self.create_permission(now, client, message).map(Some),
            Method::ChannelBind => self.bind_channel(now, client, message).map(Some),
            Method::Binding | Method::Send | Method::Data => Err(ErrorCode::BadRequest),
        }
    }

    /// Answers somebody who may have forged its address: briefly, and not too often. The reason
    /// is left to the number.
    fn refuse_stranger(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
        code: ErrorCode,
    ) {
        if !self.may_answer(now, client) {
            return;
        }
        self.counters.refused += 1;
        let mut answer = Builder::new(Class::Error, message.method(), message.transaction())
            .error(code.code(), "");
        if matches!(code, ErrorCode::Unauthorized | ErrorCode::StaleNonce) {
            let nonce = self.nonces.issue(now.ms, client.remote);
            answer = answer
                .attribute(REALM, self.config.realm.as_bytes())
                .attribute(NONCE, nonce.as_bytes());
        }
        self.send(client, close_message(answer, None, message.has_fingerprint()));
    }

    /// Whether a client that has not authenticated gets an answer now. On a stream its address
    /// is no forgery.
    pub(crate) fn may_answer(&mut self, now: Now, client: &Client) -> bool {
        let may = client.transport.is_stream() || self.strangers.take(client.remote.ip(), now.ms);
        if !may {
            self.counters.drop_one(Dropped::AnswerRate);
        }
        may
    }

    pub(crate) fn count(&mut self, dropped: Dropped) {
        self.counters.drop_one(dropped);
    }

    fn relay_state(&self, relay: RelayId) -> Option<Relay> {
        let allocation = self.table.get(self.table.of_relay(relay)?)?;
        Some(allocation.relays.get(relay.family))
    }

    /// Takes an allocation away and closes what it had open.
    fn end(&mut self, now: Now, id: SlotId) {
        for family in crate::address::Family::ALL {
            let relay = self.table.relay_id(id, family);
            if self.table.close(relay, Relay::Closed) {
                self.outputs.push_back(Output::Close(relay));
            }
        }
        if let Some(allocation) = self.table.remove(id) {
            self.credentials.leave(allocation.credential_share, now.ms);
            self.addresses.leave(allocation.address_share, now.ms);
        }
    }

    /// Ends an allocation that has no relayed address left.
    fn end_without_relays(&mut self, now: Now, id: SlotId) {
        if self.table.get(id).is_some_and(|allocation| allocation.relays.open().next().is_none()) {
            self.end(now, id);
        }
    }

    fn send(&mut self, client: &Client, message: Vec<u8>) {
        self.outputs.push_back(Output::Send { client: *client, message });
    }
}

pub(crate) fn success(method: Method, transaction: Transaction) -> Builder {
    Builder::new(Class::Success, method, transaction)
}

fn error(method: Method, transaction: Transaction, code: ErrorCode) -> Builder {
    Builder::new(Class::Error, method, transaction).error(code.code(), code.reason())
}

/// Adds what comes last.
pub(crate) fn close_message(
    mut answer: Builder,
    key: Option<&Key>,
    with_fingerprint: bool,
) -> Vec<u8> {
    if let Some(key) = key {
        answer = answer.integrity(key);
    }
    if with_fingerprint {
        answer = answer.fingerprint();
    }
    answer.finish()
}

/// The value of UNKNOWN-ATTRIBUTES (RFC 8489 §14.9), empty if all are understood.
fn unknown(message: &Message<'_>) -> Vec<u8> {
    let kinds = message.attributes().map(|(kind, _)| kind).filter(|kind| !is_understood(*kind));
    kinds.take(MAX_UNKNOWN).flat_map(u16::to_be_bytes).collect()
}
