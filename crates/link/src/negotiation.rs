//! Signaling: descriptions, candidates, restarts and changes of address.

use std::net::SocketAddr;
use std::time::Instant;

use is::IceCreds;

use crate::candidate::LocalCandidate;
use crate::dtls::Dtls;
use crate::link::{Link, LinkError, Phase, Remote, Role};
use crate::sdp::{Description, Setup, keeps_to_the_first};

impl Link {
    /// Adds an address of this end and returns the `candidate:` line to send to the peer, or
    /// `None` when the address is of no use (unspecified, redundant, one too many).
    pub fn add_local_candidate(
        &mut self,
        now: Instant,
        candidate: LocalCandidate,
    ) -> Option<String> {
        self.now = now;
        let line = self.guarded(None, |link| link.ice.add_local(now, candidate));
        self.drive(now);
        line
    }

    /// Forgets every candidate on the socket `base`, because its interface or address is gone.
    /// If the path used it, [`restart_ice`](Link::restart_ice) is due; data waits meanwhile.
    pub fn remove_local_address(&mut self, now: Instant, base: SocketAddr) {
        self.now = now;
        self.guarded((), |link| {
            link.ice.remove_local(now, base);
        });
        self.drive(now);
    }

    /// The offer that describes this end now: the first one, or after
    /// [`restart_ice`](Link::restart_ice) the restart's. It holds the candidates known so far;
    /// later ones are trickled.
    pub fn create_offer(&mut self, now: Instant) -> Result<String, LinkError> {
        self.now = now;
        match (self.phase, self.role) {
            (Phase::Over, _) => return Err(LinkError::Closed),
            (Phase::New, Role::Answerer) => return Err(LinkError::OutOfOrder),
            (Phase::New, Role::Offerer) => {
                self.phase = Phase::Offered { until: now + self.config.answer_timeout };
            }
            _ => {}
        }
        Ok(self.describe(Setup::ActPass))
    }

    /// Takes the peer's offer and returns the answer. On a link that is already negotiated it is
    /// an ICE restart, or the same offer once more, which gets the same answer.
    pub fn accept_offer(&mut self, now: Instant, sdp: &str) -> Result<String, LinkError> {
        self.now = now;
        let description = Description::parse(sdp)?;
        match (self.phase, self.role) {
            (Phase::Over, _) => return Err(LinkError::Closed),
            (Phase::New | Phase::Offered { .. }, Role::Offerer) => {
                return Err(LinkError::OutOfOrder);
            }
            _ => {}
        }
        self.check_fingerprint(&description)?;
        let theirs = creds_of(&description);
        let known = self.ice.remote_creds() == Some(&theirs);
        if self.remote.is_some() && !known {
            let ours = self.fresh_creds();
            let config = self.config.clone();
            self.guarded((), |link| link.ice.restart(&config, now, ours));
            self.version += 1;
        }
        let client = match (&self.dtls, description.setup) {
            (Some(dtls), _) => dtls.is_client(),
            (None, setup) => setup != Setup::Active,
        };
        if self.phase == Phase::New && keeps_to_the_first(sdp) {
            self.ice.favour_direct(now);
        }
        self.apply(now, description, client);
        Ok(self.describe(if client { Setup::Active } else { Setup::Passive }))
    }

    /// Takes the peer's answer to the offer made last.
    pub fn accept_answer(&mut self, now: Instant, sdp: &str) -> Result<(), LinkError> {
        self.now = now;
        let description = Description::parse(sdp)?;
        match self.phase {
            Phase::Over => return Err(LinkError::Closed),
            Phase::New => return Err(LinkError::OutOfOrder),
            _ => {}
        }
        self.check_fingerprint(&description)?;
        match self.ice.remote_creds() {
            Some(known) if *known == creds_of(&description) => return Ok(()),
            Some(_) => return Err(LinkError::OutOfOrder),
            None => {}
        }
        let client = match (&self.dtls, description.setup) {
            (Some(dtls), _) => dtls.is_client(),
            (None, Setup::Active) => false,
            (None, Setup::Passive) => true,
            (None, Setup::ActPass) => return Err(LinkError::SetupConflict),
        };
        if self.remote.is_none() && keeps_to_the_first(sdp) {
            self.ice.favour_direct(now);
        }
        self.apply(now, description, client);
        Ok(())
    }

    /// Takes a candidate of the peer. An empty line ends them. Every error may be ignored.
    pub fn add_remote_candidate(&mut self, now: Instant, candidate: &str) -> Result<(), LinkError> {
        self.now = now;
        if self.phase == Phase::Over {
            return Err(LinkError::Closed);
        }
        let result = self.guarded(Ok(()), |link| link.ice.add_remote(now, candidate));
        if result.is_err() {
            self.count("candidate");
        }
        self.drive(now);
        Ok(result?)
    }

    /// New ICE credentials and a new search for paths, while the old path serves as long as it
    /// can; DTLS, SCTP and their data go on untouched. Returns the offer to send.
    pub fn restart_ice(&mut self, now: Instant) -> Result<String, LinkError> {
        self.now = now;
        match self.phase {
            Phase::Over => return Err(LinkError::Closed),
            Phase::New | Phase::Offered { .. } => return Err(LinkError::OutOfOrder),
            _ => {}
        }
        let creds = self.fresh_creds();
        let config = self.config.clone();
        self.guarded((), |link| link.ice.restart(&config, now, creds));
        self.version += 1;
        self.drive(now);
        Ok(self.describe(Setup::ActPass))
    }

    fn check_fingerprint(&self, description: &Description) -> Result<(), LinkError> {
        match self.remote {
            Some(remote) if remote.fingerprint != description.fingerprint => {
                Err(LinkError::FingerprintChanged)
            }
            _ => Ok(()),
        }
    }

    fn apply(&mut self, now: Instant, description: Description, client: bool) {
        let fingerprint = description.fingerprint;
        self.mid.clone_from(&description.mid);
        self.remote = Some(Remote { fingerprint, max_message_size: description.max_message_size });
        if self.dtls.is_none() {
            let certificate = self.certificate.clone();
            self.dtls = Some(Dtls::new(&self.config, certificate, client, fingerprint));
        }
        if matches!(self.phase, Phase::New | Phase::Offered { .. }) {
            self.phase = Phase::Checking { until: now + self.config.ice_timeout };
        }
        self.guarded((), |link| {
            link.ice.set_remote(now, creds_of(&description));
            for line in &description.candidates {
                if link.ice.add_remote(now, line).is_err() {
                    link.count("candidate");
                }
            }
        });
        self.drive(now);
    }

    fn describe(&self, setup: Setup) -> String {
        let creds = self.ice.creds();
        let description = Description {
            ufrag: creds.ufrag.clone(),
            password: creds.pass.clone(),
            fingerprint: self.fingerprint,
            setup,
            mid: self.mid.clone(),
            max_message_size: self.config.max_message_size,
            candidates: self.ice.local_lines(),
        };
        description.print(self.session, self.version)
    }
}

fn creds_of(description: &Description) -> IceCreds {
    IceCreds { ufrag: description.ufrag.clone(), pass: description.password.clone() }
}
