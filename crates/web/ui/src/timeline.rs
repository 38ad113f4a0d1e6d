//! The part of a conversation that is in memory, and the part of that which is on the page.
//!
//! A history has no bound, so both parts have: as one scrolls, the message list loads at one end
//! and forgets at the other. Everything here is arithmetic on an ordered list; the page asks the
//! store and makes the rows.

use std::collections::VecDeque;
use std::ops::Range;

use tincan_engine::{Cursor, Delivery, MessageView};
use tincan_wire::MessageId;

/// How many messages one question to the store asks for.
pub const PAGE: usize = 200;

/// The most messages in memory: the pages around the window, at 16 KiB each 13 MB at worst.
pub const MAX_LOADED: usize = 4 * PAGE;

/// How many rows the window moves by at once: what fits well into one frame.
pub const STEP: usize = 24;

/// The most ends of forgotten pages that are remembered: two million messages further down. Who
/// scrolls up more comes down by way of [`crate::gallop`].
const MAX_FORGOTTEN: usize = 10_000;

/// How many rows the window may have on a screen of this height: at least three screens of the
/// smallest rows to either side.
#[must_use]
pub fn max_rows(viewport_px: f64) -> usize {
    let rows_of_seven_screens = (viewport_px.clamp(0.0, 5_000.0) / 32.0 * 7.0) as usize;
    rows_of_seven_screens.clamp(120, 1_000)
}

/// Where a message stands: the display orders by (`h`, sender, id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u64, bool, MessageId);

/// The loaded part of a conversation, oldest first.
#[derive(Debug)]
pub struct Timeline {
    /// Whether our id is the smaller one, and so ours come first at the same `h`.
    own_first: bool,
    loaded: VecDeque<MessageView>,
    shown: Range<usize>,
    reaches_start: bool,
    reaches_end: bool,
    /// The first message of each page forgotten at the end, the newest page first.
    forgotten: Vec<Cursor>,
}

/// What to do to the rows, in this order: drop some at either end, then make some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// So many rows go at the old end.
    pub drop_old: usize,
    /// So many rows go at the new end.
    pub drop_new: usize,
    /// These loaded messages get rows, above all others (oldest first).
    pub add_old: Range<usize>,
    /// These loaded messages get rows, below all others.
    pub add_new: Range<usize>,
}

/// What became of a message that has just come or been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is the last one, and the window was at the end: to be shown below all others.
    Last,
    /// It is loaded at this place; the rows are to be made anew if it is within the window.
    Between(usize),
    /// It was there already.
    Known(usize),
    /// It lies beyond what is loaded; it comes when one scrolls there.
    Beyond,
}

impl Timeline {
    /// Nothing loaded yet.
    #[must_use]
    pub fn new(own_first: bool) -> Self {
        Self {
            own_first,
            loaded: VecDeque::new(),
            shown: 0..0,
            reaches_start: false,
            reaches_end: false,
            forgotten: Vec::new(),
        }
    }

    /// Begins anew with a page; says whether there is more on either side of it.
    pub fn reset(&mut self, page: Vec<MessageView>, older: bool, newer: bool) {
        self.loaded = page.into();
        self.shown = 0..0;
        self.reaches_start = !older;
        self.reaches_end = !newer;
        self.forgotten.clear();
    }

    /// How many messages are loaded.
    #[must_use]
    pub fn len(&self) -> usize {
        self.loaded.len()
    }

