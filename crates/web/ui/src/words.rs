//! What is said when something can't be done. The engine's messages are written for a terminal;
//! where they speak of commands, the page says it in its own words.

use tincan_engine::{CommandError, ContactStatus};
use tincan_wire::InviteError;

use crate::letters::capitalized;

/// Makes a sentence of an error's text.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut sentence = capitalized(text);
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// Why an invite can't be used, and what to do.
#[must_use]
pub fn about_invite(error: &InviteError) -> String {
    match error {
        InviteError::NotAnInvite => {
            "This is not an invite. Paste the whole link that you were sent.".to_owned()
        }
        InviteError::NewerVersion(_) => {
            "This invite was made by a newer version of Tincan. Load this page again to get the \
             newest version, then open the invite once more."
                .to_owned()
        }
        InviteError::BadEncoding
        | InviteError::WrongLength
        | InviteError::BadKey(_)
        | InviteError::TooLong => {
            "This invite is damaged or cut off. Copy the whole link again, or ask for a new one."
                .to_owned()
        }
        InviteError::BadOrigin | InviteError::BadBroker | InviteError::TooManyBrokers => {
            sentence(&error.to_string())
        }
    }
}

/// What is said of an invite whose time is over.
pub const EXPIRED: &str = "This invite has expired. Ask for a new one.";

/// Why a command was not done, and what to do.
#[must_use]
pub fn about_command(error: &CommandError) -> String {
    match error {
        CommandError::UnknownContact => "There is no contact with this id here.".to_owned(),
        CommandError::OwnId => {
            "This is your own invite or id. Send it to the other person instead.".to_owned()
        }
        CommandError::InviteExpired => EXPIRED.to_owned(),
        CommandError::NotAccepted { status: ContactStatus::Declined } => {
            "They declined, so nothing can be sent to them.".to_owned()
        }
        CommandError::NotAccepted { status: ContactStatus::Blocked } => {
            "You blocked this contact. Unblock them first.".to_owned()
        }
        CommandError::MessageTooLong { size_bytes, limit_bytes } => {
            too_long(*size_bytes, *limit_bytes)
        }
        CommandError::Busy => "Too much is being saved just now. Try again in a moment.".to_owned(),
        other => sentence(&other.to_string()),
    }
}

/// What the composer says of a message over the limit.
#[must_use]
pub fn too_long(size_bytes: usize, limit_bytes: usize) -> String {
    let over = size_bytes.saturating_sub(limit_bytes);
    let bytes = if over == 1 { "byte" } else { "bytes" };
    ["The message is ", &grouped(over as u64), " ", bytes, " too long. Send it in parts."].concat()
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 message`, `2 messages`.
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    [grouped(count).as_str(), " ", if count == 1 { one } else { many }].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_becomes_a_sentence() {
        assert_eq!(sentence("not saved: no room"), "Not saved: no room.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence("état"), "État.");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(counted(1, "message", "messages"), "1 message");
        assert_eq!(counted(2_000, "message", "messages"), "2,000 messages");
    }

    #[test]
    fn nobody_is_sent_to_a_terminal() {
        let commands = [
            CommandError::UnknownContact,
            CommandError::OwnId,
            CommandError::InviteExpired,
            CommandError::EmptyMessage,
            CommandError::TooManyInvites { limit: 64 },
            CommandError::NotAccepted { status: ContactStatus::Declined },
        ];
        let invites = [
            InviteError::NotAnInvite,
            InviteError::BadOrigin,
            InviteError::NewerVersion(2),
            InviteError::WrongLength,
            InviteError::TooManyBrokers,
        ];
        let told = commands.iter().map(about_command).chain(invites.iter().map(about_invite));
        for words in told {
            assert!(!words.contains('`') && words.ends_with('.'), "{words}");
        }
    }

    #[test]
    fn too_long_says_by_how_much() {
        assert_eq!(too_long(16_385, 16_384), "The message is 1 byte too long. Send it in parts.");
        assert!(too_long(18_000, 16_384).contains("1,616 bytes"));
    }
}
