//! The JSON form of signals and their bodies (protocol §§3, 4).

use crate::base64url;
use crate::capabilities;
use crate::display_name::DisplayName;
use crate::invite_proof::InviteProof;
use crate::json::{JsonError, Object, Value};
use crate::json_writer::{ObjectWriter, write_object};
use crate::prekey::PrekeyPublic;
use crate::signal::{Signal, SignalError};
use crate::signal_body::{Body, Candidate, ChatStatus, Description, MAX_CANDIDATES, SessionRef};
use crate::stamp::Stamp;
use crate::topic::Leaf;

/// The protocol version, `v` of every body.
const VERSION: u64 = 1;

impl Signal {
    /// The JSON form, the bytes that are signed and sealed.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(512);
        write_object(&mut out, |object| {
            object.integer("v", VERSION).plain("t", self.body.leaf());
            object.plain("from", self.from).plain("to", self.to).plain("dev", self.dev);
            object.integer("ep", self.ep).integer("seq", self.seq);
            self.body.write_fields(object);
        });
        out
    }

    /// Reads the JSON form. Unknown fields are ignored.
    ///
    /// # Errors
    /// See [`SignalError`]; nothing that a sender can write panics.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignalError> {
        let mut object = Object::parse(bytes)?;
        match object.integer("v")? {
            VERSION => {}
            other => return Err(SignalError::WrongVersion(other)),
        }
        let leaf = take_leaf(&mut object)?;
        let signal = Self {
            from: object.text("from")?,
            to: object.text("to")?,
            dev: object.text("dev")?,
            ep: object.integer("ep")?,
            seq: object.integer("seq")?,
            body: Body::take(leaf, &mut object)?,
        };
        if signal.from == signal.to {
            return Err(SignalError::FromSelf);
        }
        signal.check()?;
        Ok(signal)
    }
}

impl Body {
    /// The JSON form without sender and order, `{"t":"offer",…}`, as a `signal` frame carries it.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(512);
        write_object(&mut out, |object| self.write(object));
        out
    }

    /// Reads what [`Body::to_json`] writes.
    ///
    /// # Errors
    /// See [`SignalError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SignalError> {
        Self::read(&mut Object::parse(bytes)?)
    }

    /// Writes `t` and the fields of the leaf.
    pub(crate) fn write(&self, object: &mut ObjectWriter<'_>) {
        object.plain("t", self.leaf());
        self.write_fields(object);
    }

    /// Reads `t` and the fields of the leaf.
    pub(crate) fn read(object: &mut Object<'_>) -> Result<Self, SignalError> {
        let leaf = take_leaf(object)?;
        let body = Self::take(leaf, object)?;
        body.check()?;
        Ok(body)
    }

    fn write_fields(&self, object: &mut ObjectWriter<'_>) {
        match self {
            Self::Offer { session, description } | Self::Answer { session, description } => {
                write_session(session, object);
                write_description(description, object);
            }
            Self::IceCandidate { session, candidates, eoc } => {
                write_session(session, object);
                object.array("c", candidates, write_candidate).boolean("eoc", *eoc);
            }
            Self::ContactRequest { name, proof, stamp, pk } => {
                object.string("name", name.as_str());
                if let Some(proof) = proof {
                    object.plain("proof", base64url::encode(&proof.0));
                }
                if let Some(stamp) = stamp {
                    object.integer("stamp", stamp.0);
                }
                object.object("pk", |object| pk.write(object));
            }
            Self::ContactResponse { accepted, name, pk } => {
                object.boolean("accepted", *accepted).string("name", name.as_str());
                write_prekey(pk.as_ref(), object);
            }
            Self::ChatPresence { status } => {
                object.plain("status", status.as_str());
            }
            Self::Heartbeat { n, re } => {
                object.integer("n", *n).boolean("re", *re);
            }
        }
    }

    fn take(leaf: Leaf, object: &mut Object<'_>) -> Result<Self, JsonError> {
        Ok(match leaf {
            Leaf::Offer => Self::Offer {
                session: take_session(object)?,
                description: take_description(object)?,
            },
            Leaf::Answer => Self::Answer {
                session: take_session(object)?,
                description: take_description(object)?,
            },
            Leaf::IceCandidate => Self::IceCandidate {
                session: take_session(object)?,
                candidates: take_candidates(object)?,
                eoc: object.flag("eoc")?,
            },
            Leaf::ContactRequest => Self::ContactRequest {
                name: take_name(object)?,
                proof: take_proof(object)?,
                stamp: object.optional_integer("stamp")?.map(Stamp),
                pk: PrekeyPublic::take(object)?.ok_or(JsonError::Missing("pk"))?,
            },
            Leaf::ContactResponse => Self::ContactResponse {
                accepted: object.boolean("accepted")?,
                name: take_name(object)?,
                pk: PrekeyPublic::take(object)?,
            },
            Leaf::ChatPresence => Self::ChatPresence { status: take_status(object)? },
            Leaf::Heartbeat => Self::Heartbeat { n: object.integer("n")?, re: object.flag("re")? },
        })
    }
}

