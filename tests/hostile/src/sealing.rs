//! Envelopes made and opened without the code that is under test, with plain HPKE (RFC 9180): what
//! no honest sender would seal, and what no honest recipient would keep.

use anyhow::{Context as _, Result, anyhow};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use rand_core::CryptoRng;
use tincan_wire::{Identity, PrekeySecret, Topic, UserId, base64url};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::letter::Letter;

const HPKE_INFO: &[u8] = b"tincan/1";
/// The recipient's identity key, as the envelope names it.
const IDENTITY_KEY: &str = "00000000";

/// What stands in `g`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// The sender's and the recipient's, as contacts make it.
    OfContact,
    /// Random bytes, as strangers send them.
    Random,
}

/// signature ‖ length ‖ body ‖ padding, signed by `signer` for `topic`, whatever `body` says.
pub(crate) fn sign_plaintext(signer: &Identity, topic: &Topic, body: &str) -> Result<Vec<u8>> {
    let (text, key) = (topic.to_string(), topic.user.as_bytes());
    let signed = [b"tincan/1/signal", text.as_bytes(), key, body.as_bytes()].concat();
    let signature = SigningKey::from_bytes(signer.seed()).sign(&signed);
    let mut bytes = signature.to_bytes().to_vec();
    bytes.extend(u16::try_from(body.len())?.to_be_bytes());
    bytes.extend(body.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(256), 0);
    Ok(bytes)
}

/// An envelope of `sender` on `topic` around any plaintext, sealed to the identity key of the
/// topic's user.
pub(crate) fn seal_plaintext<R: CryptoRng>(
    mut rng: &mut R,
    sender: &Identity,
    topic: &Topic,
    plaintext: &[u8],
    tag: Tag,
) -> Result<Vec<u8>> {
    let recipient = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&montgomery(topic.user)?)
        .map_err(|error| anyhow!("{error:?}"))?;
    let associated_data = [topic.to_string().as_bytes(), &[0; 4]].concat();
    let (encapsulated, ciphertext) =
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &recipient,
            HPKE_INFO,
            plaintext,
            &associated_data,
            &mut rng,
        )
        .map_err(|error| anyhow!("{error:?}"))?;
    let encapsulated = encapsulated.to_bytes();
    let mut g = [0; 16];
    match tag {
        Tag::OfContact => g = tag_of(sender, topic.user, &encapsulated)?,
        Tag::Random => rng.fill_bytes(&mut g),
    }
    let [g, e, c] = [&g[..], &encapsulated[..], &ciphertext[..]].map(base64url::encode);
    let envelope =
        format!("{{\"v\":1,\"k\":\"{IDENTITY_KEY}\",\"g\":\"{g}\",\"e\":\"{e}\",\"c\":\"{c}\"}}");
    Ok(envelope.into_bytes())
}

/// The plaintext of an envelope that was sealed to a prekey.
pub(crate) fn open_plaintext(prekey: &PrekeySecret, letter: &Letter) -> Result<Vec<u8>> {
    let text = std::str::from_utf8(&letter.payload)?;
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("\"{name}\":\"")).context("a field")?;
        let (value, _) = rest.split_once('"').context("its end")?;
        base64url::decode(value).context("base64url")
    };
    let named = prekey.to_bytes();
    let (id, secret) = named.split_at(4);
    let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(secret)
        .map_err(|error| anyhow!("{error:?}"))?;
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&field("e")?)
        .map_err(|error| anyhow!("{error:?}"))?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &encapsulated,
        HPKE_INFO,
        &field("c")?,
        &[letter.topic.as_bytes(), id].concat(),
    )
    .map_err(|error| anyhow!("{error:?}"))
}

fn montgomery(user: UserId) -> Result<[u8; 32]> {
    Ok(VerifyingKey::from_bytes(user.as_bytes())?.to_montgomery().to_bytes())
}

fn tag_of(own: &Identity, other: UserId, encapsulated: &[u8]) -> Result<[u8; 16]> {
    let secret = StaticSecret::from(SigningKey::from_bytes(own.seed()).to_scalar_bytes());
    let shared = secret.diffie_hellman(&PublicKey::from(montgomery(other)?));
    let key = blake3::derive_key("tincan/1/pair", shared.as_bytes());
    let mut tag = [0; 16];
    tag.copy_from_slice(&blake3::keyed_hash(&key, encapsulated).as_bytes()[..16]);
    Ok(tag)
}
