//! The envelope: a signal, signed by its sender and sealed to its recipient (protocol §3).
//!
//! The broker sees the recipient, the leaf, a size and a time, nothing else.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::base64url;
use crate::identity::{self, Identity};
use crate::json::{JsonError, Object};
use crate::json_writer::write_object;
use crate::pair_secret::PairSecret;
use crate::prekey::{PrekeyId, PrekeyPublic, PrekeySecret};
use crate::signal::{Signal, SignalError};
use crate::topic::Topic;

/// Largest envelope in bytes: 16 KiB, which the smallest packet limit of the brokers allows.
pub const MAX_ENVELOPE_BYTES: usize = 16 * 1024;

const VERSION: u64 = 1;
const HPKE_INFO: &[u8] = b"tincan/1";
const SIGNATURE_LABEL: &[u8] = b"tincan/1/signal";
/// Plaintexts are padded to multiples of this, so that sizes say little about contents.
const PADDING_BLOCK: usize = 256;
const SIGNATURE_BYTES: usize = 64;
/// Signature and u16 length, before the body.
const HEADER_BYTES: usize = SIGNATURE_BYTES + 2;

/// Signs `signal` as `sender`, pads it and seals it to the user of `topic`.
///
/// `prekey` is the recipient's; without one it is sealed to their identity key (first contact).
/// `tag` is the secret shared with a contact; a stranger has none and sends random bytes.
///
/// # Errors
/// The signal does not belong on this topic, breaks a bound, or is too large.
pub fn seal<R: CryptoRng + ?Sized>(
    mut rng: &mut R,
    sender: &Identity,
    topic: &Topic,
    prekey: Option<&PrekeyPublic>,
    tag: Option<&PairSecret>,
    signal: &Signal,
) -> Result<Vec<u8>, SealError> {
    check_addresses(sender, topic, signal)?;
    let plaintext = sign_and_pad(sender, topic, &signal.to_json())?;
    let (key_id, key) = match prekey {
        Some(prekey) => (prekey.id, prekey.key),
        None => (PrekeyId::IDENTITY, topic.user.x25519()),
    };
    let recipient =
        <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&key).map_err(|_| SealError::BadPrekey)?;
    let (encapsulated, ciphertext) =
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &recipient,
            HPKE_INFO,
            &plaintext,
            &associated_data(topic, key_id),
            &mut rng,
        )
        .map_err(|_| SealError::BadPrekey)?;
    let mut encapsulated_key = [0; 32];
    encapsulated.write_exact(&mut encapsulated_key);
    let tag = match tag {
        Some(secret) => secret.tag(&encapsulated_key),
        None => {
            let mut random = [0; 16];
            rng.fill_bytes(&mut random);
            random
        }
    };
    let envelope = Envelope { key_id, tag, encapsulated_key, ciphertext };
    let json = envelope.to_json().into_bytes();
    if json.len() > MAX_ENVELOPE_BYTES {
        return Err(SealError::TooLong);
    }
    Ok(json)
}

fn check_addresses(sender: &Identity, topic: &Topic, signal: &Signal) -> Result<(), SealError> {
    let own = sender.user_id();
    let belongs = signal.from == own && signal.to == topic.user && own != topic.user;
    if !belongs || signal.body.leaf() != topic.leaf {
        return Err(SealError::WrongTopic);
    }
    Ok(signal.check()?)
}

/// signature ‖ u16 length ‖ body ‖ zeros up to a multiple of [`PADDING_BLOCK`].
fn sign_and_pad(
    sender: &Identity,
    topic: &Topic,
    body: &str,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let length = u16::try_from(body.len()).map_err(|_| SealError::TooLong)?;
    let signature = sender.sign(&signed_bytes(topic, body.as_bytes()));
    let mut plaintext = Zeroizing::new(Vec::with_capacity(padded_len(body.len())));
    plaintext.extend_from_slice(&signature);
    plaintext.extend_from_slice(&length.to_be_bytes());
    plaintext.extend_from_slice(body.as_bytes());
    plaintext.resize(padded_len(body.len()), 0);
    Ok(plaintext)
}

fn padded_len(body_len: usize) -> usize {
    (HEADER_BYTES + body_len).next_multiple_of(PADDING_BLOCK)
}

