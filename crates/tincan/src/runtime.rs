//! Running what waits: a tokio runtime for one command, and the signals that end it.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::Outcome;
use crate::failure::Failure;

/// How long what still runs in the background may take to end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs `work` to its end, on this thread: a node has one of its own.
pub(crate) fn run(work: impl Future<Output = Outcome>) -> Outcome {
    on(Builder::new_current_thread(), work)
}

/// Runs `work` to its end, on as many threads as there are cores: a hub has many clients.
pub(crate) fn run_wide(work: impl Future<Output = Outcome>) -> Outcome {
    on(Builder::new_multi_thread(), work)
}

fn on(mut builder: Builder, work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_WORDS);
    outcome
}
