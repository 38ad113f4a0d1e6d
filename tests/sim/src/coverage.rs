//! What the runs have entered: each fault that bit, each state and each transition of the
//! protocol's tables (§§6 and 8). A row that stays at nothing means that the world is too tame.

use std::fmt;

macro_rules! rows {
    ($($group:literal { $($name:ident: $text:literal,)+ })+) => {
        /// A thing that must happen in some run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each has its sentence in the table")]
        pub enum Row { $($($name,)+)+ }

        /// Every row with its group and its sentence, in the order of the table.
        const ROWS: &[(Row, &str, &str)] = &[$($((Row::$name, $group, $text),)+)+];
    };
}

rows! {
    "broker" {
        Lost: "a message is lost",
        Twice: "a message is delivered twice",
        Echoed: "a message comes once more, much later",
        Overtaken: "a topic overtakes another",
        Damaged: "a message is changed",
        Retained: "a message is marked as retained",
        Moved: "a message is moved to another topic",
        Waited: "a message waits for who is away",
        Expired: "a message expires before they are back",
        SessionForgotten: "the broker forgets who is away, and what waits for them",
        Down: "the broker goes away under everyone",
        RefusedConnection: "it refuses a connection",
        RefusedCredentials: "it refuses credentials",
        Unanswered: "it does not answer",
        CutOff: "it loses one link",
        HalfOpen: "a link is dead before its node hears of it",
        Split: "a message is on the wrong side of a split",
    }
    "paths" {
        WalledOff: "a frame meets a wall",
        OneSided: "a path carries one direction only",
        Broken: "a connection breaks and the old addresses are of no use",
        BackByItself: "a path comes back by itself",
        RestartedIce: "an ICE restart brings a path back",
        Ended: "a connection ends under both",
        Stalled: "a frame is late by a second or more",
        Readdressed: "a node changes its address",
        ReaddressedUnnoticed: "its shell does not notice",
        Impostor: "somebody else is at the other end",
        Unread: "a frame waits because its reader does not read",
    }
    "disks" {
        SlowDisk: "a transaction takes half a second or more",
        DiskRefused: "a disk refuses everything",
        DiskFull: "a disk is full",
        DiskHalf: "a disk refuses one transaction and takes the next",
        PageRefused: "a disk does not give the outbox",
        Lingered: "a disk holds back what may wait",
        CrashWroteNone: "a crash takes every transaction under way",
        CrashWroteSome: "a crash takes some transactions under way and leaves others",
        CrashUnanswered: "a crash comes after the disk and before its answer",
    }
    "clocks and processes" {
        ClockWrong: "a clock is off by more than a year",
        ClockDrifts: "a clock drifts",
        ClockBack: "a run begins before the one that came before it",
        ClockAhead: "a run begins more than a month after the one before it",
        Leapt: "a machine was suspended",
        Slept: "a process gets no time for a while",
        Crashed: "a process dies",
        CrashedBetween: "a process dies between two outputs",
        Restarted: "a process comes back",
        Quit: "a process ends as it should",
    }
    "people" {
        Sent: "someone sends",
        Marked: "someone reads",
        Opened: "someone opens a chat",
        ClosedChat: "someone closes a chat",
        Typed: "someone types",
        Cancelled: "someone gives up on a message",
        Blocked: "someone blocks another",
        Unblocked: "someone takes a block back",
        Left: "someone leaves the broker",
        Returned: "someone returns",
        Invited: "someone comes by an invite",
        FloodedDevices: "a contact floods with devices",
        FloodedCandidates: "a contact floods with candidates",
        FloodedOffers: "a contact floods with offers",
        FloodedGaps: "a contact floods with gaps",
        FloodedLogs: "a contact floods with logs",
        FloodedGarbage: "a contact floods with garbage",
    }
    "MQTT link" {
        LinkDisconnected: "is Disconnected",
        LinkConnecting: "is Connecting",
        LinkConnected: "is Connected",
        LinkError: "is in Error",
        LinkConnects: "Disconnected: connect() → Connecting",
        LinkRetries: "Disconnected: the backoff ends → Connecting",
        LinkUp: "Connecting: CONNACK and SUBACK → Connected",
        LinkRefused: "Connecting: refusal → Error",
        LinkSilent: "Connecting: 10 s → Error",
        LinkLost: "Connected: loss → Disconnected",
        LinkLeft: "Connected: disconnect() → Disconnected",
        LinkMoves: "Connected: a new network → Connecting",
        LinkErrorRetries: "Error: backoff → Connecting",
        LinkErrorWaits: "Error: credentials refused three times → waits for the user",
        LinkErrorConnects: "Error: connect() → Connecting",
    }
    "peer session" {
        SessionNew: "is New",
        SessionConnecting: "is Connecting",
        SessionVerifying: "is Verifying",
        SessionConnected: "is Connected",
        SessionDisconnected: "is Disconnected",
        SessionFailed: "is Failed",
        SessionClosed: "is Closed",
        SessionStarts: "New: start → Connecting",
        SessionOffered: "New: an offer → Connecting",
        SessionChannel: "Connecting: DTLS up → verifying",
        SessionVerified: "verifying: hello → Connected",
        SessionBadHello: "verifying: bad hello → Closed with an alarm",
        SessionHelloLate: "verifying: 10 s without a hello → new sid after backoff",
        SessionGlareLost: "Connecting: glare lost → their sid",
        SessionLate: "Connecting: 15 s → new sid after backoff",
        SessionSixTimes: "Connecting: 6 attempts → Failed",
        SessionLost: "Connected: ICE lost, or silence → Disconnected",
        SessionBye: "Connected: bye → Closed",
        SessionBack: "Disconnected: recovery → Connected",
        SessionRenewed: "Disconnected: recovery → Connecting, with a new sid",
        SessionGivenUp: "Disconnected: 5 min → Closed",
        SessionFailedEnds: "Failed → Closed, or to a new attempt",
        SessionRevived: "Closed: a sign of life, or the user → New",
    }
    "message" {
        MessageQueued: "is Queued",
        MessageSent: "Queued: written to a channel → Sent",
        MessageDelivered: "Sent: ack → Delivered",
        MessageRequeued: "Sent: session lost → Queued",
        MessageRead: "Delivered: read → Read",
        MessageCancelledQueued: "Queued: cancelled → Failed",
        MessageCancelledSent: "Sent: cancelled → Failed",
        MessageTooOld: "unacknowledged: 30 days → Failed",
    }
}

