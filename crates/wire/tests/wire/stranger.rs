//! Invite proofs, stamps and safety numbers (protocol §§1, 7).

use tincan_wire::{InviteProof, InviteToken, STAMP_BITS, SafetyNumber, Stamp};

use crate::samples::{alice, bob, carol, rng};

#[test]
fn a_proof_is_for_one_token_and_two_users() {
    let (token, other) = (InviteToken([1; 16]), InviteToken([2; 16]));
    let (guest, owner, third) = (alice().user_id(), bob().user_id(), carol().user_id());
    let proof = InviteProof::new(&token, &guest, &owner);
    assert!(proof.verify(&token, &guest, &owner));
    assert!(!proof.verify(&other, &guest, &owner));
    assert!(!proof.verify(&token, &owner, &guest));
    assert!(!proof.verify(&token, &third, &owner));
    assert!(!proof.verify(&token, &guest, &third));
}

#[test]
fn proofs_and_tokens_round_trip_as_text() {
    let token = InviteToken::random(&mut rng(1));
    assert_eq!(token.to_string().parse(), Ok(token));
    let proof = InviteProof::new(&token, &alice().user_id(), &bob().user_id());
    assert_eq!(proof.to_string().parse(), Ok(proof));
    assert!("AAAA".parse::<InviteProof>().is_err());
    assert!(!format!("{token:?}").contains(&token.to_string()));
}

#[test]
fn a_found_stamp_fits_only_its_pair() {
    let (requester, owner) = (alice().user_id(), bob().user_id());
    let stamp = Stamp::find(&requester, &owner);
    assert!(stamp.verify(&requester, &owner));
    assert!(!stamp.verify(&owner, &requester));
    assert!(!stamp.verify(&requester, &carol().user_id()));
    assert!(!Stamp(stamp.0 + 1).verify(&requester, &owner));
    assert_eq!(STAMP_BITS, 18);
}

#[test]
fn a_stamp_costs_as_much_as_its_bits_say() {
    let (requester, owner) = (alice().user_id(), bob().user_id());
    let sample = 1 << STAMP_BITS;
    let fitting = (0..sample).filter(|nonce| Stamp(*nonce).verify(&requester, &owner)).count();
    assert!(fitting < 12, "{fitting} of {sample} nonces fit, about 1 should");
}

#[test]
fn a_safety_number_is_the_same_on_both_sides() {
    let (one, other) = (alice().user_id(), bob().user_id());
    let number = SafetyNumber::new(&one, &other);
    assert_eq!(number, SafetyNumber::new(&other, &one));
    assert_ne!(number, SafetyNumber::new(&one, &carol().user_id()));
    assert_eq!(number.digits().len(), 60);
    assert!(number.digits().bytes().all(|digit| digit.is_ascii_digit()));
    let groups: Vec<String> = number.to_string().split(' ').map(str::to_owned).collect();
    assert_eq!(groups.len(), 12);
    assert!(groups.iter().all(|group| group.len() == 5));
    assert_eq!(groups.concat(), number.digits());
}

#[test]
fn the_digits_are_five_byte_groups_of_the_hash() {
    use sha2::{Digest as _, Sha512};
    let (one, other) = (alice().user_id(), bob().user_id());
    let (low, high) = if one.as_bytes() < other.as_bytes() { (one, other) } else { (other, one) };
    let hash =
        Sha512::digest([b"tincan/1/safety".as_slice(), low.as_bytes(), high.as_bytes()].concat());
    let digits: String = (0..12)
        .map(|group| {
            let number = (0..5).fold(0_u64, |sum, at| sum << 8 | u64::from(hash[group * 5 + at]));
            format!("{:05}", number % 100_000)
        })
        .collect();
    assert_eq!(SafetyNumber::new(&one, &other).digits(), digits);
}
