//! The backup file: identity, contacts and history, encrypted under a passphrase. Native node and
//! browser write and read the same; `docs/backup.md` describes its bytes.
//!
//! Sans-IO: time and randomness come as arguments, bytes go in and out in pieces of any size. A
//! file of any length is written and read in bounded memory.
//!
//! Writing: [`Writer::new`], which takes about a second for the passphrase; then one
//! [`Writer::push`] for each [`Record`], each of which appends what is ready to a buffer of the
//! caller's; then [`Writer::finish`]. The order of the records is: [`Installation`] first, a
//! [`Log`] before the messages in it; for the rest see [`Record`].
//!
//! Reading: [`Reader::open`] with the first [`HEADER_BYTES`] of the file or more; then
//! [`Reader::push`] what follows and take records with [`Reader::next`] until there is none,
//! in turn; after the last byte [`Reader::end`], and `next` until there is none. Nothing of a
//! file may be kept before all of it was read: a file that was cut off says so only at its end.
//!
//! ```
//! use tincan_backup::{Installation, Parameters, Passphrase, Reader, Record, Writer};
//! use tincan_engine::Time;
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let passphrase = Passphrase::new("correct horse battery staple")?;
//! let installation = Installation {
//!     seed: [7; 32],
//!     name: Default::default(),
//!     epoch: 1,
//!     made: Time::from_millis(1_763_792_787_123),
//!     hub: None,
//!     brokers: Vec::new(),
//! };
//! let (mut file, salt) = (Vec::new(), [9; 16]); // The salt: fresh from the system's generator.
//! let parameters = Parameters::default();
//! # let parameters = Parameters::new(64, 1, 1)?;
//! let mut writer = Writer::new(&passphrase, parameters, salt, &mut file)?;
//! writer.push(&Record::Installation(installation.clone()), &mut file)?;
//! writer.finish(&mut file)?;
//!
//! let mut reader = Reader::open(&passphrase, &file)?;
//! reader.end();
//! assert_eq!(reader.next()?, Some(Record::Installation(installation)));
//! assert_eq!(reader.next()?, None);
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```

mod chunks;
mod decoder;
mod encoder;
mod header;
mod merging;
mod parameters;
mod passphrase;
mod reader;
mod record;
mod varint;
mod writer;

pub use decoder::{Decoder, Malformed};
pub use encoder::{Encoder, Unfit};
pub use header::HEADER_BYTES;
pub use merging::{Merging, Step};
pub use parameters::{Parameters, ParametersError};
pub use passphrase::{MIN_PASSPHRASE_CHARS, Passphrase, PassphraseError};
pub use reader::{ReadError, Reader};
pub use record::{Installation, Log, Record};
pub use writer::{WriteError, Writer};
