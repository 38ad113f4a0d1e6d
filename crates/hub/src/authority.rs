//! Every decision about what a client may do, in one place. A broker asks; it never decides.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tincan_relay::AddressKey;
use tincan_wire::{Topic, UserId};

use crate::access::{self, Access, AccessError, Claimed, Pass, PublishDenied};
use crate::clock::Clock;
use crate::config::Limits;
use crate::limits::{Hourly, Rate};
use crate::log::Log;

/// Access rules and the limits on users. Shared by the broker and the site.
#[derive(Debug)]
pub(crate) struct Authority {
    access: Access,
    clock: Clock,
    log: Log,
    publish_rate: Rate,
    strangers: Mutex<Strangers>,
}

/// Contact requests of the last hour (protocol §7).
#[derive(Debug)]
struct Strangers {
    by_user: Hourly<UserId>,
    by_address: Hourly<AddressKey>,
}

impl Authority {
    pub(crate) fn new(access: Access, clock: Clock, log: Log, limits: &Limits) -> Self {
        let strangers = Strangers {
            by_user: Hourly::new(limits.contact_requests_per_user),
            by_address: Hourly::new(limits.contact_requests_per_address),
        };
        Self {
            access,
            clock,
            log,
            publish_rate: Rate::new(limits.publishes_per_second, limits.publish_burst),
            strangers: Mutex::new(strangers),
        }
    }

    pub(crate) fn audience(&self) -> &str {
        self.access.audience()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) fn log(&self) -> Log {
        self.log
    }

    pub(crate) fn challenge(&self, random: [u8; 8]) -> String {
        self.access.challenge(self.clock.now_ms(), random)
    }

    /// Judges a token that came over HTTP.
    pub(crate) fn verify(&self, token: &str) -> Result<Pass, AccessError> {
        self.access.verify(self.clock.now_ms(), token)
    }

    /// Judges a CONNECT.
    pub(crate) fn admit(
        &self,
        address: IpAddr,
        claimed: Claimed<'_>,
    ) -> Result<UserId, AccessError> {
        let admitted = self.access.admit(self.clock.now_ms(), claimed);
        match &admitted {
            Ok(user) => tracing::info!(
                user = %self.log.id(user.short()),
                address = %self.log.id(address),
                "client admitted"
            ),
            Err(error) => tracing::info!(
                reason = error.reason(),
                address = %self.log.id(address),
                "client refused"
            ),
        }
        admitted
    }

    pub(crate) fn may_subscribe(&self, user: &UserId, filter: &str) -> bool {
        let allowed = access::may_subscribe(user, filter);
        if !allowed {
            tracing::info!(user = %self.log.id(user.short()), "subscription refused");
        }
        allowed
    }

    /// The rate at which one client may publish.
    pub(crate) fn publish_rate(&self) -> Rate {
        self.publish_rate
    }

    /// Judges a PUBLISH, and counts it if it is a contact request.
    pub(crate) fn judge_publish(
        &self,
        user: &UserId,
        address: IpAddr,
        topic: &str,
        retain: bool,
    ) -> Result<Topic, PublishDenied> {
        let topic = access::may_publish(topic, retain)?;
        if access::is_contact_request(&topic) {
            self.count_contact_request(user, address)?;
        }
        Ok(topic)
    }

    fn count_contact_request(&self, user: &UserId, address: IpAddr) -> Result<(), PublishDenied> {
        let (now_ms, address) = (self.clock.now_ms(), AddressKey::from(address));
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        if strangers.by_user.allows(user, now_ms) && strangers.by_address.allows(&address, now_ms) {
            strangers.by_user.spend(*user, now_ms);
            strangers.by_address.spend(address, now_ms);
            Ok(())
        } else {
            Err(PublishDenied::ContactRequests)
        }
    }
}
