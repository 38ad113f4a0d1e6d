//! Texts that say where things are: the config file, addresses, and what a hub answers.

use tincan_node::fuzzing as node;
use tincan_node::{BrokerAddress, Origin};

/// The most addresses that a hub's list is taken for.
const MAX_ADDRESSES: usize = 8;

/// The longest nonce or name that a hub is believed.
const MAX_TEXT_BYTES: usize = 512;

/// The largest body that is read of a hub.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Every reader of settings and of a hub's answers: what they read is within its bounds, and what
/// is written down of it reads the same.
pub fn config(data: &[u8]) {
    hub_answers(data);
    if let Some(body) = node::hub_answer(data) {
        assert!(body.len() <= MAX_BODY_BYTES);
        hub_answers(&body);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    addresses(text);
    if let Ok((hub, brokers)) = tincan::fuzzing::config_file(text) {
        hub.iter().chain(&brokers).for_each(|address| addresses(address));
    }
}

fn hub_answers(body: &[u8]) {
    if let Some((brokers, stun)) = node::hub_config(body) {
        assert!(brokers.len().max(stun.len()) <= MAX_ADDRESSES);
        brokers.iter().chain(&stun).for_each(|address| addresses(address));
    }
    if let Some((nonce, name)) = node::hub_challenge(body) {
        assert!(nonce.len().max(name.len()) <= MAX_TEXT_BYTES);
    }
    if let Some(urls) = node::hub_ice(body) {
        assert!(urls.len() <= MAX_ADDRESSES);
        urls.iter().for_each(|url| addresses(url));
    }
}

fn addresses(text: &str) {
    if let Ok(address) = text.parse::<BrokerAddress>() {
        let shown = address.to_string();
        let without_user = BrokerAddress { username: None, password: None, ..address };
        assert_eq!(shown.parse(), Ok(without_user), "{shown:?}");
    }
    if let Ok(origin) = text.parse::<Origin>() {
        assert_eq!(origin.to_string().parse(), Ok(origin));
    }
    if let Some((host, port)) = node::ice_url(text) {
        assert!(!host.is_empty() && port != 0);
    }
    let place = node::meeting_place(text);
    assert_eq!(node::meeting_place(&place), place);
    let shown = tincan::fuzzing::shown_address(text);
    assert_eq!(tincan::fuzzing::shown_address(&shown), shown);
}
