//! What was written is read.

use tincan_backup::{MIN_PASSPHRASE_CHARS, Parameters, Passphrase, ReadError, Reader, Writer};
use tincan_engine::Delivery::{Delivered, Failed, Queued, Read};

use crate::samples::{all, installation, states, talk};
use crate::{cheap, passphrase, read, read_in_pieces, write};

#[test]
fn everything_survives() {
    let records = all();
    assert_eq!(read(&write(&records)).unwrap(), records);
}

#[test]
fn pieces_of_any_size_are_the_same_file() {
    let records = all();
    let file = write(&records);
    for size in [1, 2, 7, 64, 1_000] {
        assert_eq!(read_in_pieces(&file, size).unwrap(), records, "{size}");
    }
}

#[test]
fn many_chunks_are_one_file() {
    let records = talk(2_000);
    let file = write(&records);
    assert!(file.len() > 6 * 65_536, "{}", file.len());
    for size in [65_551, 65_552, 65_553, 10_000_000] {
        assert_eq!(read_in_pieces(&file, size).unwrap(), records, "{size}");
    }
}

#[test]
fn a_plaintext_that_ends_with_its_chunk_has_no_empty_one_after_it() {
    // The last message is made just so long that the chunk is full.
    let mut records = talk(250);
    let short = write(&records).len() - 64 - 16;
    let missing = 65_536 - short % 65_536;
    for by in [missing - 1, missing, missing + 1] {
        let mut records = records.clone();
        let Some(tincan_backup::Record::Message(message)) = records.last_mut() else {
            panic!("it is a message")
        };
        message.content.push_str(&"y".repeat(by));
        let file = write(&records);
        assert_eq!(read(&file).unwrap(), records, "{by}");
    }
    records.truncate(1);
    assert_eq!(read(&write(&records)).unwrap(), records);
}

#[test]
fn states_follow_from_the_positions() {
    let found = states(&read(&write(&all())).unwrap());
    let own = [Read, Read, Delivered, Queued, Failed, Delivered];
    assert_eq!(found, [&own[..], &[Delivered, Queued]].concat());
}

#[test]
fn a_wrong_passphrase_is_told_from_damage() {
    let file = write(&all());
    let wrong = Passphrase::new("five words of a jest").unwrap();
    assert_eq!(Reader::open(&wrong, &file).unwrap_err(), ReadError::WrongPassphrase);
}

#[test]
fn a_new_backup_wants_a_passphrase_that_cannot_be_tried_out() {
    let short = Passphrase::new(&"x".repeat(MIN_PASSPHRASE_CHARS - 1)).unwrap();
    let error = Writer::new(&short, cheap(), [1; 16], &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("fewer than 8"), "{error}");
}

#[test]
fn another_salt_makes_another_file() {
    let file = |salt| {
        let mut file = Vec::new();
        let mut writer = Writer::new(&passphrase(), cheap(), salt, &mut file).unwrap();
        writer.push(&installation(), &mut file).unwrap();
        writer.finish(&mut file).unwrap();
        file
    };
    let (a, b) = (file([1; 16]), file([2; 16]));
    assert_eq!(a.len(), b.len());
    let equal = a[64..].iter().zip(&b[64..]).filter(|(a, b)| a == b).count();
    assert!(equal < a.len() / 8, "{equal} bytes of {} are equal", a.len());
}

#[test]
fn nothing_of_the_text_is_in_the_file() {
    let file = write(&all());
    for secret in ["message", "Ada", "Bobby", "example"] {
        let found = file.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret}");
    }
}

#[test]
fn the_usual_parameters_work() {
    let mut file = Vec::new();
    let start = std::time::Instant::now();
    let mut writer = Writer::new(&passphrase(), Parameters::default(), [5; 16], &mut file).unwrap();
    writer.push(&installation(), &mut file).unwrap();
    writer.finish(&mut file).unwrap();
    assert_eq!(read(&file).unwrap(), [installation()]);
    println!("both ways took {:?}", start.elapsed());
}
