//! Where on the terminal the messages above the prompt stand, so that the mark of one can be
//! changed in place when it is delivered.

use std::collections::VecDeque;

use tincan_wire::MessageId;
use unicode_width::UnicodeWidthChar;

/// Items that are remembered: more than any terminal has rows.
const MAX_ITEMS: usize = 512;

/// Rows that the prompt and what is being typed may take; below this many rows from the top a
/// message may have been scrolled away.
const PROMPT_ROWS: usize = 4;

/// What stands above the prompt, newest last.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    items: VecDeque<Item>,
    columns: usize,
}

#[derive(Debug)]
struct Item {
    ours: Option<Ours>,
    rows: usize,
}

/// A message of ours, and its position in our log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ours {
    pub(crate) id: MessageId,
    pub(crate) s: u64,
}

impl Marks {
    /// Notes that `text` was printed above the prompt, on a terminal of `columns` columns.
    pub(crate) fn printed(&mut self, ours: Option<Ours>, text: &str, columns: usize) {
        if columns != self.columns {
            // The terminal was resized and has broken its lines anew: nothing is where it was.
            self.items.clear();
            self.columns = columns;
        }
        self.items.push_back(Item { ours, rows: rows(text, columns) });
        if self.items.len() > MAX_ITEMS {
            self.items.pop_front();
        }
    }

    /// The characters that put `mark` before the message and return to the prompt; `None` if
    /// the message does not stand on a terminal of this size any more.
    pub(crate) fn change(
        &self,
        message: MessageId,
        mark: &str,
        columns: usize,
        lines: usize,
    ) -> Option<String> {
        if columns != self.columns {
            return None;
        }
        let mut up = 0;
        for item in self.items.iter().rev() {
            up += item.rows;
            if up + PROMPT_ROWS > lines {
                return None;
            }
            if item.ours.is_some_and(|ours| ours.id == message) {
                let down = if up > 1 { format!("\u{1b}[{}B", up - 1) } else { String::new() };
                return Some(format!("\u{1b}[{up}A\r{mark}{down}\n"));
            }
        }
        None
    }
}

impl Marks {
    /// The messages up to the position `to`, which the contact has read.
    pub(crate) fn up_to(&self, to: u64) -> Vec<MessageId> {
        self.items
            .iter()
            .filter_map(|item| item.ours)
            .filter(|ours| ours.s <= to)
            .map(|ours| ours.id)
            .collect()
    }
}

/// How many rows a terminal of `columns` columns shows the text in.
pub(crate) fn rows(text: &str, columns: usize) -> usize {
    let columns = columns.max(1);
    let (mut rows, mut column) = (1, 0);
    for c in text.chars() {
        if c == '\n' {
            rows += 1;
            column = 0;
            continue;
        }
        let width = c.width().unwrap_or(0);
        if column + width > columns {
            rows += 1;
            column = 0;
        }
        column += width;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> MessageId {
        MessageId::new(1_763_792_787_123, [n; 10])
    }

    fn ours(n: u8) -> Option<Ours> {
        Some(Ours { id: id(n), s: n.into() })
    }

    #[test]
    fn rows_are_counted_as_a_terminal_breaks_them() {
        for (text, expected) in [
            ("", 1),
            ("abc", 1),
            ("abcd", 1),
            ("abcde", 2),
            ("日本語", 2),
            ("a\nb", 2),
            ("abc日", 2),
        ] {
            assert_eq!(rows(text, 4), expected, "{text}");
        }
    }

    #[test]
    fn a_mark_is_put_where_its_message_stands() {
        let mut marks = Marks::default();
        marks.printed(ours(1), "one", 10);
        marks.printed(None, "a line that takes two", 10);
        marks.printed(ours(2), "two", 10);
        assert_eq!(marks.change(id(2), "✓", 10, 24).as_deref(), Some("\u{1b}[1A\r✓\n"));
        assert_eq!(marks.change(id(1), "✓", 10, 24).as_deref(), Some("\u{1b}[5A\r✓\u{1b}[4B\n"));
    }

    #[test]
    fn what_was_read_is_found_by_its_position() {
        let mut marks = Marks::default();
        for n in 1..=3 {
            marks.printed(ours(n), "x", 10);
        }
        assert_eq!(marks.up_to(2), [id(1), id(2)]);
    }

    #[test]
    fn what_scrolled_away_or_was_broken_anew_is_left_alone() {
        let mut marks = Marks::default();
        marks.printed(ours(1), "one", 10);
        assert_eq!(marks.change(id(1), "✓", 20, 24), None);
        for _ in 0..24 {
            marks.printed(None, "x", 10);
        }
        assert_eq!(marks.change(id(1), "✓", 10, 24), None);
    }
}
