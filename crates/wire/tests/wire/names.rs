//! Display names (protocol §1).

use proptest::prelude::*;
use tincan_wire::DisplayName;
use tincan_wire::display_name::MAX_DISPLAY_NAME_BYTES;

fn check(text: &str, expected: &str) {
    assert_eq!(DisplayName::clean(text).as_str(), expected, "{text:?}");
}

#[test]
fn ordinary_names_stay() {
    for name in ["Ann", "Zoë", "李明", "עדי", "👩‍👩‍👧", "O'Brien \"Bob\" <b>"] {
        check(name, name);
    }
}

#[test]
fn control_and_bidi_characters_go() {
    check("A\u{0}n\nn\u{85}\u{2028}", "Ann");
    check("\u{202e}nnA\u{202c}\u{2066}\u{200f}\u{61c}\u{feff}", "nnA");
}

#[test]
fn is_trimmed_and_composed() {
    check("  Ann \u{200e} ", "Ann");
    check("Zoe\u{308}", "Zoë");
    check(" \n ", "");
}

#[test]
fn is_cut_at_a_character() {
    check(&"é".repeat(40), &"é".repeat(32));
    check(&format!("{}é", "a".repeat(63)), &"a".repeat(63));
}

#[test]
fn a_huge_text_is_cheap() {
    let start = "Ann";
    check(&format!("{start}{}", "\u{202e}".repeat(100_000)), start);
    assert!(DisplayName::clean(&"\u{301}\u{316}".repeat(100_000)).as_str().len() <= 64);
}

proptest! {
    #[test]
    fn cleaning_is_bounded_and_final(text in any::<String>()) {
        let once = DisplayName::clean(&text);
        prop_assert!(once.as_str().len() <= MAX_DISPLAY_NAME_BYTES);
        prop_assert!(!once.as_str().chars().any(char::is_control));
        prop_assert_eq!(&DisplayName::clean(once.as_str()), &once);
    }
}
