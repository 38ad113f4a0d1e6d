//! Prekeys: X25519 keys that contacts seal to instead of the identity key, rotated weekly so
//! that old signaling stays unreadable (protocol §3).

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::base64url;
use crate::hex;
use crate::ids::IdError;
use crate::json::{JsonError, Object};
use crate::json_writer::ObjectWriter;
use crate::serde_text::serde_as_text;

/// Which key of the recipient an envelope is sealed to: 8 hex digits, `k` on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrekeyId(pub [u8; 4]);

impl PrekeyId {
    /// The identity key itself, for first contact.
    pub const IDENTITY: Self = Self([0; 4]);

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for PrekeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for PrekeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrekeyId({self})")
    }
}

impl FromStr for PrekeyId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        hex::read(text).map(Self).ok_or(IdError::Prekey)
    }
}

serde_as_text!(PrekeyId);

/// The public half, sent as `pk`: `{"k":"<8 hex>","x":"<base64url of 32 bytes>"}`.
///
/// Its id is never [`PrekeyId::IDENTITY`] when it comes from the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct PrekeyPublic {
    /// Its name.
    #[serde(rename = "k")]
    pub id: PrekeyId,
    /// The X25519 public key.
    #[serde(rename = "x", with = "key_text")]
    pub key: [u8; 32],
}

impl PrekeyPublic {
    pub(crate) fn write(&self, object: &mut ObjectWriter<'_>) {
        object.plain("k", self.id).plain("x", base64url::encode(&self.key));
    }

    /// Takes `pk`, if it is there.
    pub(crate) fn take(body: &mut Object<'_>) -> Result<Option<Self>, JsonError> {
        let Some(mut object) = body.object("pk")? else { return Ok(None) };
        let id = object.text("k")?;
        let key = base64url::decode_array(&object.string("x")?).ok_or(JsonError::BadField("x"))?;
        if id == PrekeyId::IDENTITY {
            return Err(JsonError::BadField("k"));
        }
        Ok(Some(Self { id, key }))
    }
}

/// The serde form of a key: base64url.
mod key_text {
    use std::borrow::Cow;

    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::base64url;

    pub(super) fn serialize<S: Serializer>(key: &[u8; 32], out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&base64url::encode(key))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        base64url::decode_array(&text)
            .ok_or_else(|| serde::de::Error::custom("a prekey is 32 bytes in base64url"))
    }
}

/// The secret half. Wiped on drop; `Debug` shows only the id.
#[derive(Clone)]
pub struct PrekeySecret {
    id: PrekeyId,
    secret: StaticSecret,
}

impl PrekeySecret {
    /// A fresh prekey with a random id other than [`PrekeyId::IDENTITY`].
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut id = PrekeyId::IDENTITY;
        while id == PrekeyId::IDENTITY {
            rng.fill_bytes(&mut id.0);
        }
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *secret);
        Self { id, secret: StaticSecret::from(*secret) }
    }

    /// Its name.
    pub fn id(&self) -> PrekeyId {
        self.id
    }

    /// The half that contacts get.
    pub fn public(&self) -> PrekeyPublic {
        PrekeyPublic { id: self.id, key: PublicKey::from(&self.secret).to_bytes() }
    }

    /// Id ‖ secret, for storage.
    pub fn to_bytes(&self) -> [u8; 36] {
        let mut bytes = [0; 36];
        bytes[..4].copy_from_slice(&self.id.0);
        bytes[4..].copy_from_slice(self.secret.as_bytes());
        bytes
    }

    /// Reads what [`PrekeySecret::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8; 36]) -> Self {
        let mut id = [0; 4];
        id.copy_from_slice(&bytes[..4]);
        let mut secret = Zeroizing::new([0; 32]);
        secret.copy_from_slice(&bytes[4..]);
        Self { id: PrekeyId(id), secret: StaticSecret::from(*secret) }
    }

    /// The X25519 secret.
    pub(crate) fn secret(&self) -> &StaticSecret {
        &self.secret
    }
}

impl fmt::Debug for PrekeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrekeySecret").field("id", &self.id).finish_non_exhaustive()
    }
}
