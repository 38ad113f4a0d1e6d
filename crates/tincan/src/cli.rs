//! What can be said on the command line: flags, subcommands and the words of their help.
#![allow(
    rustdoc::bare_urls,
    rustdoc::broken_intra_doc_links,
    reason = "these comments are the help that the terminal shows, and no Markdown"
)]

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use tincan_hub::RelayAddress;

use crate::duration_text::parse_duration;

/// The end of every help page and of the man page.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: not delivered in time, hub not reachable, disk full, home in use, …
  2  bad input: an unknown flag or key, a malformed id, invite, address or file";

/// Peer-to-peer chat: two machines find each other through a broker that can read nothing,
/// connect by WebRTC, and keep what was said in a database of their own.
#[derive(Debug, Parser)]
#[command(name = "tincan", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every subcommand.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Directory with the identity and the history [default: tincan in the XDG data directory]
    #[arg(long, global = true, env = "TINCAN_HOME", value_name = "DIR", hide_env_values = true)]
    pub(crate) home: Option<PathBuf>,
    /// The hub to meet at, such as https://hub.example.org
    #[arg(long, global = true, env = "TINCAN_HUB", value_name = "ORIGIN", hide_env_values = true)]
    pub(crate) hub: Option<String>,
    /// An MQTT broker without a hub: mqtt://, mqtts://, ws:// or wss://[user:password@]host[:port];
    /// may be repeated (in the variable: separated by commas)
    #[arg(
        long = "broker",
        global = true,
        env = "TINCAN_BROKER",
        value_name = "URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) brokers: Vec<String>,
    /// What contacts see you as
    #[arg(long, global = true, env = "TINCAN_NAME", value_name = "NAME", hide_env_values = true)]
    pub(crate) name: Option<String>,
    /// Certificates (PEM) to trust for the hub and the broker, beside the system's
    #[arg(
        long,
        global = true,
        env = "TINCAN_CA_FILE",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub(crate) ca_file: Option<PathBuf>,
    /// Trust only a server with this key: SHA-256 of its SubjectPublicKeyInfo, 64 hex digits
    #[arg(
        long,
        global = true,
        env = "TINCAN_PINNED_KEY",
        value_name = "HEX",
        hide_env_values = true
    )]
    pub(crate) pinned_key: Option<String>,
    /// Hide your addresses from contacts: talk through relays only, but for contacts for whom
    /// `contact relay-only` says otherwise
    #[arg(long, global = true, env = "TINCAN_RELAY_ONLY", hide_env_values = true)]
    pub(crate) relay_only: bool,
    /// Read this file instead of tincan/config.toml in the XDG config directory
    #[arg(long, global = true, env = "TINCAN_CONFIG", value_name = "FILE", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, one value a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Log to stderr: -v what happens, -vv in detail (TINCAN_LOG takes a tracing filter)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Talk with a contact, or with whoever takes your invite
    Chat(Chat),
    /// Run a hub: the broker and STUN server where people meet
    Hub(Hub),
    /// Print your id
    Id(Id),
    /// Make an invite link that adds its holder as a contact
    Invite(Invite),
    /// Add, list, accept, decline, block, rename and verify contacts
    Contact {
        #[command(subcommand)]
        action: Contact,
    },
    /// Send a message and wait until it is delivered
    Send(Send),
    /// Stay online and print what happens
    Listen(Listen),
    /// Print a conversation
    History(History),
    /// Search all conversations
    Search(Search),
    /// Write an encrypted backup of identity, contacts and history
    Export(Export),
    /// Take in a backup of `tincan export` or of the page
    Import(Import),
    /// Tell how things stand: broker, contacts, what was dropped and why
    Status,
    /// Look for what keeps a chat from working: disk, hub, broker, router, relay, clock
    Doctor(Doctor),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the man page (roff)
    Man,
}

/// `tincan chat`
#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// A contact (nickname, name, id or the beginning of an id) or an invite link; without it,
    /// choose from the contacts, or make an invite and wait for whoever takes it
    #[arg(value_name = "CONTACT|INVITE")]
    pub(crate) with: Option<String>,
    /// How many earlier messages to show
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) last: usize,
    /// Make an invite and wait for whoever takes it, even if there are contacts
    #[arg(long, conflicts_with = "with")]
    pub(crate) invite: bool,
    /// Run a hub inside this chat if none is configured: at this port
    /// [default: the one used before, else a free one]
    #[arg(long, value_name = "PORT")]
    pub(crate) hub_port: Option<u16>,
    /// The address on which that hub listens and is named in the invite
    /// [default: all of this machine's, and the one of its default route]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) hub_bind: Option<IpAddr>,
    /// When input that is not a terminal ends, wait this long for what was said to be delivered
    #[arg(long, default_value = "30s", value_parser = parse_duration, value_name = "TIME")]
    pub(crate) timeout: Duration,
}

