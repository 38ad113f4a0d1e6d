//! One stream for many readers that never waits for the slowest: it is bounded in number and in
//! bytes, and who is behind the bound loses the oldest and is told how many.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What waits at most for the slowest reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Items, at least one.
    pub(crate) items: usize,
    /// Bytes of all items, of which the newest stays however large it is.
    pub(crate) bytes: usize,
}

/// The writing end. The stream ends when the last clone is dropped.
#[derive(Debug)]
pub(crate) struct Feed<T> {
    shared: Arc<Shared<T>>,
}

/// A reading end: gets what is written from its making on.
#[derive(Debug)]
pub(crate) struct Reader<T> {
    shared: Arc<Shared<T>>,
    id: u64,
}

/// Why there is no next item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoItem {
    /// So many were lost; the next call gives the oldest that is left.
    Missed(u64),
    /// The writers are gone, and everything has been read.
    Ended,
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<T> {
    bounds: Bounds,
    items: VecDeque<(T, usize)>,
    /// The number of the first item.
    first: u64,
    bytes: usize,
    /// The number of the item that each reader reads next.
    readers: BTreeMap<u64, u64>,
    next_reader: u64,
    writers: usize,
}

impl<T> State<T> {
    fn end(&self) -> u64 {
        self.first + u64::try_from(self.items.len()).unwrap_or(u64::MAX)
    }

    fn push(&mut self, item: T, bytes: usize) {
        if self.readers.is_empty() {
            return;
        }
        self.items.push_back((item, bytes));
        self.bytes = self.bytes.saturating_add(bytes);
        while self.items.len() > self.bounds.items.max(1)
            || (self.bytes > self.bounds.bytes && self.items.len() > 1)
        {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some((_, bytes)) = self.items.pop_front() {
            self.first += 1;
            self.bytes -= bytes;
        }
    }

    /// Drops what every reader has read.
    fn trim(&mut self) {
        let slowest = self.readers.values().min().copied().unwrap_or(u64::MAX);
        while self.first < slowest && !self.items.is_empty() {
            self.drop_first();
        }
    }
}

impl<T: Clone> State<T> {
    /// What a reader gets now; `None` when it must wait.
    fn read(&mut self, id: u64) -> Option<Result<T, NoItem>> {
        let at = self.readers.get(&id).copied()?;
        if at < self.first {
            self.readers.insert(id, self.first);
            return Some(Err(NoItem::Missed(self.first - at)));
        }
        let index = usize::try_from(at - self.first).ok()?;
        let Some((item, _)) = self.items.get(index) else {
            return (self.writers == 0).then_some(Err(NoItem::Ended));
        };
        let item = item.clone();
        self.readers.insert(id, at + 1);
        if index == 0 {
            self.trim();
        }
        Some(Ok(item))
    }
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Feed<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let state = State {
            bounds,
            items: VecDeque::new(),
            first: 0,
            bytes: 0,
            readers: BTreeMap::new(),
            next_reader: 0,
            writers: 1,
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }) }
    }

    /// Gives an item of about so many bytes to all readers.
    pub(crate) fn send(&self, item: T, bytes: usize) {
        self.shared.state().push(item, bytes);
        self.shared.changed.notify_waiters();
    }

    /// Whether anybody reads.
    pub(crate) fn is_read(&self) -> bool {
        !self.shared.state().readers.is_empty()
    }

    /// A reader of what comes from now on.
    pub(crate) fn subscribe(&self) -> Reader<T> {
        let mut state = self.shared.state();
        let (id, end) = (state.next_reader, state.end());
        state.next_reader += 1;
        state.readers.insert(id, end);
        Reader { shared: Arc::clone(&self.shared), id }
    }
}

impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        self.shared.state().writers += 1;
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Feed<T> {
    fn drop(&mut self) {
        self.shared.state().writers -= 1;
        self.shared.changed.notify_waiters();
    }
}

