//! What a person wants: the one vocabulary of every screen, bot and control socket.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tincan_wire::{DisplayName, Invite, MessageId, UserId};

use crate::event::{ContactView, MessageView, RequestView, Status};

/// Something a person, or a program in a person's place, asks of the engine.
///
/// Each is answered by exactly one [`Reply`] or [`CommandError`]; what changes because of it
/// is told to every screen as [`Event`](crate::Event)s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), serde(tag = "command", rename_all = "snake_case"))]
pub enum Command {
    /// Connect to the broker now, whatever the backoff says (seed §4, `connect()`).
    Connect,
    /// Leave the broker and stay away until `Connect` (seed §4, `disconnect()`).
    Disconnect,
    /// What we are called in requests and answers from now on.
    SetName {
        /// Our display name.
        name: DisplayName,
    },
    /// Make an invite that admits `uses` strangers for `ttl_secs` seconds (protocol §1).
    CreateInvite {
        /// The hub's origin that goes into the link, if there is a hub.
        hub: Option<String>,
        /// Broker addresses that go into the link, for brokers without a hub.
        brokers: Vec<String>,
        /// How many people may use it: 1 to 1,000.
        uses: u32,
        /// For how many seconds it is good: 60 to 31,536,000 (a year).
        ttl_secs: u64,
    },
    /// Ask someone to be a contact, by an invite or by a bare user id (protocol §7).
    AddContact {
        /// Whom to ask.
        target: Target,
        /// What we want to call them.
        nickname: Option<DisplayName>,
    },
    /// Accept a waiting contact request.
    AcceptContact {
        /// Who asked.
        contact: UserId,
    },
    /// Decline a waiting contact request.
    DeclineContact {
        /// Who asked.
        contact: UserId,
    },
    /// Hear nothing more from this id; their messages so far stay.
    BlockContact {
        /// Whom to block: a contact, a requester or any id.
        contact: UserId,
    },
    /// Take a block back.
    UnblockContact {
        /// Who was blocked.
        contact: UserId,
    },
    /// Give a contact a nickname of ours, or take it away.
    RenameContact {
        /// Whom.
        contact: UserId,
        /// The nickname; `None` shows their own name again.
        nickname: Option<DisplayName>,
    },
    /// Note that the safety numbers were compared and are equal, or take that back.
    VerifyContact {
        /// Whom.
        contact: UserId,
        /// Whether they were equal.
        verified: bool,
    },
    /// This chat is on the screen `screen`: connect, tell the contact, stay connected.
    OpenChat {
        /// With whom.
        contact: UserId,
        /// Which screen: any number that the shell keeps unique.
        screen: u64,
    },
    /// This chat is no longer on that screen.
    CloseChat {
        /// With whom.
        contact: UserId,
        /// Which screen.
        screen: u64,
    },
    /// The screen is gone, with every chat it showed.
    CloseScreen {
        /// Which screen.
        screen: u64,
    },
    /// Say something. Answered when it is on our own disk (protocol §6, step 1).
    SendMessage {
        /// To whom.
        contact: UserId,
        /// What: 1 byte to 16 KiB of text.
        content: String,
        /// The message that this one replies to.
        #[serde(default)]
        reply: Option<MessageId>,
    },
    /// Give up on a message that is not delivered yet.
    CancelMessage {
        /// To whom it was.
        contact: UserId,
        /// Which; `message` in JSON, since the control socket numbers its requests by `id`.
        #[serde(rename = "message")]
        id: MessageId,
    },
    /// All that has come from this contact so far has been shown to a person.
    MarkRead {
        /// From whom.
        contact: UserId,
    },
    /// A person is typing to this contact, or has stopped.
    Typing {
        /// To whom.
        contact: UserId,
        /// Whether they still are.
        on: bool,
    },
    /// Send this contact read receipts, or none; `None` follows the general setting.
    SetReadReceipts {
        /// Whom.
        contact: UserId,
        /// Whether to.
        on: Option<bool>,
    },
    /// Send read receipts, or none, to contacts for whom nothing else is set. Good until the
    /// end of this run; the next begins with what [`Config`](crate::Config) says.
    SetDefaultReadReceipts {
        /// Whether to.
        on: bool,
    },
    /// Hide our addresses from this contact, or show them; `None` follows the general setting. A
    /// live session that goes another way is made anew.
    SetRelayOnly {
        /// From whom.
        contact: UserId,
        /// Whether to hide them.
        on: Option<bool>,
    },
    /// Hide our addresses, or show them, from contacts for whom nothing else is set. Good until
    /// the end of this run; the next begins with what [`Config`](crate::Config) says.
    SetDefaultRelayOnly {
        /// Whether to hide them.
        on: bool,
    },
    /// Answer with [`Reply::Contacts`].
    ListContacts,
    /// Answer with [`Reply::Requests`].
    ListRequests,
    /// Answer with [`Reply::Status`].
    GetStatus,
    /// Answer with [`Reply::SafetyNumber`].
    GetSafetyNumber {
        /// With whom.
        contact: UserId,
    },
}

