//! Why the link to the broker failed or ended, in words that say what to do.

use tincan_mqtt::{CloseReason, Refusal};

/// For a CONNACK that refuses; `text` is the broker's own or the session's.
pub(super) fn refused(text: &str) -> String {
    format!("the broker refused the connection: {text}")
}

/// Whether a refusal is about who we say we are, so that repeating it is useless for long.
pub(super) fn is_about_credentials(reason: Refusal) -> bool {
    matches!(reason, Refusal::BadCredentials | Refusal::NotAuthorized)
}

/// For a link that ended.
pub(super) fn closed(reason: CloseReason) -> String {
    match reason {
        CloseReason::Transport => "the broker closed the connection".to_owned(),
        CloseReason::PingTimeout => "the broker no longer answers".to_owned(),
        CloseReason::ConnectTimeout => "the broker does not answer in time".to_owned(),
        CloseReason::AckTimeout => "the broker stopped acknowledging what is sent".to_owned(),
        CloseReason::ProtocolError(error) => format!("the broker speaks nonsense: {error}"),
        CloseReason::ServerDisconnect(code) => {
            format!("the broker said good-bye (reason code {code:#04x})")
        }
        CloseReason::TakenOver => {
            "the same identity is in use in another browser or on another machine".to_owned()
        }
    }
}

/// For a SUBACK that refuses.
pub(super) fn not_subscribed(code: u8) -> String {
    format!("the broker does not let us listen to our own topics (reason code {code:#04x})")
}
