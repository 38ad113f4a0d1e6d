//! Who we are: made once, at the first start.

use rusqlite::{Connection, OptionalExtension as _, params};
use tincan_engine::store::Snapshot;
use tincan_wire::{DeviceId, Identity, LogId, UserId};

use super::columns::{Column as _, integer, number, read};
use super::fault::Fault;

/// Number of different log ids: 8 characters of `a-z0-9`.
const LOG_IDS: u64 = 36_u64.pow(8);

/// Loads who we are; makes it up at the first start. The rest of the snapshot is empty.
pub(super) fn load_or_create(connection: &Connection) -> Result<Snapshot, Fault> {
    if let Some(snapshot) = load(connection)? {
        return Ok(snapshot);
    }
    let snapshot = Snapshot::new(random()?, DeviceId(random()?), random_log()?);
    insert(connection, &snapshot)?;
    Ok(snapshot)
}

/// A new installation of an identity that there is already: another device with another log.
pub(super) fn of_seed(seed: [u8; 32]) -> Result<Snapshot, Fault> {
    Ok(Snapshot::new(seed, DeviceId(random()?), random_log()?))
}

/// Writes who we are; the rest of the snapshot is not looked at.
pub(super) fn insert(connection: &Connection, snapshot: &Snapshot) -> Result<(), Fault> {
    connection.execute(
        "INSERT INTO installation (only, seed, dev, lg, epoch, name) \
         VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        params![
            snapshot.seed.to_column(),
            snapshot.dev.to_column(),
            snapshot.lg.to_column(),
            integer(snapshot.epoch, "the epoch")?,
            snapshot.name.to_column()
        ],
    )?;
    Ok(())
}

/// Our user id.
pub(super) fn user_id(snapshot: &Snapshot) -> UserId {
    Identity::from_seed(snapshot.seed).user_id()
}

/// Loads who we are, where that is known. The rest of the snapshot is empty.
pub(super) fn load(connection: &Connection) -> Result<Option<Snapshot>, Fault> {
    connection
        .query_row("SELECT seed, dev, lg, epoch, name FROM installation", [], |row| {
            Ok((|| {
                let mut snapshot = Snapshot::new(read(row, 0)?, read(row, 1)?, read(row, 2)?);
                snapshot.epoch = number(row, 3)?;
                snapshot.name = read(row, 4)?;
                Ok(snapshot)
            })())
        })
        .optional()?
        .transpose()
}

fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::Io(format!("no randomness from the system: {error}")))?;
    Ok(bytes)
}

fn random_log() -> Result<LogId, Fault> {
    // 64 bits against 41: no id is likelier than another by more than one in eight million.
    let mut number = u64::from_be_bytes(random()?) % LOG_IDS;
    let mut text = String::new();
    for _ in 0..8 {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        text.extend(char::from_digit(digit, 36));
        number /= 36;
    }
    text.parse().map_err(|_| Fault::Other("a new log id is illegal".to_owned()))
}
