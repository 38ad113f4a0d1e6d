//! The strict JSON reader behind every format of this crate.
//!
//! It builds a borrowed tree in one pass, refuses what lets two readers disagree about a text
//! (duplicate keys at any level, invalid UTF-8, trailing bytes) and bounds the depth. Unknown
//! fields stay in the tree and are never asked for, which is how they are ignored.

use std::borrow::Cow;

use thiserror::Error;

use crate::json_reader::Reader;

/// Deepest nesting of arrays and objects (protocol §3). The formats need 5; more is an attack.
pub const MAX_DEPTH: u8 = 8;

/// Largest integer of any field: what a JavaScript number holds exactly.
pub const MAX_INTEGER: u64 = 1 << 53;

/// Objects with more keys are checked for duplicates by sorting instead of comparing all pairs.
const PAIRWISE_KEYS: usize = 16;

/// A JSON value that borrows its strings from the text where they hold no escapes.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A non-negative integer that fits 64 bits.
    Integer(u64),
    /// Any other number: negative, fractional, or with an exponent. No field takes one.
    OtherNumber,
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Self>),
    /// An object, in the order of the text.
    Object(Object<'a>),
}

impl<'a> Value<'a> {
    /// Reads one JSON text.
    ///
    /// # Errors
    /// Not UTF-8, not JSON, nested deeper than [`MAX_DEPTH`], or with a duplicate key.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
        let mut reader = Reader::new(text);
        let value = reader.value(MAX_DEPTH)?;
        reader.end()?;
        Ok(value)
    }
}

/// The fields of a JSON object. Each is taken at most once, so strings move out without a copy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// Reads a JSON text whose outermost value is an object.
    ///
    /// # Errors
    /// As [`Value::parse`], and [`JsonError::NotAnObject`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        match Value::parse(bytes)? {
            Value::Object(object) => Ok(object),
            _ => Err(JsonError::NotAnObject),
        }
    }

    /// Of fields that were read.
    ///
    /// # Errors
    /// [`JsonError::DuplicateKey`].
    pub(crate) fn of(fields: Vec<(Cow<'a, str>, Value<'a>)>) -> Result<Self, JsonError> {
        let object = Self(fields);
        if object.has_duplicate() { Err(JsonError::DuplicateKey) } else { Ok(object) }
    }

    /// Takes a field if it is there and not `null`.
    pub fn optional(&mut self, key: &'static str) -> Option<Value<'a>> {
        let (_, value) = self.0.iter_mut().find(|(name, _)| name == key)?;
        match std::mem::replace(value, Value::Null) {
            Value::Null => None,
            value => Some(value),
        }
    }

    /// Takes a field that must be there.
    ///
    /// # Errors
    /// [`JsonError::Missing`].
    pub fn required(&mut self, key: &'static str) -> Result<Value<'a>, JsonError> {
        self.optional(key).ok_or(JsonError::Missing(key))
    }

    /// Takes a string.
    ///
    /// # Errors
    /// It is missing or no string.
    pub fn string(&mut self, key: &'static str) -> Result<Cow<'a, str>, JsonError> {
        as_string(self.required(key)?, key)
    }

    /// Takes a string that may be missing.
    ///
    /// # Errors
    /// It is no string.
    pub fn optional_string(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Cow<'a, str>>, JsonError> {
        self.optional(key).map(|value| as_string(value, key)).transpose()
    }

    /// Takes a string and reads it as `T`.
    ///
    /// # Errors
    /// It is missing, no string, or no `T`.
    pub fn text<T: std::str::FromStr>(&mut self, key: &'static str) -> Result<T, JsonError> {
        self.string(key)?.parse().map_err(|_| JsonError::BadField(key))
    }

    /// Takes an integer of at most [`MAX_INTEGER`].
    ///
    /// # Errors
    /// It is missing or no such integer.
    pub fn integer(&mut self, key: &'static str) -> Result<u64, JsonError> {
        as_integer(&self.required(key)?, key)
    }

    /// Takes an integer that may be missing.
    ///
    /// # Errors
    /// It is no such integer.
    pub fn optional_integer(&mut self, key: &'static str) -> Result<Option<u64>, JsonError> {
        self.optional(key).map(|value| as_integer(&value, key)).transpose()
    }

    /// Takes a truth value.
    ///
    /// # Errors
    /// It is missing or of another type.
    pub fn boolean(&mut self, key: &'static str) -> Result<bool, JsonError> {
        match self.required(key)? {
            Value::Bool(truth) => Ok(truth),
            _ => Err(JsonError::BadField(key)),
        }
    }

    /// Takes a truth value; a missing one is false.
    ///
    /// # Errors
    /// It is of another type.
    pub fn flag(&mut self, key: &'static str) -> Result<bool, JsonError> {
        match self.optional(key) {
            None => Ok(false),
            Some(Value::Bool(truth)) => Ok(truth),
            Some(_) => Err(JsonError::BadField(key)),
        }
    }

    /// Takes an array; a missing one is empty.
    ///
    /// # Errors
    /// It is of another type.
    pub fn array(&mut self, key: &'static str) -> Result<Vec<Value<'a>>, JsonError> {
        match self.optional(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(JsonError::BadField(key)),
        }
    }

    /// Takes an object that may be missing.
    ///
    /// # Errors
    /// It is of another type.
    pub fn object(&mut self, key: &'static str) -> Result<Option<Object<'a>>, JsonError> {
        match self.optional(key) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(JsonError::BadField(key)),
        }
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All fields in the order of the text.
    pub fn into_fields(self) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>)> {
        self.0.into_iter()
    }

    fn has_duplicate(&self) -> bool {
        let fields = &self.0;
        if fields.len() <= PAIRWISE_KEYS {
            let earlier = |index: usize| &fields[..index];
            return (1..fields.len())
                .any(|index| earlier(index).iter().any(|(name, _)| *name == fields[index].0));
        }
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }
}

fn as_string<'a>(value: Value<'a>, key: &'static str) -> Result<Cow<'a, str>, JsonError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(JsonError::BadField(key)),
    }
}

/// Reads an integer of at most [`MAX_INTEGER`].
pub(crate) fn as_integer(value: &Value<'_>, key: &'static str) -> Result<u64, JsonError> {
    match value {
        Value::Integer(number) if *number <= MAX_INTEGER => Ok(*number),
        _ => Err(JsonError::BadField(key)),
    }
}

/// Why a text is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JsonError {
    /// Not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Not one JSON value.
    #[error("the text is not JSON")]
    Syntax,
    /// Nested too deep.
    #[error("the JSON is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A key occurs twice in one object.
    #[error("the JSON has a key twice in one object")]
    DuplicateKey,
    /// The outermost value is no object.
    #[error("the JSON is not an object")]
    NotAnObject,
    /// A field is missing.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// A field has the wrong type, form or size.
    #[error("the field `{0}` has the wrong type, form or size")]
    BadField(&'static str),
}

impl JsonError {
    /// A short stable name of the cause, for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotUtf8 => "json_not_utf8",
            Self::Syntax => "json_syntax",
            Self::TooDeep => "json_too_deep",
            Self::DuplicateKey => "json_duplicate_key",
            Self::NotAnObject => "json_not_an_object",
            Self::Missing(_) => "json_missing_field",
            Self::BadField(_) => "json_bad_field",
        }
    }
}
