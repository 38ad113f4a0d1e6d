//! Running what waits: a tokio runtime for one command, and the signals that end it.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::Outcome;
use crate::failure::Failure;

/// Threads that run tasks. The engine is one task and the store has threads of its own: two
/// keep the sockets and the engine apart.
const WORKERS: usize = 2;

/// How long what still runs in the background may take to end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs `work` to its end.
pub(crate) fn run(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_WORDS);
    outcome
}
