//! Text of other people on our screen: no escape sequence, bidi override or line break of
//! theirs may move the cursor, change a colour or pass for something that we said.

/// Whether a character could change how other text is shown.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Bidi controls (UAX #9): embeddings, overrides, isolates and marks.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators, which some terminals break at.
            | '\u{2028}' | '\u{2029}'
            // Interlinear annotations and the byte order mark, which show as nothing.
            | '\u{fff9}'..='\u{fffb}' | '\u{feff}'
            // Tags, which hide text.
            | '\u{e0000}'..='\u{e007f}')
}

/// Text of others on one line: breaks and tabs become spaces, unsafe characters disappear.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
            c if is_unsafe(c) => None,
            c => Some(c),
        })
        .collect()
}

/// Text of others on as many lines as it has: lines after the first are indented by `indent`
/// columns, so that none of them can pass for a line of ours.
pub(crate) fn indented(text: &str, indent: usize) -> String {
    let mut shown = String::with_capacity(text.len());
    let lines = text.split(['\n', '\u{2028}', '\u{2029}']).map(one_line);
    for (nth, line) in lines.enumerate() {
        if nth > 0 {
            shown.push('\n');
            shown.extend(std::iter::repeat_n(' ', indent));
        }
        shown.push_str(&line);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_escape() {
        assert_eq!(one_line("\u{1b}]0;owned\u{7}hi\u{9b}31m\r"), "]0;ownedhi31m");
    }

    #[test]
    fn bidi_overrides_and_hidden_tags_disappear() {
        assert_eq!(one_line("a\u{202e}b\u{2067}c\u{e0041}\u{feff}d"), "abcd");
    }

    #[test]
    fn scripts_and_emoji_stay_whole() {
        for text in ["שלום עולם", "مرحبا", "नमस्ते", "👩‍👩‍👧‍👦 family", "日本語"]
        {
            assert_eq!(one_line(text), text);
        }
    }

    #[test]
    fn later_lines_of_a_message_are_indented() {
        assert_eq!(indented("a\nb\r\n\nc", 2), "a\n  b\n  \n  c");
    }
}
