//! One message on the page. Rows are copied from a prototype and filled in: outside the reactive
//! graph, since thousands come and go in a second.

use leptos::prelude::document;
use tincan_engine::{Delivery, MessageKind, MessageView};
use tincan_wire::MessageId;
use wasm_bindgen::JsCast as _;
use web_sys::{Element, Node};

use crate::days::{Moment, begins_day, begins_run};
use crate::links::{Span, spans};
use crate::{dates, marks};

/// Longer messages are shown up to here, with a button for the rest.
const FOLD_CHARS: usize = 3_000;

/// The same in lines.
const FOLD_LINES: usize = 40;

/// Of a message replied to so much is shown, in characters.
const QUOTE_CHARS: usize = 120;

const SVG: &str = "http://www.w3.org/2000/svg";

/// A message's elements.
pub(crate) struct Row {
    pub(crate) id: MessageId,
    /// The whole, with the day above if one begins.
    pub(crate) item: Element,
    message: Element,
    text: Element,
    mark: Option<Element>,
    day: Option<Element>,
    /// How far the message has come, as the row shows it.
    state: Option<Delivery>,
}

/// Makes rows.
pub(crate) struct RowMaker {
    prototype: Element,
    mark: Element,
    /// What stands for the contact and for us, for those who hear the page.
    their_name: String,
}

impl RowMaker {
    pub(crate) fn new(their_name: String) -> Option<Self> {
        let item = element("div", "item")?;
        let message = child(&item, "div", "message")?;
        attribute(&message, "data-testid", "message");
        let bubble = child(&message, "div", "bubble")?;
        child(&bubble, "span", "sr")?;
        let text = child(&bubble, "div", "text")?;
        attribute(&text, "dir", "auto");
        attribute(&text, "data-testid", "message-text");
        let meta = child(&bubble, "div", "meta")?;
        child(&meta, "time", "")?;
        let more = child(&message, "button", "more")?;
        for (name, value) in [
            ("type", "button"),
            ("tabindex", "-1"),
            ("data-do", "more"),
            ("data-testid", "message-more"),
            ("aria-label", "About this message"),
        ] {
            attribute(&more, name, value);
        }
        Some(Self { prototype: item, mark: mark_element()?, their_name })
    }

    /// A row for `message`, which stands behind `before`; `replied` is the message that it
    /// replies to, if that is at hand.
    pub(crate) fn make(
        &self,
        message: &MessageView,
        before: Option<Moment>,
        replied: Option<&MessageView>,
    ) -> Option<Row> {
        let item: Element = self.prototype.clone_node_with_deep(true).ok()?.unchecked_into();
        let root = item.first_element_child()?;
        let bubble = root.first_element_child()?;
        let speaker = bubble.first_element_child()?;
        let text = speaker.next_element_sibling()?;
        let meta = text.next_element_sibling()?;
        let time = meta.first_element_child()?;
        time.set_text_content(Some(&dates::time(message.timestamp)));
        attribute(&root, "data-id", &message.id.to_string());
        attribute(&root, "data-outgoing", if message.outgoing { "true" } else { "false" });
        let who = if message.outgoing { "You" } else { self.their_name.as_str() };
        speaker.set_text_content(Some(&[who, ": "].concat()));
        let mark = if message.outgoing {
            let mark: Element = self.mark.clone_node_with_deep(true).ok()?.unchecked_into();
            append(&meta, &mark);
            Some(mark)
        } else {
            None
        };
        if let Some(quote) = quote(message, replied) {
            insert(&bubble, &quote, &text);
        }
        fill(&text, message, false);
        let mut row =
            Row { id: message.id, item, message: root, text, mark, day: None, state: None };
        row.set_state(message.state);
        row.set_before(message, before);
        Some(row)
    }
}

impl Row {
    /// Shows how far the message has come.
    pub(crate) fn set_state(&mut self, state: Delivery) {
        if self.state.replace(state) == Some(state) {
            return;
        }
        attribute(&self.message, "data-state", marks::name(state));
        let Some(mark) = &self.mark else { return };
        attribute(mark, "aria-label", marks::word(state));
        let Some(path) = mark.last_element_child() else { return };
        attribute(&path, "d", marks::path(state));
        if let Some(title) = mark.first_element_child() {
            title.set_text_content(Some(marks::word(state)));
        }
    }

