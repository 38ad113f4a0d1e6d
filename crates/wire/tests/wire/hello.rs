//! The hello transcript (protocol §§4, 5).

use tincan_wire::{Fingerprint, Hello, HelloError, HelloTranscript, Role, SessionId};

use crate::samples::{alice, bob, carol, sdp};

fn transcript() -> HelloTranscript {
    HelloTranscript {
        sid: SessionId([9; 16]),
        offerer: alice().user_id(),
        answerer: bob().user_id(),
        offerer_fp: Fingerprint([1; 32]),
        answerer_fp: Fingerprint([2; 32]),
        offer: HelloTranscript::hash_sdp(&sdp()),
        answer: HelloTranscript::hash_sdp("v=0\r\n"),
    }
}

fn hello(sig: [u8; 64]) -> Hello {
    Hello { sid: SessionId([9; 16]), sig, caps: Vec::new(), max: 65_536 }
}

#[test]
fn each_side_verifies_the_other() {
    for (identity, role) in [(alice(), Role::Offerer), (bob(), Role::Answerer)] {
        let hello = hello(transcript().sign(&identity, role));
        assert_eq!(transcript().verify(&hello, &identity.user_id(), role), Ok(()));
    }
}

#[test]
fn a_hello_cannot_be_reflected() {
    let hello = hello(transcript().sign(&alice(), Role::Offerer));
    let refused = Err(HelloError::BadSignature);
    assert_eq!(transcript().verify(&hello, &alice().user_id(), Role::Answerer), refused);
    assert_eq!(transcript().verify(&hello, &bob().user_id(), Role::Answerer), refused);
    assert_eq!(transcript().verify(&hello, &bob().user_id(), Role::Offerer), refused);
}

#[test]
fn a_third_party_cannot_sign() {
    let hello = hello(transcript().sign(&carol(), Role::Offerer));
    for signer in [alice(), carol()] {
        let verified = transcript().verify(&hello, &signer.user_id(), Role::Offerer);
        assert_eq!(verified, Err(HelloError::BadSignature));
    }
}

#[test]
fn every_part_of_the_transcript_counts() {
    let original = transcript();
    let hello = hello(original.sign(&alice(), Role::Offerer));
    let changed = [
        HelloTranscript { answerer: carol().user_id(), ..original.clone() },
        HelloTranscript { offerer_fp: Fingerprint([9; 32]), ..original.clone() },
        HelloTranscript { answerer_fp: Fingerprint([9; 32]), ..original.clone() },
        HelloTranscript { offer: [0; 32], ..original.clone() },
        HelloTranscript { answer: [0; 32], ..original.clone() },
    ];
    for other in changed {
        let verified = other.verify(&hello, &alice().user_id(), Role::Offerer);
        assert_eq!(verified, Err(HelloError::BadSignature));
    }
    let other = HelloTranscript { sid: SessionId([8; 16]), ..original };
    let verified = other.verify(&hello, &alice().user_id(), Role::Offerer);
    assert_eq!(verified, Err(HelloError::WrongSession));
}

#[test]
fn the_signed_bytes_have_223_bytes_and_the_role() {
    let bytes = transcript().signed_bytes(Role::Offerer);
    assert_eq!(bytes.len(), 223);
    assert_eq!(&bytes[..14], b"tincan/1/hello");
    assert_eq!(bytes[30], 0);
    assert_eq!(transcript().signed_bytes(Role::Answerer)[30], 1);
}