/// `"tincan/1/signal"` ‖ topic ‖ the recipient's identity key ‖ body.
fn signed_bytes(topic: &Topic, body: &[u8]) -> Vec<u8> {
    let topic_text = topic.to_string();
    [SIGNATURE_LABEL, topic_text.as_bytes(), topic.user.as_bytes(), body].concat()
}

/// The topic's text ‖ the four bytes of the key id.
fn associated_data(topic: &Topic, key_id: PrekeyId) -> Vec<u8> {
    [topic.to_string().as_bytes(), key_id.as_bytes()].concat()
}

/// A sealed signal as it arrives.
///
/// [`Envelope::parse`] costs no public-key work. Under flood, ask [`Envelope::tag_matches`] for
/// each contact first; then find the key by [`Envelope::key_id`] and [`Envelope::open`] it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    key_id: PrekeyId,
    tag: [u8; 16],
    encapsulated_key: [u8; 32],
    ciphertext: Vec<u8>,
}

impl Envelope {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// See [`EnvelopeError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(EnvelopeError::TooLong);
        }
        let mut object = Object::parse(bytes)?;
        match object.integer("v")? {
            VERSION => {}
            other => return Err(EnvelopeError::WrongVersion(other)),
        }
        Ok(Self {
            key_id: object.text("k")?,
            tag: take_bytes(&mut object, "g")?,
            encapsulated_key: take_bytes(&mut object, "e")?,
            ciphertext: base64url::decode(&object.string("c")?).ok_or(JsonError::BadField("c"))?,
        })
    }

    /// Which of the recipient's keys it is sealed to.
    pub fn key_id(&self) -> PrekeyId {
        self.key_id
    }

    /// Whether the holder of `secret`, a contact, made it. A cheap first sieve; only
    /// [`Envelope::open`] proves anything.
    pub fn tag_matches(&self, secret: &PairSecret) -> bool {
        secret.matches(&self.encapsulated_key, &self.tag)
    }

    /// Decrypts and verifies it. `topic` is where it arrived; `prekey` is the one that
    /// [`Envelope::key_id`] names, or `None` for [`PrekeyId::IDENTITY`].
    ///
    /// # Errors
    /// See [`OpenError`]; on any of them the envelope is dropped and counted.
    pub fn open(
        &self,
        topic: &Topic,
        own: &Identity,
        prekey: Option<&PrekeySecret>,
    ) -> Result<Signal, OpenError> {
        if topic.user != own.user_id() {
            return Err(OpenError::WrongTopic);
        }
        let plaintext = Zeroizing::new(self.decrypt(topic, own, prekey)?);
        let (signature, body) = unpad(&plaintext)?;
        let signal = Signal::parse(body)?;
        if signal.to != topic.user {
            return Err(OpenError::WrongRecipient);
        }
        if signal.body.leaf() != topic.leaf {
            return Err(OpenError::WrongLeaf);
        }
        if !identity::verify(&signal.from, &signed_bytes(topic, body), &signature) {
            return Err(OpenError::BadSignature);
        }
        Ok(signal)
    }

    fn decrypt(
        &self,
        topic: &Topic,
        own: &Identity,
        prekey: Option<&PrekeySecret>,
    ) -> Result<Vec<u8>, OpenError> {
        let secret = match prekey {
            _ if self.key_id == PrekeyId::IDENTITY => own.x25519(),
            Some(prekey) if prekey.id() == self.key_id => prekey.secret().clone(),
            _ => return Err(OpenError::UnknownPrekey),
        };
        let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(secret.as_bytes())
            .map_err(|_| OpenError::Undecryptable)?;
        let encapsulated =
            <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&self.encapsulated_key)
                .map_err(|_| OpenError::Undecryptable)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &secret,
            &encapsulated,
            HPKE_INFO,
            &self.ciphertext,
            &associated_data(topic, self.key_id),
        )
        .map_err(|_| OpenError::Undecryptable)
    }

    fn to_json(&self) -> String {
        let mut out = String::with_capacity(128 + self.ciphertext.len().div_ceil(3) * 4);
        write_object(&mut out, |object| {
            object.integer("v", VERSION).plain("k", self.key_id);
            object.plain("g", base64url::encode(&self.tag));
            object.plain("e", base64url::encode(&self.encapsulated_key));
            object.plain("c", base64url::encode(&self.ciphertext));
        });
        out
    }
}

