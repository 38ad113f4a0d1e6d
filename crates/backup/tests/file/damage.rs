//! Whatever happens to a file on its way is noticed.

use proptest::prelude::*;
use tincan_backup::ReadError;

use crate::samples::{all, talk};
use crate::{read, write};

const HEADER: usize = 64;
const SEALED: usize = 65_536 + 16;

/// A file of some chunks, and where each begins.
fn long() -> Vec<u8> {
    let file = write(&talk(1_000));
    assert!(file.len() > HEADER + 3 * SEALED);
    file
}

fn chunk(file: &[u8], number: usize) -> &[u8] {
    &file[HEADER + number * SEALED..][..SEALED]
}

#[test]
fn every_truncation_of_a_small_file_is_noticed() {
    let file = write(&all());
    for length in 0..file.len() {
        let error = read(&file[..length]).unwrap_err();
        match length {
            0 => assert_eq!(error, ReadError::NotABackup),
            1..=HEADER => assert_eq!(error, ReadError::CutShort, "{length}"),
            _ => assert_eq!(error, ReadError::Damaged, "{length}"),
        }
    }
}

#[test]
fn every_flipped_bit_of_a_small_file_is_noticed() {
    let file = write(&all());
    for bit in 0..file.len() * 8 {
        let mut file = file.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&file).is_err(), "bit {bit}");
    }
}

#[test]
fn a_file_that_ends_between_two_chunks_is_not_complete() {
    let file = long();
    for chunks in 1..=3 {
        let cut = &file[..HEADER + chunks * SEALED];
        assert_eq!(read(cut).unwrap_err(), ReadError::CutShort, "{chunks}");
    }
}

#[test]
fn chunks_cannot_change_places() {
    let file = long();
    let (first, second) = (chunk(&file, 0), chunk(&file, 1));
    let rest = &file[HEADER + 2 * SEALED..];
    let swapped = [&file[..HEADER], second, first, rest].concat();
    assert_eq!(read(&swapped).unwrap_err(), ReadError::Damaged);
    let left_out = [&file[..HEADER], second, rest].concat();
    assert_eq!(read(&left_out).unwrap_err(), ReadError::Damaged);
    let twice = [&file[..HEADER], first, first, second, rest].concat();
    assert_eq!(read(&twice).unwrap_err(), ReadError::Damaged);
}

#[test]
fn nothing_can_follow_the_end() {
    let file = write(&all());
    for more in [&b"\0"[..], &file[HEADER..]] {
        assert_eq!(read(&[&file, more].concat()).unwrap_err(), ReadError::Damaged);
    }
    let long = long();
    assert_eq!(read(&[&long, chunk(&long, 0)].concat()).unwrap_err(), ReadError::Damaged);
}

#[test]
fn parts_of_two_files_are_no_file() {
    let (a, mut b) = (long(), Vec::new());
    let mut writer =
        tincan_backup::Writer::new(&crate::passphrase(), crate::cheap(), [6; 16], &mut b).unwrap();
    talk(1_000).iter().for_each(|record| writer.push(record, &mut b).unwrap());
    writer.finish(&mut b).unwrap();
    assert_eq!(a.len(), b.len());
    let at = HEADER + SEALED;
    assert_eq!(read(&[&a[..at], &b[at..]].concat()).unwrap_err(), ReadError::Damaged);
    // Its own header with the other's chunks: the salt gives another key.
    assert_eq!(read(&[&a[..HEADER], &b[HEADER..]].concat()).unwrap_err(), ReadError::Damaged);
}

#[test]
fn what_is_no_backup_is_said_to_be_none() {
    for other in
        [&b""[..], b"\0", b"%PDF-1.7", &[0xff; 200], b"tincan backup\n\nof a text mode...."]
    {
        assert_eq!(read(other).unwrap_err(), ReadError::NotABackup, "{other:?}");
    }
}

#[test]
fn an_error_stays() {
    let mut file = long();
    file[HEADER + SEALED + 9] ^= 1;
    let mut reader = tincan_backup::Reader::open(&crate::passphrase(), &file).unwrap();
    let mut read = 0;
    let error = loop {
        match reader.next() {
            Ok(Some(_)) => read += 1,
            Ok(None) => panic!("there is more"),
            Err(error) => break error,
        }
    };
    assert_eq!((error, read > 100), (ReadError::Damaged, true), "the first chunk was whole");
    reader.push(b"more");
    reader.end();
    assert_eq!(reader.next().unwrap_err(), error);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_change_of_a_long_file_is_noticed(
        at in 0.0..1.0_f64,
        change in prop_oneof![
            (1..=255_u8).prop_map(Some),
            Just(None),
        ],
    ) {
        let file = long();
        let at = ((file.len() - 1) as f64 * at) as usize;
        let spoiled = match change {
            Some(bits) => {
                let mut file = file;
                file[at] ^= bits;
                file
            }
            None => file[..at].to_vec(),
        };
        prop_assert!(read(&spoiled).is_err());
    }
}
