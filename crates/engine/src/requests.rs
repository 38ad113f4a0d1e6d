//! Asking to be a contact, being asked, and the quiet inbox of strangers (protocol §7).

use std::time::Duration;

use tincan_wire::{
    Body, DisplayName, InviteProof, InviteToken, PrekeyPublic, Signal, Stamp, UserId,
};

use crate::command::CommandError;
use crate::contact::{Contact, ContactStatus};
use crate::engine::Engine;
use crate::event::{Event, RequestView};
use crate::peer::Peer;
use crate::store::{Op, Request};
use crate::time::Time;
use crate::timer::Timer;
use crate::transactions::Pending;

/// Requests that wait or are remembered as declined, at most.
const MAX_REQUESTS: usize = 50;
/// How long a request waits.
const REQUEST_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3_600);
/// An unanswered request of ours is repeated so long after the one before: soon at first, for
/// an addressee who was never at this broker or whose inbox was under flood …
const REPEAT_AFTER: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(15 * 60), Duration::from_secs(24 * 3_600)];
/// … or on a new link to the broker, if the last one is older than this: a hub admits five
/// an hour.
const REPEAT_ON_CONNECT_AFTER: Duration = Duration::from_secs(15 * 60);
/// A prekey that comes while so many transactions wait for the disk is not kept: a contact may
/// send as many as there are frames, and the next offer brings it again.
const MAX_BEHIND: usize = 1_024;

/// How long after a request the next one goes out, if so many went out before it in this run.
fn repeat_after(before: usize) -> Duration {
    let last = REPEAT_AFTER.len() - 1;
    REPEAT_AFTER[before.min(last)]
}

impl From<&Request> for RequestView {
    fn from(request: &Request) -> Self {
        Self { id: request.from, name: request.name.clone(), at: request.at }
    }
}