fn take_bytes<const N: usize>(
    object: &mut Object<'_>,
    key: &'static str,
) -> Result<[u8; N], JsonError> {
    base64url::decode_array(&object.string(key)?).ok_or(JsonError::BadField(key))
}

/// Splits a plaintext into signature and body, and checks that its padding is exact and zero.
fn unpad(plaintext: &[u8]) -> Result<([u8; SIGNATURE_BYTES], &[u8]), OpenError> {
    let (signature, rest) =
        plaintext.split_first_chunk::<SIGNATURE_BYTES>().ok_or(OpenError::BadPadding)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(OpenError::BadPadding)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (body, padding) = rest.split_at_checked(length).ok_or(OpenError::BadPadding)?;
    if plaintext.len() != padded_len(length) || padding.iter().any(|byte| *byte != 0) {
        return Err(OpenError::BadPadding);
    }
    Ok((*signature, body))
}

/// Why a signal is not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// Sender, recipient or leaf do not fit the topic, or the recipient is the sender.
    #[error("the signal does not belong on this topic; address it to the topic's user and leaf")]
    WrongTopic,
    /// A bound of the signal is broken.
    #[error("the signal cannot be sent: {0}")]
    Signal(#[from] SignalError),
    /// The envelope would be larger than [`MAX_ENVELOPE_BYTES`].
    #[error("the signal is too large for one envelope of {MAX_ENVELOPE_BYTES} bytes; send less")]
    TooLong,
    /// The recipient's prekey is no usable key.
    #[error("the contact's prekey is unusable; seal to the identity key until a new one comes")]
    BadPrekey,
}

impl SealError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::WrongTopic => "seal_wrong_topic",
            Self::Signal(error) => error.reason(),
            Self::TooLong => "seal_too_long",
            Self::BadPrekey => "seal_bad_prekey",
        }
    }
}

/// Why a payload is no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Larger than [`MAX_ENVELOPE_BYTES`].
    #[error("the envelope is larger than {MAX_ENVELOPE_BYTES} bytes; it was dropped")]
    TooLong,
    /// Not the JSON of an envelope.
    #[error("the envelope cannot be read: {0}")]
    Json(#[from] JsonError),
    /// Of another protocol version.
    #[error("the envelope is of protocol version {0}; update the older side")]
    WrongVersion(u64),
}

impl EnvelopeError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "envelope_too_long",
            Self::Json(error) => error.reason(),
            Self::WrongVersion(_) => "envelope_version",
        }
    }
}

/// Why an envelope proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The topic is another user's.
    #[error("the envelope arrived on another user's topic; check the broker's access rules")]
    WrongTopic,
    /// Sealed to a prekey that was not given: unknown, or deleted by now.
    #[error("the envelope is sealed to a key this device no longer has; the sender will retry")]
    UnknownPrekey,
    /// It does not decrypt: damaged, moved from another topic, or for someone else.
    #[error("the envelope does not decrypt; it was dropped")]
    Undecryptable,
    /// Length or padding are wrong.
    #[error("the envelope is padded wrongly; it was dropped")]
    BadPadding,
    /// The body inside cannot be read.
    #[error("{0}")]
    Signal(#[from] SignalError),
    /// `to` is not the topic's user.
    #[error("the signal inside is for someone else; it was dropped")]
    WrongRecipient,
    /// `t` is not the topic's leaf.
    #[error("the signal inside belongs on another topic; it was dropped")]
    WrongLeaf,
    /// The signature is not that of `from`.
    #[error("the signal inside is not signed by its sender; it was dropped")]
    BadSignature,
}

impl OpenError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::WrongTopic => "open_wrong_topic",
            Self::UnknownPrekey => "open_unknown_prekey",
            Self::Undecryptable => "open_undecryptable",
            Self::BadPadding => "open_bad_padding",
            Self::Signal(error) => error.reason(),
            Self::WrongRecipient => "open_wrong_recipient",
            Self::WrongLeaf => "open_wrong_leaf",
            Self::BadSignature => "open_bad_signature",
        }
    }
}
