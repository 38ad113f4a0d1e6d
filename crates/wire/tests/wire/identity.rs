//! Identities, pair secrets and prekeys (protocol §§1, 3).

use tincan_wire::{Identity, PairSecret, PrekeyId, PrekeyPublic, PrekeySecret};

use crate::samples::{alice, bob, carol, rng};

#[test]
fn a_seed_is_the_whole_identity() {
    let identity = Identity::generate(&mut rng(1));
    let again = Identity::from_seed(*identity.seed());
    assert_eq!(identity.user_id(), again.user_id());
    assert_ne!(identity.user_id(), Identity::generate(&mut rng(2)).user_id());
}

#[test]
fn the_public_key_is_that_of_rfc_8032() {
    // RFC 8032 §7.1, test 1.
    let seed: [u8; 32] = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let key: [u8; 32] = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(Identity::from_seed(seed).user_id().as_bytes(), &key);
}

fn bytes(hex: &str) -> [u8; 32] {
    std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex"))
}

#[test]
fn secrets_do_not_show_in_debug() {
    let shown = [
        format!("{:?}", alice()),
        format!("{:?}", PairSecret::derive(&alice(), &bob().user_id())),
        format!("{:?}", PrekeySecret::generate(&mut rng(1))),
    ];
    for text in shown {
        assert!(!text.contains("[1"), "{text}");
        assert!(text.contains('…') || text.contains(".."), "{text}");
    }
}

#[test]
fn both_sides_derive_the_same_pair_secret() {
    let envelope_of = |own: &Identity, peer: &Identity| {
        let secret = PairSecret::derive(own, &peer.user_id());
        crate::envelope::heartbeat(&alice(), &bob(), None, Some(&secret), &mut rng(1))
    };
    assert_eq!(envelope_of(&alice(), &bob()), envelope_of(&bob(), &alice()));
    assert_ne!(envelope_of(&alice(), &bob()), envelope_of(&alice(), &carol()));
}

#[test]
fn prekeys_survive_storage() {
    let prekey = PrekeySecret::generate(&mut rng(1));
    let again = PrekeySecret::from_bytes(&prekey.to_bytes());
    assert_eq!(prekey.public(), again.public());
    assert_ne!(prekey.id(), PrekeyId::IDENTITY);
    assert_eq!(prekey.id(), prekey.public().id);
}

#[test]
fn the_serde_form_of_a_prekey_is_its_wire_form() {
    let public = PrekeySecret::generate(&mut rng(1)).public();
    let json = serde_json::to_string(&public).expect("serialises");
    assert!(json.starts_with(&format!("{{\"k\":\"{}\",\"x\":\"", public.id)), "{json}");
    assert_eq!(serde_json::from_str::<PrekeyPublic>(&json).expect("reads"), public);
}
