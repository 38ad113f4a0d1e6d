//! The invariants, at each output and each commit. A node trusts its disk; here the disks of both
//! ends are open.

use std::fmt;

use tincan_engine::store::Op;
use tincan_engine::{Delivery, MessageView};
use tincan_wire::{MessageId, Ranges, SessionId, UserId};

use super::process::brief;
use super::{ROGUE, World};
use crate::invariant::Invariant;
use crate::model::is_too_old;

impl World {
    /// A transaction has become durable; `news` are the messages that were not there before.
    pub(super) fn check_commit(&mut self, node: usize, ops: &[Op], news: &[MessageId]) {
        for op in ops {
            match op {
                Op::Append(message) if news.contains(&message.id) => {
                    self.check_appended(node, message);
                }
                Op::AddAcked { contact, s } => self.check_acked(node, *contact, s),
                Op::SavePeerRead { contact, to } => {
                    self.check_acked(node, *contact, &Ranges::from_range(1, *to));
                }
                Op::SaveContact(_)
                | Op::SaveEpoch(_)
                | Op::SaveName(_)
                | Op::SaveRequest(_)
                | Op::RemoveRequest(_)
                | Op::SaveInvite(_)
                | Op::RemoveInvite(_)
                | Op::SavePrekey(_)
                | Op::RemovePrekey(_)
                | Op::SaveReplay(_)
                | Op::RemoveReplays { .. }
                | Op::Append(_)
                | Op::AddHave { .. }
                | Op::SaveRead { .. }
                | Op::Fail { .. } => {}
            }
        }
    }

    /// A message is new in a history: its sender has said it, and this is its place.
    fn check_appended(&mut self, node: usize, message: &MessageView) {
        let Some(other) = self.who.get(&message.contact).copied() else {
            return self.broken(Invariant::Sealed, format!("{node} keeps words of nobody"));
        };
        if other == ROGUE {
            return;
        }
        if !message.outgoing {
            let me = self.nodes[node].id;
            let original = self.nodes[other].disk.message(me, true, message.id);
            let is_theirs = original.is_some_and(|said| {
                (said.lg, said.s, said.h, said.timestamp)
                    == (message.lg, message.s, message.h, message.timestamp)
                    && said.kind == message.kind
                    && said.content == message.content
            });
            if !is_theirs {
                let what =
                    format!("{node} keeps what {other} never said: {}", brief(&message.content));
                return self.broken(Invariant::Sealed, what);
            }
        }
        let place = (message.h, message.id, message.s);
        if let Err(what) = self.model.place((node, other, message.outgoing), place) {
            self.broken(Invariant::OnceInOrder, format!("{node} with {other}: {what}"));
        }
    }

    /// The disk knows from now on that a contact holds these positions.
    fn check_acked(&mut self, node: usize, contact: UserId, s: &Ranges) {
        let Some(other) = self.who.get(&contact).copied().filter(|other| *other != ROGUE) else {
            return;
        };
        let me = self.nodes[node].id;
        let (ours, theirs) = (&self.nodes[node].disk, &self.nodes[other].disk);
        let lacks = |message: &&MessageView| {
            s.contains(message.s)
                && theirs.message(me, false, message.id).is_none()
                && ours.state(message) != Delivery::Failed
        };
        let lacking = ours.ours(contact).find(lacks).map(|message| message.s);
        if let Some(s) = lacking {
            let what = format!("{node} noted that {other} holds position {s}");
            self.broken(Invariant::Delivered, what);
        }
    }

    /// Screens are told that messages of ours have come so far.
    pub(super) fn check_delivery(
        &mut self,
        node: usize,
        contact: UserId,
        ids: &[MessageId],
        state: Delivery,
    ) {
        let Some(other) = self.who.get(&contact).copied().filter(|other| *other != ROGUE) else {
            return;
        };
        let (me, slot) = (self.nodes[node].id, &self.nodes[node]);
        match state {
            Delivery::Delivered | Delivery::Read => {
                let theirs = &self.nodes[other].disk;
                let lacking = ids.iter().find(|id| theirs.message(me, false, **id).is_none());
                if let Some(id) = lacking {
                    let what = format!("{node} shows {id} as delivered to {other}");
                    self.broken(Invariant::Delivered, what);
                }
            }
            Delivery::Failed => {
                let (now, lifetime) = (slot.local(self.now), slot.lifetime());
                let given_up = |id: &&MessageId| {
                    let message = slot.disk.message(contact, true, **id);
                    self.model.is_given_up(**id)
                        || message.is_some_and(|m| is_too_old(m.timestamp, now, lifetime))
                };
                if let Some(id) = ids.iter().find(|id| !given_up(id)) {
                    let what = format!("{node} gives up on {id}, and nobody wanted it");
                    self.broken(Invariant::Delivered, what);
                }
            }
            Delivery::Queued | Delivery::Sent => {}
        }
    }

    /// Screens are shown a message: it is on our disk, and they have not seen it before.
    pub(super) fn check_shown(&mut self, node: usize, message: &MessageView) {
        let (contact, outgoing, id) = (message.contact, message.outgoing, message.id);
        if self.nodes[node].disk.message(contact, outgoing, id).is_none() {
            let what = format!("{node} shows {id}, which is not on its disk");
            return self.broken(Invariant::Delivered, what);
        }
        if !outgoing && !self.model.show(node, id) {
            self.broken(Invariant::OnceInOrder, format!("{node} shows {id} twice"));
        }
    }

    /// A description that a node takes for a contact's is that of the contact's own end.
    pub(super) fn check_description(
        &mut self,
        node: usize,
        sid: SessionId,
        other: usize,
        sdp: &str,
    ) {
        if other == ROGUE {
            return;
        }
        let Ok(fingerprint) = tincan_wire::sdp::fingerprint(sdp) else {
            return self.broken(Invariant::Sealed, format!("{node} takes a description unseen"));
        };
        if !self.paths.made.get(&(sid, other)).is_some_and(|made| made.contains(&fingerprint)) {
            let what = format!("{node} connects to {fingerprint:?}, which is not {other}'s");
            self.broken(Invariant::Sealed, what);
        }
    }

    /// How large the engine is, in bytes of what it tells of itself.
    pub(super) fn engine_size(&self, node: usize) -> usize {
        struct Length(usize);
        impl fmt::Write for Length {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0 += text.len();
                Ok(())
            }
        }
        let mut length = Length(0);
        if let Some(engine) = &self.nodes[node].engine {
            // Counting cannot fail.
            let _ = fmt::Write::write_fmt(&mut length, format_args!("{engine:?}"));
        }
        length.0
    }
}
