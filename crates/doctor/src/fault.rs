//! Why a server could not be used: one kind for all of them, with its words.

use crate::text::{Text, words};

/// Why a server could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The name has no address.
    Resolve,
    /// Nothing listens there.
    Refused,
    /// Nothing came back.
    TimedOut,
    /// There is no way there from here.
    Unreachable,
    /// It ended the connection, or an answer was broken off.
    Broken,
    /// The certificate is signed by nobody that this machine trusts.
    UnknownCertificate,
    /// The certificate is too old.
    CertificateExpired,
    /// The certificate is not valid yet.
    CertificateNotYetValid,
    /// The certificate is for another name.
    CertificateForAnotherName,
    /// The key is not the pinned one.
    WrongKey,
    /// The certificate is an authority's.
    AuthorityAsServer,
    /// The CA file cannot be used, for this reason.
    CaFile(String),
    /// TLS failed for another reason.
    Tls(String),
    /// An answer with another HTTP status than wanted.
    Status(u16),
    /// What answers is no web server, or no hub.
    NotAHub,
    /// The hub speaks TLS there, and was asked without.
    NeedsTls,
    /// What answers speaks no TURN.
    NoRelay,
    /// There is no WebSocket with MQTT.
    NoWebSocket,
    /// What answers is no MQTT broker.
    NotABroker,
    /// The name and password, or the token, are not taken. The broker's own words.
    NotAdmitted(String),
    /// Our own topics may not be listened to.
    NotSubscribed,
    /// It refuses for another reason, in its own words.
    Turned(String),
    /// The relay does not take the credential.
    Credential,
    /// The relay is full, or our share of it is used up.
    Full,
    /// The relay gave an address, but what was sent through it did not come back.
    NothingRelayed,
    /// The same, and the address is a private one.
    RelayedInPrivate,
    /// Something else, in the words of the system or of a library.
    Other(String),
}

