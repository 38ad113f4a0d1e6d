//! What makes an allocation: one request after another, each with what the answer before told.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use tincan_relay::message::attribute::{NONCE, REALM, XOR_RELAYED_ADDRESS};
use tincan_relay::message::{Builder, Class, Message, Transaction};
use tincan_relay::request::{self, Signature, Wanted};
use tincan_relay::{ChannelNumber, Credential, Family};

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Send this.
    Ask(Vec<u8>),
    /// All of it is there.
    Done,
    /// It was an answer to something before: wait on.
    Wait,
}

/// One client's requests.
#[derive(Debug)]
pub(crate) struct Dialog {
    credential: Credential,
    /// The peer that gets a permission and a channel, if one does.
    peer: Option<SocketAddr>,
    signature: Option<Signature>,
    relayed: Option<SocketAddr>,
    permitted: bool,
    nth: u8,
}

impl Dialog {
    pub(crate) fn new(credential: Credential, peer: Option<SocketAddr>) -> Self {
        Self { credential, peer, signature: None, relayed: None, permitted: false, nth: 0 }
    }

    /// The number of the peer's channel.
    pub(crate) fn channel() -> Result<ChannelNumber> {
        ChannelNumber::new(0x4000).context("a number of the range")
    }

    /// The relayed address, once it is there.
    pub(crate) fn relayed(&self) -> Result<SocketAddr> {
        self.relayed.context("there is no allocation")
    }

    /// The request that waits for its answer; the same again when it is repeated.
    pub(crate) fn request(&self) -> Result<Vec<u8>> {
        let id = self.transaction();
        let allocate = || request::allocate(id, Wanted::One(Family::V4));
        let message = match (self.relayed, self.peer) {
            (None, _) | (Some(_), None) => allocate(),
            (Some(_), Some(peer)) if !self.permitted => request::create_permission(id, &[peer]),
            (Some(_), Some(peer)) => request::bind_channel(id, Self::channel()?, peer),
        };
        Ok(self.finished(message))
    }

    /// What ends it.
    pub(crate) fn release(&self) -> Vec<u8> {
        self.finished(request::refresh(Transaction([255; 12]), 0))
    }

    fn finished(&self, message: Builder) -> Vec<u8> {
        match &self.signature {
            Some(signature) => signature.sign(message),
            None => message.finish(),
        }
    }

    /// One for each request.
    fn transaction(&self) -> Transaction {
        Transaction([self.nth; 12])
    }

    /// Takes an answer.
    pub(crate) fn take(&mut self, answer: &[u8]) -> Result<Next> {
        let message = Message::parse(answer)?;
        if message.transaction() != self.transaction() {
            return Ok(Next::Wait);
        }
        self.nth += 1;
        if message.class() == Class::Error {
            self.challenged(&message)?;
            return Ok(Next::Ask(self.request()?));
        }
        ensure!(message.class() == Class::Success, "no answer: {message:?}");
        match (self.relayed, self.peer) {
            (None, peer) => {
                self.relayed = message.address(XOR_RELAYED_ADDRESS)?;
                self.relayed()?;
                if peer.is_none() {
                    return Ok(Next::Done);
                }
            }
            (Some(_), Some(_)) if !self.permitted => self.permitted = true,
            (Some(_), _) => return Ok(Next::Done),
        }
        Ok(Next::Ask(self.request()?))
    }

    /// Takes realm and nonce of a refusal that was to be expected.
    fn challenged(&mut self, message: &Message<'_>) -> Result<()> {
        let error = message.error();
        let (Some(realm), Some(nonce)) = (message.find(REALM), message.find(NONCE)) else {
            bail!("refused: {error:?}");
        };
        let is_stale = error.is_some_and(|(code, _)| code == 438);
        ensure!(self.signature.is_none() || is_stale, "refused: {error:?}");
        let realm = std::str::from_utf8(realm)?;
        self.signature = Some(Signature::new(&self.credential, realm, nonce));
        Ok(())
    }
}
