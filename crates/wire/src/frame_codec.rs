//! Reads and writes the frames of one channel (protocol §5). The hot path of the program: a
//! message costs one pass over its text each way, and ids are compared as strings.

use std::collections::BTreeMap;

use crate::base64url;
use crate::capabilities;
use crate::frame::{
    Frame, FrameError, MAX_BYE_BYTES, MAX_FRAME_BYTES, MAX_SELECTIVE_ACKS, MAX_SYNC_LOGS,
};
use crate::hello::Hello;
use crate::ids::LogId;
use crate::json::{JsonError, Object, Value, as_integer};
use crate::json_writer::{ObjectWriter, write_array, write_integer, write_object, write_string};
use crate::message::{FIRST_MILLISECOND_TIMESTAMP, Kind, Message, Position};
use crate::message_id::MessageId;
use crate::ranges::{MAX_RANGES, Ranges};
use crate::signal::SignalError;
use crate::signal_body::Body;
use crate::topic::Leaf;
use crate::user_id::UserId;

/// The protocol version, `v` of `hello`.
const VERSION: u64 = 1;

/// Room for everything but the content of a message, so that writing one allocates once.
const MESSAGE_RESERVE: usize = 400;

/// Reads and writes frames between two users. Make one per peer; it holds only their ids.
#[derive(Debug, Clone)]
pub struct FrameCodec {
    me: String,
    peer: String,
    /// `","from":"…","to":"…","content":` of every message that we send.
    addresses: String,
}

