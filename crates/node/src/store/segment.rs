//! Text as the search index sees it ([`tincan_engine::words`]), with this system's Unicode.

use tincan_engine::words::{self, Form};
use unicode_normalization::UnicodeNormalization as _;

/// The text as words with spaces between them; without control characters.
pub(super) fn segment(text: &str) -> String {
    words::segment(text, |form, text| match form {
        Form::Nfkd => text.nfkd().collect(),
        Form::Nfc => text.nfc().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, words: &[&str]) {
        assert_eq!(segment(text).split_whitespace().collect::<Vec<_>>(), words, "{text}");
    }

    #[test]
    fn words_between_spaces_stay_whole() {
        check("Hello, dear world", &["Hello,", "dear", "world"]);
        check("привет мир", &["привет", "мир"]);
        check("한국어를 배워요", &["한국어를", "배워요"]);
    }

    #[test]
    fn characters_of_scripts_without_spaces_stand_alone() {
        check("你好，世界", &["你", "好", ",", "世", "界"]);
        check("ひらがなtoカタ", &["ひ", "ら", "が", "な", "to", "カ", "タ"]);
        check("ดีจ้า", &["ด", "ี", "จ", "้", "า"]);
    }

    #[test]
    fn pictures_stand_alone_without_their_variations() {
        check("party🎉🎉now", &["party", "🎉", "🎉", "now"]);
        check("👍🏽ok❤\u{fe0f}", &["👍", "ok", "❤"]);
    }

    #[test]
    fn accents_points_and_widths_do_not_count() {
        check("Crème ＢＲÛＬÉＥ e\u{301}", &["Creme", "BRULEE", "e"]);
        check("שָׁלוֹם مُحَمَّد", &["שלום", "محمد"]);
    }

    #[test]
    fn control_characters_are_gaps() {
        check("a\0b\u{1}c", &["a", "b", "c"]);
    }
}
