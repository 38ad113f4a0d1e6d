//! Finds the links in what people write, so that they can be made clickable without surprise.
//!
//! A link is shown exactly as it was typed, so only such text becomes one as leads where it seems
//! to lead: `http` or `https`, a host of plain ASCII (look-alike letters stay text), no user name
//! before the host, and nothing invisible or direction-changing anywhere in it.

/// The most links of one message; what comes behind stays text, so that a message made of links
/// costs no more than a long one.
pub const MAX_LINKS: usize = 100;

/// A piece of a message, in the order of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span<'a> {
    /// Words.
    Text(&'a str),
    /// A link, exactly as typed; it is its own address.
    Link(&'a str),
}

/// Cuts `text` into words and links. The pieces put together are `text` again.
#[must_use]
pub fn spans(text: &str) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    let (mut told, mut from, mut links) = (0, 0, 0);
    while let Some(at) = text[from..].find("://").map(|found| from + found) {
        from = at + 3;
        let Some(start) = scheme_start(&text[told..at]).map(|start| told + start) else { continue };
        let Some(len) = link_len(&text[start..], from - start) else { continue };
        if start > told {
            spans.push(Span::Text(&text[told..start]));
        }
        spans.push(Span::Link(&text[start..start + len]));
        told = start + len;
        from = told;
        links += 1;
        if links == MAX_LINKS {
            break;
        }
    }
    if told < text.len() {
        spans.push(Span::Text(&text[told..]));
    }
    spans
}

/// Where `http` or `https` begins at the end of `before`, if it does, and as a word of its own.
fn scheme_start(before: &str) -> Option<usize> {
    ["https", "http"].into_iter().find_map(|scheme| {
        let start = before.len().checked_sub(scheme.len())?;
        let word = before.get(start..)?;
        let alone = !before[..start].chars().next_back().is_some_and(char::is_alphanumeric);
        (alone && word.eq_ignore_ascii_case(scheme)).then_some(start)
    })
}

/// The length of the link at the start of `text`, whose authority begins at `authority`.
fn link_len(text: &str, authority: usize) -> Option<usize> {
    let stop = text.find(|c| !belongs(c)).unwrap_or(text.len());
    let end = without_tail(&text[..stop]);
    let rest = text.get(authority..end)?;
    let host_and_port = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // A host that goes on behind something invisible would look longer than it is.
    let looks_longer = host_and_port.len() == rest.len() && text[stop..].starts_with(is_invisible);
    (is_plain_authority(host_and_port) && !looks_longer).then_some(end)
}

/// Characters that take no room: soft hyphen, zero-width and direction-changing ones, tags.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a character can be part of a link: letters and digits of any script and RFC 3986's
/// ASCII. A backslash is not: browsers take it for a slash.
fn belongs(c: char) -> bool {
    match c {
        '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' => false,
        _ if c.is_ascii() => c.is_ascii_graphic(),
        _ => c.is_alphanumeric() && !is_invisible(c),
    }
}

/// The length without what belongs to the sentence around: full stops, quotes, a bracket that
/// opened outside.
fn without_tail(link: &str) -> usize {
    let mut end = link.len();
    while let Some(last) = link[..end].chars().next_back() {
        let cut = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' => true,
            ')' => is_unmatched(&link[..end], '(', ')'),
            ']' => is_unmatched(&link[..end], '[', ']'),
            _ => false,
        };
        if !cut {
            break;
        }
        end -= last.len_utf8();
    }
    end
}

fn is_unmatched(text: &str, open: char, close: char) -> bool {
    text.matches(close).count() > text.matches(open).count()
}

/// `host` or `host:port` in ASCII letters, digits, dots and hyphens.
fn is_plain_authority(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.len() <= 253
        && host.split('.').all(is_label)
        && port.len() <= 5
        && port.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, links: &[&str]) {
        let spans = spans(text);
        let found: Vec<_> = spans
            .iter()
            .filter_map(|span| match span {
                Span::Link(link) => Some(*link),
                Span::Text(_) => None,
            })
            .collect();
        assert_eq!(found, links, "in {text:?}");
        assert_eq!(joined(&spans), text);
    }

    fn joined(spans: &[Span<'_>]) -> String {
        spans
            .iter()
            .map(|span| match span {
                Span::Text(text) | Span::Link(text) => *text,
            })
            .collect()
    }

    #[test]
    fn links_are_found_as_typed() {
        check("see https://example.org", &["https://example.org"]);
        check("http://a.b:8080/c?d=e#f", &["http://a.b:8080/c?d=e#f"]);
        check("HTTPS://Example.org/X", &["HTTPS://Example.org/X"]);
        check("a http://b.c d https://e.f g", &["http://b.c", "https://e.f"]);
        check("http://localhost", &["http://localhost"]);
        check("https://de.example.org/wiki/Käse", &["https://de.example.org/wiki/Käse"]);
        check("https://xn--bcher-kva.example", &["https://xn--bcher-kva.example"]);
    }

    #[test]
    fn what_belongs_to_the_sentence_stays_outside() {
        check("(https://a.b/c).", &["https://a.b/c"]);
        check("https://a.b/c_(d)", &["https://a.b/c_(d)"]);
        check("Is it https://a.b/?", &["https://a.b/"]);
        check("<https://a.b>", &["https://a.b"]);
        check("\"https://a.b\",", &["https://a.b"]);
        check("https://a.b\nnext", &["https://a.b"]);
    }

    #[test]
    fn other_schemes_and_scraps_are_no_links() {
        for text in [
            "javascript://a.b/%0aalert(1)",
            "ftp://a.b",
            "xhttp://a.b",
            "http://",
            "https:///a",
            "://a.b",
            "http:/a.b",
            "https://.",
            "https://a..b",
            "data://text",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn what_could_deceive_is_no_link() {
        // A user name that looks like a host.
        check("https://good.example@evil.example/", &[]);
        check("https://good.example:pw@evil.example/", &[]);
        // Cyrillic а and р.
        check("https://\u{0430}\u{0440}ple.example", &[]);
        // Right-to-left override, zero width space, soft hyphen: the link ends before them.
        check("https://a.b/\u{202e}gpj.exe", &["https://a.b/"]);
        check("https://a.b/c\u{200b}d", &["https://a.b/c"]);
        check("https://exam\u{00ad}ple.org", &[]);
        // Browsers read a backslash as a slash.
        check("https://good.example\\@evil.example", &["https://good.example"]);
        check("https://a%2eb", &[]);
    }

    #[test]
    fn a_message_has_a_bounded_number_of_links() {
        let text = "http://a ".repeat(MAX_LINKS + 50);
        let links = spans(&text).iter().filter(|span| matches!(span, Span::Link(_))).count();
        assert_eq!(links, MAX_LINKS);
    }

    proptest! {
        #[test]
        fn any_text_is_kept_whole_and_links_are_plain(text in ".{0,200}|(https?://|[a-z./@:\\\\()\u{202e}а ]){0,60}") {
            let spans = spans(&text);
            prop_assert_eq!(joined(&spans), text.clone());
            for span in spans {
                if let Span::Link(link) = span {
                    let lower = link.to_ascii_lowercase();
                    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
                    let rest = rest.unwrap();
                    let authority = rest.split(['/', '?', '#']).next().unwrap();
                    prop_assert!(authority.is_ascii() && !authority.contains('@'));
                    prop_assert!(!link.chars().any(|c| c.is_whitespace() || c.is_control()));
                    let has_deceiver = link.contains(['\u{202e}', '\\', '<']);
                    prop_assert!(!has_deceiver);
                }
            }
        }
    }
}
