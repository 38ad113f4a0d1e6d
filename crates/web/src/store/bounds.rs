//! What a store can't hold is refused before anything is written, so that nothing fails half way.

use tincan_backup::Step;
use tincan_engine::MessageView;
use tincan_engine::store::Op;

use super::fault::Fault;

/// Refuses what the native database can't hold: numbers of more than 63 bits.
pub(super) fn check(op: &Op) -> Result<(), Fault> {
    match op {
        Op::SaveEpoch(epoch) => fits(*epoch, "the epoch"),
        Op::SaveContact(contact) => {
            let prekey_at = contact.prekey.as_ref().map(|(_, at)| *at);
            [prekey_at, contact.asked, Some(contact.added)]
                .into_iter()
                .flatten()
                .try_for_each(|time| fits(time.as_millis(), "a time"))
        }
        Op::SaveRequest(request) => fits(request.at.as_millis(), "a time"),
        Op::SaveInvite(invite) => fits(invite.expiry.as_millis(), "a time"),
        Op::SavePrekey(prekey) => fits(prekey.made.as_millis(), "a time"),
        Op::SaveReplay(replay) => {
            fits(replay.ep, "an epoch")?;
            fits(replay.seq, "a sequence number")
        }
        Op::RemoveReplays { upto, .. } => fits(*upto, "an epoch"),
        Op::Append(message) => check_message(message),
        Op::SavePeerRead { to, .. } | Op::SaveRead { to, .. } => fits(*to, "a read position"),
        Op::SaveName(_)
        | Op::RemoveRequest(_)
        | Op::RemoveInvite(_)
        | Op::RemovePrekey(_)
        | Op::AddHave { .. }
        | Op::AddAcked { .. }
        | Op::Fail { .. } => Ok(()),
    }
}

fn check_message(message: &MessageView) -> Result<(), Fault> {
    fits(message.s, "the position of a message")?;
    fits(message.h, "the place of a message")?;
    fits(message.timestamp, "the time of a message")
}

fn fits(number: u64, what: &'static str) -> Result<(), Fault> {
    if i64::try_from(number).is_ok() { Ok(()) } else { Err(Fault::OutOfRange(what)) }
}

/// The same for a record of a backup.
pub(super) fn check_step(step: &Step) -> Result<(), Fault> {
    match step {
        Step::Op(op) => check(op),
        Step::Log(log) => fits(log.read, "a read position"),
        Step::Message(message) => check_message(message),
    }
}
