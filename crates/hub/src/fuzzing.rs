//! What the fuzz targets reach: what a hub reads of somebody whom it does not know yet. Nothing
//! else uses it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::BytesMut;
use mqtt5::Packet;
use mqtt5::transport::packet_io::decode_buffered_packet;
use tincan_wire::{Topic, UserId};
use tokio::runtime::Runtime;

use crate::access::{self, Access};
use crate::authority::Authority;
use crate::broker::{MAX_PACKET_BYTES, claimed};
use crate::clock::Clock;
use crate::config::Limits;
use crate::hub::Addresses;
use crate::log::Log;
use crate::site::{Public, SiteInMemory};

/// The versions of MQTT that the broker speaks.
const VERSIONS: [u8; 2] = [4, 5];

/// Who may come in, with a secret and a time that are chosen.
#[derive(Debug)]
pub struct Entrance {
    access: Access,
}

impl Entrance {
    /// That of a hub of this name.
    #[must_use]
    pub fn new(name: &str, secret: [u8; 32]) -> Self {
        Self { access: Access::new(name.to_owned(), secret) }
    }

    /// A nonce for a token.
    #[must_use]
    pub fn challenge(&self, now_ms: u64, random: [u8; 8]) -> String {
        self.access.challenge(now_ms, random)
    }

    /// Whose token it is, and for which client id, if it is good.
    #[must_use]
    pub fn verify(&self, now_ms: u64, token: &str) -> Option<(UserId, String)> {
        self.access.verify(now_ms, token).ok().map(|pass| (pass.user, pass.client_id))
    }

    /// Whom a CONNECT lets in and with which client id, if it is one and good. Reads whatever
    /// follows it, too, in either version.
    #[must_use]
    pub fn connect(&self, now_ms: u64, bytes: &[u8]) -> Option<(UserId, String)> {
        let mut buffer = BytesMut::from(bytes);
        let first = decode_buffered_packet(&mut buffer, 5, MAX_PACKET_BYTES).ok().flatten()?;
        for version in VERSIONS {
            let mut rest = buffer.clone();
            while let Ok(Some(_)) = decode_buffered_packet(&mut rest, version, MAX_PACKET_BYTES) {}
        }
        let Packet::Connect(connect) = first else { return None };
        let user = self.access.admit(now_ms, claimed(&connect)).ok()?;
        Some((user, connect.client_id.clone()))
    }
}

/// Whether a user may subscribe to this.
#[must_use]
pub fn may_subscribe(user: &UserId, filter: &str) -> bool {
    access::may_subscribe(user, filter)
}

/// The topic, if anybody may publish to it.
#[must_use]
pub fn may_publish(topic: &str, retain: bool) -> Option<Topic> {
    access::may_publish(topic, retain).ok()
}

/// A site without sockets, whose limits on rates are off.
#[derive(Debug)]
pub struct Site {
    site: SiteInMemory,
    runtime: Runtime,
}

impl Site {
    /// That of a hub of this name; nothing if the system gives no room for it.
    #[must_use]
    pub fn new(name: &str, secret: [u8; 32]) -> Option<Self> {
        let at = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let (http, mqtt, websocket, stun) = (at(1), at(2), at(3), at(4));
        let addresses = Addresses { http, mqtt, websocket, stun, turns: None };
        let limits = Limits {
            connects_per_second: u32::MAX,
            http_requests_per_second: u32::MAX,
            ..Limits::default()
        };
        let access = Access::new(name.to_owned(), secret);
        let authority = Authority::new(access, Clock::start(), Log::new(false), &limits);
        let public = Public::new(None, addresses).ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok()?;
        let site = runtime.block_on(SiteInMemory::open(public, Arc::new(authority), &limits));
        Some(Self { site: site.ok()?, runtime })
    }

    /// All that is answered to a client who sends these bytes and then no more.
    #[must_use]
    pub fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        self.runtime.block_on(self.site.answer(bytes))
    }
}
