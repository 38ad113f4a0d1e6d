//! The envelope (protocol §3).

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use tincan_wire::{
    Body, Envelope, EnvelopeError, Identity, Leaf, MAX_ENVELOPE_BYTES, OpenError, PairSecret,
    PrekeyId, PrekeyPublic, PrekeySecret, SealError, Signal, Topic, seal,
};

use crate::samples::{alice, any_body, bob, bodies, carol, description, rng, session, signal};

fn topic(leaf: Leaf) -> Topic {
    Topic { user: bob().user_id(), leaf }
}

fn seal_to_bob(signal: &Signal) -> Vec<u8> {
    seal(&mut rng(1), &alice(), &topic(signal.body.leaf()), None, None, signal).expect("seals")
}

fn open(bytes: &[u8], leaf: Leaf) -> Result<Signal, OpenError> {
    Envelope::parse(bytes).expect("an envelope").open(&topic(leaf), &bob(), None)
}

/// A heartbeat, sealed by `sender` to `recipient`.
pub(crate) fn heartbeat(
    sender: &Identity,
    recipient: &Identity,
    prekey: Option<&PrekeyPublic>,
    tag: Option<&PairSecret>,
    rng: &mut ChaCha20Rng,
) -> Vec<u8> {
    let signal = Signal {
        from: sender.user_id(),
        to: recipient.user_id(),
        ..signal(Body::Heartbeat { n: 1, re: false })
    };
    let topic = Topic { user: recipient.user_id(), leaf: Leaf::Heartbeat };
    seal(rng, sender, &topic, prekey, tag, &signal).expect("seals")
}

#[test]
fn every_leaf_opens_for_its_recipient() {
    for body in bodies() {
        let signal = signal(body);
        assert_eq!(open(&seal_to_bob(&signal), signal.body.leaf()), Ok(signal));
    }
}

#[test]
fn a_prekey_opens_only_with_its_secret() {
    let (prekey, other) =
        (PrekeySecret::generate(&mut rng(5)), PrekeySecret::generate(&mut rng(6)));
    let bytes = heartbeat(&alice(), &bob(), Some(&prekey.public()), None, &mut rng(1));
    let envelope = Envelope::parse(&bytes).expect("an envelope");
    assert_eq!(envelope.key_id(), prekey.id());
    let open = |prekey| envelope.open(&topic(Leaf::Heartbeat), &bob(), prekey);
    assert!(open(Some(&prekey)).is_ok());
    assert_eq!(open(Some(&other)), Err(OpenError::UnknownPrekey));
    assert_eq!(open(None), Err(OpenError::UnknownPrekey));
}

#[test]
fn the_identity_key_serves_first_contact() {
    let bytes = heartbeat(&alice(), &bob(), None, None, &mut rng(1));
    let envelope = Envelope::parse(&bytes).expect("an envelope");
    assert_eq!(envelope.key_id(), PrekeyId::IDENTITY);
    let unneeded = PrekeySecret::generate(&mut rng(5));
    assert!(envelope.open(&topic(Leaf::Heartbeat), &bob(), Some(&unneeded)).is_ok());
}

#[test]
fn tags_match_for_contacts_only() {
    let secret = PairSecret::derive(&alice(), &bob().user_id());
    let stranger = PairSecret::derive(&carol(), &bob().user_id());
    let of = |tag| {
        let bytes = heartbeat(&alice(), &bob(), None, tag, &mut rng(1));
        Envelope::parse(&bytes).expect("an envelope")
    };
    assert!(of(Some(&secret)).tag_matches(&PairSecret::derive(&bob(), &alice().user_id())));
    assert!(!of(Some(&stranger)).tag_matches(&secret));
    assert!(!of(None).tag_matches(&secret));
}

#[test]
fn an_envelope_does_not_move_to_another_topic() {
    let presence = bodies().swap_remove(5);
    let bytes = seal_to_bob(&signal(presence));
    assert_eq!(open(&bytes, Leaf::Heartbeat), Err(OpenError::Undecryptable));
    let envelope = Envelope::parse(&bytes).expect("an envelope");
    let carols = Topic { user: carol().user_id(), leaf: Leaf::ChatPresence };
    assert_eq!(envelope.open(&carols, &bob(), None), Err(OpenError::WrongTopic));
    assert_eq!(envelope.open(&carols, &carol(), None), Err(OpenError::Undecryptable));
}

