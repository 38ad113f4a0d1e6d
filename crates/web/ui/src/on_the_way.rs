//! What has left the composer's box for the store, and comes back if it is refused.

/// Texts between Enter and the store's answer. One of them may still stand in the box: it is taken
/// out once it is stored, or when one writes on.
#[derive(Debug, Default)]
pub struct OnTheWay {
    next: u64,
    in_box: Option<u64>,
    /// Bytes at the beginning of the box that came back, in the order in which they were sent.
    returned: usize,
}

/// One of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent(u64);

impl OnTheWay {
    /// The text in the box goes to the store; `None` while it is on its way already.
    pub fn send(&mut self) -> Option<Sent> {
        if self.in_box.is_some() {
            return None;
        }
        self.next += 1;
        self.in_box = Some(self.next);
        Some(Sent(self.next))
    }

    /// Somebody writes on, or leaves: whether the box is to be emptied first.
    pub fn goes_on(&mut self) -> bool {
        self.in_box.take().is_some()
    }

    /// The box holds what somebody wrote.
    pub fn written(&mut self) {
        self.in_box = None;
        self.returned = 0;
    }

    /// It is stored: whether the box is to be emptied.
    pub fn stored(&mut self, sent: Sent) -> bool {
        let stands_there = self.in_box == Some(sent.0);
        if stands_there {
            self.in_box = None;
            self.returned = 0;
        }
        stands_there
    }

    /// It was refused: what the box is to hold, if that is something else than it does.
    pub fn refused(&mut self, sent: Sent, content: &str, in_box: &str) -> Option<String> {
        if self.in_box == Some(sent.0) {
            self.in_box = None;
            return None;
        }
        let (before, after) = in_box.split_at_checked(self.returned).unwrap_or(("", in_box));
        let line_break = if after.is_empty() { "" } else { "\n" };
        let whole = [before, content, line_break, after].concat();
        self.returned = before.len() + content.len() + line_break.len();
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_is_emptied_once_its_text_is_stored() {
        let mut way = OnTheWay::default();
        let sent = way.send().unwrap();
        assert_eq!(way.send(), None, "a second Enter");
        assert!(way.stored(sent));
        assert!(way.send().is_some());
    }

    #[test]
    fn who_writes_on_empties_the_box_and_the_answer_does_not() {
        let mut way = OnTheWay::default();
        let first = way.send().unwrap();
        assert!(way.goes_on());
        way.written();
        assert!(!way.goes_on(), "once");
        assert!(!way.stored(first));
        let second = way.send().unwrap();
        assert!(!way.stored(first), "the second one stands there");
        assert!(way.stored(second));
    }

    #[test]
    fn a_refused_text_that_still_stands_there_stays() {
        let mut way = OnTheWay::default();
        let sent = way.send().unwrap();
        assert_eq!(way.refused(sent, "Hello", "Hello"), None);
        assert!(way.send().is_some(), "it can be tried again");
    }

    #[test]
    fn refused_texts_come_back_in_their_order_before_what_was_written_since() {
        let mut way = OnTheWay::default();
        let [first, second] = [(); 2].map(|()| {
            let sent = way.send().unwrap();
            way.goes_on();
            way.written();
            sent
        });
        let whole = way.refused(first, "one", "three").unwrap();
        assert_eq!(whole, "one\nthree");
        let whole = way.refused(second, "two", &whole).unwrap();
        assert_eq!(whole, "one\ntwo\nthree");
    }

    #[test]
    fn a_refused_text_fills_an_empty_box_as_it_was() {
        let mut way = OnTheWay::default();
        let sent = way.send().unwrap();
        way.goes_on();
        assert_eq!(way.refused(sent, "Hello", "").as_deref(), Some("Hello"));
    }
}