    /// Whether none is loaded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.loaded.is_empty()
    }

    /// A loaded message.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&MessageView> {
        self.loaded.get(at)
    }

    /// Which of the loaded messages have rows.
    #[must_use]
    pub fn shown(&self) -> Range<usize> {
        self.shown.clone()
    }

    /// Whether the oldest message of all is loaded.
    #[must_use]
    pub fn reaches_start(&self) -> bool {
        self.reaches_start
    }

    /// Whether the newest message of all is loaded.
    #[must_use]
    pub fn reaches_end(&self) -> bool {
        self.reaches_end
    }

    /// Whether the newest message of all has a row.
    #[must_use]
    pub fn shows_end(&self) -> bool {
        self.reaches_end && self.shown.end == self.loaded.len()
    }

    /// Where this message is loaded. The newest are looked at first: most questions are of them.
    #[must_use]
    pub fn find(&self, id: MessageId) -> Option<usize> {
        self.loaded.iter().rposition(|message| message.id == id)
    }

    /// The first loaded message's place: older ones are asked for before it.
    #[must_use]
    pub fn first(&self) -> Option<Cursor> {
        self.loaded.front().map(cursor_of)
    }

    /// The last loaded message's place.
    #[must_use]
    pub fn last(&self) -> Option<Cursor> {
        self.loaded.back().map(cursor_of)
    }

    /// Where the page behind the loaded ones ends, if that is known: `Some(None)` is the end of
    /// the conversation.
    #[must_use]
    pub fn next_page_ends(&self) -> Option<Option<Cursor>> {
        let (_, newer) = self.forgotten.split_last()?;
        Some(newer.last().copied())
    }

    /// Puts an older page before the rest and forgets at the other end. Returns how many rows
    /// went at the new end by that.
    pub fn load_older(&mut self, page: Vec<MessageView>, more: bool) -> usize {
        let first = self.loaded.front().map(|message| self.place(message));
        let mut added = 0;
        for message in page.into_iter().rev() {
            if first.is_none_or(|first| self.place(&message) < first) {
                self.loaded.push_front(message);
                added += 1;
            }
        }
        self.reaches_start = !more;
        self.shown = self.shown.start + added..self.shown.end + added;
        let mut rows_gone = 0;
        while self.loaded.len() > MAX_LOADED {
            rows_gone += self.forget_page();
        }
        rows_gone
    }

    /// Forgets the newest loaded page.
    fn forget_page(&mut self) -> usize {
        let keep = self.loaded.len() - PAGE.min(self.loaded.len());
        let Some(first) = self.loaded.get(keep).map(cursor_of) else { return 0 };
        self.loaded.truncate(keep);
        self.reaches_end = false;
        if self.forgotten.len() == MAX_FORGOTTEN {
            self.forgotten.clear();
        } else {
            self.forgotten.push(first);
        }
        let rows_gone = self.shown.end.saturating_sub(keep.max(self.shown.start));
        self.shown = self.shown.start.min(keep)..self.shown.end.min(keep);
        rows_gone
    }

    /// Puts what lies behind the last message behind it; of `page`, what is loaded already is
    /// left out. `reaches_end` says that nothing lies behind the page. `None` if the page does
    /// not connect: messages may be missing between. Else how many rows went at the old end.
    pub fn load_newer(
        &mut self,
        page: Vec<MessageView>,
        connects: bool,
        reaches_end: bool,
    ) -> Option<usize> {
        let last = self.loaded.back().map(|message| self.place(message));
        let connects = connects
            || page.first().zip(last).is_some_and(|(first, last)| self.place(first) <= last);
        if !connects {
            return None;
        }
        for message in page {
            if last.is_none_or(|last| self.place(&message) > last) {
                self.loaded.push_back(message);
            }
        }
        if let Some(last) = self.loaded.back().map(|message| self.place(message)) {
            while self.forgotten.last().is_some_and(|first| self.cursor_place(*first) <= last) {
                self.forgotten.pop();
            }
        }
        self.reaches_end = reaches_end;
        Some(self.forget_old())
    }

    /// Forgets at the old end what is over the bound.
    fn forget_old(&mut self) -> usize {
        let gone = self.loaded.len().saturating_sub(MAX_LOADED);
        if gone == 0 {
            return 0;
        }
        self.loaded.drain(..gone);
        self.reaches_start = false;
        let rows_gone = gone.saturating_sub(self.shown.start).min(self.shown.len());
        self.shown = self.shown.start.saturating_sub(gone)..self.shown.end.saturating_sub(gone);
        rows_gone
    }

    /// Gives the `rows` messages before `end` rows, after a reset.
    pub fn show(&mut self, end: usize, rows: usize) -> Range<usize> {
        let end = end.min(self.loaded.len());
        self.shown = end.saturating_sub(rows)..end;
        self.shown()
    }

    /// Moves the window a step towards older messages; it keeps at most `max` rows.
    pub fn step_older(&mut self, max: usize) -> Shift {
        let start = self.shown.start.saturating_sub(STEP);
        let add_old = start..self.shown.start;
        let drop_new = (self.shown.end - start).saturating_sub(max).min(self.shown.len());
        self.shown = start..self.shown.end - drop_new;
        Shift { drop_new, add_old, ..Shift::default() }
    }

    /// Moves the window a step towards newer messages; it keeps at most `max` rows.
    pub fn step_newer(&mut self, max: usize) -> Shift {
        let end = (self.shown.end + STEP).min(self.loaded.len());
        let add_new = self.shown.end..end;
        let drop_old = (end - self.shown.start).saturating_sub(max).min(self.shown.len());
        self.shown = self.shown.start + drop_old..end;
        Shift { drop_old, add_new, ..Shift::default() }
    }

    /// Takes a message in that has just come or been sent.
    pub fn insert(&mut self, message: MessageView) -> Placed {
        let place = self.place(&message);
        let at = self.loaded.partition_point(|other| self.place(other) < place);
        if let Some(known) = self.loaded.get_mut(at).filter(|known| known.id == message.id) {
            *known = message;
            return Placed::Known(at);
        }
        let is_last = at == self.loaded.len();
        if is_last && !self.reaches_end || at == 0 && !self.reaches_start && !is_last {
            return Placed::Beyond;
        }
        self.loaded.insert(at, message);
        if is_last {
            return Placed::Last;
        }
        if at < self.shown.start {
            self.shown = self.shown.start + 1..self.shown.end + 1;
        } else if at < self.shown.end {
            self.shown.end += 1;
        }
        Placed::Between(at)
    }

    /// Keeps the bounds after a run of [`Placed::Last`]; returns how many rows went at the old
    /// end.
    pub fn trim(&mut self) -> usize {
        self.forget_old()
    }

    /// Messages of ours have come further. Returns for how many that is news. Only failing and
    /// starting over go back: reports may overtake each other.
    pub fn deliver(&mut self, ids: &[MessageId], state: Delivery) -> usize {
        let (mut next, mut count) = (0, 0);
        for id in ids {
            // Those that are told together mostly follow each other.
            let follows = self.loaded.get(next).is_some_and(|message| message.id == *id);
            let at = if follows { Some(next) } else { self.find(*id) };
            let Some(at) = at else { continue };
            next = at + 1;
            let Some(message) = self.loaded.get_mut(at) else { continue };
            let is_news = message.outgoing
                && message.state != state
                && !(message.state == Delivery::Read && state == Delivery::Delivered);
            if is_news {
                message.state = state;
                count += 1;
            }
        }
        count
    }

    /// The contact has read our log up to `to`. Returns the places that change.
    pub fn read(&mut self, to: u64) -> Vec<usize> {
        let mut changed = Vec::new();
        for (at, message) in self.loaded.iter_mut().enumerate() {
            if message.outgoing && message.s <= to && message.state == Delivery::Delivered {
                message.state = Delivery::Read;
                changed.push(at);
            }
        }
        changed
    }

    fn place(&self, message: &MessageView) -> Place {
        self.cursor_place(cursor_of(message))
    }

    fn cursor_place(&self, cursor: Cursor) -> Place {
        Place(cursor.h, cursor.outgoing != self.own_first, cursor.id)
    }
}

/// A message's place as the store counts it.
#[must_use]
pub fn cursor_of(message: &MessageView) -> Cursor {
    Cursor { h: message.h, outgoing: message.outgoing, id: message.id }
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
