//! Doors to what is loaded later: each is opened only after [`crate::load_later`]. What only
//! they lead to is in the second part of the code.
//!
//! A door hands its result out of a [`black_box`]: the optimiser would tell whoever opens it where
//! the result's methods are, and they would be in the first part.

use std::hint::black_box;
use std::pin::Pin;

use crate::backup;
use crate::channel::{self, Post};
use crate::client::{Imported, RequestError};
use crate::store::Store;

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, RequestError>> + 'a>>;

/// What takes a backup that was read into the store, and its settings under that key.
pub(crate) type Restore = Box<dyn FnOnce(Store, &'static str) -> Answer<'static, Imported>>;

/// [`backup::export`].
#[inline(never)]
pub(crate) fn export<'a>(
    store: &'a Store,
    hub: &'a str,
    passphrase: &'a str,
) -> Answer<'a, Vec<u8>> {
    black_box(Box::pin(backup::export(store, hub, passphrase)))
}

/// [`backup::read`]; what it gives then does [`backup::restore`].
#[inline(never)]
pub(crate) fn read(file: &[u8], passphrase: &str) -> Result<Restore, RequestError> {
    let read = backup::read(file, passphrase)?;
    let restore: Restore = Box::new(|store, settings_key| {
        Box::pin(async move { backup::restore(&store, read, settings_key).await })
    });
    Ok(black_box(restore))
}

/// [`channel::read`].
#[inline(never)]
pub(crate) fn read_post(bytes: &[u8]) -> Option<Box<Post>> {
    channel::read(bytes).map(Box::new)
}

/// [`channel::write`].
#[inline(never)]
pub(crate) fn write_post(post: &Post) -> Option<Vec<u8>> {
    channel::write(post)
}
