//! What waits for the disk, and what follows once it has answered.

use tincan_wire::{LogId, MessageId, Ranges, UserId};

use crate::command::{CommandError, Reply};
use crate::engine::Engine;
use crate::event::{Alarm, MessageView};
use crate::input::StoreFailure;
use crate::signaling::Deferred;
use crate::store::{Stored, StoredPrekey, TransactionId};
use crate::time::Time;

/// What follows a transaction.
#[derive(Debug)]
pub(crate) enum Pending {
    /// This run's mark: now the broker may be called.
    Start,
    /// A prekey that may be told to contacts from now on.
    Prekey(StoredPrekey),
    /// The answer to a command.
    Reply(u64, Reply),
    /// A message of ours, to be sent from now on; and the command that it answers.
    Outgoing { command: u64, message: MessageView },
    /// Messages of theirs, to be acknowledged and shown.
    Incoming { contact: UserId, lg: LogId, s: Ranges, messages: Vec<MessageView>, bytes: usize },
    /// Positions of ours that the contact holds, and how far they have read.
    Acked { contact: UserId, s: Ranges },
    /// Messages of ours that are given up, perhaps by a command.
    Failed { command: Option<u64>, contact: UserId, ids: Vec<MessageId> },
    /// A signaling body whose replay position had to be written first.
    Act(Box<Deferred>),
    /// Nothing.
    Nothing,
}

impl Engine {
    pub(crate) fn handle_stored(
        &mut self,
        id: TransactionId,
        result: Result<Stored, StoreFailure>,
        now: Time,
    ) {
        let Some(pending) = self.pending.remove(&id) else {
            return;
        };
        if let Pending::Act(deferred) = &pending {
            self.end_wait(deferred);
        }
        match result {
            Ok(stored) => self.stored(pending, &stored, now),
            Err(failure) => self.not_stored(pending, failure.0, now),
        }
    }

    fn stored(&mut self, pending: Pending, stored: &Stored, now: Time) {
        match pending {
            Pending::Start => {
                self.prekeys.start_stored();
                self.schedule_prekeys();
                self.broker_ready(now);
            }
            Pending::Prekey(prekey) => self.prekeys.stored(prekey),
            Pending::Reply(id, reply) => self.reply(id, Ok(reply)),
            Pending::Outgoing { command, message } => self.outgoing_stored(command, message, now),
            Pending::Incoming { contact, lg, s, messages, bytes } => {
                self.incoming_stored(contact, lg, &s, messages, bytes, stored, now);
            }
            Pending::Failed { command, contact, ids } => {
                self.failed_stored(command, contact, ids, now);
            }
            Pending::Act(deferred) => self.act(*deferred, now),
            Pending::Acked { .. } | Pending::Nothing => {}
        }
    }

    fn not_stored(&mut self, pending: Pending, reason: String, now: Time) {
        match pending {
            Pending::Start => self.broker_not_ready(reason.clone(), now),
            Pending::Reply(id, _) | Pending::Failed { command: Some(id), .. } => {
                self.reply(id, Err(CommandError::NotStored { reason: reason.clone() }));
            }
            Pending::Outgoing { command, message } => {
                self.outgoing_not_stored(&message, now);
                self.reply(command, Err(CommandError::NotStored { reason: reason.clone() }));
            }
            Pending::Incoming { contact, lg, bytes, .. } => {
                self.incoming_not_stored(contact, lg, bytes);
            }
            Pending::Acked { contact, s } => self.acked_not_stored(contact, &s, now),
            // Not acted upon: whoever sent it will send it again.
            Pending::Act(_) => self.reject("store failed before a signal", now),
            Pending::Failed { command: None, .. } | Pending::Prekey(_) | Pending::Nothing => {}
        }
        self.alarm(None, Alarm::StorageFailed { reason });
    }
}
