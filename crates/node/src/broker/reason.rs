//! Why the link to the broker failed or ended, in words that say what to do.

use tincan_mqtt::{CloseReason, Refusal};

/// For a CONNACK that refuses; `text` is the broker's own or the session's.
pub(super) fn refused(broker: &str, reason: Refusal, text: &str) -> String {
    let advice = match reason {
        Refusal::BadCredentials => "check the user name and password, or the hub that is named",
        Refusal::NotAuthorized => "this broker does not admit us; ask who runs it",
        Refusal::UnsupportedVersion => "it needs to speak MQTT 5 or 3.1.1",
        Refusal::ServerUnavailable => "it is busy or going down; this is retried",
        Refusal::Other(_) => "this is retried",
    };
    format!("the broker {broker} refused the connection: {text}; {advice}")
}

/// Whether a refusal is about who we say we are, so that repeating it is useless for long.
pub(super) fn is_about_credentials(reason: Refusal) -> bool {
    matches!(reason, Refusal::BadCredentials | Refusal::NotAuthorized)
}

/// For a link that ended.
pub(super) fn closed(broker: &str, reason: CloseReason) -> String {
    match reason {
        CloseReason::Transport => format!("the broker {broker} closed the connection"),
        CloseReason::PingTimeout => format!("the broker {broker} no longer answers"),
        CloseReason::ConnectTimeout => {
            format!("{broker} takes the connection but does not answer as a broker would in time")
        }
        CloseReason::AckTimeout => {
            format!("the broker {broker} stopped acknowledging what is published")
        }
        CloseReason::ProtocolError(error) => format!("{broker}: {error}"),
        CloseReason::ServerDisconnect(code) => {
            format!("the broker {broker} said good-bye (reason code {code:#04x})")
        }
        CloseReason::TakenOver => format!(
            "another connection took our place at the broker {broker}; \
             is the same home copied to another machine?"
        ),
    }
}

/// For a SUBACK that refuses.
pub(super) fn not_subscribed(broker: &str, code: u8) -> String {
    format!(
        "the broker {broker} does not let us listen to our own topics (reason code {code:#04x}); \
         check its access rules"
    )
}
