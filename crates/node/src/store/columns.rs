//! How values of the protocol stand in the database's columns.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use tincan_engine::time::Time;
use tincan_engine::{ContactStatus, MessageKind};
use tincan_wire::{
    DeviceId, DisplayName, InviteToken, Leaf, LogId, MessageId, PrekeyId, PrekeyPublic, Ranges,
    UserId,
};

use super::fault::Fault;

/// A value as it stands in a column, and back.
pub(super) trait Column: Sized {
    /// What the column holds.
    type Sql: ToSql + FromSql;
    /// Into the column.
    fn to_column(&self) -> Self::Sql;
    /// Out of the column; `None` if no such value is legal.
    fn from_column(sql: Self::Sql) -> Option<Self>;
}

/// Reads a column as a value.
pub(super) fn read<T: Column>(row: &Row<'_>, index: usize) -> Result<T, Fault> {
    T::from_column(row.get(index)?).ok_or_else(|| illegal(row, index))
}

/// Reads a column that may be empty.
pub(super) fn read_optional<T: Column>(row: &Row<'_>, index: usize) -> Result<Option<T>, Fault> {
    let sql: Option<T::Sql> = row.get(index)?;
    sql.map(|sql| T::from_column(sql).ok_or_else(|| illegal(row, index))).transpose()
}

fn illegal(row: &Row<'_>, index: usize) -> Fault {
    let statement: &rusqlite::Statement<'_> = row.as_ref();
    let name = statement.column_name(index).unwrap_or("?");
    Fault::Damaged(format!("a {name} makes no sense"))
}

/// A number for a column of 63 bits.
pub(super) fn integer(value: u64, what: &'static str) -> Result<i64, Fault> {
    i64::try_from(value).map_err(|_| Fault::OutOfRange(what))
}

/// Reads a number that [`integer`] has written.
pub(super) fn number(row: &Row<'_>, index: usize) -> Result<u64, Fault> {
    u64::try_from(row.get::<_, i64>(index)?).map_err(|_| illegal(row, index))
}

/// Reads a number where there may be none.
pub(super) fn optional_number(row: &Row<'_>, index: usize) -> Result<Option<u64>, Fault> {
    let value: Option<i64> = row.get(index)?;
    value.map(|value| u64::try_from(value).map_err(|_| illegal(row, index))).transpose()
}

/// A blob of fixed length.
pub(super) struct Bytes<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> ToSql for Bytes<N> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl<const N: usize> FromSql for Bytes<N> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let blob = value.as_blob()?;
        let size = FromSqlError::InvalidBlobSize { expected_size: N, blob_size: blob.len() };
        blob.try_into().map(Self).map_err(|_| size)
    }
}

impl<const N: usize> Column for [u8; N] {
    type Sql = Bytes<N>;
    fn to_column(&self) -> Bytes<N> {
        Bytes(*self)
    }
    fn from_column(sql: Bytes<N>) -> Option<Self> {
        Some(sql.0)
    }
}

impl Column for UserId {
    type Sql = Bytes<32>;
    fn to_column(&self) -> Bytes<32> {
        Bytes(*self.as_bytes())
    }
    fn from_column(sql: Bytes<32>) -> Option<Self> {
        Self::from_bytes(sql.0).ok()
    }
}

impl Column for MessageId {
    type Sql = Bytes<16>;
    fn to_column(&self) -> Bytes<16> {
        Bytes(*self.as_bytes())
    }
    fn from_column(sql: Bytes<16>) -> Option<Self> {
        Self::from_bytes(sql.0).ok()
    }
}

impl Column for DeviceId {
    type Sql = Bytes<8>;
    fn to_column(&self) -> Bytes<8> {
        Bytes(self.0)
    }
    fn from_column(sql: Bytes<8>) -> Option<Self> {
        Some(Self(sql.0))
    }
}

impl Column for PrekeyId {
    type Sql = Bytes<4>;
    fn to_column(&self) -> Bytes<4> {
        Bytes(self.0)
    }
    fn from_column(sql: Bytes<4>) -> Option<Self> {
        Some(Self(sql.0))
    }
}

impl Column for InviteToken {
    type Sql = Bytes<16>;
    fn to_column(&self) -> Bytes<16> {
        Bytes(self.0)
    }
    fn from_column(sql: Bytes<16>) -> Option<Self> {
        Some(Self(sql.0))
    }
}

impl Column for LogId {
    type Sql = String;
    fn to_column(&self) -> String {
        self.to_string()
    }
    fn from_column(sql: String) -> Option<Self> {
        sql.parse().ok()
    }
}

impl Column for Leaf {
    type Sql = String;
    fn to_column(&self) -> String {
        self.to_string()
    }
    fn from_column(sql: String) -> Option<Self> {
        sql.parse().ok()
    }
}

impl Column for DisplayName {
    type Sql = String;
    fn to_column(&self) -> String {
        self.to_string()
    }
    fn from_column(sql: String) -> Option<Self> {
        Some(Self::clean(&sql))
    }
}

impl Column for ContactStatus {
    type Sql = String;
    fn to_column(&self) -> String {
        self.to_string()
    }
    fn from_column(sql: String) -> Option<Self> {
        [Self::Requested, Self::Accepted, Self::Declined, Self::Blocked]
            .into_iter()
            .find(|status| status.to_string() == sql)
    }
}

impl Column for Ranges {
    type Sql = Vec<u8>;
    fn to_column(&self) -> Vec<u8> {
        let mut blob = Vec::with_capacity(self.range_count() * 16);
        for (first, last) in self.iter() {
            blob.extend_from_slice(&first.to_be_bytes());
            blob.extend_from_slice(&last.to_be_bytes());
        }
        blob
    }
    fn from_column(sql: Vec<u8>) -> Option<Self> {
        let (bounds, rest) = sql.as_chunks::<8>();
        let mut ranges = Self::new();
        for pair in bounds.chunks(2) {
            let [first, last] = pair else { return None };
            ranges.insert_range(u64::from_be_bytes(*first), u64::from_be_bytes(*last));
        }
        rest.is_empty().then_some(ranges)
    }
}

/// A time in a column.
pub(super) fn read_time(row: &Row<'_>, index: usize) -> Result<Time, Fault> {
    Ok(Time::from_millis(number(row, index)?))
}

/// A prekey of someone's in two columns.
pub(super) fn read_prekey(row: &Row<'_>, id: usize, key: usize) -> Result<PrekeyPublic, Fault> {
    Ok(PrekeyPublic { id: read(row, id)?, key: read(row, key)? })
}

/// The number of a kind, and its target.
pub(super) fn kind_columns(kind: &MessageKind) -> (u8, Option<MessageId>) {
    match *kind {
        MessageKind::Text { reply } => (0, reply),
        MessageKind::Edit { target } => (1, Some(target)),
        MessageKind::Delete { target } => (2, Some(target)),
        MessageKind::React { target } => (3, Some(target)),
    }
}

/// The kind of these columns.
pub(super) fn kind_of(number: u8, target: Option<MessageId>) -> Option<MessageKind> {
    match (number, target) {
        (0, reply) => Some(MessageKind::Text { reply }),
        (1, Some(target)) => Some(MessageKind::Edit { target }),
        (2, Some(target)) => Some(MessageKind::Delete { target }),
        (3, Some(target)) => Some(MessageKind::React { target }),
        _ => None,
    }
}

/// The rank of a sender in the order of display: 0 for the lower user id of the two.
pub(super) fn sender_rank(sender: &UserId, other: &UserId) -> u8 {
    u8::from(sender > other)
}
