//! What a terminal shows after what was written to it: as much of ECMA-48 as a line editor uses.

use unicode_width::UnicodeWidthChar;

/// A terminal's screen, and what has scrolled off it.
///
/// Whoever reads the terminal hands every byte to [`Picture::draw`], in any pieces, and looks at
/// [`Picture::lines`].
#[derive(Debug)]
pub struct Picture {
    columns: usize,
    rows: usize,
    /// Every line there ever was; each cell has a character with what combines with it, the
    /// right half of a wide one is empty.
    lines: Vec<Vec<String>>,
    /// The first line that is still on the screen.
    top: usize,
    line: usize,
    column: usize,
    /// The last column is taken: the next character goes to the next line.
    is_full: bool,
    /// Of an escape sequence or a character that has not wholly come.
    begun: Vec<u8>,
}

impl Picture {
    /// An empty one.
    pub fn new(columns: usize, rows: usize) -> Self {
        Self {
            columns,
            rows,
            lines: vec![Vec::new()],
            top: 0,
            line: 0,
            column: 0,
            is_full: false,
            begun: Vec::new(),
        }
    }

    /// Takes in what was written.
    ///
    /// # Panics
    /// At what it does not know, and at what is no UTF-8.
    pub fn draw(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.begun.push(*byte);
            if self.take_begun() {
                self.begun.clear();
            }
        }
    }

    /// The lines from the first that ever was to the last, without spaces at their ends.
    pub fn lines(&self) -> Vec<String> {
        let text = |line: &Vec<String>| line.concat().trim_end().to_owned();
        self.lines.iter().map(text).collect()
    }

    /// The line in which the cursor is.
    pub fn cursor_line(&self) -> usize {
        self.line
    }

    /// False while more of it must come.
    fn take_begun(&mut self) -> bool {
        match self.begun.as_slice() {
            [0x1b] | [0x1b, b'['] => false,
            [0x1b, b'[', parameters @ .., end] => {
                if !(0x40..=0x7e).contains(end) {
                    return false;
                }
                let parameters = String::from_utf8_lossy(parameters).into_owned();
                self.sequence(&parameters, *end);
                true
            }
            text => match std::str::from_utf8(text) {
                Ok(text) => {
                    let character = text.chars().next().expect("a byte is there");
                    self.character(character);
                    true
                }
                Err(error) => {
                    assert!(error.error_len().is_none(), "no UTF-8: {text:x?}");
                    false
                }
            },
        }
    }

    fn sequence(&mut self, parameters: &str, end: u8) {
        let number = || match parameters {
            "" => 1,
            digits => digits.parse::<usize>().expect("a number").max(1),
        };
        self.is_full = false;
        match (end, parameters) {
            (b'A', _) => self.line = self.line.saturating_sub(number()).max(self.top),
            (b'B', _) => self.go_down(number()),
            (b'C', _) => self.column = (self.column + number()).min(self.columns - 1),
            (b'D', _) => self.column = self.column.saturating_sub(number()),
            (b'J', "" | "0") => {
                self.cut_line();
                self.lines.truncate(self.line + 1);
            }
            (b'K', "" | "0") => self.cut_line(),
            // The clear of a whole screen.
            (b'H', "" | "1;1") => (self.line, self.column) = (self.top, 0),
            // Colours and modes, such as bracketed paste, draw nothing.
            (b'm' | b'h' | b'l', _) => {}
            _ => panic!("an unknown sequence: {parameters:?} {:?}", char::from(end)),
        }
        self.have_line();
    }

    fn go_down(&mut self, count: usize) {
        self.line = (self.line + count).min(self.top + self.rows - 1);
    }

    fn cut_line(&mut self) {
        let column = self.column;
        self.lines[self.line].truncate(column);
    }

    fn character(&mut self, character: char) {
        match character {
            '\r' => self.column = 0,
            '\n' => self.next_line(),
            '\u{8}' => self.column = self.column.saturating_sub(1),
            '\u{7}' => return,
            character => return self.write(character),
        }
        self.is_full = false;
    }

    fn next_line(&mut self) {
        self.line += 1;
        if self.line == self.top + self.rows {
            self.top += 1;
        }
        self.have_line();
    }

    fn have_line(&mut self) {
        let count = self.lines.len().max(self.line + 1);
        self.lines.resize(count, Vec::new());
    }

    fn write(&mut self, character: char) {
        let width = character.width().unwrap_or(0);
        if width == 0 {
            let before = self.column.saturating_sub(1);
            if let Some(cell) = self.lines[self.line].get_mut(before) {
                cell.push(character);
            }
            return;
        }
        if self.is_full || self.column + width > self.columns {
            self.next_line();
            self.column = 0;
        }
        let line = &mut self.lines[self.line];
        let cells = line.len().max(self.column + width);
        line.resize(cells, " ".to_owned());
        line[self.column] = character.to_string();
        for right in &mut line[self.column + 1..self.column + width] {
            right.clear();
        }
        self.column += width;
        self.is_full = self.column == self.columns;
        self.column = self.column.min(self.columns - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, expected: &[&str]) {
        let mut picture = Picture::new(6, 3);
        picture.draw(written.as_bytes());
        assert_eq!(picture.lines(), expected, "{written:?}");
    }

    #[test]
    fn text_goes_on_in_the_next_line_where_one_is_full() {
        check("one\r\ntwo", &["one", "two"]);
        check("abcdef", &["abcdef"]);
        check("abcdefg", &["abcdef", "g"]);
        check("日本語四", &["日本語", "四"]);
    }

    #[test]
    fn what_scrolls_away_is_kept() {
        check("1\r\n2\r\n3\r\n4\r\n5", &["1", "2", "3", "4", "5"]);
    }

    #[test]
    fn a_mark_is_drawn_where_the_cursor_goes() {
        check("· a\r\n· b\r\n\x1b[2A\r✓\x1b[1B\n", &["✓ a", "· b", ""]);
    }

    #[test]
    fn the_cursor_stays_on_the_screen() {
        check("1\r\n2\r\n3\r\n4\x1b[9A\rx", &["1", "x", "3", "4"]);
    }

    #[test]
    fn what_is_cleared_is_gone() {
        check("> typed\x1b[A\r\x1b[J", &[""]);
        check("abc\r\x1b[1Cx\x1b[K", &["ax"]);
    }
}
