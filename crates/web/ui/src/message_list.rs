//! The messages of the open conversation: a window of rows over a part of the history.
//!
//! The scroller lays out from its end (`column-reverse`), so that its origin is the newest
//! message: older rows are put above without moving anything, and new ones at the end stay in
//! view by themselves. What the window has left below is a spacer of the same height.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use leptos::prelude::*;
use tincan_engine::{Delivery, MessageKind, MessageView};
use tincan_wire::{MessageId, UserId};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, HtmlElement};

use crate::dates;
use crate::days::Moment;
use crate::history::{self, Page};
use crate::message_row::{Row, RowMaker};
use crate::model::{Model, News};
use crate::timeline::{PAGE, Placed, Timeline, max_rows};

/// Nearer to the end than this one is at the end, in CSS pixels.
const END_PX: f64 = 48.0;

/// Rows are made this far beyond what is visible, in screens.
const MARGIN_SCREENS: f64 = 2.0;

/// So many rows a conversation opens with; the next frames bring the rest.
const FIRST_ROWS: usize = 60;

/// News that come while the store is asked wait for its answer, at most so many; beyond that the
/// end is loaded anew when one gets there.
const MAX_HELD: usize = 2_000;

/// How the list stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListState {
    Loading,
    Ready,
    Empty,
    /// With a sentence.
    Failed(String),
}

/// What the list tells the conversation around it.
#[derive(Clone, Copy)]
pub(crate) struct ListSignals {
    pub(crate) state: RwSignal<ListState>,
    /// Whether the newest message is in view.
    pub(crate) at_end: RwSignal<bool>,
    /// How many have come since it was not.
    pub(crate) unseen: RwSignal<u64>,
}

impl ListSignals {
    pub(crate) fn new() -> Self {
        Self {
            state: RwSignal::new(ListState::Loading),
            at_end: RwSignal::new(true),
            unseen: RwSignal::new(0),
        }
    }
}

/// The elements that the list lives in.
pub(crate) struct Frame {
    pub(crate) scroller: HtmlElement,
    pub(crate) rows: Element,
    pub(crate) spacer: HtmlElement,
}

/// The list of one conversation. Cheap to clone.
#[derive(Clone)]
pub(crate) struct MessageList {
    inner: Rc<RefCell<Inner>>,
}

struct Inner {
    model: Model,
    contact: UserId,
    signals: ListSignals,
    frame: Frame,
    maker: RowMaker,
    timeline: Timeline,
    rows: VecDeque<Row>,
    spacer_px: f64,
    is_planned: bool,
    is_loading: bool,
    held: Vec<News>,
    /// The highest `h` that was seen, so that the search for newer pages knows where to stop.
    newest: u64,
    /// Counts resets, so that late answers to earlier questions are known.
    epoch: u32,
    is_gone: bool,
}

impl MessageList {
    pub(crate) fn new(
        model: Model,
        contact: UserId,
        signals: ListSignals,
        frame: Frame,
    ) -> Option<Self> {
        let own_first = model.my_id().is_some_and(|me| me < contact);
        let inner = Inner {
            model,
            contact,
            signals,
            frame,
            maker: RowMaker::new(model.title_of(contact))?,
            timeline: Timeline::new(own_first),
            rows: VecDeque::new(),
            spacer_px: 0.0,
            is_planned: false,
            is_loading: false,
            held: Vec::new(),
            newest: 0,
            epoch: 0,
            is_gone: false,
        };
        let list = Self { inner: Rc::new(RefCell::new(inner)) };
        let hearing = list.clone();
        model.listen(contact, Rc::new(move |news| hearing.hear(news)));
        Some(list)
    }

    /// The page goes elsewhere.
    pub(crate) fn leave(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.is_gone = true;
        inner.epoch += 1;
        inner.model.unlisten(inner.contact);
    }

    /// Shows the end of the conversation, from the store.
    pub(crate) fn load_end(&self) {
        let (list, epoch, model, contact) = self.begin_reset();
        spawn_local(async move {
            let page = history::before(model, contact, None, PAGE).await;
            list.reset(epoch, page, None);
        });
    }

