//! The first 20 bytes of a STUN message (RFC 8489 §5).

pub(crate) const HEADER_BYTES: usize = 20;
pub(super) const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

/// What a message is for (RFC 8489 §18.2, RFC 8656 §17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Asks for the address that the server sees.
    Binding,
    /// Asks for a relayed address.
    Allocate,
    /// Prolongs or ends an allocation.
    Refresh,
    /// Data for a peer.
    Send,
    /// Data of a peer.
    Data,
    /// Lets peers send.
    CreatePermission,
    /// Gives a peer a short number.
    ChannelBind,
}

impl Method {
    const fn code(self) -> u16 {
        match self {
            Self::Binding => 1,
            Self::Allocate => 3,
            Self::Refresh => 4,
            Self::Send => 6,
            Self::Data => 7,
            Self::CreatePermission => 8,
            Self::ChannelBind => 9,
        }
    }

    fn from_code(code: u16) -> Option<Self> {
        use Method::{Allocate, Binding, ChannelBind, CreatePermission, Data, Refresh, Send};
        [Binding, Allocate, Refresh, Send, Data, CreatePermission, ChannelBind]
            .into_iter()
            .find(|method| method.code() == code)
    }
}

/// Who speaks, and whether an answer is due (RFC 8489 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// The answer to a request that was granted.
    Success,
    /// The answer to one that was not.
    Error,
}

/// The bits of the class within a message's type.
const CLASS_BITS: u16 = 0x0110;

impl Class {
    const fn bits(self) -> u16 {
        match self {
            Self::Request => 0x0000,
            Self::Indication => 0x0010,
            Self::Success => 0x0100,
            Self::Error => 0x0110,
        }
    }

    fn from_type(kind: u16) -> Self {
        match kind & CLASS_BITS {
            0x0000 => Self::Request,
            0x0010 => Self::Indication,
            0x0100 => Self::Success,
            _ => Self::Error,
        }
    }
}

/// The type field; all methods here are below 16, so that their bits need no spreading.
const fn message_type(class: Class, method: Method) -> [u8; 2] {
    (class.bits() | method.code()).to_be_bytes()
}

/// Class and method, unless the method is unknown here.
pub(super) fn parse_type(bytes: [u8; 2]) -> Option<(Class, Method)> {
    let kind = u16::from_be_bytes(bytes);
    Some((Class::from_type(kind), Method::from_code(kind & !CLASS_BITS)?))
}

/// The 96 bits that pair an answer with its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transaction(pub [u8; 12]);

/// A whole header, with the length of the attributes in bytes.
pub(crate) fn header(
    class: Class,
    method: Method,
    length: u16,
    transaction: Transaction,
) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..2].copy_from_slice(&message_type(class, method));
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes[4..8].copy_from_slice(&MAGIC_COOKIE);
    bytes[8..].copy_from_slice(&transaction.0);
    bytes
}
