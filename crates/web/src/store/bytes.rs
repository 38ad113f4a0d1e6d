//! The compact form in which records stand in the database: bytes one after the other, numbers
//! as LEB128, sets of positions as their bounds.

use tincan_wire::{LogId, MessageId, Ranges, UserId};

use super::fault::Fault;

/// Writes a record.
#[derive(Default)]
pub(super) struct Record(pub(super) Vec<u8>);

impl Record {
    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    pub(super) fn size(&mut self, size: usize) {
        self.number(size as u64);
    }

    /// A number that may be below zero and is small either way.
    pub(super) fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63) as u64);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.size(text.len());
        self.raw(text.as_bytes());
    }

    pub(super) fn ranges(&mut self, ranges: &Ranges) {
        self.size(ranges.range_count());
        let mut last = 0;
        for (from, to) in ranges.iter() {
            self.number(from - last);
            self.number(to - from);
            last = to;
        }
    }

    pub(super) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}

/// Reads a record. `None` says that it is damaged.
pub(super) struct Parser<'a>(&'a [u8]);

impl<'a> Parser<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn slice(&mut self, size: usize) -> Option<&'a [u8]> {
        let (slice, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(slice)
    }

    pub(super) fn raw<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
    }

    pub(super) fn size(&mut self) -> Option<usize> {
        self.number()?.try_into().ok()
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let size = self.size()?;
        std::str::from_utf8(self.slice(size)?).ok()
    }

    pub(super) fn user(&mut self) -> Option<UserId> {
        UserId::from_bytes(self.raw()?).ok()
    }

    pub(super) fn message_id(&mut self) -> Option<MessageId> {
        MessageId::from_bytes(self.raw()?).ok()
    }

    pub(super) fn log(&mut self) -> Option<LogId> {
        std::str::from_utf8(self.slice(8)?).ok()?.parse().ok()
    }

    pub(super) fn ranges(&mut self) -> Option<Ranges> {
        let mut ranges = Ranges::new();
        let mut last: u64 = 0;
        for _ in 0..self.size()? {
            let from = last.checked_add(self.number()?)?;
            last = from.checked_add(self.number()?)?;
            ranges.insert_range(from, last);
        }
        Some(ranges)
    }

    pub(super) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        Some(if self.flag()? { Some(read(self)?) } else { None })
    }

    /// A list of no more than what is left can hold.
    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.size()?;
        let mut list = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            list.push(read(self)?);
        }
        Some(list)
    }
}

/// Reads a whole record.
pub(super) fn read<T>(
    bytes: &[u8],
    what: &'static str,
    read: impl FnOnce(&mut Parser<'_>) -> Option<T>,
) -> Result<T, Fault> {
    let mut parser = Parser::new(bytes);
    match read(&mut parser) {
        Some(value) if parser.is_empty() => Ok(value),
        _ => Err(Fault::Damaged(what)),
    }
}
