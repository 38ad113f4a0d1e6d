//! Invites: links that bring a stranger to a user (protocol §1).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::base64url;
use crate::display_name::DisplayName;
use crate::invite_proof::InviteToken;
use crate::invite_url::{check_broker, decode_percent, normal_origin, write_percent};
use crate::user_id::{UserId, UserIdError};

/// Longest invite in bytes: what QR codes and browsers take without trouble.
pub const MAX_INVITE_BYTES: usize = 2048;

/// Most brokers in one invite.
pub const MAX_BROKERS: usize = 4;

/// Longest broker URL in bytes.
pub const MAX_BROKER_BYTES: usize = 256;

/// The format that this program writes and reads.
const VERSION: u8 = 1;

/// ver ‖ key ‖ token ‖ expiry.
const PAYLOAD_BYTES: usize = 1 + 32 + 16 + 8;

/// An invite: `<hub origin>/#<payload>&n=<name>&b=<broker>`, or `tincan:<payload>&…` without a
/// hub. The payload is base64url of version 1 ‖ key ‖ token ‖ expiry as u64 big-endian. The
/// fragment never reaches a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// The hub's origin, such as `http://127.0.0.1:8080`: scheme, host and perhaps a port, lower
    /// case, nothing behind it.
    pub hub: Option<String>,
    /// Who invites.
    pub key: UserId,
    /// What admits the guest.
    pub token: InviteToken,
    /// When the invite ends, in milliseconds since the Unix epoch.
    pub expiry: u64,
    /// What the inviter is called.
    pub name: Option<DisplayName>,
    /// MQTT brokers to meet at: `mqtt`, `mqtts`, `ws` or `wss` URLs; at most [`MAX_BROKERS`] of
    /// [`MAX_BROKER_BYTES`].
    pub brokers: Vec<String>,
}

impl Invite {
    /// Checks that the text form can be read back: origin, brokers, length.
    ///
    /// # Errors
    /// The first bound that is broken.
    pub fn check(&self) -> Result<(), InviteError> {
        if let Some(hub) = &self.hub
            && normal_origin(hub).as_ref() != Some(hub)
        {
            return Err(InviteError::BadOrigin);
        }
        if self.brokers.len() > MAX_BROKERS {
            return Err(InviteError::TooManyBrokers);
        }
        if self.brokers.iter().any(|broker| !check_broker(broker, MAX_BROKER_BYTES)) {
            return Err(InviteError::BadBroker);
        }
        if self.to_string().len() > MAX_INVITE_BYTES {
            return Err(InviteError::TooLong);
        }
        Ok(())
    }

    fn payload(&self) -> [u8; PAYLOAD_BYTES] {
        let mut bytes = [0; PAYLOAD_BYTES];
        bytes[0] = VERSION;
        bytes[1..33].copy_from_slice(self.key.as_bytes());
        bytes[33..49].copy_from_slice(self.token.as_bytes());
        bytes[49..].copy_from_slice(&self.expiry.to_be_bytes());
        bytes
    }
}

impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hub {
            Some(origin) => write!(f, "{origin}/#")?,
            None => f.write_str("tincan:")?,
        }
        f.write_str(&base64url::encode(&self.payload()))?;
        if let Some(name) = &self.name {
            f.write_str("&n=")?;
            write_percent(f, name.as_str())?;
        }
        for broker in &self.brokers {
            f.write_str("&b=")?;
            write_percent(f, broker)?;
        }
        Ok(())
    }
}

impl FromStr for Invite {
    type Err = InviteError;

    /// Reads an invite, with white space around it. Unknown parameters are ignored.
    fn from_str(text: &str) -> Result<Self, InviteError> {
        let text = text.trim();
        if text.len() > MAX_INVITE_BYTES {
            return Err(InviteError::TooLong);
        }
        let (hub, fragment) = split_hub(text)?;
        let mut parts = fragment.split('&');
        let (key, token, expiry) = read_payload(parts.next().unwrap_or_default())?;
        let mut invite = Self { hub, key, token, expiry, name: None, brokers: Vec::new() };
        for part in parts {
            invite.read_parameter(part)?;
        }
        invite.check()?;
        Ok(invite)
    }
}

