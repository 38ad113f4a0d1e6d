//! A letter on a colour that stands for a contact. Both come from the contact, so that they are
//! the same on every screen; neither proves anything.

use leptos::prelude::*;
use tincan_wire::UserId;

use crate::letters::upper;

/// How many colours the style sheet has.
const HUES: u8 = 8;

/// The letter of `title`, on the colour of `id`.
pub(crate) fn avatar(id: UserId, title: impl Fn() -> String + Send + Sync + 'static) -> AnyView {
    let hue = id.as_bytes().iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) % HUES;
    let class = ["avatar hue-", &hue.to_string()].concat();
    view! { <span class=class aria-hidden="true">{move || letter(&title())}</span> }.into_any()
}

fn letter(title: &str) -> String {
    let first = title.chars().find(|c| c.is_alphanumeric());
    let first = first.map(|first| upper(first.encode_utf8(&mut [0; 4])));
    first.and_then(|first| first.chars().next()).map(String::from).unwrap_or_default()
}
