//! What is in force for one run: flags and variables win over the config file, which wins
//! over the defaults.

use std::path::PathBuf;

use tincan_wire::DisplayName;

use crate::cli::Global;
use crate::config_file::ConfigFile;
use crate::failure::Failure;
use crate::output::Output;
use crate::places::{default_config, default_home};

/// What is in force for one run, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Directory with the identity and the history.
    pub(crate) home: PathBuf,
    /// The hub's origin, without a slash at its end.
    pub(crate) hub: Option<String>,
    /// Whether `hub` or `brokers` were said for this run rather than in the config file.
    pub(crate) place_said: bool,
    /// MQTT brokers without a hub.
    pub(crate) brokers: Vec<String>,
    /// What contacts shall see from now on.
    pub(crate) name: Option<DisplayName>,
    /// Certificates to trust beside the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// SHA-256 of the only server key to trust.
    pub(crate) pinned_key: Option<[u8; 32]>,
    /// What the engine's config has of this.
    pub(crate) engine: tincan_engine::Config,
    /// How to print.
    pub(crate) output: Output,
}

impl Settings {
    /// Reads the config file and puts everything together.
    pub(crate) fn gather(flags: &Global) -> Result<Self, Failure> {
        let file = match &flags.config {
            Some(path) => ConfigFile::read(path, true)?,
            // Without any home directory there is no such file; only then it's no error.
            None => default_config().map_or_else(
                |_| Ok(ConfigFile::default()),
                |path| ConfigFile::read(&path, false),
            )?,
        };
        Self::merge(flags, file)
    }

    /// Whether a hub or a broker is configured.
    pub(crate) const fn has_place(&self) -> bool {
        self.hub.is_some() || !self.brokers.is_empty()
    }

    pub(crate) fn merge(flags: &Global, file: ConfigFile) -> Result<Self, Failure> {
        let place_said = flags.hub.is_some() || !flags.brokers.is_empty();
        // A broker on the command line is instead of the config file's hub, and the other way.
        let (hub, brokers) = if place_said {
            (flags.hub.clone(), flags.brokers.clone())
        } else {
            (file.hub, file.brokers)
        };
        let defaults = tincan_engine::Config::default();
        let engine = tincan_engine::Config {
            read_receipts: file.read_receipts.unwrap_or(defaults.read_receipts),
            relay_only: flags.relay_only || file.relay_only.unwrap_or(defaults.relay_only),
            // Who asks is authenticated by hubs only (protocol §7): elsewhere, invites only.
            admit_strangers: file.admit_strangers.unwrap_or(brokers.is_empty()),
            ..defaults
        };
        Ok(Self {
            home: match flags.home.clone().or(file.home) {
                Some(home) => home,
                None => default_home()?,
            },
            hub: hub.as_deref().map(origin).transpose()?,
            place_said,
            brokers: brokers.iter().map(|url| broker(url)).collect::<Result<_, _>>()?,
            name: flags.name.clone().or(file.name).as_deref().map(display_name).transpose()?,
            ca_file: flags.ca_file.clone().or(file.ca_file),
            pinned_key: flags
                .pinned_key
                .clone()
                .or(file.pinned_key)
                .as_deref()
                .map(pinned_key)
                .transpose()?,
            engine,
            output: Output::new(flags.json),
        })
    }
}

/// A hub's origin: `http://host:port` or `https://host`, and nothing behind it.
pub(crate) fn origin(text: &str) -> Result<String, Failure> {
    let bad = |why: &str| {
        Failure::BadInput(format!(
            "`{text}` is no hub address: {why}; write one like https://hub.example.org or \
             http://127.0.0.1:8080"
        ))
    };
    let (scheme, rest) =
        text.split_once("://").ok_or_else(|| bad("http:// or https:// is missing"))?;
    if !matches!(scheme, "http" | "https") {
        return Err(bad("it must begin with http:// or https://"));
    }
    let host = rest.strip_suffix('/').unwrap_or(rest);
    check_host(host).map_err(bad)?;
    Ok(format!("{scheme}://{host}"))
}

