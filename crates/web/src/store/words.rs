//! The words of a text and of a question. What counts as a word is the native node's rule,
//! with the browser's knowledge of Unicode instead of tables of our own.

use js_sys::{JsString, RegExp};
use tincan_engine::words::{Form, segment};

/// Most characters of a question that are looked at: more than a person types.
const MAX_QUESTION_CHARS: usize = 1_000;

/// Most words of a question that are looked at.
const MAX_WORDS: usize = 32;

/// Letters, marks, numbers and symbols make words.
const GAP: &str = r"[^\p{L}\p{M}\p{N}\p{Co}\p{So}]+";

thread_local! {
    static GAPS: RegExp = RegExp::new(GAP, "gu");
}

/// Hands the words of a text to `take`, in their order.
pub(super) fn each_word(text: &str, mut take: impl FnMut(&str)) {
    if text.is_ascii() {
        let lower = text.to_ascii_lowercase();
        let words = lower.split(|character: char| !character.is_ascii_alphanumeric());
        return words.filter(|word| !word.is_empty()).for_each(take);
    }
    let text: JsString = segment(text, normalize).into();
    let text = GAPS.with(|gaps| text.replace_by_pattern(gaps, " "));
    // One letter, whichever form its place in a word gives it.
    let text = String::from(text.to_lower_case()).replace('ς', "σ");
    text.split(' ').filter(|word| !word.is_empty()).for_each(&mut take);
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    each_word(text, |word| words.push(word.to_owned()));
    words
}

fn normalize(form: Form, text: &str) -> String {
    let name = match form {
        Form::Nfkd => "NFKD",
        Form::Nfc => "NFC",
    };
    JsString::from(text).normalize(name).into()
}

/// A question, ready to be compared.
#[derive(Debug)]
pub(super) struct Question {
    phrases: Vec<Phrase>,
}

/// Words that must follow one another.
#[derive(Debug)]
pub(super) struct Phrase {
    pub(super) words: Vec<String>,
    /// Whether the last of them may be a beginning.
    pub(super) open: bool,
}

impl Question {
    /// `None` if there is no word in it.
    pub(super) fn new(text: &str) -> Option<Self> {
        let text: String = text.chars().take(MAX_QUESTION_CHARS).collect();
        let parts: Vec<&str> = text.split_whitespace().take(MAX_WORDS).collect();
        let last = parts.len().checked_sub(1)?;
        let phrases: Vec<Phrase> = (parts.iter().enumerate())
            .map(|(at, part)| Phrase { words: words(part), open: at == last })
            .filter(|phrase| !phrase.words.is_empty())
            .collect();
        (!phrases.is_empty()).then_some(Self { phrases })
    }

    /// All its phrases must occur.
    pub(super) fn phrases(&self) -> &[Phrase] {
        &self.phrases
    }

    /// Whether the text has all of it.
    pub(super) fn matches(&self, text: &str) -> bool {
        let words = words(text);
        self.phrases.iter().all(|phrase| phrase.occurs_in(&words))
    }
}

impl Phrase {
    fn occurs_in(&self, words: &[String]) -> bool {
        words.windows(self.words.len()).any(|window| self.is(window))
    }

    fn is(&self, window: &[String]) -> bool {
        let Some((last, rest)) = self.words.split_last() else { return false };
        let Some((found, before)) = window.split_last() else { return false };
        let ends = if self.open { found.starts_with(last.as_str()) } else { found == last };
        ends && rest == before
    }
}
