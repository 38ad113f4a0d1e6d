//! The messages of the open conversation: a window of rows over a part of the history.
//!
//! The scroller lays out from its end (`column-reverse`), so that its origin is the newest
//! message: older rows are put above without moving anything, and new ones at the end stay in
//! view by themselves. What the window has left below is a spacer of the same height.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use tincan_engine::MessageView;
use tincan_wire::{MessageId, UserId};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, HtmlElement};

use crate::history::{self, Page};
use crate::message_row::{Row, RowMaker};
use crate::message_window::{Want, Window};
use crate::model::{Model, News};
use crate::timeline::{PAGE, Timeline};

/// So many rows a conversation opens with; the next frames bring the rest.
pub(crate) const FIRST_ROWS: usize = 60;

/// A flood is over when nothing has come for so long: longer than the pause between two batches.
const AFTER_FLOOD: Duration = Duration::from_millis(400);

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
    inner: Rc<RefCell<Window>>,
}

impl MessageList {
    pub(crate) fn new(
        model: Model,
        contact: UserId,
        signals: ListSignals,
        frame: Frame,
    ) -> Option<Self> {
        let own_first = model.my_id().is_some_and(|me| me < contact);
        let inner = Window {
            model,
            contact,
            signals,
            frame,
            maker: RowMaker::new(model.title_of(contact))?,
            timeline: Timeline::new(own_first),
            rows: VecDeque::new(),
            spacer_px: 0.0,
            is_planned: false,
            is_flooded: false,
            after_flood: None,
            is_loading: false,
            held: Vec::new(),
            newest: 0,
            epoch: 0,
            is_gone: false,
            from_end: 0.0,
            view_px: 0.0,
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

    /// Something was scrolled: rows may be needed.
    pub(crate) fn scrolled(&self) {
        self.inner.borrow_mut().note_scroll();
        self.plan();
    }

    /// Rows may be needed. Work is done once a frame.
    fn plan(&self) {
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
            row.flash();
            inner.scroll_by(by);
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
        if self.inner.borrow().is_flooded {
            self.plan_after_flood();
        } else {
            self.plan();
        }
    }

    /// In the next frame these rows would be gone again.
    fn plan_after_flood(&self) {
        let list = self.clone();
        let mut inner = self.inner.borrow_mut();
        if let Some(planned) = inner.after_flood.take() {
            planned.clear();
        }
        let plan = move || {
            list.inner.borrow_mut().is_flooded = false;
            list.plan();
        };
        // Without a timer the rows are made when one scrolls.
        inner.after_flood = set_timeout_with_handle(plan, AFTER_FLOOD).ok();
    }

    /// A frame's work: moves the window, asks the store.
    fn work(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.is_planned = false;
        if inner.is_gone {
            return;
        }
        inner.note_scroll();
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
