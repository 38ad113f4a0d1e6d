//! Text as the search index sees it, so that every script is found by its words.
//!
//! The index splits at whatever is neither letter, mark, number nor symbol. That finds words
//! where people write them apart. Where they don't (Chinese, Japanese, Thai, Lao, Khmer,
//! Burmese, Tibetan), each character becomes a word of its own here, and a run of them in a
//! question becomes a phrase: any part of a sentence is found, of any length, even of one
//! character. Emoji are words of their own, too. Accents and vowel points don't count.

use std::ops::RangeInclusive;

use unicode_normalization::UnicodeNormalization as _;

/// The text as words with spaces between them; without control characters.
pub(super) fn segment(text: &str) -> String {
    if text.is_ascii() {
        return text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    }
    let mut words = String::with_capacity(text.len() + text.len() / 4);
    let plain = text.nfkd().filter(|character| !is_ignored(*character)).nfc();
    for character in plain {
        if is_in(character, STANDALONE) {
            words.extend([' ', character, ' ']);
        } else if character.is_control() {
            words.push(' ');
        } else {
            words.push(character);
        }
    }
    words
}

fn is_ignored(character: char) -> bool {
    is_in(character, IGNORED)
}

fn is_in(character: char, ranges: &[RangeInclusive<char>]) -> bool {
    // ASCII is in none of them, and most text is ASCII.
    !character.is_ascii() && ranges.iter().any(|range| range.contains(&character))
}

/// Characters that are words by themselves: Unicode blocks of scripts without spaces between
/// words, and of pictures.
const STANDALONE: &[RangeInclusive<char>] = &[
    '\u{0e00}'..='\u{0eff}',   // Thai, Lao
    '\u{0f00}'..='\u{109f}',   // Tibetan, Myanmar
    '\u{1780}'..='\u{17ff}',   // Khmer
    '\u{1950}'..='\u{19ff}',   // Tai Le, New Tai Lue, Khmer symbols
    '\u{1a20}'..='\u{1aaf}',   // Tai Tham
    '\u{2190}'..='\u{2bff}',   // arrows, technical, dingbats, miscellaneous symbols
    '\u{2e80}'..='\u{2fdf}',   // CJK radicals
    '\u{3005}'..='\u{3007}',   // CJK iteration mark and number zero
    '\u{3040}'..='\u{312f}',   // Hiragana, Katakana, Bopomofo
    '\u{31a0}'..='\u{31ff}',   // Bopomofo extended, strokes, Katakana extensions
    '\u{3400}'..='\u{4dbf}',   // CJK extension A
    '\u{4e00}'..='\u{9fff}',   // CJK
    '\u{a9e0}'..='\u{a9ff}',   // Myanmar extended B
    '\u{aa60}'..='\u{aadf}',   // Myanmar extended A, Tai Viet
    '\u{f900}'..='\u{faff}',   // CJK compatibility
    '\u{1b000}'..='\u{1b16f}', // Kana supplements
    '\u{1f000}'..='\u{1faff}', // emoji and other pictures
    '\u{20000}'..='\u{3ffff}', // CJK extensions B and beyond
];

/// What does not count when words are compared.
const IGNORED: &[RangeInclusive<char>] = &[
    '\u{00ad}'..='\u{00ad}', // soft hyphen
    '\u{0300}'..='\u{036f}', // accents
    '\u{0591}'..='\u{05bd}', // Hebrew accents and points
    '\u{05bf}'..='\u{05bf}', // and the rest of them, around punctuation
    '\u{05c1}'..='\u{05c2}',
    '\u{05c4}'..='\u{05c5}',
    '\u{05c7}'..='\u{05c7}',
    '\u{0640}'..='\u{0640}',   // Arabic tatweel
    '\u{064b}'..='\u{065f}',   // Arabic vowel signs
    '\u{0670}'..='\u{0670}',   // Arabic superscript alef
    '\u{200c}'..='\u{200f}',   // joiners and direction marks
    '\u{202a}'..='\u{202e}',   // direction embeddings
    '\u{2060}'..='\u{2069}',   // invisible operators and direction isolates
    '\u{20d0}'..='\u{20ff}',   // marks around symbols, as in keycaps
    '\u{fe00}'..='\u{fe0f}',   // variation selectors
    '\u{feff}'..='\u{feff}',   // byte order mark
    '\u{1f3fb}'..='\u{1f3ff}', // skin tones
    '\u{e0000}'..='\u{e01ef}', // tags, more variation selectors
];

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
