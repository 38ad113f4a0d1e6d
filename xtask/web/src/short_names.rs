//! Short names for what module and script call of each other. `wasm-bindgen` makes its names
//! unique by hashes, which no compression makes smaller, and each stands in both files.

use std::collections::BTreeMap;

/// The long names in a script, each with its short one.
#[derive(Debug)]
pub(crate) struct ShortNames(BTreeMap<String, String>);

impl ShortNames {
    /// For those names that occur in the script, the first in it the shortest.
    pub(crate) fn new(script: &str, names: &[String]) -> Self {
        let mut short = BTreeMap::new();
        each_word(script, |word| {
            if names.iter().any(|name| name == word) && !short.contains_key(word) {
                short.insert(word.to_owned(), letters(short.len()));
            }
        });
        Self(short)
    }

    /// Replaces a name by its short one, if there is one.
    pub(crate) fn rename(&self, name: &mut String) {
        if let Some(short) = self.0.get(name) {
            name.clone_from(short);
        }
    }

    /// The script with short names, without indentation and comments for tools.
    pub(crate) fn script(&self, script: &str) -> String {
        let mut text = String::with_capacity(script.len());
        let (mut is_comment, mut rest) = (false, String::new());
        for line in script.lines().map(str::trim) {
            is_comment |= line.starts_with("/**");
            if !is_comment && !line.is_empty() {
                rest.push_str(line);
                rest.push('\n');
            }
            is_comment &= !line.ends_with("*/");
        }
        each_word(&rest, |word| text.push_str(self.0.get(word).map_or(word, String::as_str)));
        text
    }
}

/// Gives `each` the words of a script, and what stands between them, one after the other.
fn each_word(script: &str, mut each: impl FnMut(&str)) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    for piece in script.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        each(word);
        each(&piece[word.len()..]);
    }
}

/// `$a` to `$z`, `$aa` to `$zz`, and so on: no word of the language, and no name of a script's own.
fn letters(mut number: usize) -> String {
    let mut name = String::new();
    loop {
        name.insert(0, char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            name.insert(0, '$');
            return name;
        }
        number -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_different() {
        let names: Vec<_> = (0..2_000).map(letters).collect();
        assert_eq!([&names[0], &names[25], &names[26]], ["$a", "$z", "$aa"]);
        assert_eq!([&names[701], &names[702]], ["$zz", "$aaa"]);
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn only_whole_names_are_replaced() {
        let script =
            "/**\n * long_1 is here\n */\n  x = wasm.long_1(long_12, $long_1);\n\n/** y */\nz";
        let names = ShortNames::new(script, &["long_1".to_owned(), "absent".to_owned()]);
        assert_eq!(names.script(script), "x = wasm.$a(long_12, $long_1);\nz\n");
        assert_eq!(names.0.len(), 1);
    }
}
