//! A write to a database of its own, to see how long the browser takes to make it durable.

use super::database::{Database, delete};
use super::fault::Fault;
use super::request::{Pending, to_js};
use super::schema::BOOK;
use super::transaction::Mode;
use crate::clock::steady_ms;

/// Nobody else's.
const NAME: &str = "tincan-doctor";

/// Why nothing can be kept.
pub(crate) enum Refusal {
    Full,
    /// In the browser's words.
    Other(String),
}

/// Milliseconds from the beginning of a transaction to its being durable.
pub(crate) async fn commit() -> Result<f64, Refusal> {
    let took = write().await;
    delete(NAME).await;
    took.map_err(|fault| match fault {
        Fault::Full => Refusal::Full,
        fault => Refusal::Other(fault.sentence()),
    })
}

async fn write() -> Result<f64, Fault> {
    let database = Database::open(NAME).await?;
    let began = steady_ms();
    let transaction = database.begin(&[BOOK], Mode::Write).await?;
    let request = transaction.store(BOOK)?.put_with_key(&to_js(&[0; 256]), &to_js(b"trial"))?;
    Pending::new(request).result().await?;
    transaction.complete().await?;
    let took = steady_ms() - began;
    database.close();
    Ok(took)
}