impl FrameCodec {
    /// A codec for the channel between `me` and `peer`.
    pub fn new(me: UserId, peer: UserId) -> Self {
        let (me, peer) = (me.to_string(), peer.to_string());
        let addresses = format!("\",\"from\":\"{me}\",\"to\":\"{peer}\",\"content\":");
        Self { me, peer, addresses }
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// It breaks a bound, or is larger than [`MAX_FRAME_BYTES`].
    pub fn encode(&self, frame: &Frame) -> Result<String, FrameError> {
        check(frame)?;
        let mut out = String::new();
        match frame {
            Frame::Message(message) => self.write_message(&mut out, message),
            Frame::Batch(messages) => {
                let len = |message: &Message| MESSAGE_RESERVE + message.content.len();
                out.reserve(messages.iter().map(len).sum());
                out.push_str("{\"type\":\"batch\",\"m\":");
                write_array(&mut out, messages, |out, message| self.write_message(out, message));
                out.push('}');
            }
            other => write_object(&mut out, |object| write_control(other, object)),
        }
        if out.len() > MAX_FRAME_BYTES {
            return Err(FrameError::TooLong);
        }
        Ok(out)
    }

    /// Reads a frame that the peer sent. Unknown fields are ignored; so are unknown types by the
    /// caller, who counts [`FrameError::UnknownType`].
    ///
    /// # Errors
    /// See [`FrameError`]; nothing that a peer can write panics.
    pub fn decode(&self, bytes: &[u8]) -> Result<Frame, FrameError> {
        if bytes.len() > MAX_FRAME_BYTES {
            return Err(FrameError::TooLong);
        }
        let mut object = Object::parse(bytes)?;
        let kind = object.string("type")?;
        let frame = match kind.as_ref() {
            "text" | "edit" | "delete" | "react" => {
                return Ok(Frame::Message(self.read_message(&kind, object)?));
            }
            "batch" => return self.read_batch(object),
            "hello" => Frame::Hello(read_hello(&mut object)?),
            "sync" => read_sync(&mut object)?,
            "ack" => Frame::Ack {
                lg: object.text("lg")?,
                to: object.integer("to")?,
                sel: read_selective(&mut object)?,
            },
            "read" => Frame::Read { lg: object.text("lg")?, to: object.integer("to")? },
            "typing" => Frame::Typing { on: object.boolean("on")? },
            "ping" => Frame::Ping,
            "pong" => Frame::Pong,
            "gone" => Frame::Gone {
                lg: object.text("lg")?,
                s: Ranges::read(&object.required("s")?, "s")?,
            },
            "signal" => {
                let mut body = object.object("b")?.ok_or(JsonError::Missing("b"))?;
                Frame::Signal(Body::read(&mut body)?)
            }
            "bye" => Frame::Bye { why: object.string("why")?.into_owned() },
            _ => return Err(FrameError::UnknownType),
        };
        check(&frame)?;
        Ok(frame)
    }

    fn write_message(&self, out: &mut String, message: &Message) {
        out.reserve(MESSAGE_RESERVE + message.content.len());
        out.push_str("{\"id\":\"");
        write_message_id(out, message.id);
        out.push_str(&self.addresses);
        write_string(out, &message.content);
        out.push_str(",\"timestamp\":");
        write_integer(out, message.timestamp);
        out.push_str(",\"type\":\"");
        out.push_str(message.kind.as_str());
        out.push('"');
        let reference = message.kind.reference();
        if message.position.is_some() || reference.is_some() {
            out.push_str(",\"x\":");
            write_object(out, |object| write_extras(object, message.position, reference));
        }
        out.push('}');
    }

    fn read_message(&self, kind: &str, mut object: Object<'_>) -> Result<Message, FrameError> {
        if object.string("from")? != self.peer.as_str() {
            return Err(FrameError::WrongSender);
        }
        if object.string("to")? != self.me.as_str() {
            return Err(FrameError::WrongRecipient);
        }
        let id = object.text("id")?;
        let content = object.string("content")?.into_owned();
        let timestamp = in_milliseconds(object.integer("timestamp")?);
        let (position, reference) = read_extras(&mut object)?;
        let kind = read_kind(kind, reference)?;
        let message = Message { id, content, timestamp, kind, position };
        message.check()?;
        Ok(message)
    }

    fn read_batch(&self, mut object: Object<'_>) -> Result<Frame, FrameError> {
        let items = object.array("m")?;
        if items.is_empty() {
            return Err(FrameError::OutOfBounds("m"));
        }
        let messages = items.into_iter().map(|item| {
            let Value::Object(mut object) = item else {
                return Err(JsonError::BadField("m").into());
            };
            let kind = object.string("type")?;
            self.read_message(&kind, object)
        });
        messages.collect::<Result<_, _>>().map(Frame::Batch)
    }
}

/// The bounds that JSON does not express, the same for both directions.
fn check(frame: &Frame) -> Result<(), FrameError> {
    match frame {
        Frame::Hello(hello) if !capabilities::are_legal(&hello.caps) => {
            Err(FrameError::OutOfBounds("caps"))
        }
        Frame::Sync { have, sent } if have.len() > MAX_SYNC_LOGS || sent.len() > MAX_SYNC_LOGS => {
            Err(FrameError::OutOfBounds("sync"))
        }
        Frame::Message(message) => Ok(message.check()?),
        Frame::Batch(messages) if messages.is_empty() => Err(FrameError::OutOfBounds("m")),
        Frame::Batch(messages) => Ok(messages.iter().try_for_each(Message::check)?),
        Frame::Ack { sel, .. } if sel.len() > MAX_SELECTIVE_ACKS => {
            Err(FrameError::OutOfBounds("sel"))
        }
        Frame::Gone { s, .. } if s.range_count() > MAX_RANGES => Err(FrameError::OutOfBounds("s")),
        Frame::Signal(body) => Ok(check_signal(body)?),
        Frame::Bye { why } if why.len() > MAX_BYE_BYTES || why.chars().any(char::is_control) => {
            Err(FrameError::OutOfBounds("why"))
        }
        Frame::Hello(_)
        | Frame::Sync { .. }
        | Frame::Ack { .. }
        | Frame::Read { .. }
        | Frame::Typing { .. }
        | Frame::Ping
        | Frame::Pong
        | Frame::Gone { .. }
        | Frame::Bye { .. } => Ok(()),
    }
}

fn check_signal(body: &Body) -> Result<(), SignalError> {
    match body.leaf() {
        Leaf::Offer | Leaf::Answer | Leaf::IceCandidate => body.check(),
        Leaf::ContactRequest | Leaf::ContactResponse | Leaf::ChatPresence | Leaf::Heartbeat => {
            Err(SignalError::NotForChannel)
        }
    }
}

fn in_milliseconds(timestamp: u64) -> u64 {
    if timestamp < FIRST_MILLISECOND_TIMESTAMP { timestamp * 1000 } else { timestamp }
}

fn write_message_id(out: &mut String, id: MessageId) {
    // Hex digits and hyphens are always UTF-8, so the fallback is never seen.
    out.push_str(std::str::from_utf8(&id.text()).unwrap_or_default());
}

fn write_extras(
    object: &mut ObjectWriter<'_>,
    position: Option<Position>,
    reference: Option<MessageId>,
) {
    if let Some(Position { lg, s, h }) = position {
        object.string("lg", lg.as_str()).integer("s", s).integer("h", h);
    }
    if let Some(reference) = reference {
        let out = object.key("ref");
        out.push('"');
        write_message_id(out, reference);
        out.push('"');
    }
}

/// Reads `x`: a position whole or not at all, and perhaps a reference.
fn read_extras(
    object: &mut Object<'_>,
) -> Result<(Option<Position>, Option<MessageId>), JsonError> {
    let Some(mut extras) = object.object("x")? else { return Ok((None, None)) };
    let reference = match extras.optional_string("ref")? {
        Some(text) => Some(text.parse().map_err(|_| JsonError::BadField("ref"))?),
        None => None,
    };
    let log = extras.optional_string("lg")?;
    let (s, h) = (extras.optional_integer("s")?, extras.optional_integer("h")?);
    if log.is_none() && s.is_none() && h.is_none() {
        return Ok((None, reference));
    }
    let position = Position {
        lg: log.ok_or(JsonError::Missing("lg"))?.parse().map_err(|_| JsonError::BadField("lg"))?,
        s: s.ok_or(JsonError::Missing("s"))?,
        h: h.ok_or(JsonError::Missing("h"))?,
    };
    Ok((Some(position), reference))
}

fn read_kind(kind: &str, reference: Option<MessageId>) -> Result<Kind, FrameError> {
    let target = reference.ok_or(JsonError::Missing("ref"));
    match kind {
        "text" => Ok(Kind::Text { reply: reference }),
        "edit" => Ok(Kind::Edit { target: target? }),
        "delete" => Ok(Kind::Delete { target: target? }),
        "react" => Ok(Kind::React { target: target? }),
        _ => Err(FrameError::UnknownType),
    }
}

/// Writes every frame but messages.
fn write_control(frame: &Frame, object: &mut ObjectWriter<'_>) {
    match frame {
        Frame::Hello(hello) => {
            object.plain("type", "hello").integer("v", VERSION).plain("sid", hello.sid);
            object.plain("sig", base64url::encode(&hello.sig));
            object.strings("caps", &hello.caps).integer("max", hello.max);
        }
        Frame::Sync { have, sent } => {
            object.plain("type", "sync");
            object.object("have", |object| {
                for (lg, ranges) in have {
                    ranges.lowest_ranges(MAX_RANGES).write(object.key(lg.as_str()));
                }
            });
            object.object("sent", |object| {
                for (lg, to) in sent {
                    object.integer(lg.as_str(), *to);
                }
            });
        }
        Frame::Ack { lg, to, sel } => {
            object.plain("type", "ack").plain("lg", lg).integer("to", *to);
            if !sel.is_empty() {
                object.array("sel", sel, |out, position| write_integer(out, *position));
            }
        }
        Frame::Read { lg, to } => {
            object.plain("type", "read").plain("lg", lg).integer("to", *to);
        }
        Frame::Typing { on } => {
            object.plain("type", "typing").boolean("on", *on);
        }
        Frame::Ping => {
            object.plain("type", "ping");
        }
        Frame::Pong => {
            object.plain("type", "pong");
        }
        Frame::Gone { lg, s } => {
            object.plain("type", "gone").plain("lg", lg);
            s.write(object.key("s"));
        }
        Frame::Signal(body) => {
            object.plain("type", "signal").object("b", |object| body.write(object));
        }
        Frame::Bye { why } => {
            object.plain("type", "bye").string("why", why);
        }
        Frame::Message(_) | Frame::Batch(_) => unreachable!("messages are written by the codec"),
    }
}

fn read_hello(object: &mut Object<'_>) -> Result<Hello, FrameError> {
    match object.integer("v")? {
        VERSION => {}
        other => return Err(FrameError::WrongVersion(other)),
    }
    let sig = base64url::decode_array(&object.string("sig")?).ok_or(JsonError::BadField("sig"))?;
    let max = u32::try_from(object.integer("max")?).map_err(|_| JsonError::BadField("max"))?;
    Ok(Hello { sid: object.text("sid")?, sig, caps: capabilities::take(object)?, max })
}

fn read_sync(object: &mut Object<'_>) -> Result<Frame, JsonError> {
    let have = read_logs(object, "have", |value| Ranges::read(value, "have"))?;
    let sent = read_logs(object, "sent", |value| as_integer(value, "sent"))?;
    Ok(Frame::Sync { have, sent })
}

/// Reads an object whose keys are logs; a missing one is empty.
fn read_logs<T>(
    object: &mut Object<'_>,
    key: &'static str,
    read: impl Fn(&Value<'_>) -> Result<T, JsonError>,
) -> Result<BTreeMap<LogId, T>, JsonError> {
    let Some(logs) = object.object(key)? else { return Ok(BTreeMap::new()) };
    if logs.len() > MAX_SYNC_LOGS {
        return Err(JsonError::BadField(key));
    }
    let mut found = BTreeMap::new();
    for (lg, value) in logs.into_fields() {
        let lg = lg.parse().map_err(|_| JsonError::BadField(key))?;
        found.insert(lg, read(&value)?);
    }
    Ok(found)
}

fn read_selective(object: &mut Object<'_>) -> Result<Vec<u64>, JsonError> {
    let items = object.array("sel")?;
    if items.len() > MAX_SELECTIVE_ACKS {
        return Err(JsonError::BadField("sel"));
    }
    items.iter().map(|item| as_integer(item, "sel")).collect()
}
