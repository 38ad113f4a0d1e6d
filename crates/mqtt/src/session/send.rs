//! What a session sends, and when.

use std::collections::VecDeque;
use std::time::Duration;

use super::Session;
use crate::event::{DropReason, Event, Output};
use crate::{Publish, Qos, outgoing};

impl Session {
    pub(super) fn send_subscribe(&mut self, filters: &[(String, Qos)]) {
        let subscriptions = &self.subscriptions;
        let id = self.outbox.free_id(|id| subscriptions.uses_id(id));
        match outgoing::subscribe(self.versions.current(), id, filters) {
            Ok(packet) => {
                self.subscriptions.sent(id, filters);
                append(&mut self.outputs, &packet);
            }
            // Only what `Subscriptions::add` has overlooked can end here.
            Err(_) => {
                for (filter, _) in filters {
                    let filter = filter.clone();
                    self.emit(Event::SubscriptionRefused { filter, code: 0x8F });
                }
            }
        }
    }

    /// Sends a QoS 0 publish, now or never.
    pub(super) fn send_once(&mut self, now_ms: u64, publish: &Publish) {
        let link = self.link.as_ref().filter(|_| self.is_accepted());
        let packet = match link {
            None => Err(DropReason::Offline),
            Some(link) => {
                let expiry = publish.expiry.map(whole_seconds);
                outgoing::publish(self.versions.current(), publish, None, false, expiry)
                    .map_err(|_| DropReason::Invalid)
                    .and_then(|packet| fitting(packet, link.maximum_packet_size))
            }
        };
        match packet {
            Ok(packet) => self.transmit(now_ms, &packet),
            Err(reason) => self.emit(Event::Dropped { token: publish.token, reason }),
        }
    }

    /// Sends waiting QoS 1 publishes as far as the broker's window allows.
    pub(super) fn flush(&mut self, now_ms: u64) {
        while self.is_accepted() {
            let (Some(link), subscriptions) = (&self.link, &self.subscriptions) else { return };
            let Some(next) = self.outbox.next(now_ms, |id| subscriptions.uses_id(id)) else {
                return;
            };
            let (id, expiry) = (Some(next.id), next.expiry.map(whole_seconds));
            let packet = if link.qos_0_only {
                Err(DropReason::QosUnsupported)
            } else {
                outgoing::publish(self.versions.current(), next.publish, id, next.dup, expiry)
                    .map_err(|_| DropReason::Invalid)
                    .and_then(|packet| fitting(packet, link.maximum_packet_size))
            };
            match packet {
                Ok(packet) => {
                    self.outbox.sent(now_ms);
                    self.transmit(now_ms, &packet);
                }
                Err(reason) => {
                    if let Some(token) = self.outbox.give_up() {
                        self.emit(Event::Dropped { token, reason });
                    }
                }
            }
        }
    }

    pub(super) fn transmit(&mut self, now_ms: u64, bytes: &[u8]) {
        if let Some(link) = &mut self.link {
            link.keepalive.sent(now_ms);
        }
        append(&mut self.outputs, bytes);
    }
}

/// Adds bytes to the last write, so that one call becomes one write.
fn append(outputs: &mut VecDeque<Output>, bytes: &[u8]) {
    match outputs.back_mut() {
        Some(Output::Transmit(last)) => last.extend_from_slice(bytes),
        _ => outputs.push_back(Output::Transmit(bytes.to_vec())),
    }
}

/// Rounded up, and never zero: that would expire in the broker's hands.
fn whole_seconds(duration: Duration) -> u32 {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}

fn fitting(packet: Vec<u8>, maximum_bytes: u32) -> Result<Vec<u8>, DropReason> {
    match u32::try_from(packet.len()) {
        Ok(len) if len <= maximum_bytes => Ok(packet),
        _ => Err(DropReason::TooLarge),
    }
}
