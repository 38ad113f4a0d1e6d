//! Which link a datagram is for: ICE checks by the user fragment that they name, all else by the
//! address it comes from.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use tincan_link::ufrag_of_stun;

/// Links known by an address at a time. One peer's socket can be behind several: an attempt that
/// ends and the one that takes its place.
const MAX_LINKS_PER_ADDRESS: usize = 4;

/// Addresses remembered for one link: the peer's candidates (at most 32 a body) and those that
/// its checks come from.
const MAX_ADDRESSES_PER_LINK: usize = 64;

/// Where a datagram goes. `K` names a link; greater is newer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<K> {
    /// To this link.
    One(K),
    /// A STUN answer from an address that several links know: the one that asked knows its own
    /// transaction, the others ignore it.
    All(Vec<K>),
    /// To none that we know.
    Nobody,
}

#[derive(Debug)]
pub(crate) struct Router<K> {
    ufrags: BTreeMap<String, K>,
    /// Looked up by key only; the newest link comes first.
    addresses: HashMap<SocketAddr, Vec<K>>,
    learned: BTreeMap<K, Vec<SocketAddr>>,
}

impl<K> Default for Router<K> {
    fn default() -> Self {
        Self { ufrags: BTreeMap::new(), addresses: HashMap::new(), learned: BTreeMap::new() }
    }
}

impl<K: Copy + Ord> Router<K> {
    /// A link answers to these user fragments now, and to no others.
    pub(crate) fn set_ufrags(&mut self, ufrags: Vec<String>, link: K) {
        self.ufrags.retain(|_, other| *other != link);
        self.ufrags.extend(ufrags.into_iter().map(|ufrag| (ufrag, link)));
    }

    /// A link sends to this address, or a check for it came from there.
    pub(crate) fn learn(&mut self, address: SocketAddr, link: K) {
        let links = self.addresses.entry(address).or_default();
        if links.contains(&link) {
            return;
        }
        let learned = self.learned.entry(link).or_default();
        if learned.len() >= MAX_ADDRESSES_PER_LINK {
            if links.is_empty() {
                self.addresses.remove(&address);
            }
            return;
        }
        learned.push(address);
        let at = links.partition_point(|other| *other > link);
        links.insert(at, link);
        if links.len() > MAX_LINKS_PER_ADDRESS {
            links.pop();
        }
    }

    /// The link is gone.
    pub(crate) fn forget(&mut self, link: K) {
        self.ufrags.retain(|_, other| *other != link);
        for address in self.learned.remove(&link).unwrap_or_default() {
            if let Some(links) = self.addresses.get_mut(&address) {
                links.retain(|other| *other != link);
                if links.is_empty() {
                    self.addresses.remove(&address);
                }
            }
        }
    }

    pub(crate) fn route(&mut self, from: SocketAddr, datagram: &[u8]) -> Route<K> {
        // STUN begins with a byte below 4 (RFC 7983 §7), DTLS with 20 to 63.
        let is_stun = datagram.first().is_some_and(|first| *first < 4);
        if is_stun && let Some(ufrag) = ufrag_of_stun(datagram) {
            let Some(link) = self.ufrags.get(ufrag).copied() else { return Route::Nobody };
            self.learn(from, link);
            return Route::One(link);
        }
        match self.addresses.get(&from).map(Vec::as_slice) {
            None | Some([]) => Route::Nobody,
            Some([link]) => Route::One(*link),
            Some(links) if is_stun => Route::All(links.to_vec()),
            Some([newest, ..]) => Route::One(*newest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DTLS: &[u8] = &[22, 254, 253];

    fn address(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    /// A Binding request with nothing but USERNAME.
    fn check_for(username: &str) -> Vec<u8> {
        let padded = username.len().next_multiple_of(4);
        let mut bytes = vec![0, 1, 0, u8::try_from(4 + padded).unwrap(), 0x21, 0x12, 0xA4, 0x42];
        bytes.extend_from_slice(&[7; 12]);
        bytes.extend_from_slice(&[0, 6, 0, u8::try_from(username.len()).unwrap()]);
        bytes.extend_from_slice(username.as_bytes());
        bytes.resize(20 + 4 + padded, 0);
        bytes
    }

    fn answer() -> Vec<u8> {
        let mut bytes = vec![1, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
        bytes.extend_from_slice(&[7; 12]);
        bytes
    }

    #[test]
    fn checks_go_by_user_fragment_whoever_sends_them() {
        let mut router = Router::default();
        router.set_ufrags(vec!["aaaa".into()], 1);
        router.set_ufrags(vec!["bbbb".into()], 2);
        assert_eq!(router.route(address(1), &check_for("bbbb:xxxx")), Route::One(2));
        assert_eq!(router.route(address(1), &check_for("aaaa:xxxx")), Route::One(1));
        assert_eq!(router.route(address(1), &check_for("cccc:xxxx")), Route::Nobody);
    }

    #[test]
    fn a_check_teaches_the_address_for_what_follows() {
        let mut router = Router::default();
        router.set_ufrags(vec!["aaaa".into()], 1);
        assert_eq!(router.route(address(1), DTLS), Route::Nobody);
        router.route(address(1), &check_for("aaaa:xxxx"));
        assert_eq!(router.route(address(1), DTLS), Route::One(1));
        assert_eq!(router.route(address(2), DTLS), Route::Nobody);
    }

    #[test]
    fn of_two_links_at_one_address_the_newer_gets_data_and_both_get_answers() {
        let mut router = Router::default();
        router.learn(address(1), 2);
        router.learn(address(1), 1);
        assert_eq!(router.route(address(1), DTLS), Route::One(2));
        assert_eq!(router.route(address(1), &answer()), Route::All(vec![2, 1]));
        router.forget(2);
        assert_eq!(router.route(address(1), DTLS), Route::One(1));
    }

    #[test]
    fn a_restart_of_ice_retires_old_user_fragments() {
        let mut router = Router::default();
        router.set_ufrags(vec!["aaaa".into()], 1);
        router.set_ufrags(vec!["bbbb".into()], 1);
        assert_eq!(router.route(address(1), &check_for("aaaa:x")), Route::Nobody);
        assert_eq!(router.route(address(1), &check_for("bbbb:x")), Route::One(1));
    }

    #[test]
    fn a_link_that_is_gone_gets_nothing() {
        let mut router = Router::default();
        router.set_ufrags(vec!["aaaa".into()], 1);
        router.learn(address(1), 1);
        router.forget(1);
        assert_eq!(router.route(address(1), DTLS), Route::Nobody);
        assert_eq!(router.route(address(1), &check_for("aaaa:x")), Route::Nobody);
        assert!(router.addresses.is_empty() && router.learned.is_empty());
    }

    #[test]
    fn a_flood_of_addresses_is_bounded() {
        let mut router = Router::default();
        for port in 1..=1_000 {
            router.learn(address(port), 1);
        }
        assert_eq!(router.addresses.len(), MAX_ADDRESSES_PER_LINK);
        for link in 2..=20 {
            router.learn(address(1), link);
        }
        assert_eq!(router.addresses[&address(1)].len(), MAX_LINKS_PER_ADDRESS);
    }

    #[test]
    fn empty_and_broken_datagrams_go_nowhere() {
        let mut router: Router<u8> = Router::default();
        router.set_ufrags(vec!["aaaa".into()], 1);
        for datagram in [&[][..], &[0], &check_for("aaaa:x")[..20]] {
            assert_eq!(router.route(address(9), datagram), Route::Nobody);
        }
    }
}