/// A broker's address, as far as it can be judged without using it.
fn broker(text: &str) -> Result<String, Failure> {
    let shown = without_password(text);
    let bad = |why: &str| {
        Failure::BadInput(format!(
            "`{shown}` is no broker address: {why}; write one like mqtts://broker.example.org or \
             ws://user:password@127.0.0.1:9001/mqtt"
        ))
    };
    let (scheme, rest) =
        text.split_once("://").ok_or_else(|| bad("mqtt:// or the like is missing"))?;
    if !matches!(scheme, "mqtt" | "mqtts" | "ws" | "wss") {
        return Err(bad("it must begin with mqtt://, mqtts://, ws:// or wss://"));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    check_host(host).map_err(bad)?;
    Ok(text.to_owned())
}

/// Checks `host`, `host:port`, `[v6]` and `[v6]:port`.
fn check_host(host: &str) -> Result<(), &'static str> {
    if host.is_empty() {
        return Err("the host is missing");
    }
    if host.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#@\\".contains(c)) {
        return Err("nothing may follow the host and its port");
    }
    let after = match host.strip_prefix('[') {
        Some(v6) => v6.split_once(']').ok_or("the bracket of the IPv6 address is not closed")?.1,
        None => host.find(':').map_or("", |at| &host[at..]),
    };
    match after.strip_prefix(':') {
        None if after.is_empty() => Ok(()),
        Some(port) if port.parse::<u16>().is_ok_and(|port| port > 0) => Ok(()),
        _ => Err("the port must be a number of 1 to 65535"),
    }
}

/// The address with its password left out, for messages.
pub(crate) fn without_password(url: &str) -> String {
    // Somebody may have left out the scheme.
    let (scheme, rest) = url.split_at(url.find("://").map_or(0, |at| at + 3));
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}{user}@{host}")
        }
        None => url.to_owned(),
    }
}

/// A display name that survives the protocol's cleaning as it is.
pub(crate) fn display_name(text: &str) -> Result<DisplayName, Failure> {
    let name = DisplayName::clean(text);
    if name.as_str().is_empty() {
        return Err(Failure::bad_input("a name needs at least one visible character"));
    }
    if text.len() > name.as_str().len() && text.trim().len() > MAX_NAME_BYTES {
        return Err(Failure::BadInput(format!(
            "the name has {} bytes and {MAX_NAME_BYTES} are allowed; shorten it",
            text.len()
        )));
    }
    Ok(name)
}

/// What a display name may have (protocol §1).
const MAX_NAME_BYTES: usize = 64;

fn pinned_key(text: &str) -> Result<[u8; 32], Failure> {
    let bad = || {
        Failure::BadInput(format!(
            "`{text}` is no pinned key; it is the SHA-256 of the server's public key in 64 hex \
             digits"
        ))
    };
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    if digits.len() != 64 || !digits.is_ascii() {
        return Err(bad());
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
        match result.unwrap_err() {
            Failure::BadInput(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn origins_are_checked() {
        assert_eq!(origin("http://127.0.0.1:80/").ok().as_deref(), Some("http://127.0.0.1:80"));
        assert_eq!(origin("https://[::1]:8443").ok().as_deref(), Some("https://[::1]:8443"));
        for bad in
            ["hub", "ftp://a", "http://", "http://a/b", "http://a:0", "http://a:x", "http://[::1"]
        {
            assert!(why(origin(bad)).contains("write one like"), "{bad}");
        }
    }

    #[test]
    fn broker_addresses_are_checked_and_their_password_is_not_shown() {
        for good in ["mqtt://b", "mqtts://u:p@b:8883", "ws://b:9001/mqtt", "wss://[::1]"] {
            assert!(broker(good).is_ok(), "{good}");
        }
        for (bad, shown) in [("amqp://ada:secret@b", "`amqp://ada@b`"), ("ada:secret@b", "`ada@b`")]
        {
            let message = why(broker(bad));
            assert!(message.contains(shown) && !message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn names_are_checked() {
        assert_eq!(display_name("Ada").ok().map(|name| name.to_string()).as_deref(), Some("Ada"));
        assert!(why(display_name("\u{202e}")).contains("visible"));
        assert!(why(display_name(&"ä".repeat(33))).contains("shorten"));
    }

    #[test]
    fn a_pinned_key_has_64_hex_digits() {
        assert_eq!(pinned_key(&"ab".repeat(32)).ok(), Some([0xab; 32]));
        for bad in ["ab".repeat(31), "xy".repeat(32), "+a".repeat(32).replace("+a", "é")] {
            assert!(why(pinned_key(&bad)).contains("64 hex digits"), "{bad}");
        }
    }

    #[test]
    fn what_is_said_for_this_run_wins_over_the_file() {
        let file = ConfigFile {
            hub: Some("http://file:1".into()),
            name: Some("File".into()),
            ..ConfigFile::default()
        };
        let flags = Global {
            home: Some("/tmp/home".into()),
            brokers: vec!["mqtt://flag".into()],
            ..Global::default()
        };
        let settings = Settings::merge(&flags, file).expect("all of it is right");
        assert_eq!((settings.hub, settings.brokers), (None, vec!["mqtt://flag".to_owned()]));
        assert_eq!(settings.name.map(|name| name.to_string()).as_deref(), Some("File"));
    }
}
