//! The backup file: the records inside, which any program with the passphrase may have written,
//! and the header, which anybody may have.

use tincan_backup::{Decoder, Encoder, HEADER_BYTES, Passphrase, ReadError, Reader};

/// Memory in KiB times passes of a header whose passphrase is worth trying here.
const CHEAP: u64 = 64;

/// Records and header of a backup file.
pub fn backup(data: &[u8]) {
    records(data);
    header(data);
}

/// What is read is written as it was.
fn records(data: &[u8]) {
    let (mut decoder, mut encoder, mut again) =
        (Decoder::default(), Encoder::default(), Vec::new());
    decoder.push(data);
    while let Ok(Some(record)) = decoder.next() {
        // A log that is there twice can be read, but is not written.
        if encoder.push(&record, &mut again).is_err() {
            return;
        }
        assert!(data.starts_with(&again));
    }
}

/// Nobody guesses the key: whatever follows a header, no record comes of it.
fn header(data: &[u8]) {
    let Some(costs) = data.get(19..24) else { return };
    let memory = u32::from_be_bytes([costs[1], costs[2], costs[3], costs[4]]);
    if u64::from(memory) * u64::from(costs[0]) > CHEAP {
        return;
    }
    let Ok(passphrase) = Passphrase::new("five words of a test") else { return };
    match Reader::open(&passphrase, data) {
        Ok(mut reader) => {
            reader.end();
            while let Ok(Some(_)) = reader.next() {}
        }
        Err(ReadError::CutShort) => assert!(data.len() < HEADER_BYTES),
        Err(_) => {}
    }
}
