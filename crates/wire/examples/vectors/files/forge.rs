//! Makes what no honest sender would, with plain bech32 and HPKE (RFC 9180) and none of the code
//! that is under test.

use bech32::primitives::gf32::Fe32;
use bech32::primitives::iter::{ByteIterExt as _, Fe32IterExt as _};
use bech32::{Bech32m, Hrp};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeS, Serializable as _};
use tincan_wire::{Identity, Topic, UserId, base64url};

use super::rng;

/// An envelope on `topic` around any plaintext, sealed to the identity key of the topic's user.
pub(crate) fn envelope(topic: &Topic, plaintext: &[u8]) -> String {
    let recipient = VerifyingKey::from_bytes(topic.user.as_bytes()).expect("a key");
    let recipient =
        <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(recipient.to_montgomery().as_bytes())
            .expect("a key");
    let associated_data = [topic.to_string().as_bytes(), &[0; 4]].concat();
    let (key, ciphertext) =
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &recipient,
            b"tincan/1",
            plaintext,
            &associated_data,
            &mut rng(3),
        )
        .expect("seals");
    let (e, c) = (base64url::encode(&key.to_bytes()), base64url::encode(&ciphertext));
    let g = base64url::encode(&[0; 16]);
    format!("{{\"v\":1,\"k\":\"00000000\",\"g\":\"{g}\",\"e\":\"{e}\",\"c\":\"{c}\"}}")
}

/// signature ‖ length ‖ body ‖ padding, signed by `sender` for `topic`.
pub(crate) fn plaintext(sender: &Identity, topic: &Topic, body: &str) -> Vec<u8> {
    let (text, key) = (topic.to_string(), topic.user.as_bytes());
    let signed = [b"tincan/1/signal", text.as_bytes(), key, body.as_bytes()].concat();
    let signature = SigningKey::from_bytes(sender.seed()).sign(&signed);
    let mut bytes = signature.to_bytes().to_vec();
    bytes.extend(u16::try_from(body.len()).expect("a short body").to_be_bytes());
    bytes.extend(body.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(256), 0);
    bytes
}

/// The id with one of the four unused bits set, and a checksum that fits.
pub(crate) fn stray_padding(id: &UserId) -> String {
    let mut symbols: Vec<Fe32> = id.as_bytes().iter().copied().bytes_to_fes().collect();
    let last = symbols.last_mut().expect("52 symbols");
    *last = Fe32::try_from(last.to_u8() | 1).expect("5 bits");
    let prefix = Hrp::parse("tin").expect("a prefix");
    symbols.into_iter().with_checksum::<Bech32m>(&prefix).chars().collect()
}
