//! What can be set about a node, with its default, its unit and its cost.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// Settings of one node. [`Config::new`] has the defaults.
#[derive(Clone)]
pub struct Config {
    /// The home directory: made with mode 0700 if it is not there, locked while the node runs.
    pub home: PathBuf,
    /// The hub's origin, `https://host` or `http://host:port`. Default `None`: the one that was
    /// remembered from an invite, or none.
    pub hub: Option<String>,
    /// Broker addresses, `mqtt`, `mqtts`, `ws` or `wss` URLs: several mean ways to one and the
    /// same broker or cluster, tried in this order. Default empty: those that the hub names, or
    /// that were remembered from an invite.
    pub brokers: Vec<String>,
    /// The user name for the broker, where it wants one of its own instead of the hub's token. A
    /// user name in a broker's address wins. Default `None`.
    pub broker_username: Option<String>,
    /// The password to that user name. Default `None`.
    pub broker_password: Option<String>,
    /// Trust the authorities in this PEM file for TLS, beside the system's. Default `None`.
    pub ca_file: Option<PathBuf>,
    /// Trust exactly this server key for TLS, whoever signed it: SHA-256 of its
    /// SubjectPublicKeyInfo. Default `None`.
    pub pinned_key: Option<[u8; 32]>,
    /// STUN servers, as `stun:host:port`, beside those that the hub names. Default empty.
    pub stun: Vec<String>,
    /// The local addresses to offer to peers. Default `None`: those of every interface that is
    /// up, but no bridge's; loopback only if there is nothing else, or if the hub or broker is
    /// on this machine.
    pub listen_addresses: Option<Vec<IpAddr>>,
    /// Serve the control socket in the home directory, so that other processes of this user can
    /// use the node. Default true; costs a file descriptor.
    pub control_socket: bool,
    /// The engine's own settings.
    pub engine: tincan_engine::Config,
}

impl Config {
    /// The defaults, at this home directory.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self {
            home: home.into(),
            hub: None,
            brokers: Vec::new(),
            broker_username: None,
            broker_password: None,
            ca_file: None,
            pinned_key: None,
            stun: Vec::new(),
            listen_addresses: None,
            control_socket: true,
            engine: tincan_engine::Config::default(),
        }
    }
}

/// Without passwords, and without broker addresses, which may hold some.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("home", &self.home)
            .field("hub", &self.hub)
            .field("brokers", &self.brokers.len())
            .field("ca_file", &self.ca_file)
            .field("listen_addresses", &self.listen_addresses)
            .field("control_socket", &self.control_socket)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_password() {
        let mut config = Config::new("/home/of/someone");
        config.broker_password = Some("geheim".to_owned());
        config.brokers = vec!["mqtt://user:geheim@host".to_owned()];
        assert!(!format!("{config:?}").contains("geheim"));
    }
}
