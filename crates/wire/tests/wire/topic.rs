//! Topics (protocol §2).

use proptest::prelude::*;
use tincan_wire::{Leaf, Topic, TopicError, own_filter};

use crate::samples::{alice, any_user};

#[test]
fn the_seven_leaves_have_the_seeds_names() {
    let names: Vec<&str> = Leaf::ALL.into_iter().map(Leaf::as_str).collect();
    assert_eq!(
        names,
        [
            "offer",
            "answer",
            "iceCandidate",
            "contactRequest",
            "contactResponse",
            "chatPresence",
            "heartbeat"
        ]
    );
}

#[test]
fn only_heartbeats_are_qos_0() {
    for leaf in Leaf::ALL {
        assert_eq!(leaf.qos() == 0, leaf == Leaf::Heartbeat, "{leaf}");
    }
}

#[test]
fn contact_leaves_last_14_days_and_the_rest_30_seconds() {
    for leaf in Leaf::ALL {
        let contact = matches!(leaf, Leaf::ContactRequest | Leaf::ContactResponse);
        assert_eq!(leaf.expiry_secs(), if contact { 1_209_600 } else { 30 }, "{leaf}");
    }
}

#[test]
fn the_filter_covers_all_leaves_of_a_user() {
    let user = alice().user_id();
    assert_eq!(own_filter(&user), format!("user/{user}/+"));
}

#[test]
fn other_topics_are_refused() {
    let user = alice().user_id();
    let refused = |text: String| text.parse::<Topic>().expect_err("refused").reason();
    assert_eq!(refused(format!("user/{user}/mail")), "topic_leaf");
    assert_eq!(refused(format!("user/{user}/Offer")), "topic_leaf");
    assert_eq!(refused(format!("user/{user}/offer/")), "topic_leaf");
    assert_eq!(refused(format!("user/{user}")), "topic_form");
    assert_eq!(refused(format!("/user/{user}/offer")), "topic_form");
    assert_eq!(refused("user/bob/offer".to_owned()), "topic_user");
    assert_eq!(refused("user//offer".to_owned()), "topic_user");
    assert_eq!("offers".parse::<Leaf>(), Err(TopicError::UnknownLeaf));
}

proptest! {
    #[test]
    fn round_trips(user in any_user(), leaf in proptest::sample::select(&Leaf::ALL[..])) {
        let topic = Topic { user, leaf };
        prop_assert_eq!(topic.to_string().parse::<Topic>(), Ok(topic));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(user/)?[a-z0-9/]{0,80}|.*") {
        prop_assert!(text.parse::<Topic>().is_err());
    }
}