impl Invite {
    fn read_parameter(&mut self, part: &str) -> Result<(), InviteError> {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name {
            "n" => {
                let name = DisplayName::clean(&decode_percent(value)?);
                self.name = Some(name).filter(|name| !name.is_empty());
            }
            "b" => self.brokers.push(decode_percent(value)?),
            _ => {}
        }
        Ok(())
    }
}

fn split_hub(text: &str) -> Result<(Option<String>, &str), InviteError> {
    if let Some(fragment) = text.strip_prefix("tincan:") {
        return Ok((None, fragment.strip_prefix('#').unwrap_or(fragment)));
    }
    let (page, fragment) = text.split_once('#').ok_or(InviteError::NotAnInvite)?;
    if !page.contains("://") {
        return Err(InviteError::NotAnInvite);
    }
    let origin = page.strip_suffix('/').unwrap_or(page);
    let origin = normal_origin(origin).ok_or(InviteError::BadOrigin)?;
    Ok((Some(origin), fragment))
}

fn read_payload(text: &str) -> Result<(UserId, InviteToken, u64), InviteError> {
    let bytes = base64url::decode(text).ok_or(InviteError::BadEncoding)?;
    match bytes.first() {
        None => return Err(InviteError::WrongLength),
        Some(&VERSION) => {}
        Some(0) => return Err(InviteError::BadEncoding),
        Some(newer) => return Err(InviteError::NewerVersion(*newer)),
    }
    let bytes: [u8; PAYLOAD_BYTES] = bytes.try_into().map_err(|_| InviteError::WrongLength)?;
    let (mut key, mut token, mut expiry) = ([0; 32], [0; 16], [0; 8]);
    key.copy_from_slice(&bytes[1..33]);
    token.copy_from_slice(&bytes[33..49]);
    expiry.copy_from_slice(&bytes[49..]);
    Ok((UserId::from_bytes(key)?, InviteToken(token), u64::from_be_bytes(expiry)))
}

/// Why a text is no invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InviteError {
    /// Neither a link with a fragment nor a `tincan:` link.
    #[error("this is not an invite; paste the whole link that `tincan invite` printed")]
    NotAnInvite,
    /// What stands before the fragment is no origin.
    #[error("the invite's hub must look like https://example.org or http://127.0.0.1:8080")]
    BadOrigin,
    /// The payload or a parameter is encoded wrongly.
    #[error("the invite is damaged (a wrong character in it); copy the whole link again")]
    BadEncoding,
    /// The payload has a wrong length, as when the end of a link was cut off.
    #[error("the invite is cut off or too long; copy the whole link again")]
    WrongLength,
    /// The payload is of a later version.
    #[error("the invite is of version {0}, which is newer than this program; update it")]
    NewerVersion(u8),
    /// The payload holds no valid key.
    #[error("the invite is damaged: {0}")]
    BadKey(#[from] UserIdError),
    /// A broker is no MQTT URL.
    #[error(
        "a broker in the invite must be mqtt://, mqtts://, ws:// or wss:// with a host, at most {MAX_BROKER_BYTES} bytes"
    )]
    BadBroker,
    /// More brokers than [`MAX_BROKERS`].
    #[error("an invite names at most {MAX_BROKERS} brokers; leave some out")]
    TooManyBrokers,
    /// Longer than [`MAX_INVITE_BYTES`].
    #[error("an invite has at most {MAX_INVITE_BYTES} bytes; paste only the link")]
    TooLong,
}

impl InviteError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAnInvite => "invite_form",
            Self::BadOrigin => "invite_origin",
            Self::BadEncoding => "invite_encoding",
            Self::WrongLength => "invite_length",
            Self::NewerVersion(_) => "invite_newer_version",
            Self::BadKey(_) => "invite_key",
            Self::BadBroker => "invite_broker",
            Self::TooManyBrokers => "invite_too_many_brokers",
            Self::TooLong => "invite_too_long",
        }
    }
}
crate::serde_text::serde_as_text!(Invite);
