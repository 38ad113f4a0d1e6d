//! The window of rows over the loaded part of a conversation: which rows there are, what moves
//! them, and what the store has to be asked for.

use std::collections::VecDeque;
use std::ops::Range;

use js_sys::Number;
use leptos::prelude::*;
use tincan_engine::{Cursor, MessageKind, MessageView};
use tincan_wire::UserId;

use crate::dates;
use crate::days::Moment;
use crate::history::{self, Page};
use crate::message_list::{FIRST_ROWS, Frame, ListSignals, ListState};
use crate::message_row::{Row, RowMaker};
use crate::model::{Model, News};
use crate::timeline::{Placed, Timeline, max_rows};

/// Nearer to the end than this one is at the end, in CSS pixels.
const END_PX: f64 = 48.0;

/// Rows are made this far beyond what is visible, in screens.
const MARGIN_SCREENS: f64 = 2.0;

/// News that come while the store is asked wait for its answer, at most so many; beyond that the
/// end is loaded anew when one gets there.
const MAX_HELD: usize = 2_000;

/// The state of a list.
pub(crate) struct Window {
    pub(crate) model: Model,
    pub(crate) contact: UserId,
    pub(crate) signals: ListSignals,
    pub(crate) frame: Frame,
    pub(crate) maker: RowMaker,
    pub(crate) timeline: Timeline,
    pub(crate) rows: VecDeque<Row>,
    pub(crate) spacer_px: f64,
    pub(crate) is_planned: bool,
    /// More has come at once than a screen shows, and the rows above are not made yet.
    pub(crate) is_flooded: bool,
    /// Makes them once nothing has come for a while.
    pub(crate) after_flood: Option<TimeoutHandle>,
    pub(crate) is_loading: bool,
    pub(crate) held: Vec<News>,
    /// The highest `h` that was seen, so that the search for newer pages knows where to stop.
    pub(crate) newest: u64,
    /// Counts resets, so that late answers to earlier questions are known.
    pub(crate) epoch: u32,
    pub(crate) is_gone: bool,
    /// How far one has scrolled from the end, in CSS pixels: to ask the browser would make it lay
    /// the page out.
    pub(crate) from_end: f64,
    /// How high the visible part is, kept for the same reason.
    pub(crate) view_px: f64,
}

/// What the window needs from the store.
#[derive(Clone, Copy)]
pub(crate) enum Want {
    Older(Cursor),
    Newer(history::Search),
}

impl Window {
    /// Takes news in. True: the end of the conversation is to be shown.
    pub(crate) fn hear(&mut self, news: Vec<News>) -> bool {
        let was_at_end = self.is_at_end();
        let mut needs_end = false;
        let mut came = 0;
        for news in news {
            if self.is_loading && self.held.len() < MAX_HELD {
                self.held.push(news);
                continue;
            }
            match news {
                News::Message(message) => {
                    needs_end |= message.outgoing;
                    came += u64::from(!message.outgoing);
                    self.take_message(message);
                }
                News::Delivery { ids, state } => {
                    self.timeline.deliver(&ids, state);
                }
                News::Read { to } => {
                    self.timeline.read(to);
                }
                News::Reload => needs_end |= was_at_end,
            }
        }
        let gone = self.timeline.trim();
        self.drop_old_rows(gone);
        if was_at_end {
            self.catch_up();
        } else {
            self.signals.unseen.update(|unseen| *unseen += came);
        }
        self.show_states();
        self.note_place();
        needs_end && !was_at_end
    }

    pub(crate) fn take_message(&mut self, message: MessageView) {
        self.newest = self.newest.max(message.h);
        match self.timeline.insert(message) {
            Placed::Last | Placed::Known(_) | Placed::Beyond => {}
            Placed::Between(at) => {
                let shown = self.timeline.shown();
                if shown.contains(&at) {
                    // Rare: two wrote at the same moment, or one was away.
                    self.insert_row(at, at - shown.start);
                }
            }
        }
    }

    /// Shows what has come at the end, while one is there: of a flood only what fits the screen.
    pub(crate) fn catch_up(&mut self) {
        if !self.timeline.reaches_end() {
            return;
        }
        let max = self.max_rows();
        self.is_flooded = self.timeline.len() - self.timeline.shown().end > FIRST_ROWS;
        if self.is_flooded {
            self.timeline.show(usize::MAX, FIRST_ROWS);
            self.make_rows();
        }
        while !self.timeline.shows_end() {
            let shift = self.timeline.step_newer(max);
            self.drop_old_rows(shift.drop_old);
            self.add_new_rows(shift.add_new);
        }
        self.set_spacer(0.0);
        self.scroll_to_end();
    }

