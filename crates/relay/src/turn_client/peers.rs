//! Who may send to us through the relay (RFC 8656 §9) and over which channel (§12).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::exchange::Request;
use crate::channel_data::ChannelNumber;

/// Permissions last 5 minutes and channels 10: both are renewed this often.
const RENEW_EVERY: Duration = Duration::from_secs(200);
/// What has not been used for so long is not renewed.
const FORGET_AFTER: Duration = Duration::from_secs(300);
/// A channel's number is not given to another peer before (RFC 8656 §12: lifetime and 5 minutes).
const CHANNEL_REST: Duration = Duration::from_secs(900);

/// Addresses that may send; beyond it those that are unused go.
const MAX_PERMITS: usize = 256;
/// Peers with a channel; beyond it the next ones stay without, which costs them 32 bytes each time.
const MAX_CHANNELS: usize = 128;
/// Permissions asked for in one request.
const MAX_AT_ONCE: usize = 16;

/// The numbers that RFC 8656 leaves for channels.
const FIRST_CHANNEL: u16 = 0x4000;
const LAST_CHANNEL: u16 = 0x4FFF;

/// What is to be done before data can go to a peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Permit {
    /// Nothing.
    Asked,
    /// Ask this first.
    Ask(Request),
    /// There is no room for one more.
    TooMany,
}

/// When something was last used and asked for.
#[derive(Clone, Copy, Debug)]
struct Use {
    used: Instant,
    asked: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    number: ChannelNumber,
    granted: bool,
    times: Use,
}

#[derive(Debug, Default)]
pub(super) struct Peers {
    permits: BTreeMap<IpAddr, (SocketAddr, Use)>,
    channels: BTreeMap<SocketAddr, Channel>,
    numbers: BTreeMap<ChannelNumber, SocketAddr>,
    taken: u16,
}

impl Peers {
    pub(super) fn permit(&mut self, peer: SocketAddr, now: Instant) -> Permit {
        if let Some((_, times)) = self.permits.get_mut(&peer.ip()) {
            times.used = now;
            return Permit::Asked;
        }
        if self.permits.len() >= MAX_PERMITS {
            self.permits.retain(|_, (_, times)| now < times.used + FORGET_AFTER);
        }
        if self.permits.len() >= MAX_PERMITS {
            return Permit::TooMany;
        }
        self.permits.insert(peer.ip(), (peer, Use { used: now, asked: now }));
        Permit::Ask(Request::Permission(vec![peer]))
    }

    /// These may not send; whoever sends to their address again asks again, perhaps for another
    /// port, which can make a difference.
    pub(super) fn permission_refused(&mut self, peers: &[SocketAddr]) {
        for peer in peers {
            self.permits.remove(&peer.ip());
        }
    }

    /// A peer without a channel was heard: the request that gives it one.
    pub(super) fn heard(&mut self, peer: SocketAddr, now: Instant) -> Option<Request> {
        let is_known = self.permits.contains_key(&peer.ip()) && !self.channels.contains_key(&peer);
        if !is_known || self.channels.len() >= MAX_CHANNELS {
            return None;
        }
        let number = self.free_number()?;
        let times = Use { used: now, asked: now };
        self.channels.insert(peer, Channel { number, granted: false, times });
        self.numbers.insert(number, peer);
        Some(Request::Channel { peer, number })
    }

    /// The next number, so that one that was given up rests as long as possible.
    fn free_number(&mut self) -> Option<ChannelNumber> {
        let all = LAST_CHANNEL - FIRST_CHANNEL + 1;
        for _ in 0..all {
            let number = ChannelNumber::new(FIRST_CHANNEL + self.taken)?;
            self.taken = (self.taken + 1) % all;
            if !self.numbers.contains_key(&number) {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn channel_granted(&mut self, peer: SocketAddr) {
        if let Some(channel) = self.channels.get_mut(&peer) {
            channel.granted = true;
        }
    }

    pub(super) fn channel_refused(&mut self, peer: SocketAddr) {
        if let Some(channel) = self.channels.get_mut(&peer) {
            // The number rests until it is forgotten: the server may know it all the same.
            channel.granted = false;
        }
    }

    /// The channel over which a peer can be reached.
    pub(super) fn channel_to(&mut self, peer: SocketAddr, now: Instant) -> Option<ChannelNumber> {
        let channel = self.channels.get_mut(&peer).filter(|channel| channel.granted)?;
        channel.times.used = now;
        Some(channel.number)
    }

    /// Whose channel this is.
    pub(super) fn of_channel(&mut self, number: ChannelNumber, now: Instant) -> Option<SocketAddr> {
        let peer = *self.numbers.get(&number)?;
        if let Some(channel) = self.channels.get_mut(&peer) {
            channel.times.used = now;
        }
        Some(peer)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let permits = self.permits.values().map(|(_, times)| times.asked);
        let channels = self.channels.values().map(|channel| channel.times.asked);
        permits.chain(channels).min().map(|asked| asked + RENEW_EVERY)
    }

    /// Renews what is in use, and forgets what is not.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Request> {
        self.channels.retain(|peer, channel| {
            let keep = now < channel.times.used + CHANNEL_REST;
            if !keep {
                self.numbers.remove(&channel.number);
            }
            // A channel in use also keeps its peer's permission.
            if let Some((_, times)) = self.permits.get_mut(&peer.ip()) {
                times.used = times.used.max(channel.times.used);
            }
            keep
        });
        self.permits.retain(|_, (_, times)| now < times.used + FORGET_AFTER);
        let is_due = |times: &Use| now >= times.asked + RENEW_EVERY;

        let mut peers = Vec::new();
        for (peer, times) in self.permits.values_mut().filter(|(_, times)| is_due(times)) {
            times.asked = now;
            peers.push(*peer);
        }
        let permissions = peers.chunks(MAX_AT_ONCE).map(|some| Request::Permission(some.to_vec()));
        let mut requests: Vec<Request> = permissions.collect();
        for (peer, channel) in &mut self.channels {
            if is_due(&channel.times) {
                channel.times.asked = now;
                if channel.granted && now < channel.times.used + FORGET_AFTER {
                    requests.push(Request::Channel { peer: *peer, number: channel.number });
                } else {
                    channel.granted = false;
                }
            }
        }
        requests
    }
}