    /// Shows this message and what is around it.
    pub(crate) fn go_to(&self, message: MessageView) {
        let at = self.inner.borrow().timeline.find(message.id);
        if let Some(at) = at {
            self.show_at(at);
            return;
        }
        let (list, epoch, model, contact) = self.begin_reset();
        spawn_local(async move {
            let page = history::up_to(model, contact, &message, PAGE).await;
            list.reset(epoch, page, Some(message.id));
        });
    }

    /// Shows a message of this conversation that only its id is known of.
    pub(crate) fn go_to_id(&self, id: MessageId) {
        let (list, model, contact) = {
            let inner = self.inner.borrow();
            (self.clone(), inner.model, inner.contact)
        };
        spawn_local(async move {
            match history::message(model, contact, id).await {
                Some(message) => list.go_to(message),
                None => model.toast.set(Some("That message is not here any more.".to_owned())),
            }
        });
    }

    /// Goes to the newest message.
    pub(crate) fn go_to_end(&self) {
        if !self.inner.borrow().timeline.reaches_end() {
            return self.load_end();
        }
        let mut inner = self.inner.borrow_mut();
        inner.show_end();
        drop(inner);
        self.plan();
    }

    /// Something was scrolled: rows may be needed. Work is done once a frame.
    pub(crate) fn plan(&self) {
        {
            let mut inner = self.inner.borrow_mut();
            if inner.is_planned || inner.is_gone {
                return;
            }
            inner.is_planned = true;
        }
        let list = self.clone();
        request_animation_frame(move || list.work());
    }

    /// A loaded message.
    pub(crate) fn message(&self, id: MessageId) -> Option<MessageView> {
        let inner = self.inner.borrow();
        inner.timeline.get(inner.timeline.find(id)?).cloned()
    }

    /// Shows a folded message whole.
    pub(crate) fn unfold(&self, id: MessageId) {
        let inner = self.inner.borrow();
        let row = inner.rows.iter().find(|row| row.id == id);
        let message = inner.timeline.find(id).and_then(|at| inner.timeline.get(at));
        if let (Some(row), Some(message)) = (row, message) {
            row.unfold(message);
        }
    }

    /// Moves the focus among the messages: by so many from the one with the focus.
    pub(crate) fn focus_by(&self, id: MessageId, by: isize) {
        let inner = self.inner.borrow();
        let at = inner.rows.iter().position(|row| row.id == id);
        let next = at.and_then(|at| at.checked_add_signed(by)).and_then(|at| inner.rows.get(at));
        if let Some(button) = next.and_then(Row::more) {
            // It exists and can take the focus.
            drop(button.focus());
        }
    }

    fn begin_reset(&self) -> (Self, u32, Model, UserId) {
        let mut inner = self.inner.borrow_mut();
        inner.epoch += 1;
        inner.is_loading = true;
        (self.clone(), inner.epoch, inner.model, inner.contact)
    }

    fn reset(&self, epoch: u32, page: Result<Page, String>, focus: Option<MessageId>) {
        let mut inner = self.inner.borrow_mut();
        if inner.epoch != epoch {
            return;
        }
        inner.is_loading = false;
        match page {
            Ok(Page { messages, older, newer }) => {
                inner.timeline.reset(messages, older, newer);
                inner.newest = inner.timeline.last().map_or(0, |last| last.h).max(inner.newest);
                inner.show_end();
            }
            Err(sentence) => {
                inner.signals.state.set(ListState::Failed(sentence));
                return;
            }
        }
        let held = std::mem::take(&mut inner.held);
        inner.signals.unseen.set(0);
        let at = focus.and_then(|id| inner.timeline.find(id));
        drop(inner);
        self.hear(held);
        if let Some(at) = at {
            self.show_at(at);
        }
        self.plan();
    }

    /// Shows a loaded message in the middle.
    fn show_at(&self, at: usize) {
        let mut inner = self.inner.borrow_mut();
        inner.timeline.show(at + FIRST_ROWS / 2, FIRST_ROWS);
        inner.set_spacer(0.0);
        inner.make_rows();
        let first = inner.timeline.shown().start;
        if let Some(row) = at.checked_sub(first).and_then(|at| inner.rows.get(at)) {
            let top = row.item.get_bounding_client_rect().top();
            let frame = inner.frame.scroller.get_bounding_client_rect();
            let by = top - frame.top() - frame.height() / 3.0;
            inner.scroll_by(by);
            row.flash();
        }
        inner.note_place();
        drop(inner);
        self.plan();
    }