    pub(crate) fn show_end(&mut self) {
        self.timeline.show(usize::MAX, FIRST_ROWS);
        self.set_spacer(0.0);
        self.make_rows();
        self.scroll_to_end();
        self.note_place();
    }

    pub(crate) fn scroll_to_end(&mut self) {
        if self.from_end != 0.0 {
            self.from_end = 0.0;
            self.frame.scroller.set_scroll_top(0);
        }
    }

    pub(crate) fn scroll_by(&mut self, by: f64) {
        let top = f64::from(self.frame.scroller.scroll_top()) + by;
        self.frame.scroller.set_scroll_top(top.round() as i32);
        self.note_scroll();
    }

    /// Takes note of how far one has scrolled, and of how much one sees.
    pub(crate) fn note_scroll(&mut self) {
        self.from_end = -f64::from(self.frame.scroller.scroll_top());
        self.view_px = f64::from(self.frame.scroller.client_height());
    }

    /// Makes rows for the window anew.
    pub(crate) fn make_rows(&mut self) {
        self.rows.clear();
        self.frame.rows.set_text_content(None);
        let shown = self.timeline.shown();
        self.add_new_rows(shown);
        self.signals.state.set(match self.timeline.is_empty() {
            true => ListState::Empty,
            false => ListState::Ready,
        });
    }

