//! Background tasks that can be told to stop.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

/// The tasks of one part of the hub. Dropping it ends them at once.
#[derive(Debug)]
pub(crate) struct Tasks {
    stop: watch::Sender<bool>,
    set: JoinSet<()>,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self { stop: watch::Sender::new(false), set: JoinSet::new() }
    }

    /// Runs a task, which must end soon after its [`Stopped`] does.
    pub(crate) fn spawn<F>(&mut self, task: impl FnOnce(Stopped) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = task(self.stopped());
        self.set.spawn(task);
    }

    /// What tells a task that it should stop.
    pub(crate) fn stopped(&self) -> Stopped {
        Stopped(self.stop.subscribe())
    }

    /// Tells all tasks to stop.
    pub(crate) fn tell(&self) {
        self.stop.send_replace(true);
    }

    /// Tells all tasks to stop and waits for them.
    pub(crate) async fn stop(mut self) {
        self.tell();
        while self.set.join_next().await.is_some() {}
    }
}

/// The wish that a task stops.
#[derive(Clone, Debug)]
pub(crate) struct Stopped(watch::Receiver<bool>);

impl Stopped {
    /// Waits so long; `false` if the task should stop instead of going on.
    pub(crate) async fn goes_on_after(&mut self, wait: Duration) -> bool {
        tokio::select! {
            () = self.requested() => false,
            () = tokio::time::sleep(wait) => true,
        }
    }

    /// Returns when the task should stop.
    pub(crate) async fn requested(&mut self) {
        // An error means that the owner is gone, which is a wish to stop too.
        let _gone = self.0.wait_for(|stopped| *stopped).await.map(drop);
    }
}