    fn hear(&self, news: Vec<News>) {
        let needs_end = self.inner.borrow_mut().hear(news);
        if needs_end {
            self.go_to_end();
        }
        self.plan();
    }

    /// A frame's work: moves the window, asks the store.
    fn work(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.is_planned = false;
        if inner.is_gone {
            return;
        }
        let moved = inner.move_window();
        inner.note_place();
        let want = inner.wanted();
        drop(inner);
        if let Some(want) = want {
            self.load(want);
        }
        if moved {
            self.plan();
        }
    }

    fn load(&self, want: Want) {
        let list = self.clone();
        let (epoch, model, contact) = {
            let mut inner = self.inner.borrow_mut();
            inner.is_loading = true;
            (inner.epoch, inner.model, inner.contact)
        };
        spawn_local(async move {
            let page = match want {
                Want::Older(before) => history::before(model, contact, Some(before), PAGE).await,
                Want::Newer(search) => history::after(model, contact, search).await,
            };
            list.loaded(epoch, want, page);
        });
    }

    fn loaded(&self, epoch: u32, want: Want, page: Result<Page, String>) {
        let mut inner = self.inner.borrow_mut();
        if inner.epoch != epoch {
            return;
        }
        inner.is_loading = false;
        let held = std::mem::take(&mut inner.held);
        match (want, page) {
            (Want::Older(_), Ok(page)) => inner.take_older(page),
            (Want::Newer(_), Ok(page)) => inner.take_newer(page),
            (_, Err(sentence)) => inner.model.toast.set(Some(sentence)),
        }
        drop(inner);
        self.hear(held);
    }
}

/// What the window needs from the store.
#[derive(Clone, Copy)]
enum Want {
    Older(tincan_engine::Cursor),
    Newer(history::Search),
}

impl Inner {
    /// Takes news in. True: the end of the conversation is to be shown.
    fn hear(&mut self, news: Vec<News>) -> bool {
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
                    ids.into_iter().for_each(|id| self.deliver(id, state));
                }
                News::Read { to } => {
                    for at in self.timeline.read(to) {
                        self.show_state(at, Delivery::Read);
                    }
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
        self.note_place();
        needs_end && !was_at_end
    }

    fn take_message(&mut self, message: MessageView) {
        self.newest = self.newest.max(message.h);
        match self.timeline.insert(message) {
            Placed::Last | Placed::Beyond => {}
            Placed::Known(at) => {
                if let Some(message) = self.timeline.get(at) {
                    self.show_state(at, message.state);
                }
            }
            Placed::Between(at) => {
                let shown = self.timeline.shown();
                if shown.contains(&at) {
                    // Rare: two wrote at the same moment, or one was away.
                    self.insert_row(at, at - shown.start);
                }
            }
        }
    }