#[test]
fn no_one_else_opens_it() {
    let bytes = heartbeat(&alice(), &bob(), None, None, &mut rng(1));
    let envelope = Envelope::parse(&bytes).expect("an envelope");
    let opened = envelope.open(&topic(Leaf::Heartbeat), &alice(), None);
    assert_eq!(opened, Err(OpenError::WrongTopic));
}

#[test]
fn senders_seal_only_what_is_theirs() {
    let signal = signal(Body::Heartbeat { n: 1, re: false });
    let try_seal = |sender: &Identity, topic: &Topic, signal: &Signal| {
        seal(&mut rng(1), sender, topic, None, None, signal).map(drop)
    };
    let wrong = Err(SealError::WrongTopic);
    assert_eq!(try_seal(&carol(), &topic(Leaf::Heartbeat), &signal), wrong);
    assert_eq!(try_seal(&alice(), &topic(Leaf::Offer), &signal), wrong);
    let to_carol = Topic { user: carol().user_id(), leaf: Leaf::Heartbeat };
    assert_eq!(try_seal(&alice(), &to_carol, &signal), wrong);
    let own = Topic { user: alice().user_id(), leaf: Leaf::Heartbeat };
    let to_self = Signal { to: alice().user_id(), ..signal };
    assert_eq!(try_seal(&alice(), &own, &to_self), wrong);
}

#[test]
fn the_largest_description_fits_and_a_larger_body_does_not() {
    let offer = |text: &str| {
        let description = tincan_wire::Description { sdp: text.repeat(8192), ..description() };
        let signal = signal(Body::Offer { session: session(), description });
        seal(&mut rng(1), &alice(), &topic(Leaf::Offer), None, None, &signal)
    };
    assert!(offer("x").expect("seals").len() <= MAX_ENVELOPE_BYTES);
    assert_eq!(offer("\n"), Err(SealError::TooLong));
}

#[test]
fn sizes_tell_only_multiples_of_256() {
    let len = |n| {
        let bytes = seal_to_bob(&signal(Body::Heartbeat { n, re: false }));
        bytes.len()
    };
    assert_eq!(len(1), len(1 << 53));
}

#[test]
fn every_changed_byte_is_noticed() {
    let bytes = heartbeat(&alice(), &bob(), None, None, &mut rng(1));
    let whole = open(&bytes, Leaf::Heartbeat).expect("opens");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let Ok(envelope) = Envelope::parse(&changed) else { continue };
        match envelope.open(&topic(Leaf::Heartbeat), &bob(), None) {
            // The tag of a stranger is random and may be anything.
            Ok(signal) => assert_eq!(signal, whole),
            Err(error) => assert_eq!(error, OpenError::Undecryptable),
        }
    }
}

#[test]
fn other_forms_are_refused() {
    let bytes = heartbeat(&alice(), &bob(), None, None, &mut rng(1));
    let text = String::from_utf8(bytes).expect("JSON");
    let refused = |text: &str| Envelope::parse(text.as_bytes()).expect_err(text).reason();
    assert_eq!(refused(&text.replace("\"v\":1", "\"v\":2")), "envelope_version");
    assert_eq!(refused(&text.replace("\"k\"", "\"kk\"")), "json_missing_field");
    assert_eq!(refused(&text.replace("00000000", "0000000")), "json_bad_field");
    assert_eq!(refused(&text.replace("\"e\":\"", "\"e\":\"AAAA")), "json_bad_field");
    assert_eq!(refused(&text.replace("\"}", "=\"}")), "json_bad_field");
    assert_eq!(refused(""), "json_syntax");
    let long = vec![b' '; MAX_ENVELOPE_BYTES + 1];
    assert_eq!(Envelope::parse(&long), Err(EnvelopeError::TooLong));
}

/// Envelopes that a dishonest sender makes: correctly sealed, wrong inside.
mod forged {
    use super::*;
    use crate::vectors::files::forge;

    fn seal_plaintext(leaf: Leaf, plaintext: &[u8]) -> Vec<u8> {
        forge::envelope(&topic(leaf), plaintext).into_bytes()
    }

