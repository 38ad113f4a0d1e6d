//! Names in a text that are filled in: `%NAME%`.

use anyhow::{Result, ensure};

/// The text with every `%NAME%` replaced.
///
/// # Errors
/// A name that is not in the text, or one in the text that has no value: each would be a page
/// that does not load.
pub(crate) fn fill(title: &str, text: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut filled = text.to_owned();
    for (name, value) in values {
        let mark = format!("%{name}%");
        ensure!(filled.contains(&mark), "{title} does not say {mark}");
        filled = filled.replace(&mark, value);
    }
    if let Some(mark) = mark(&filled) {
        anyhow::bail!("nobody knows what {mark} in {title} is");
    }
    Ok(filled)
}

/// The first thing in the text that looks like a name to be filled in.
fn mark(text: &str) -> Option<&str> {
    text.match_indices('%').find_map(|(start, _)| {
        let rest = text.get(start + 1..)?;
        let length = rest.find(|c: char| !(c.is_ascii_uppercase() || c == '_'))?;
        (length > 1 && rest[length..].starts_with('%')).then(|| &text[start..start + length + 2])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, values: &[(&str, &str)], expected: Result<&str, &str>) {
        let filled = fill("a.html", text, values).map_err(|error| error.to_string());
        assert_eq!(filled.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn every_mark_of_a_name_is_filled() {
        check("a %X_Y% b %X_Y%%ZZ%", &[("X_Y", "1"), ("ZZ", "2")], Ok("a 1 b 12"));
        check("width: 100%; height: 50%", &[], Ok("width: 100%; height: 50%"));
    }

    #[test]
    fn a_mark_without_a_value_and_a_value_without_a_mark_are_faults() {
        check("%XX%", &[], Err("nobody knows what %XX% in a.html is"));
        check("", &[("XX", "1")], Err("a.html does not say %XX%"));
    }
}