    /// Shows what has come at the end, while one is there.
    fn catch_up(&mut self) {
        if !self.timeline.reaches_end() {
            return;
        }
        let shown = self.timeline.shown();
        let max = self.max_rows();
        if self.timeline.len() - shown.end > max {
            self.timeline.show(usize::MAX, max);
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

    fn show_end(&mut self) {
        self.timeline.show(usize::MAX, FIRST_ROWS);
        self.set_spacer(0.0);
        self.make_rows();
        self.scroll_to_end();
        self.note_place();
    }

    fn scroll_to_end(&self) {
        if self.frame.scroller.scroll_top() != 0 {
            self.frame.scroller.set_scroll_top(0);
        }
    }

    fn scroll_by(&self, by: f64) {
        let top = f64::from(self.frame.scroller.scroll_top()) + by;
        self.frame.scroller.set_scroll_top(top.round() as i32);
    }

    /// Makes rows for the window anew.
    fn make_rows(&mut self) {
        self.rows.clear();
        self.frame.rows.set_text_content(None);
        let shown = self.timeline.shown();
        self.add_new_rows(shown);
        self.signals.state.set(match self.timeline.is_empty() {
            true => ListState::Empty,
            false => ListState::Ready,
        });
    }

    fn add_new_rows(&mut self, range: std::ops::Range<usize>) {
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

    fn add_old_rows(&mut self, range: std::ops::Range<usize>) {
        for at in range.rev() {
            if let Some(row) = self.row(at) {
                let first = self.rows.front().map(|row| row.item.clone());
                let first = first.as_ref().map(AsRef::as_ref);
                drop(self.frame.rows.insert_before(&row.item, first));
                self.rows.push_front(row);
            }
        }
    }

    fn insert_row(&mut self, at: usize, place: usize) {
        let Some(row) = self.row(at) else { return };
        let next = self.rows.get(place).map(|row| row.item.clone());
        drop(self.frame.rows.insert_before(&row.item, next.as_ref().map(AsRef::as_ref)));
        self.rows.insert(place, row);
        self.regroup(at + 1);
    }

    fn row(&self, at: usize) -> Option<Row> {
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

    fn moment_before(&self, at: usize) -> Option<Moment> {
        self.timeline.get(at.checked_sub(1)?).map(dates::moment)
    }

    /// Looks again whether a day or a run begins with a message whose predecessor is another now.
    fn regroup(&mut self, at: usize) {
        let before = self.moment_before(at);
        let place = at.checked_sub(self.timeline.shown().start);
        let row = place.and_then(|place| self.rows.get_mut(place));
        if let (Some(row), Some(message)) = (row, self.timeline.get(at)) {
            row.set_before(message, before);
        }
    }

    fn drop_old_rows(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(row) = self.rows.pop_front() {
                row.item.remove();
            }
        }
    }

    /// Drops rows at the end and leaves the room that they took.
    fn drop_new_rows(&mut self, count: usize) {
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

    fn set_spacer(&mut self, px: f64) {
        if px == self.spacer_px {
            return;
        }
        self.spacer_px = px;
        let height = [px.to_string().as_str(), "px"].concat();
        // A valid value of a known property.
        drop(self.frame.spacer.style().set_property("height", &height));
    }

    fn deliver(&mut self, id: MessageId, state: Delivery) {
        if let Some(at) = self.timeline.deliver(id, state) {
            self.show_state(at, state);
        }
    }

    fn show_state(&self, at: usize, state: Delivery) {
        let place = at.checked_sub(self.timeline.shown().start);
        if let Some(row) = place.and_then(|place| self.rows.get(place)) {
            row.set_state(state);
        }
    }

    fn take_older(&mut self, page: Page) {
        let before = self.timeline.len();
        let gone = self.timeline.load_older(page.messages, page.older);
        let added = self.timeline.len().saturating_sub(before);
        self.drop_new_rows(gone);
        self.regroup(added);
    }

    fn take_newer(&mut self, page: Page) {
        // The search has seen to it that the page connects.
        if let Some(gone) = self.timeline.load_newer(page.messages, true, !page.newer) {
            self.drop_old_rows(gone);
        }
    }

    /// What lies above and below the window's visible part, in pixels of rows.
    fn room(&self) -> (f64, f64, f64) {
        let scroller = &self.frame.scroller;
        let view = f64::from(scroller.client_height());
        let from_end = -f64::from(scroller.scroll_top());
        let above = f64::from(scroller.scroll_height()) - view - from_end;
        (above, view, from_end - self.spacer_px)
    }

    fn max_rows(&self) -> usize {
        max_rows(f64::from(self.frame.scroller.client_height()))
    }

    /// Moves the window to where one has scrolled, by one step. True if it moved.
    fn move_window(&mut self) -> bool {
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
    fn uncover(&mut self, range: std::ops::Range<usize>, was_at_end: bool) {
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
    fn wanted(&self) -> Option<Want> {
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

    fn is_at_end(&self) -> bool {
        let from_end = -f64::from(self.frame.scroller.scroll_top());
        self.timeline.shows_end() && from_end < END_PX
    }

    /// Tells the conversation where one is.
    fn note_place(&self) {
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
