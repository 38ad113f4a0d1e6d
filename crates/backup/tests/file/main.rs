//! Backup files as a whole: written, read, and spoiled in every way.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod damage;
mod records;
mod round_trip;
mod rules;
mod samples;
mod vector;

use tincan_backup::{Parameters, Passphrase, ReadError, Reader, Record, Writer};

/// The cheapest there are.
fn cheap() -> Parameters {
    Parameters::new(8, 1, 1).unwrap()
}

fn passphrase() -> Passphrase {
    Passphrase::new("five words of a test").unwrap()
}

fn write(records: &[Record]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = Writer::new(&passphrase(), cheap(), [5; 16], &mut file).unwrap();
    records.iter().for_each(|record| writer.push(record, &mut file).unwrap());
    writer.finish(&mut file).unwrap();
    file
}

/// Reads a file that comes in pieces of so many bytes.
fn read_in_pieces(file: &[u8], size: usize) -> Result<Vec<Record>, ReadError> {
    let (beginning, rest) = file.split_at(file.len().min(tincan_backup::HEADER_BYTES));
    let mut reader = Reader::open(&passphrase(), beginning)?;
    let mut records = Vec::new();
    for piece in rest.chunks(size) {
        reader.push(piece);
        while let Some(record) = reader.next()? {
            records.push(record);
        }
    }
    reader.end();
    while let Some(record) = reader.next()? {
        records.push(record);
    }
    Ok(records)
}

fn read(file: &[u8]) -> Result<Vec<Record>, ReadError> {
    read_in_pieces(file, 1 << 20)
}
