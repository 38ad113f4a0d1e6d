//! The file in `docs/backup.md` is the one that this crate writes: another implementation can
//! begin with it.

use tincan_backup::{Installation, Parameters, Record, Writer};
use tincan_engine::MessageView;

use crate::samples::{at, log, message, name, text};
use crate::{passphrase, read};

fn records() -> Vec<Record> {
    let theirs = log(2, false, "theirlog", &[(1, 42), (44, 45)], 42);
    let hello = MessageView { content: "Hello".to_owned(), ..message(&theirs, 45, text(), false) };
    vec![
        Record::Installation(Installation {
            seed: std::array::from_fn(|index| index as u8),
            name: name("Ada"),
            epoch: 1_763_792_787_123,
            made: at(1_763_792_787_999),
            hub: None,
            brokers: Vec::new(),
        }),
        Record::Log(theirs),
        Record::Message(hello),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_file_in_the_documentation_is_this_one() {
    let mut file = Vec::new();
    let salt = std::array::from_fn(|index| index as u8);
    let parameters = Parameters::new(64, 1, 1).unwrap();
    let mut writer = Writer::new(&passphrase(), parameters, salt, &mut file).unwrap();
    records().iter().for_each(|record| writer.push(record, &mut file).unwrap());
    writer.finish(&mut file).unwrap();
    assert_eq!(read(&file).unwrap(), records());
    let page = include_str!("../../../../docs/backup.md");
    let said: String = page
        .lines()
        .skip_while(|line| *line != "```hex")
        .skip(1)
        .take_while(|line| *line != "```")
        .collect();
    assert_eq!(hex(&file), said);
}
