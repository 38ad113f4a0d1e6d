//! Writes JSON straight into a string, escaping as `JSON.stringify` does.

use std::fmt::{Display, Write as _};

/// An object being written. Keys are literals of this crate and need no escaping.
pub(crate) struct ObjectWriter<'o> {
    out: &'o mut String,
    first: bool,
}

impl<'o> ObjectWriter<'o> {
    /// Opens an object at the end of `out`. [`ObjectWriter::end`] closes it.
    pub(crate) fn begin(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    pub(crate) fn key(&mut self, key: &str) -> &mut String {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    /// Any text, escaped.
    pub(crate) fn string(&mut self, key: &str, text: &str) -> &mut Self {
        write_string(self.key(key), text);
        self
    }

    /// A value whose text never needs escaping: ids, hex, base64url.
    pub(crate) fn plain(&mut self, key: &str, text: impl Display) -> &mut Self {
        let out = self.key(key);
        // Writing to a String cannot fail.
        let _ = write!(out, "\"{text}\"");
        self
    }

    pub(crate) fn integer(&mut self, key: &str, number: impl Into<u64>) -> &mut Self {
        write_integer(self.key(key), number.into());
        self
    }

    pub(crate) fn boolean(&mut self, key: &str, truth: bool) -> &mut Self {
        self.key(key).push_str(if truth { "true" } else { "false" });
        self
    }

    /// An array whose items `write` appends.
    pub(crate) fn array<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut String, T),
    ) -> &mut Self {
        write_array(self.key(key), items, write);
        self
    }

    pub(crate) fn strings(&mut self, key: &str, items: &[String]) -> &mut Self {
        self.array(key, items, |out, item| write_string(out, item))
    }

    /// An object whose fields `write` adds.
    pub(crate) fn object(
        &mut self,
        key: &str,
        write: impl FnOnce(&mut ObjectWriter<'_>),
    ) -> &mut Self {
        write_object(self.key(key), write);
        self
    }

    pub(crate) fn end(&mut self) {
        self.out.push('}');
    }
}

/// Appends one object.
pub(crate) fn write_object(out: &mut String, write: impl FnOnce(&mut ObjectWriter<'_>)) {
    let mut object = ObjectWriter::begin(out);
    write(&mut object);
    object.end();
}

/// Appends one array.
pub(crate) fn write_array<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// Appends a decimal number.
pub(crate) fn write_integer(out: &mut String, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        // A digit of base ten always fits a byte.
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

/// Appends a quoted, escaped string.
pub(crate) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        if escaped_len(byte) == 1 {
            continue;
        }
        out.push_str(&text[written..at]);
        write_escape(out, byte);
        written = at + 1;
    }
    out.push_str(&text[written..]);
    out.push('"');
}

/// Bytes that each byte of a UTF-8 text takes in a JSON string. A table, because this is asked for
/// every byte of every message.
const ESCAPED_LEN: [u8; 256] = {
    let mut table = [1; 256];
    let mut control = 0;
    while control < 32 {
        table[control] = 6;
        control += 1;
    }
    let mut short = 0;
    while short < SHORT_ESCAPES.len() {
        table[SHORT_ESCAPES[short] as usize] = 2;
        short += 1;
    }
    table
};

/// The bytes with an escape of two characters.
const SHORT_ESCAPES: [u8; 7] = *b"\"\\\n\r\t\x08\x0c";

/// Bytes that `byte` of a UTF-8 text takes in a JSON string.
pub(crate) fn escaped_len(byte: u8) -> usize {
    usize::from(ESCAPED_LEN[usize::from(byte)])
}

fn write_escape(out: &mut String, byte: u8) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        8 => out.push_str("\\b"),
        12 => out.push_str("\\f"),
        // Writing to a String cannot fail.
        _ => _ = write!(out, "\\u{byte:04x}"),
    }
}