    pub(crate) fn add_new_rows(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.signals.state.set_if_changed(ListState::Ready);
        }
        for at in range {
            if let Some(row) = self.row(at) {
                drop(self.frame.rows.append_child(&row.item));
                self.rows.push_back(row);
            }
        }
    }

    pub(crate) fn add_old_rows(&mut self, range: Range<usize>) {
        for at in range.rev() {
            if let Some(row) = self.row(at) {
                let first = self.rows.front().map(|row| row.item.clone());
                let first = first.as_ref().map(AsRef::as_ref);
                drop(self.frame.rows.insert_before(&row.item, first));
                self.rows.push_front(row);
            }
        }
    }

    pub(crate) fn insert_row(&mut self, at: usize, place: usize) {
        let Some(row) = self.row(at) else { return };
        let next = self.rows.get(place).map(|row| row.item.clone());
        drop(self.frame.rows.insert_before(&row.item, next.as_ref().map(AsRef::as_ref)));
        self.rows.insert(place, row);
        self.regroup(at + 1);
    }

    pub(crate) fn row(&self, at: usize) -> Option<Row> {
        let message = self.timeline.get(at)?;
        let replied = match message.kind {
            MessageKind::Text { reply: Some(id) } => {
                self.timeline.find(id).and_then(|at| self.timeline.get(at))
            }
            MessageKind::Text { reply: None }
            | MessageKind::Edit { .. }
            | MessageKind::Delete { .. }
            | MessageKind::React { .. } => None,
        };
        self.maker.make(message, self.moment_before(at), replied)
    }

    pub(crate) fn moment_before(&self, at: usize) -> Option<Moment> {
        self.timeline.get(at.checked_sub(1)?).map(dates::moment)
    }

    /// Looks again whether a day or a run begins with a message whose predecessor is another now.
    pub(crate) fn regroup(&mut self, at: usize) {
        let before = self.moment_before(at);
        let place = at.checked_sub(self.timeline.shown().start);
        let row = place.and_then(|place| self.rows.get_mut(place));
        if let (Some(row), Some(message)) = (row, self.timeline.get(at)) {
            row.set_before(message, before);
        }
    }

    pub(crate) fn drop_old_rows(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(row) = self.rows.pop_front() {
                row.item.remove();
            }
        }
    }

    /// Drops rows at the end and leaves the room that they took.
    pub(crate) fn drop_new_rows(&mut self, count: usize) {
        let first = self.rows.len().checked_sub(count).and_then(|at| self.rows.get(at));
        let Some(first) = first.filter(|_| count > 0) else { return };
        let end = self.frame.rows.get_bounding_client_rect().bottom();
        let height = end - first.item.get_bounding_client_rect().top();
        for _ in 0..count {
            if let Some(row) = self.rows.pop_back() {
                row.item.remove();
            }
        }
        self.set_spacer(self.spacer_px + height.max(0.0));
    }

    pub(crate) fn set_spacer(&mut self, px: f64) {
        if px == self.spacer_px {
            return;
        }
        self.spacer_px = px;
        // By the browser: how Rust writes fractions would be transferred.
        let Ok(number) = Number::from(px).to_string_with_radix(10) else { return };
        let height = [String::from(number).as_str(), "px"].concat();
        // A valid value of a known property.
        drop(self.frame.spacer.style().set_property("height", &height));
    }

    /// Shows how far each message has come, once for all the news: many a row is gone again by
    /// then, and others come anew.
    fn show_states(&mut self) {
        let first = self.timeline.shown().start;
        for (at, row) in (first..).zip(&mut self.rows) {
            if let Some(message) = self.timeline.get(at) {
                row.set_state(message.state);
            }
        }
    }

    pub(crate) fn take_older(&mut self, page: Page) {
        let before = self.timeline.len();
        let gone = self.timeline.load_older(page.messages, page.older);
        let added = self.timeline.len().saturating_sub(before);
        self.drop_new_rows(gone);
        self.regroup(added);
    }

    pub(crate) fn take_newer(&mut self, page: Page) {
        // The search has seen to it that the page connects.
        if let Some(gone) = self.timeline.load_newer(page.messages, true, !page.newer) {
            self.drop_old_rows(gone);
        }
    }

    /// What lies above and below the window's visible part, in pixels of rows.
    pub(crate) fn room(&self) -> (f64, f64, f64) {
        let scroller = &self.frame.scroller;
        let (view, from_end) = (self.view_px, self.from_end);
        let above = f64::from(scroller.scroll_height()) - view - from_end;
        (above, view, from_end - self.spacer_px)
    }

    pub(crate) fn max_rows(&self) -> usize {
        max_rows(self.view_px)
    }

    /// Moves the window to where one has scrolled, by one step. True if it moved.
    pub(crate) fn move_window(&mut self) -> bool {
        let (above, view, below) = self.room();
        let margin = view * MARGIN_SCREENS;
        let shown = self.timeline.shown();
        if above < margin && shown.start > 0 {
            let shift = self.timeline.step_older(self.max_rows());
            self.drop_new_rows(shift.drop_new);
            self.add_old_rows(shift.add_old);
            return true;
        }
        if below < margin && shown.end < self.timeline.len() {
            let was_at_end = self.is_at_end();
            let shift = self.timeline.step_newer(self.max_rows());
            self.drop_old_rows(shift.drop_old);
            self.uncover(shift.add_new, was_at_end);
            return true;
        }
        false
    }

    /// Adds rows at the end without moving what is visible.
    pub(crate) fn uncover(&mut self, range: Range<usize>, was_at_end: bool) {
        let before = self.frame.rows.get_bounding_client_rect().bottom();
        let last = self.rows.back().map(|row| row.item.clone());
        self.add_new_rows(range);
        let after = self.frame.rows.get_bounding_client_rect().bottom();
        // The box grows upwards from its end; how far the last row moved says by how much.
        let from = last.map_or(before, |row| row.get_bounding_client_rect().bottom());
        let height = after - from;
        let covered = height.min(self.spacer_px);
        let is_end = self.timeline.shows_end();
        self.set_spacer(if is_end { 0.0 } else { self.spacer_px - covered });
        if !was_at_end && height > covered {
            self.scroll_by(covered - height);
        }
    }

    /// What the store is to be asked for, if anything.
    pub(crate) fn wanted(&self) -> Option<Want> {
        if self.is_loading {
            return None;
        }
        let (above, view, below) = self.room();
        let margin = view * MARGIN_SCREENS;
        let shown = self.timeline.shown();
        if above < margin && shown.start == 0 && !self.timeline.reaches_start() {
            return self.timeline.first().map(Want::Older);
        }
        if below < margin && shown.end == self.timeline.len() && !self.timeline.reaches_end() {
            let search = history::Search {
                behind: self.timeline.last()?,
                first_h: self.timeline.first()?.h,
                loaded: self.timeline.len(),
                ends: self.timeline.next_page_ends(),
                newest: self.newest,
            };
            return Some(Want::Newer(search));
        }
        None
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.timeline.shows_end() && self.from_end < END_PX
    }

    /// Tells the conversation where one is.
    pub(crate) fn note_place(&self) {
        let at_end = self.is_at_end();
        self.signals.at_end.set_if_changed(at_end);
        if at_end {
            self.signals.unseen.set_if_changed(0);
        }
        // One message can be reached with the tab key; the arrows lead to the others.
        for (place, row) in self.rows.iter().rev().enumerate().take(2) {
            if let Some(button) = row.more() {
                button.set_tab_index(if place == 0 { 0 } else { -1 });
            }
        }
    }
}

/// Sets a signal only where that changes something.
trait SetIfChanged<T> {
    fn set_if_changed(self, value: T);
}

impl<T: PartialEq + Send + Sync + 'static> SetIfChanged<T> for RwSignal<T> {
    fn set_if_changed(self, value: T) {
        if self.try_with_untracked(|known| *known != value).unwrap_or(false) {
            self.set(value);
        }
    }
}
