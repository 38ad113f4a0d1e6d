//! From text to JSON values (RFC 8259), in one pass.

use std::borrow::Cow;

use crate::json::{JsonError, Object, Value};

/// Reads one text.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next value; `depth` levels of arrays and objects may still open.
    pub(crate) fn value(&mut self, depth: u8) -> Result<Value<'a>, JsonError> {
        match self.next_token() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(JsonError::Syntax),
        }
    }

    /// Nothing but blanks may follow.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        self.next_token().map_or(Ok(()), |_| Err(JsonError::Syntax))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The first byte behind blanks, which stays.
    fn next_token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    /// Takes a byte if it is the next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        self.next_token();
        if self.take(byte) { Ok(()) } else { Err(JsonError::Syntax) }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(JsonError::Syntax);
        }
        self.at += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: u8) -> Result<Value<'a>, JsonError> {
        let deeper = depth.checked_sub(1).ok_or(JsonError::TooDeep)?;
        self.expect(b'[')?;
        let mut items = Vec::new();
        if self.next_token() != Some(b']') {
            loop {
                items.push(self.value(deeper)?);
                self.next_token();
                if !self.take(b',') {
                    break;
                }
            }
        }
        self.expect(b']')?;
        Ok(Value::Array(items))
    }

    fn object(&mut self, depth: u8) -> Result<Value<'a>, JsonError> {
        let deeper = depth.checked_sub(1).ok_or(JsonError::TooDeep)?;
        self.expect(b'{')?;
        // Eight fields are what the hot path, a chat message, has.
        let mut fields = Vec::with_capacity(8);
        if self.next_token() != Some(b'}') {
            loop {
                if self.next_token() != Some(b'"') {
                    return Err(JsonError::Syntax);
                }
                let key = self.string()?;
                self.expect(b':')?;
                fields.push((key, self.value(deeper)?));
                self.next_token();
                if !self.take(b',') {
                    break;
                }
            }
        }
        self.expect(b'}')?;
        Object::of(fields).map(Value::Object)
    }

    fn number(&mut self) -> Result<Value<'a>, JsonError> {
        let is_negative = self.take(b'-');
        let start = self.at;
        let digits = self.digits()?;
        if digits > 1 && self.text.as_bytes().get(start) == Some(&b'0') {
            return Err(JsonError::Syntax);
        }
        let whole = self.text.get(start..self.at).and_then(|whole| whole.parse().ok());
        let mut is_whole = !is_negative;
        if self.take(b'.') {
            is_whole = false;
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            is_whole = false;
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(whole.filter(|_| is_whole).map_or(Value::OtherNumber, Value::Integer))
    }

    /// Passes over digits, of which there must be one, and says how many there were.
    fn digits(&mut self) -> Result<usize, JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(JsonError::Syntax) } else { Ok(self.at - start) }
    }

    /// Borrowed if it holds no escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect(b'"')?;
        let mut text = Cow::Borrowed(self.plain());
        while !self.take(b'"') {
            let escaped = self.escaped()?;
            let text = text.to_mut();
            text.push(escaped);
            text.push_str(self.plain());
        }
        Ok(text)
    }

    /// Passes over what stands for itself.
    fn plain(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
        let length = rest.as_bytes().iter().position(is_special).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn escaped(&mut self) -> Result<char, JsonError> {
        if !self.take(b'\\') {
            return Err(JsonError::Syntax);
        }
        let letter = self.peek().ok_or(JsonError::Syntax)?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unit_pair(),
            _ => return Err(JsonError::Syntax),
        })
    }

    /// A character as one unit of UTF-16, or as two of which each has its escape.
    fn unit_pair(&mut self) -> Result<char, JsonError> {
        let first = self.unit()?;
        let is_high = (0xD800..0xDC00).contains(&first);
        let second = match is_high && self.take(b'\\') && self.take(b'u') {
            true => Some(self.unit()?),
            false => None,
        };
        let mut characters = char::decode_utf16([first].into_iter().chain(second));
        match (characters.next(), characters.next()) {
            (Some(Ok(character)), None) => Ok(character),
            _ => Err(JsonError::Syntax),
        }
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u16, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(JsonError::Syntax)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(JsonError::Syntax);
        }
        self.at += 4;
        u16::from_str_radix(digits, 16).map_err(|_| JsonError::Syntax)
    }
}