/// Whom an `AddContact` is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A bare id: they see a stranger's request.
    Id(UserId),
    /// An invite of theirs: its token admits us.
    Invite(Invite),
}

/// What a command is answered with when it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), serde(tag = "reply", rename_all = "snake_case"))]
pub enum Reply {
    /// Done, and durable where it changed something.
    Done,
    /// The invite that was made.
    Invite {
        /// It prints as the link.
        invite: Invite,
    },
    /// The contact that was added or was there already.
    Contact {
        /// As it now stands.
        contact: ContactView,
    },
    /// The message is on our disk and in the outbox.
    Message {
        /// As it stands in the history.
        message: MessageView,
    },
    /// Every contact, in the order of their ids.
    Contacts {
        /// They.
        contacts: Vec<ContactView>,
    },
    /// Every request that waits for an answer.
    Requests {
        /// They.
        requests: Vec<RequestView>,
    },
    /// How things stand.
    Status {
        /// Broker, peers, outboxes, counts of what was dropped.
        status: Box<Status>,
    },
    /// The number that both people compare (protocol §1, verification).
    SafetyNumber {
        /// 60 digits in 12 groups of 5, as [`tincan_wire::SafetyNumber`] prints.
        number: String,
    },
}

/// Why a command was not done. The message says what the person can do.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), serde(tag = "error", rename_all = "snake_case"))]
pub enum CommandError {
    /// That id is nobody we know.
    #[error("no contact or request with that id; add them with `tincan contact add`")]
    UnknownContact,
    /// The contact has not accepted, or was declined or blocked.
    #[error("this contact is {status}, so nothing can be sent to them")]
    NotAccepted {
        /// What they are instead.
        status: crate::contact::ContactStatus,
    },
    /// The id is our own.
    #[error("that is your own id; give it to the other person instead")]
    OwnId,
    /// The invite's time is over.
    #[error("this invite has expired; ask for a new one, or look whether a clock is wrong")]
    InviteExpired,
    /// Too many live invites.
    #[error("{limit} invites are open already; wait until one expires")]
    TooManyInvites {
        /// How many may be.
        limit: usize,
    },
    /// Too many contacts.
    #[error("there are {limit} contacts already, which is as many as fit")]
    TooManyContacts {
        /// How many may be.
        limit: usize,
    },
    /// A message must hold something.
    #[error("the message is empty; write something first")]
    EmptyMessage,
    /// A message has a bound.
    #[error("the message has {size_bytes} bytes and {limit_bytes} are allowed; split it")]
    MessageTooLong {
        /// What it has.
        size_bytes: usize,
        /// What is allowed.
        limit_bytes: usize,
    },
    /// No such unacknowledged message.
    #[error("no message with that id waits for delivery")]
    UnknownMessage,
    /// Too much is waiting to be written; the disk is slower than the person.
    #[error("too many messages wait for the disk; try again in a moment")]
    Busy,
    /// The disk refused.
    #[error("not saved, and so not sent: {reason}")]
    NotStored {
        /// Why, in the store's words.
        reason: String,
    },
    /// A number is outside of its bounds.
    #[error("{what} must be {min} to {max}")]
    OutOfBounds {
        /// Which number.
        what: String,
        /// Its least value.
        min: u64,
        /// Its greatest value.
        max: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    #[test]
    fn no_command_or_query_takes_the_name_of_a_request_number() {
        let contact = tincan_wire::Identity::from_seed([1; 32]).user_id();
        let id = MessageId::new(1_763_792_787_000, [7; 10]);
        let cancel = serde_json::to_value(Command::CancelMessage { contact, id }).unwrap();
        let ask = serde_json::to_value(Query::Message { contact, id }).unwrap();
        for json in [cancel, ask] {
            assert_eq!(json["message"], id.to_string());
            assert!(json.get("id").is_none(), "{json}");
        }
    }
}