    /// Shows whether a day or a run begins here.
    pub(crate) fn set_before(&mut self, message: &MessageView, before: Option<Moment>) {
        let this = dates::moment(message);
        let starts = if begins_run(before, this) { "item run" } else { "item" };
        self.item.set_class_name(starts);
        match (begins_day(before, this), &self.day) {
            (true, None) => {
                self.day = day_element(message.timestamp);
                if let Some(day) = &self.day {
                    insert(&self.item, day, &self.message);
                }
            }
            (false, Some(day)) => {
                day.remove();
                self.day = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Shows a folded message whole.
    pub(crate) fn unfold(&self, message: &MessageView) {
        fill(&self.text, message, true);
    }

    /// Draws the eye to this message for a moment.
    pub(crate) fn flash(&self) {
        // A class can be set on any element.
        drop(self.message.class_list().add_1("found"));
        let message = self.message.clone();
        let end = move || drop(message.class_list().remove_1("found"));
        leptos::prelude::set_timeout(end, std::time::Duration::from_secs(2));
    }

    /// The button for more about this message.
    pub(crate) fn more(&self) -> Option<web_sys::HtmlElement> {
        self.message.last_element_child()?.dyn_into().ok()
    }
}

/// Puts the words of a message into its element.
fn fill(text: &Element, message: &MessageView, whole: bool) {
    let content = match message.kind {
        MessageKind::Text { .. } => message.content.as_str(),
        MessageKind::Edit { .. } => {
            return say(text, &["Changed an earlier message to: ", &message.content].concat());
        }
        MessageKind::Delete { .. } => return say(text, "Took an earlier message back."),
        MessageKind::React { .. } => {
            return say(text, &["Reacted with ", &message.content].concat());
        }
    };
    let shown = if whole { content } else { folded(content) };
    text.set_text_content(None);
    match spans(shown).as_slice() {
        [Span::Text(words)] => text.set_text_content(Some(words)),
        spans => spans.iter().for_each(|span| match span {
            Span::Text(words) => append(text, &document().create_text_node(words)),
            Span::Link(link) => {
                if let Some(anchor) = anchor(link) {
                    append(text, &anchor);
                }
            }
        }),
    }
    if shown.len() < content.len()
        && let Some(button) = child(text, "button", "unfold")
    {
        attribute(&button, "type", "button");
        attribute(&button, "data-do", "unfold");
        attribute(&button, "data-testid", "message-unfold");
        button.set_text_content(Some("Show the whole message"));
    }
}

fn say(text: &Element, words: &str) {
    text.set_class_name("text aside");
    text.set_text_content(Some(words));
}

/// The beginning of a text that is too long to be shown whole among others.
fn folded(content: &str) -> &str {
    let by_chars = content.char_indices().nth(FOLD_CHARS).map(|(at, _)| at);
    let by_lines = content.match_indices('\n').nth(FOLD_LINES).map(|(at, _)| at);
    let end = by_chars.into_iter().chain(by_lines).min().unwrap_or(content.len());
    content.get(..end).unwrap_or(content)
}

fn anchor(link: &str) -> Option<Element> {
    let anchor = element("a", "link")?;
    for (name, value) in
        [("href", link), ("target", "_blank"), ("rel", "noopener noreferrer"), ("dir", "ltr")]
    {
        attribute(&anchor, name, value);
    }
    anchor.set_text_content(Some(link));
    Some(anchor)
}

fn quote(message: &MessageView, replied: Option<&MessageView>) -> Option<Element> {
    let MessageKind::Text { reply: Some(id) } = message.kind else { return None };
    let quote = element("button", "quote")?;
    for (name, value) in [("type", "button"), ("dir", "auto"), ("data-do", "quote")] {
        attribute(&quote, name, value);
    }
    attribute(&quote, "data-ref", &id.to_string());
    let words: String = match replied {
        Some(replied) => replied.content.chars().take(QUOTE_CHARS).collect(),
        None => "An earlier message".to_owned(),
    };
    quote.set_text_content(Some(&words));
    Some(quote)
}

fn day_element(timestamp: u64) -> Option<Element> {
    let day = element("div", "day")?;
    attribute(&day, "data-testid", "day");
    let name = child(&day, "span", "")?;
    name.set_text_content(Some(&dates::day_name(timestamp)));
    Some(day)
}

fn mark_element() -> Option<Element> {
    let mark = document().create_element_ns(Some(SVG), "svg").ok()?;
    for (name, value) in [("class", "mark"), ("viewBox", "0 0 16 16"), ("role", "img")] {
        attribute(&mark, name, value);
    }
    let title = document().create_element_ns(Some(SVG), "title").ok()?;
    append(&mark, &title);
    let path = document().create_element_ns(Some(SVG), "path").ok()?;
    append(&mark, &path);
    Some(mark)
}

fn element(tag: &str, class: &str) -> Option<Element> {
    let element = document().create_element(tag).ok()?;
    if !class.is_empty() {
        element.set_class_name(class);
    }
    Some(element)
}

fn child(parent: &Element, tag: &str, class: &str) -> Option<Element> {
    let child = element(tag, class)?;
    append(parent, &child);
    Some(child)
}

// The three below can only fail for names that are no names and for nodes above their parents.

fn attribute(element: &Element, name: &str, value: &str) {
    drop(element.set_attribute(name, value));
}

fn append(parent: &Element, child: &Node) {
    drop(parent.append_child(child));
}

fn insert(parent: &Element, child: &Node, before: &Node) {
    drop(parent.insert_before(child, Some(before)));
}