/// `tincan hub`
#[derive(Debug, Args)]
pub(crate) struct Hub {
    /// Address to listen on; :: is IPv6 and, on most systems, IPv4 too
    #[arg(long, env = "TINCAN_HUB_BIND", default_value = "0.0.0.0", value_name = "ADDRESS")]
    pub(crate) bind: IpAddr,
    /// Port of the site and of access tokens (HTTP, and HTTPS where there is a certificate); 0
    /// takes a free one, as for every port
    #[arg(long, env = "TINCAN_HUB_PORT", default_value_t = 8080, value_name = "PORT")]
    pub(crate) port: u16,
    /// Port of MQTT
    #[arg(long, env = "TINCAN_HUB_MQTT_PORT", default_value_t = 1883, value_name = "PORT")]
    pub(crate) mqtt_port: u16,
    /// Port of MQTT over WebSocket
    #[arg(long, env = "TINCAN_HUB_WS_PORT", default_value_t = 8083, value_name = "PORT")]
    pub(crate) ws_port: u16,
    /// Port of STUN and of the relay (TURN), over UDP and TCP
    #[arg(long, env = "TINCAN_HUB_STUN_PORT", default_value_t = 3478, value_name = "PORT")]
    pub(crate) stun_port: u16,
    /// Port of STUN once more, over UDP, by which `tincan doctor` tells what a router does
    #[arg(long, env = "TINCAN_HUB_SECOND_STUN_PORT", default_value_t = 3479, value_name = "PORT")]
    pub(crate) second_stun_port: u16,
    /// Another address of this machine where STUN answers, too, so that `tincan doctor` tells all
    /// kinds of routers apart; like --relay-address
    #[arg(long, env = "TINCAN_HUB_STUN_ADDRESS", value_name = "ADDRESS", value_delimiter = ',',
          value_parser = parse_relay_address)]
    pub(crate) stun_address: Vec<RelayAddress>,
    /// Port of the relay over TLS, where there is a certificate
    #[arg(long, env = "TINCAN_HUB_TURNS_PORT", default_value_t = 5349, value_name = "PORT")]
    pub(crate) turns_port: u16,
    /// Speak TLS with this certificate and those that lead to its authority (PEM; certbot calls it
    /// fullchain.pem); a renewed one is taken within a minute
    #[arg(long, env = "TINCAN_HUB_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of that certificate (PEM, without a passphrase)
    #[arg(long, env = "TINCAN_HUB_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// The hub's name, for which access tokens are good: give every hub its own
    #[arg(long, env = "TINCAN_HUB_NAME", default_value = "tincan", value_name = "NAME")]
    pub(crate) hub_name: String,
    /// Host name or address under which people reach this hub, if a proxy stands before it or the
    /// certificate is for that name
    #[arg(long, env = "TINCAN_HUB_PUBLIC_HOST", value_name = "HOST")]
    pub(crate) public_host: Option<String>,
    /// Keep what waits for absent people here, so that it outlives a restart [default: memory]
    #[arg(long, env = "TINCAN_HUB_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Relay at this address; behind a NAT: the public one, a slash, and this machine's own. Once
    /// for IPv4 and once for IPv6 [default: this machine's]
    #[arg(long, env = "TINCAN_HUB_RELAY_ADDRESS", value_name = "ADDRESS", value_delimiter = ',',
          value_parser = parse_relay_address)]
    pub(crate) relay_address: Vec<RelayAddress>,
    /// Relay into private networks and to this machine too: for laboratories
    #[arg(long, env = "TINCAN_HUB_RELAY_PRIVATE")]
    pub(crate) relay_private: bool,
    /// Give people no relay
    #[arg(long, env = "TINCAN_HUB_NO_RELAY", conflicts_with_all = ["relay_url", "relay_address"])]
    pub(crate) no_relay: bool,
    /// Send people to this relay instead, such as turn:relay.example:3478; needs its secret
    #[arg(
        long,
        env = "TINCAN_HUB_RELAY_URL",
        value_name = "URL",
        value_delimiter = ',',
        requires = "relay_secret_file"
    )]
    pub(crate) relay_url: Vec<String>,
    /// The secret that relays share with this hub, in a file; coturn's `static-auth-secret`
    #[arg(long, env = "TINCAN_HUB_RELAY_SECRET_FILE", value_name = "FILE")]
    pub(crate) relay_secret_file: Option<PathBuf>,
    /// Let ids and addresses appear in the log
    #[arg(long)]
    pub(crate) log_ids: bool,
}

/// `PUBLIC` or `PUBLIC/LOCAL`.
fn parse_relay_address(text: &str) -> Result<RelayAddress, String> {
    let (public, local) = match text.split_once('/') {
        Some((public, local)) => (public, Some(local)),
        None => (text, None),
    };
    let address = |text: &str| {
        text.parse()
            .map_err(|_| format!("`{text}` is no address; write 203.0.113.1 or 2001:db8::1"))
    };
    let address = RelayAddress { public: address(public)?, local: local.map(address).transpose()? };
    match address.local {
        Some(local) if local.is_ipv4() != address.public.is_ipv4() => {
            Err("both addresses must be IPv4, or both IPv6".to_owned())
        }
        _ => Ok(address),
    }
}

