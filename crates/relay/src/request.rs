//! What a TURN client says (RFC 8656 §7 to §12). It keeps no state: ids, numbers and times are
//! the caller's.

use std::net::SocketAddr;

use crate::address::Family;
use crate::channel_data::{self, ChannelNumber};
use crate::client::Transport;
use crate::credential::{Credential, Key};
use crate::message::attribute::{
    ADDITIONAL_ADDRESS_FAMILY, CHANNEL_NUMBER, DATA, LIFETIME, NONCE, REALM,
    REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT, USERNAME, XOR_PEER_ADDRESS,
};
use crate::message::{Builder, Class, Method, Transaction};

/// What signs requests, once a server has told realm and nonce in a 401.
#[derive(Clone, Debug)]
pub struct Signature {
    username: String,
    realm: String,
    nonce: Vec<u8>,
    key: Key,
}

impl Signature {
    /// That of a credential at a server.
    #[must_use]
    pub fn new(credential: &Credential, realm: &str, nonce: &[u8]) -> Self {
        Self {
            username: credential.username.clone(),
            realm: realm.to_owned(),
            nonce: nonce.to_vec(),
            key: credential.key(realm),
        }
    }

    /// Takes the nonce of a 438.
    pub fn set_nonce(&mut self, nonce: &[u8]) {
        self.nonce = nonce.to_vec();
    }

    /// What answers are signed with.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Signs a request, which is then whole.
    #[must_use]
    pub fn sign(&self, request: Builder) -> Vec<u8> {
        request
            .attribute(USERNAME, self.username.as_bytes())
            .attribute(REALM, self.realm.as_bytes())
            .attribute(NONCE, &self.nonce)
            .integrity(&self.key)
            .finish()
    }
}

/// Which relayed addresses are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One of this family.
    One(Family),
    /// One of each family, or of the one that can be had.
    Both,
}

/// Asks for the address that the server sees. Needs no signature.
#[must_use]
pub fn binding(transaction: Transaction) -> Builder {
    Builder::new(Class::Request, Method::Binding, transaction)
}

/// Asks for relayed addresses. Unsigned it is answered with realm and nonce.
#[must_use]
pub fn allocate(transaction: Transaction, wanted: Wanted) -> Builder {
    let request = Builder::new(Class::Request, Method::Allocate, transaction)
        .attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
    match wanted {
        Wanted::One(Family::V4) => request,
        Wanted::One(Family::V6) => request.attribute(REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]),
        Wanted::Both => request.attribute(ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]),
    }
}

/// Prolongs an allocation by so many seconds from now; zero ends it.
#[must_use]
pub fn refresh(transaction: Transaction, lifetime_seconds: u32) -> Builder {
    Builder::new(Class::Request, Method::Refresh, transaction).number(LIFETIME, lifetime_seconds)
}

/// Lets peers send for five minutes.
#[must_use]
pub fn create_permission(transaction: Transaction, peers: &[SocketAddr]) -> Builder {
    let request = Builder::new(Class::Request, Method::CreatePermission, transaction);
    peers.iter().fold(request, |request, peer| request.xor_address(XOR_PEER_ADDRESS, *peer))
}

/// Gives a peer a number for ten minutes, and a permission for five.
#[must_use]
pub fn bind_channel(transaction: Transaction, number: ChannelNumber, peer: SocketAddr) -> Builder {
    Builder::new(Class::Request, Method::ChannelBind, transaction)
        .number(CHANNEL_NUMBER, u32::from(number.get()) << 16)
        .xor_address(XOR_PEER_ADDRESS, peer)
}

/// Data for a peer without a number. Is not signed.
#[must_use]
pub fn send(transaction: Transaction, peer: SocketAddr, data: &[u8]) -> Vec<u8> {
    Builder::new(Class::Indication, Method::Send, transaction)
        .xor_address(XOR_PEER_ADDRESS, peer)
        .attribute(DATA, data)
        .finish()
}

/// Data for a peer with a number. `None` beyond 65,535 bytes.
#[must_use]
pub fn channel_data(number: ChannelNumber, data: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(channel_data::HEADER_BYTES + data.len() + 3);
    channel_data::append(&mut message, number, data, transport).then_some(message)
}

/// Number and data of a ChannelData message that fills `bytes`; `None` if it is none.
#[must_use]
pub fn parse_channel_data(bytes: &[u8], transport: Transport) -> Option<(ChannelNumber, &[u8])> {
    channel_data::parse(bytes, transport)
}