fn take_leaf(object: &mut Object<'_>) -> Result<Leaf, SignalError> {
    object.string("t")?.parse().map_err(|_| SignalError::UnknownLeaf)
}

fn write_session(session: &SessionRef, object: &mut ObjectWriter<'_>) {
    object.plain("sid", session.sid).integer("gen", session.generation);
}

fn take_session(object: &mut Object<'_>) -> Result<SessionRef, JsonError> {
    let generation = object.integer("gen")?;
    Ok(SessionRef {
        sid: object.text("sid")?,
        generation: u32::try_from(generation).map_err(|_| JsonError::BadField("gen"))?,
    })
}

fn write_description(description: &Description, object: &mut ObjectWriter<'_>) {
    object.string("sdp", &description.sdp).plain("fp", description.fp);
    object.strings("caps", &description.caps);
    write_prekey(description.pk.as_ref(), object);
}

fn take_description(object: &mut Object<'_>) -> Result<Description, JsonError> {
    Ok(Description {
        sdp: object.string("sdp")?.into_owned(),
        fp: object.text("fp")?,
        caps: capabilities::take(object)?,
        pk: PrekeyPublic::take(object)?,
    })
}

fn write_prekey(prekey: Option<&PrekeyPublic>, object: &mut ObjectWriter<'_>) {
    if let Some(prekey) = prekey {
        object.object("pk", |object| prekey.write(object));
    }
}

fn write_candidate(out: &mut String, candidate: &Candidate) {
    write_object(out, |object| {
        object.string("candidate", &candidate.candidate);
        if let Some(mid) = &candidate.sdp_mid {
            object.string("sdpMid", mid);
        }
        if let Some(index) = candidate.sdp_mline_index {
            object.integer("sdpMLineIndex", index);
        }
    });
}

fn take_candidates(object: &mut Object<'_>) -> Result<Vec<Candidate>, JsonError> {
    let items = object.array("c")?;
    if items.len() > MAX_CANDIDATES {
        return Err(JsonError::BadField("c"));
    }
    items.into_iter().map(take_candidate).collect()
}

fn take_candidate(item: Value<'_>) -> Result<Candidate, JsonError> {
    let Value::Object(mut object) = item else { return Err(JsonError::BadField("c")) };
    let index = object.optional_integer("sdpMLineIndex")?.map(u16::try_from).transpose();
    Ok(Candidate {
        candidate: object.string("candidate")?.into_owned(),
        sdp_mid: object.optional_string("sdpMid")?.map(Into::into),
        sdp_mline_index: index.map_err(|_| JsonError::BadField("sdpMLineIndex"))?,
    })
}

fn take_name(object: &mut Object<'_>) -> Result<DisplayName, JsonError> {
    Ok(DisplayName::clean(&object.string("name")?))
}

fn take_proof(object: &mut Object<'_>) -> Result<Option<InviteProof>, JsonError> {
    let Some(text) = object.optional_string("proof")? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| JsonError::BadField("proof"))
}

fn take_status(object: &mut Object<'_>) -> Result<ChatStatus, JsonError> {
    match object.string("status")?.as_ref() {
        "opened" => Ok(ChatStatus::Opened),
        "closed" => Ok(ChatStatus::Closed),
        "left" => Ok(ChatStatus::Left),
        _ => Err(JsonError::BadField("status")),
    }
}