impl<T: Clone> Reader<T> {
    /// The next item, waited for if there is none. May be cancelled without loss.
    ///
    /// # Errors
    /// [`NoItem`].
    pub(crate) async fn recv(&mut self) -> Result<T, NoItem> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // From here on no change is overlooked, also before it is waited for.
            changed.as_mut().enable();
            if let Some(read) = self.shared.state().read(self.id) {
                return read;
            }
            changed.await;
        }
    }

    /// What there is now; `None` when there would be a wait.
    pub(crate) fn try_recv(&mut self) -> Option<Result<T, NoItem>> {
        self.shared.state().read(self.id)
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.readers.remove(&self.id);
        if state.readers.is_empty() {
            state.first = state.end();
            state.items.clear();
            state.bytes = 0;
        } else {
            state.trim();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { items: 4, bytes: 100 };

    fn waiting(feed: &Feed<u32>) -> (usize, usize) {
        let state = feed.shared.state();
        (state.items.len(), state.bytes)
    }

    #[tokio::test]
    async fn every_reader_gets_everything_from_its_beginning_on() {
        let feed = Feed::new(BOUNDS);
        let mut early = feed.subscribe();
        feed.send(1, 1);
        let mut late = feed.subscribe();
        feed.send(2, 1);
        assert_eq!(early.recv().await, Ok(1));
        assert_eq!(early.recv().await, Ok(2));
        assert_eq!(late.recv().await, Ok(2));
    }

    #[tokio::test]
    async fn without_readers_nothing_is_kept() {
        let feed = Feed::new(BOUNDS);
        feed.send(1, 1);
        assert_eq!(waiting(&feed), (0, 0));
        let reader = feed.subscribe();
        feed.send(2, 1);
        assert!(feed.is_read());
        drop(reader);
        assert!(!feed.is_read());
        assert_eq!(waiting(&feed), (0, 0));
    }

    #[tokio::test]
    async fn what_all_have_read_is_dropped() {
        let feed = Feed::new(BOUNDS);
        let (mut one, mut other) = (feed.subscribe(), feed.subscribe());
        feed.send(1, 10);
        feed.send(2, 20);
        one.recv().await.unwrap();
        one.recv().await.unwrap();
        assert_eq!(waiting(&feed), (2, 30));
        other.recv().await.unwrap();
        assert_eq!(waiting(&feed), (1, 20));
        drop(other);
        assert_eq!(waiting(&feed), (0, 0));
    }

    #[tokio::test]
    async fn more_items_than_the_bound_push_out_the_oldest_which_are_counted() {
        let feed = Feed::new(BOUNDS);
        let mut reader = feed.subscribe();
        (0..10).for_each(|number| feed.send(number, 1));
        assert_eq!(waiting(&feed), (4, 4));
        assert_eq!(reader.recv().await, Err(NoItem::Missed(6)));
        assert_eq!(reader.recv().await, Ok(6));
    }

    #[tokio::test]
    async fn more_bytes_than_the_bound_push_out_the_oldest_but_never_the_newest() {
        let feed = Feed::new(BOUNDS);
        let mut reader = feed.subscribe();
        (0..3).for_each(|number| feed.send(number, 40));
        assert_eq!(waiting(&feed), (2, 80));
        feed.send(3, 1_000);
        assert_eq!(waiting(&feed), (1, 1_000));
        assert_eq!(reader.recv().await, Err(NoItem::Missed(3)));
        assert_eq!(reader.recv().await, Ok(3));
    }

    #[tokio::test]
    async fn a_slow_reader_costs_a_quick_one_nothing() {
        let feed = Feed::new(BOUNDS);
        let (mut quick, mut slow) = (feed.subscribe(), feed.subscribe());
        for number in 0..100 {
            feed.send(number, 1);
            assert_eq!(quick.recv().await, Ok(number));
        }
        assert_eq!(slow.recv().await, Err(NoItem::Missed(96)));
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_an_item_and_by_the_end() {
        let feed = Feed::new(BOUNDS);
        let mut reader = feed.subscribe();
        let reading = tokio::spawn(async move { [reader.recv().await, reader.recv().await] });
        tokio::task::yield_now().await;
        let other = feed.clone();
        feed.send(7, 1);
        drop(feed);
        tokio::task::yield_now().await;
        drop(other);
        assert_eq!(reading.await.unwrap(), [Ok(7), Err(NoItem::Ended)]);
    }

    #[tokio::test]
    async fn a_read_that_is_cancelled_loses_nothing() {
        let feed = Feed::new(BOUNDS);
        let mut reader = feed.subscribe();
        let soon = std::time::Duration::from_millis(1);
        assert!(tokio::time::timeout(soon, reader.recv()).await.is_err());
        feed.send(1, 1);
        assert_eq!(reader.recv().await, Ok(1));
    }
}