impl Fault {
    /// A short stable name, for programs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Resolve => "name_unknown",
            Self::Refused => "refused",
            Self::TimedOut => "no_answer",
            Self::Unreachable => "no_way",
            Self::Broken => "broken_off",
            Self::UnknownCertificate => "certificate_unknown",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateNotYetValid => "certificate_not_yet_valid",
            Self::CertificateForAnotherName => "certificate_for_another_name",
            Self::WrongKey => "wrong_key",
            Self::AuthorityAsServer => "authority_as_server",
            Self::CaFile(_) => "ca_file",
            Self::Tls(_) => "tls_failed",
            Self::Status(_) => "http_status",
            Self::NotAHub => "not_a_hub",
            Self::NeedsTls => "needs_tls",
            Self::NoRelay => "no_relay",
            Self::NoWebSocket => "no_websocket",
            Self::NotABroker => "not_a_broker",
            Self::NotAdmitted(_) => "not_admitted",
            Self::NotSubscribed => "not_subscribed",
            Self::Turned(_) => "turned_away",
            Self::Credential => "credential_refused",
            Self::Full => "relay_full",
            Self::NothingRelayed => "nothing_relayed",
            Self::RelayedInPrivate => "relayed_in_private",
            Self::Other(_) => "failed",
        }
    }

    /// What happened, as the end of a sentence that began with the server.
    pub(crate) fn words(&self) -> Text {
        match self {
            Self::Resolve => "has a name that cannot be resolved".into(),
            Self::Refused => "refuses the connection: nothing listens there".into(),
            Self::TimedOut => "does not answer".into(),
            Self::Unreachable => "cannot be reached: there is no way there from here".into(),
            Self::Broken => "breaks off".into(),
            Self::UnknownCertificate => {
                "shows a certificate that is signed by nobody this machine trusts".into()
            }
            Self::CertificateExpired => "shows a certificate that has expired".into(),
            Self::CertificateNotYetValid => "shows a certificate that is not valid yet".into(),
            Self::CertificateForAnotherName => "shows a certificate for another name".into(),
            Self::WrongKey => "has another key than the pinned one".into(),
            Self::AuthorityAsServer => "shows the certificate of an authority as its own".into(),
            Self::CaFile(reason) => {
                words!["cannot be judged: the CA file is unusable", because(reason)]
            }
            Self::Tls(reason) => words!["does not get through TLS", because(reason)],
            Self::Status(status) => {
                words!["answers HTTP ", Text::figure(status.to_string())]
            }
            Self::NotAHub => "does not answer as a hub does".into(),
            Self::NeedsTls => "speaks TLS, and was asked without".into(),
            Self::NoRelay => "speaks no TURN at this port".into(),
            Self::NoWebSocket => "has no WebSocket with MQTT at this path".into(),
            Self::NotABroker => "does not answer as an MQTT broker does".into(),
            Self::NotAdmitted(reason) => words!["does not admit us", because(reason)],
            Self::NotSubscribed => "does not let us listen to our own topics".into(),
            Self::Turned(reason) => words!["refuses", because(reason)],
            Self::Credential => "does not take the credential that the hub gave us".into(),
            Self::Full => "is full, or our share of it is used up".into(),
            Self::NothingRelayed => {
                "gives us an address, but what is sent through it does not come back".into()
            }
            Self::RelayedInPrivate => {
                "gives us a private address, and relays nothing within private networks".into()
            }
            Self::Other(reason) => words!["fails", because(reason)],
        }
    }

    /// What to do about it.
    pub(crate) fn remedy(&self) -> Text {
        match self {
            Self::Resolve => "Check the spelling of the name, and whether this machine is online.",
            Self::Refused => "Check address and port, and whether the server is running.",
            Self::TimedOut => {
                "Check the address. If others reach it, a firewall between here and there swallows \
                 what goes to this port: ask who runs this network."
            }
            Self::Unreachable => "Check whether this machine is online.",
            Self::Broken => "Ask who runs the server to look at its log.",
            Self::UnknownCertificate => {
                "Name the authority's certificate with --ca-file, or the server's key with \
                 --pinned-key."
            }
            Self::CertificateExpired | Self::CertificateNotYetValid => {
                "Check this machine's clock. If that is right, ask who runs the server to renew its \
                 certificate."
            }
            Self::CertificateForAnotherName => {
                "Use the name that the certificate is for, or ask who runs the server for one that \
                 has this name, too."
            }
            Self::WrongKey => {
                "Ask who runs the server whether the key was renewed. If it was not, somebody is in \
                 between: do not go on."
            }
            Self::AuthorityAsServer => {
                "Ask who runs the server to sign a certificate of its own with that authority, or \
                 pin its key with --pinned-key."
            }
            Self::CaFile(_) => "Give --ca-file a file with certificates in PEM form.",
            Self::Tls(_) => "Check whether this port speaks TLS at all.",
            Self::Status(_) | Self::NotAHub => "Check the address: is it the origin of a hub?",
            Self::NeedsTls => "Write https:// in place of http:// in the hub's address.",
            Self::NoRelay => "Whoever runs the hub must check the relay's address.",
            Self::NoWebSocket => "Check the path of the address.",
            Self::NotABroker => "Check the address: is it the port of an MQTT broker?",
            Self::NotAdmitted(_) => {
                "Check user name and password, or the hub that is named; else ask who runs it."
            }
            Self::NotSubscribed => {
                "Ask who runs the broker to let clients subscribe to user/ID/+ with their own id."
            }
            Self::Turned(_) | Self::Full => "Try again later, or ask who runs it.",
            Self::Credential => {
                "Ask who runs the hub whether hub and relay have the same secret, and whether \
                 their clocks are right."
            }
            Self::NothingRelayed => {
                "Ask who runs the relay whether it knows its public address (--relay-address), and \
                 whether its firewall lets UDP in."
            }
            Self::RelayedInPrivate => {
                "Ask who runs the hub to name its public address (--relay-address), or, if it \
                 serves this network alone, to start it with --relay-private."
            }
            Self::Other(_) => "Ask who runs the server, with the words above.",
        }
        .into()
    }
}

/// What somebody else's words say; they may name anything.
fn because(reason: &str) -> Text {
    if reason.is_empty() { Text::default() } else { Text::private(format!(" ({reason})"), "") }
}
