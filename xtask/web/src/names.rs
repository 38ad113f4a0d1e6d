//! Names that change with the content, so that a browser may keep the file for ever.

/// Digits of the hash in a name: 64 bits, far more than a folder of a dozen files needs.
const DIGITS: usize = 16;

/// The hash of some contents, one after the other, in hexadecimal digits.
pub(crate) fn hash<'a>(contents: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = blake3::Hasher::new();
    for content in contents {
        // With its length, so that no two lists run together.
        hasher.update(&(content.len() as u64).to_le_bytes());
        hasher.update(content);
    }
    hasher.finalize().to_hex().as_str().chars().take(DIGITS).collect()
}

/// Where a file with this content is on the site.
pub(crate) fn hashed(stem: &str, extension: &str, content: &[u8]) -> String {
    format!("/assets/{stem}-{}.{extension}", hash([content]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_the_content() {
        let name = hashed("boot", "js", b"one");
        assert_eq!(name, hashed("boot", "js", b"one"));
        assert_ne!(name, hashed("boot", "js", b"two"));
        assert!(name.starts_with("/assets/boot-") && name.ends_with(".js"), "{name}");
        assert_eq!(name.len(), "/assets/boot-.js".len() + DIGITS);
    }

    #[test]
    fn lists_of_contents_do_not_run_together() {
        assert_ne!(hash([&b"ab"[..], b"c"]), hash([&b"a"[..], b"bc"]));
        assert_ne!(hash([&b"a"[..], b""]), hash([&b"a"[..]]));
    }
}