    fn plaintext(sender: &Identity, recipient: &Identity, leaf: Leaf, body: &str) -> Vec<u8> {
        forge::plaintext(sender, &Topic { user: recipient.user_id(), leaf }, body)
    }

    fn body() -> String {
        signal(Body::Heartbeat { n: 1, re: false }).to_json()
    }

    fn check(leaf: Leaf, plaintext: &[u8], expected: OpenError) {
        assert_eq!(open(&seal_plaintext(leaf, plaintext), leaf), Err(expected));
    }

    #[test]
    fn an_independent_sealer_is_understood() {
        let honest = plaintext(&alice(), &bob(), Leaf::Heartbeat, &body());
        assert!(open(&seal_plaintext(Leaf::Heartbeat, &honest), Leaf::Heartbeat).is_ok());
    }

    #[test]
    fn a_foreign_signature_is_refused() {
        let forged = plaintext(&carol(), &bob(), Leaf::Heartbeat, &body());
        check(Leaf::Heartbeat, &forged, OpenError::BadSignature);
    }

    #[test]
    fn a_reseal_to_a_third_party_is_refused() {
        let for_carol = plaintext(&alice(), &carol(), Leaf::Heartbeat, &body());
        check(Leaf::Heartbeat, &for_carol, OpenError::BadSignature);
        let (to_bob, to_carol) = (bob().user_id().to_string(), carol().user_id().to_string());
        let named = body().replace(&to_bob, &to_carol);
        let for_carol = plaintext(&alice(), &carol(), Leaf::Heartbeat, &named);
        check(Leaf::Heartbeat, &for_carol, OpenError::WrongRecipient);
    }

    #[test]
    fn a_move_across_topics_is_refused() {
        let moved = plaintext(&alice(), &bob(), Leaf::Heartbeat, &body());
        check(Leaf::ChatPresence, &moved, OpenError::WrongLeaf);
    }

    #[test]
    fn wrong_padding_is_refused() {
        let honest = plaintext(&alice(), &bob(), Leaf::Heartbeat, &body());
        let mut stray = honest.clone();
        *stray.last_mut().expect("padded") = 1;
        let longer = [honest.clone(), vec![0; 256]].concat();
        let mut length = honest.clone();
        length[64] = 0xff;
        for wrong in [&stray[..], &longer, &length, &honest[..honest.len() - 1], &honest[..65], &[]]
        {
            check(Leaf::Heartbeat, wrong, OpenError::BadPadding);
        }
    }

    #[test]
    fn an_unreadable_body_is_named() {
        let mail = body().replace("\"heartbeat\"", "\"mail\"");
        let sealed = plaintext(&alice(), &bob(), Leaf::Heartbeat, &mail);
        let error = tincan_wire::SignalError::UnknownLeaf;
        check(Leaf::Heartbeat, &sealed, OpenError::Signal(error));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn round_trips(body in any_body(), seed in any::<u64>(), with_prekey in any::<bool>()) {
        let signal = signal(body);
        let prekey = with_prekey.then(|| PrekeySecret::generate(&mut rng(seed)));
        let topic = topic(signal.body.leaf());
        let public = prekey.as_ref().map(PrekeySecret::public);
        let sealed = seal(&mut rng(seed), &alice(), &topic, public.as_ref(), None, &signal);
        if let Ok(bytes) = sealed {
            let envelope = Envelope::parse(&bytes).expect("an envelope");
            prop_assert_eq!(envelope.open(&topic, &bob(), prekey.as_ref()), Ok(signal));
        } else {
            prop_assert_eq!(sealed, Err(SealError::TooLong));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>(), e in any::<[u8; 32]>(), c in any::<Vec<u8>>()) {
        prop_assert!(Envelope::parse(&bytes).is_err());
        let (e, c) = (tincan_wire::base64url::encode(&e), tincan_wire::base64url::encode(&c));
        let g = tincan_wire::base64url::encode(&[0; 16]);
        let text = format!("{{\"v\":1,\"k\":\"00000000\",\"g\":\"{g}\",\"e\":\"{e}\",\"c\":\"{c}\"}}");
        let opened = open(text.as_bytes(), Leaf::Offer);
        prop_assert_eq!(opened, Err(OpenError::Undecryptable));
    }
}