/// `tincan id`
#[derive(Debug, Args)]
pub(crate) struct Id {
    /// Show it as a QR code too
    #[arg(long)]
    pub(crate) qr: bool,
}

/// `tincan invite`
#[derive(Debug, Args)]
pub(crate) struct Invite {
    /// How many people may use it
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) uses: u32,
    /// For how long it is good, such as 30m, 12h or 7d
    #[arg(long = "for", default_value = "7d", value_parser = parse_duration, value_name = "TIME")]
    pub(crate) ttl: Duration,
    /// Show it as a QR code too
    #[arg(long)]
    pub(crate) qr: bool,
}

/// `tincan contact …`
#[derive(Debug, Subcommand)]
pub(crate) enum Contact {
    /// Ask someone to be a contact, by their invite link or their id
    Add {
        /// The link or the id
        #[arg(value_name = "INVITE|ID")]
        target: String,
        /// What you want to call them
        #[arg(long, value_name = "NAME")]
        nickname: Option<String>,
        /// Wait this long for their answer; 0s does not wait
        #[arg(long, default_value = "10s", value_parser = parse_duration, value_name = "TIME")]
        timeout: Duration,
    },
    /// List contacts and waiting requests
    List,
    /// Accept a waiting request
    Accept(ContactName),
    /// Decline a waiting request
    Decline(ContactName),
    /// Hear nothing more from someone; their messages stay
    Block(ContactName),
    /// Take a block back
    Unblock(ContactName),
    /// Call a contact something else
    Rename {
        /// Nickname, name, id or the beginning of an id
        contact: String,
        /// The nickname; without it, their own name shows again
        nickname: Option<String>,
    },
    /// Hide your addresses from a contact, by talking through relays only, or show them
    RelayOnly {
        /// Nickname, name, id or the beginning of an id
        contact: String,
        /// `default` does as --relay-only or the config file says
        setting: Setting,
    },
    /// Print the safety number to compare with the contact's, and note that it is equal
    Verify {
        /// Nickname, name, id or the beginning of an id
        contact: String,
        /// The numbers were compared and are equal
        #[arg(long, conflicts_with = "undo")]
        equal: bool,
        /// Take an earlier comparison back
        #[arg(long)]
        undo: bool,
        /// Show it as a QR code too
        #[arg(long)]
        qr: bool,
    },
}

/// A setting of one contact.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Setting {
    /// For this contact always
    On,
    /// For this contact never
    Off,
    /// As in general
    Default,
}

impl From<Setting> for Option<bool> {
    fn from(setting: Setting) -> Self {
        match setting {
            Setting::On => Some(true),
            Setting::Off => Some(false),
            Setting::Default => None,
        }
    }
}

/// `tincan doctor`
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Write a report that can be given to anybody, without hosts, addresses, paths and ids, to
    /// this file as well; - prints it to standard output instead
    #[arg(long, value_name = "FILE|-")]
    pub(crate) report: Option<PathBuf>,
}

/// One contact, however it is called.
#[derive(Debug, Args)]
pub(crate) struct ContactName {
    /// Nickname, name, id or the beginning of an id
    pub(crate) contact: String,
}

/// `tincan send`
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// Nickname, name, id or the beginning of an id
    pub(crate) contact: String,
    /// What to say; - or nothing reads it from standard input
    #[arg(value_name = "TEXT|-")]
    pub(crate) text: Option<String>,
    /// Wait this long until it is on the other side's disk; 0s only puts it into the outbox
    #[arg(long, default_value = "30s", value_parser = parse_duration, value_name = "TIME")]
    pub(crate) timeout: Duration,
}

/// `tincan listen`
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Only what concerns this contact
    #[arg(long, value_name = "CONTACT")]
    pub(crate) contact: Option<String>,
    /// Accept every request that comes
    #[arg(long)]
    pub(crate) accept: bool,
}

/// `tincan history`
#[derive(Debug, Args)]
pub(crate) struct History {
    /// Nickname, name, id or the beginning of an id
    pub(crate) contact: String,
    /// At most so many of the last messages
    #[arg(long, default_value_t = 50, value_name = "N", conflicts_with = "all")]
    pub(crate) last: usize,
    /// The whole conversation
    #[arg(long)]
    pub(crate) all: bool,
}

/// `tincan search`
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// The words that must occur; the last may be a beginning
    #[arg(required = true)]
    pub(crate) words: Vec<String>,
    /// Only in the conversation with this contact
    #[arg(long, value_name = "CONTACT")]
    pub(crate) contact: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: usize,
}

/// `tincan export`
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Where to write it; - writes it to standard output
    #[arg(value_name = "FILE|-")]
    pub(crate) file: PathBuf,
    /// Take the passphrase from this file, of one line, instead of asking for it
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// `tincan import`
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The backup; - reads it from standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) file: PathBuf,
    /// Take the passphrase from this file, of one line, instead of asking for it
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}