/// How often each [`Row`] was entered.
#[derive(Clone, Debug)]
pub struct Coverage {
    counts: Vec<u64>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { counts: vec![0; ROWS.len()] }
    }
}

impl Coverage {
    /// Once more.
    pub fn count(&mut self, row: Row) {
        self.counts[row as usize] += 1;
    }

    /// How often.
    #[must_use]
    pub fn of(&self, row: Row) -> u64 {
        self.counts[row as usize]
    }

    /// Adds what other runs have entered.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// The rows that no run has entered, as the table names them.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let missing = ROWS.iter().filter(|(row, _, _)| self.of(*row) == 0);
        missing.map(|(_, group, text)| format!("{group}: {text}")).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = "";
        for (row, group, text) in ROWS {
            if *group != last {
                writeln!(f, "{group}")?;
                last = group;
            }
            writeln!(f, "{:>12}  {text}", self.of(*row))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_was_never_entered_is_named() {
        let mut coverage = Coverage::default();
        assert_eq!(coverage.missing().len(), ROWS.len());
        for (row, _, _) in &ROWS[1..] {
            coverage.count(*row);
        }
        assert_eq!(coverage.missing(), ["broker: a message is lost"]);
    }

    #[test]
    fn each_row_has_its_own_place() {
        for (place, (row, _, _)) in ROWS.iter().enumerate() {
            assert_eq!(*row as usize, place);
        }
    }
}
