//! Doors to the search and its index, which are loaded later: each is opened only after
//! [`crate::load_later`]. For the searches of screens, `Client::query` sees to that.

use std::hint::black_box;
use std::pin::Pin;

use tincan_engine::Answer;
use tincan_wire::UserId;

use super::database::Database;
use super::fault::Fault;
use super::searcher::{self, Tail};

/// [`searcher::search`].
#[inline(never)]
pub(super) fn search<'a>(
    database: &'a Database,
    text: &'a str,
    contact: Option<UserId>,
    limit: usize,
) -> Pin<Box<dyn Future<Output = Result<Answer, Fault>> + 'a>> {
    black_box(Box::pin(searcher::search(database, text, contact, limit)))
}

/// [`searcher::catch_up`].
#[inline(never)]
pub(super) fn catch_up(
    database: &Database,
) -> Pin<Box<dyn Future<Output = Result<Option<Tail>, Fault>> + '_>> {
    black_box(Box::pin(searcher::catch_up(database)))
}
