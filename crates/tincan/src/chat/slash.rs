//! What a typed line means: something to say, or a command that begins with a slash.

use std::fmt;

/// A typed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// Words for the contact.
    Say(String),
    /// Something for us.
    Do(Slash),
    /// Nothing but space.
    Nothing,
    /// A slash and a word that is no command; `//` begins a message with a slash.
    Unknown(String),
}

/// Commands of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slash {
    Help,
    Quit,
    /// Compare safety numbers; with `equal`, note that they are, with `undo`, take it back.
    Verify(Option<bool>),
    /// Accept the request of the named, or of the only one who asks.
    Accept(Option<String>),
    /// Decline it.
    Decline(Option<String>),
    /// The packets' way with addresses.
    Path,
    /// Broker, session and outbox.
    Status,
    /// The last messages again.
    History(usize),
    /// Search this conversation.
    Search(String),
    /// Call the contact something else; nothing takes the nickname away.
    Nick(Option<String>),
    /// Make another invite.
    Invite,
    /// Give up on the last message that is not delivered.
    Cancel,
    /// Try to connect now, whatever the backoff says.
    Connect,
}

/// How many messages `/history` shows without a number.
const HISTORY: usize = 50;

/// The commands with their meaning, in the order in which `/help` shows them.
const HELP: [(&str, &str); 13] = [
    ("/help", "this list"),
    ("/status", "broker, connection and outbox"),
    ("/path", "the way the packets take, with addresses"),
    ("/history [N]", "the last N messages"),
    ("/search WORDS", "search this conversation"),
    ("/verify [equal|undo]", "show the safety number; note that it was compared"),
    ("/nick [NAME]", "call the contact something else"),
    ("/accept [WHO]", "accept a request"),
    ("/decline [WHO]", "decline a request"),
    ("/invite", "make an invite link"),
    ("/cancel", "give up on your last undelivered message"),
    ("/connect", "try to connect now"),
    ("/quit", "leave (or Ctrl-C, Ctrl-D)"),
];

/// What the line means.
pub(crate) fn parse(line: &str) -> Typed {
    let Some(command) = line.strip_prefix('/') else {
        return if line.trim().is_empty() { Typed::Nothing } else { Typed::Say(line.to_owned()) };
    };
    if command.starts_with('/') {
        return Typed::Say(command.to_owned());
    }
    let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty());
    let slash = match (word, rest) {
        ("help" | "?", _) => Slash::Help,
        ("quit" | "exit" | "q", _) => Slash::Quit,
        ("verify", None) => Slash::Verify(None),
        ("verify", Some(how)) if how == "equal" => Slash::Verify(Some(true)),
        ("verify", Some(how)) if how == "undo" => Slash::Verify(Some(false)),
        ("accept", who) => Slash::Accept(who),
        ("decline", who) => Slash::Decline(who),
        ("path", _) => Slash::Path,
        ("status", _) => Slash::Status,
        ("history", None) => Slash::History(HISTORY),
        ("history", Some(count)) => match count.parse() {
            Ok(count) => Slash::History(count),
            Err(_) => return Typed::Unknown(format!("/history {count}")),
        },
        ("search", Some(words)) => Slash::Search(words),
        ("nick", name) => Slash::Nick(name),
        ("invite", _) => Slash::Invite,
        ("cancel", _) => Slash::Cancel,
        ("connect", _) => Slash::Connect,
        _ => return Typed::Unknown(format!("/{command}")),
    };
    Typed::Do(slash)
}

/// The list that `/help` shows.
#[derive(Debug)]
pub(crate) struct Help;

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (command, meaning) in HELP {
            writeln!(f, "  {command:<22}{meaning}")?;
        }
        writeln!(f, "  {:<22}a message that begins with a slash", "//…")?;
        write!(f, "  Marks: · queued  › sent  ✓ delivered  ✓✓ read  ✗ given up")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_without_a_slash_are_said() {
        assert_eq!(parse("hello /quit"), Typed::Say("hello /quit".into()));
        assert_eq!(parse("  "), Typed::Nothing);
    }

    #[test]
    fn two_slashes_say_one() {
        assert_eq!(parse("//etc/hosts"), Typed::Say("/etc/hosts".into()));
    }

    #[test]
    fn commands_take_their_words() {
        assert_eq!(parse("/quit"), Typed::Do(Slash::Quit));
        assert_eq!(parse("/verify equal"), Typed::Do(Slash::Verify(Some(true))));
        assert_eq!(parse("/search  two words "), Typed::Do(Slash::Search("two words".into())));
        assert_eq!(parse("/history 5"), Typed::Do(Slash::History(5)));
    }

    #[test]
    fn what_is_no_command_is_not_said_by_mistake() {
        for line in ["/quti", "/history many", "/search", "/verify maybe", "/"] {
            assert_eq!(parse(line), Typed::Unknown(line.into()));
        }
    }

    #[test]
    fn help_names_commands_that_exist() {
        for (command, _) in HELP {
            let word = command.split(' ').next().expect("a word");
            let line = if word == "/search" { "/search x".to_owned() } else { word.to_owned() };
            assert!(matches!(parse(&line), Typed::Do(_)), "{word}");
        }
    }
}