impl Engine {
    /// Asks a contact that has not answered yet, if the broker is there.
    pub(crate) fn ask(&mut self, id: UserId, now: Time) {
        let Some(peer) = self.peers.get(&id) else { return };
        if peer.contact.status != ContactStatus::Requested {
            return;
        }
        let (Some(pk), true) = (self.prekeys.current(), self.broker.is_connected()) else {
            return;
        };
        let proof = peer.contact.token.map(|token| InviteProof::new(&token, &self.me, &id));
        let stamp = proof.is_none().then(|| Stamp::find(&self.me, &id));
        let body = Body::ContactRequest { name: self.name.clone(), proof, stamp, pk };
        if !self.publish(id, body, now) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            self.timers.set(Timer::RequestRepeat(id), now + repeat_after(peer.asked_times));
            peer.asked_times = peer.asked_times.saturating_add(1);
            peer.contact.asked = Some(now);
            let record = peer.contact.clone();
            self.store(vec![Op::SaveContact(record)], Pending::Nothing);
        }
    }

    /// On a new link to the broker: what could not be asked or answered before.
    pub(crate) fn ask_on_connect(&mut self, id: UserId, now: Time) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if let Some(accepted) = peer.owes_response.take() {
            self.respond(id, accepted, now);
        }
        let Some(peer) = self.peers.get(&id) else { return };
        match peer.contact.asked {
            // A time that has not come yet was noted by a wrong clock, and nobody waits for it.
            Some(asked) if asked <= now && now.since(asked) < REPEAT_ON_CONNECT_AFTER => {
                let before = peer.asked_times.saturating_sub(1);
                self.timers.set(Timer::RequestRepeat(id), asked + repeat_after(before));
            }
            _ => self.ask(id, now),
        }
    }

    /// Whether a stranger's request may cost us a disk write.
    pub(crate) fn check_request_admission(&self, signal: &Signal) -> Result<(), &'static str> {
        let Body::ContactRequest { proof, stamp, .. } = &signal.body else {
            return Err("stranger");
        };
        match self.invite_of(signal.from, proof.as_ref()) {
            Some(_) => Ok(()),
            None => self.check_stranger(signal.from, *stamp),
        }
    }

    /// Whether someone without an invite may enter the inbox.
    fn check_stranger(&self, from: UserId, stamp: Option<Stamp>) -> Result<(), &'static str> {
        if !self.config.admit_strangers {
            return Err("request without an invite");
        }
        if !stamp.is_some_and(|stamp| stamp.verify(&from, &self.me)) {
            return Err("request without a stamp");
        }
        let known = self.requests.contains_key(&from);
        if !known && self.requests.len() >= MAX_REQUESTS {
            return Err("request inbox full");
        }
        Ok(())
    }

    /// The invite of ours that this proof shows.
    fn invite_of(&self, from: UserId, proof: Option<&InviteProof>) -> Option<InviteToken> {
        let proof = proof?;
        self.invites.keys().find(|token| proof.verify(token, &from, &self.me)).copied()
    }

    /// A request whose admission was checked and whose replay position is on disk.
    pub(crate) fn handle_request(
        &mut self,
        from: UserId,
        name: DisplayName,
        proof: Option<InviteProof>,
        stamp: Option<Stamp>,
        pk: PrekeyPublic,
        now: Time,
    ) {
        let contact = self.peers.get(&from).map(|peer| &peer.contact);
        match contact.map(|contact| (contact.status, contact.asked)) {
            Some((ContactStatus::Blocked, _)) => return self.reject("blocked", now),
            // They forgot that we are contacts, our answer got lost, we asked as well, or they
            // think better of it: in each case both have said yes.
            Some(
                (ContactStatus::Accepted | ContactStatus::Requested, _)
                | (ContactStatus::Declined, Some(_)),
            ) => return self.befriend_and_answer(from, name, pk, None, now),
            // Whom we never asked, and blocked for a while: a stranger like any other.
            Some((ContactStatus::Declined, None)) | None => {}
        }
        self.expire_invites(now);
        if let Some(token) = self.invite_of(from, proof.as_ref()) {
            return self.befriend_and_answer(from, name, pk, Some(token), now);
        }
        if self.requests.get(&from).is_some_and(|request| request.declined) {
            return;
        }
        // Others may have come while the disk was busy, and the invite may be used up since.
        if let Err(reason) = self.check_stranger(from, stamp) {
            let forgotten = self.replays.forget(from);
            self.store(vec![forgotten], Pending::Nothing);
            return self.reject(reason, now);
        }
        let request = Request { from, name, pk, at: now, declined: false };
        self.requests.insert(from, request.clone());
        self.event(Event::Request { request: RequestView::from(&request) });
        self.store(vec![Op::SaveRequest(request)], Pending::Nothing);
    }

    fn befriend_and_answer(
        &mut self,
        from: UserId,
        name: DisplayName,
        pk: PrekeyPublic,
        token: Option<InviteToken>,
        now: Time,
    ) {
        let mut ops = self.spend_invite(token);
        match self.befriend(from, name, Some(pk), now) {
            Ok(record) => ops.push(Op::SaveContact(record)),
            Err(_) => {
                let forgotten = self.replays.forget(from);
                self.store(vec![forgotten], Pending::Nothing);
                return self.reject("too many contacts", now);
            }
        }
        if self.requests.remove(&from).is_some() {
            ops.push(Op::RemoveRequest(from));
            self.event(Event::RequestGone { contact: from });
        }
        self.store(ops, Pending::Nothing);
    }

    fn spend_invite(&mut self, token: Option<InviteToken>) -> Vec<Op> {
        let Some(invite) = token.and_then(|token| self.invites.get_mut(&token)) else {
            return Vec::new();
        };
        invite.uses -= 1;
        let invite = invite.clone();
        if invite.uses > 0 {
            return vec![Op::SaveInvite(invite)];
        }
        self.invites.remove(&invite.token);
        vec![Op::RemoveInvite(invite.token)]
    }

    /// Both want to talk: makes or changes the contact, answers, greets. Returns the record that
    /// is to be stored.
    pub(crate) fn befriend(
        &mut self,
        id: UserId,
        name: DisplayName,
        pk: Option<PrekeyPublic>,
        now: Time,
    ) -> Result<Contact, CommandError> {
        if !self.peers.contains_key(&id) {
            self.new_peer(id, ContactStatus::Accepted, now)?;
        }
        let record = self.mark_accepted(id, Some(name), pk, now)?;
        self.respond(id, true, now);
        self.greet(id, now);
        self.drive(id, now);
        Ok(record)
    }

    fn mark_accepted(
        &mut self,
        id: UserId,
        name: Option<DisplayName>,
        pk: Option<PrekeyPublic>,
        now: Time,
    ) -> Result<Contact, CommandError> {
        let peer = self.peers.get_mut(&id).ok_or(CommandError::UnknownContact)?;
        let record = &mut peer.contact;
        record.status = ContactStatus::Accepted;
        record.token = None;
        record.asked = None;
        record.name = name.filter(|name| !name.is_empty()).unwrap_or(record.name.clone());
        record.prekey = pk.map(|pk| (pk, now)).or(record.prekey.take());
        let record = record.clone();
        self.timers.clear(Timer::RequestRepeat(id));
        self.tell_contact(id);
        Ok(record)
    }

    /// Answers a request, now or as soon as the broker is there.
    pub(crate) fn respond(&mut self, id: UserId, accepted: bool, now: Time) {
        let pk = accepted.then(|| self.prekeys.current()).flatten();
        let body = Body::ContactResponse { accepted, name: self.name.clone(), pk };
        if !self.publish(id, body, now)
            && let Some(peer) = self.peers.get_mut(&id)
        {
            peer.owes_response = Some(accepted);
        }
    }

    /// An answer whose replay position is on disk.
    pub(crate) fn handle_response(
        &mut self,
        from: UserId,
        accepted: bool,
        name: DisplayName,
        pk: Option<PrekeyPublic>,
        now: Time,
    ) {
        let contact = self.peers.get(&from).map(|peer| &peer.contact);
        let asked = contact.is_some_and(|contact| contact.asked.is_some());
        let record = match (contact.map(|contact| contact.status), accepted) {
            (Some(ContactStatus::Declined), true) if !asked => {
                return self.reject("response to nothing", now);
            }
            // They had declined before, and think better of it.
            (Some(ContactStatus::Requested | ContactStatus::Declined), true) => {
                let record = self.mark_accepted(from, Some(name), pk, now);
                self.greet(from, now);
                self.drive(from, now);
                record.ok()
            }
            // They have answered twice, or tell us a prekey in place of one that they lost: until
            // now they could read nothing of ours.
            (Some(ContactStatus::Accepted), true) => {
                let record = self.mark_accepted(from, Some(name), pk, now);
                self.greet(from, now);
                record.ok()
            }
            (Some(ContactStatus::Requested), false) => {
                self.timers.clear(Timer::RequestRepeat(from));
                let record = self.peers.get_mut(&from).map(|peer| {
                    peer.contact.status = ContactStatus::Declined;
                    peer.contact.token = None;
                    peer.contact.clone()
                });
                self.tell_contact(from);
                record
            }
            (Some(ContactStatus::Accepted | ContactStatus::Declined), false)
            | (Some(ContactStatus::Blocked) | None, _) => {
                return self.reject("response to nothing", now);
            }
        };
        if let Some(record) = record {
            self.store(vec![Op::SaveContact(record)], Pending::Nothing);
        }
    }

    /// Something that only contacts send has come from someone whom we asked: they have accepted.
    /// While their answer itself waits for the disk, it is left to tell so, with their name.
    pub(crate) fn infer_acceptance(&mut self, id: UserId, now: Time) {
        let is_news = |peer: &Peer| {
            peer.contact.status == ContactStatus::Requested && peer.responses_under_way == 0
        };
        if !self.peers.get(&id).is_some_and(is_news) {
            return;
        }
        if let Ok(record) = self.mark_accepted(id, None, None, now) {
            self.store(vec![Op::SaveContact(record)], Pending::Nothing);
            self.greet(id, now);
            self.drive(id, now);
        }
    }

    /// A prekey came with an offer or an answer.
    pub(crate) fn note_prekey(&mut self, id: UserId, pk: Option<PrekeyPublic>, now: Time) {
        let (Some(pk), Some(peer)) = (pk, self.peers.get_mut(&id)) else { return };
        let known = peer.contact.prekey.as_ref();
        // Its age is written anew once a day, not with every session.
        let fresh = |at: Time| now.since(at) < Duration::from_secs(24 * 3_600);
        if known.is_some_and(|(old, at)| *old == pk && fresh(*at)) {
            return;
        }
        if self.pending.len() >= MAX_BEHIND {
            return self.reject("disk too slow", now);
        }
        peer.contact.prekey = Some((pk, now));
        let record = peer.contact.clone();
        self.store(vec![Op::SaveContact(record)], Pending::Nothing);
    }

    /// Requests that a clock noted which was ahead count as of today: they would never expire.
    pub(crate) fn redate_requests(&mut self, now: Time) -> Vec<Op> {
        let ahead = self.requests.values_mut().filter(|request| request.at > now);
        ahead
            .map(|request| {
                request.at = now;
                Op::SaveRequest(request.clone())
            })
            .collect()
    }

    pub(crate) fn expire_requests(&mut self, now: Time) {
        let old: Vec<_> = self
            .requests
            .values()
            .filter(|request| now.since(request.at) >= REQUEST_LIFETIME)
            .map(|request| request.from)
            .collect();
        for from in old {
            self.requests.remove(&from);
            let forgotten = self.replays.forget(from);
            self.event(Event::RequestGone { contact: from });
            self.store(vec![Op::RemoveRequest(from), forgotten], Pending::Nothing);
        }
    }

    pub(crate) fn expire_invites(&mut self, now: Time) {
        let old: Vec<_> = self
            .invites
            .values()
            .filter(|invite| invite.expiry <= now)
            .map(|invite| invite.token)
            .collect();
        for token in old {
            self.invites.remove(&token);
            self.store(vec![Op::RemoveInvite(token)], Pending::Nothing);
        }
    }
}
