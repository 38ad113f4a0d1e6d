//! The part of a found message that shows why it was found.

/// So much is shown before the first match, in characters.
const BEFORE: usize = 30;

/// So much is shown in all, in characters.
const LENGTH: usize = 140;

/// A piece of a snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The words, on one line.
    pub text: String,
    /// Whether they are what was looked for.
    pub is_match: bool,
}

/// Cuts out of `content` what is around the first word that begins with one of `wanted`'s.
#[must_use]
pub fn snippet(content: &str, wanted: &str) -> Vec<Piece> {
    let wanted: Vec<Vec<char>> = words(wanted);
    let chars: Vec<char> = content.chars().take(16 * 1024).collect();
    let matches = matches(&chars, &wanted);
    let first = matches.first().map_or(0, |(start, _)| *start);
    let start = first.saturating_sub(BEFORE);
    let end = chars.len().min(start + LENGTH);
    let mut pieces = Vec::new();
    let mut told = start;
    if start > 0 {
        push(&mut pieces, &['…'], false);
    }
    for (from, to) in matches {
        let (from, to) = (from.max(told), to.min(end));
        if from < to {
            push(&mut pieces, &chars[told..from], false);
            push(&mut pieces, &chars[from..to], true);
            told = to;
        }
    }
    push(&mut pieces, &chars[told..end], false);
    if end < chars.len() {
        push(&mut pieces, &['…'], false);
    }
    pieces
}

fn push(pieces: &mut Vec<Piece>, chars: &[char], is_match: bool) {
    if chars.is_empty() {
        return;
    }
    let text: String = chars.iter().map(|c| if c.is_control() { ' ' } else { *c }).collect();
    match pieces.last_mut() {
        Some(last) if last.is_match == is_match => last.text.push_str(&text),
        _ => pieces.push(Piece { text, is_match }),
    }
}

fn words(text: &str) -> Vec<Vec<char>> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(16)
        .map(|word| word.chars().map(lower).collect())
        .collect()
}

/// Where words begin with a wanted one: start and end in characters.
fn matches(chars: &[char], wanted: &[Vec<char>]) -> Vec<(usize, usize)> {
    let mut matches = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let begins = chars[at].is_alphanumeric() && (at == 0 || !chars[at - 1].is_alphanumeric());
        let found = wanted.iter().filter(|word| begins && starts_with(&chars[at..], word));
        match found.map(Vec::len).max() {
            Some(len) => {
                matches.push((at, at + len));
                at += len;
            }
            None => at += 1,
        }
    }
    matches
}

fn starts_with(chars: &[char], word: &[char]) -> bool {
    chars.len() >= word.len() && chars.iter().zip(word).all(|(one, other)| lower(*one) == *other)
}

/// The lower case of a character where that is one character.
fn lower(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(content: &str, wanted: &str) -> String {
        let pieces = snippet(content, wanted);
        let tell = |piece: &Piece| match piece.is_match {
            true => format!("[{}]", piece.text),
            false => piece.text.clone(),
        };
        pieces.iter().map(tell).collect()
    }

    #[test]
    fn beginnings_of_words_are_marked() {
        assert_eq!(marked("Hello world, hello", "hel"), "[Hel]lo world, [hel]lo");
        assert_eq!(marked("othello", "hel"), "othello");
        assert_eq!(marked("ÄRGER ärger", "ärg"), "[ÄRG]ER [ärg]er");
        assert_eq!(marked("a b c", "c a"), "[a] b [c]");
        assert_eq!(marked("one\ntwo", "two"), "one [two]");
    }

    #[test]
    fn a_long_message_is_cut_around_the_match() {
        let content =
            format!("{}needle {}", "x".repeat(90).as_str().to_owned() + " ", "y".repeat(300));
        let told = marked(&content, "needle");
        assert!(
            told.starts_with('…') && told.contains("[needle]") && told.ends_with('…'),
            "{told}"
        );
        assert!(told.chars().count() < 150);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_bounded_snippet(content in ".{0,300}", wanted in ".{0,20}") {
            let length: usize = snippet(&content, &wanted).iter().map(|p| p.text.chars().count()).sum();
            prop_assert!(length <= LENGTH + 2);
        }
    }
}
