//! What a chat shows: above the prompt of a terminal, as plain lines, or as JSON.

use tincan_engine::{Delivery, Event, MessageView};
use tincan_wire::MessageId;

use crate::chat::input::Input;
use crate::chat::marks::{Marks, Ours};
use crate::chat::terminal::Terminal;
use crate::clock_text::ClockText;
use crate::failure::Failure;
use crate::output::Output;
use crate::people_text::{mark, message_line};

/// Where a chat shows what happens.
#[derive(Debug)]
pub(crate) struct Screen {
    kind: Kind,
    clock: ClockText,
    /// The day of the message shown last: another day is announced.
    day: Option<String>,
}

#[derive(Debug)]
enum Kind {
    Terminal { terminal: Terminal, marks: Marks },
    Lines(Output),
}

impl Screen {
    /// The screen that this process has, and where its lines come from.
    pub(crate) fn of_this_process(output: Output) -> Result<(Self, Input), Failure> {
        let clock = ClockText::of_this_machine();
        if !output.is_json() && Terminal::is_there() {
            let (input, terminal) = Input::from_terminal()?;
            let kind = Kind::Terminal { terminal, marks: Marks::default() };
            return Ok((Self { kind, clock, day: None }, input));
        }
        Ok((Self { kind: Kind::Lines(output), clock, day: None }, Input::from_stdin()))
    }

    /// Whether a person looks at it.
    pub(crate) const fn is_terminal(&self) -> bool {
        matches!(self.kind, Kind::Terminal { .. })
    }

    /// Whether programs read it.
    pub(crate) const fn is_json(&self) -> bool {
        matches!(&self.kind, Kind::Lines(output) if output.is_json())
    }

    /// Something that we say to the person; nothing where JSON was asked for.
    pub(crate) async fn notice(&mut self, text: &str) -> Result<(), Failure> {
        for line in text.lines() {
            self.line(None, line).await?;
        }
        Ok(())
    }

    /// Something that happened, where JSON was asked for.
    pub(crate) fn event(&self, event: &Event) -> Result<(), Failure> {
        self.value(event)
    }

    /// Any value, where JSON was asked for.
    pub(crate) fn value(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        match &self.kind {
            Kind::Lines(output) if output.is_json() => output.json(value),
            _ => Ok(()),
        }
    }

    /// A message of the conversation with `name`.
    pub(crate) async fn message(
        &mut self,
        message: &MessageView,
        name: &str,
    ) -> Result<(), Failure> {
        if self.is_json() {
            return self.value(message);
        }
        let day = self.clock.day(message.timestamp);
        if self.day.as_ref() != Some(&day) {
            self.line(None, &format!("── {day} ──")).await?;
            self.day = Some(day);
        }
        let line = message_line(message, name, &self.clock);
        let ours = Ours { id: message.id, s: message.s };
        self.line(message.outgoing.then_some(ours), &line).await
    }

    /// Messages of ours came to another state: their marks change, or a line says so.
    pub(crate) async fn delivery(
        &mut self,
        ids: &[MessageId],
        state: Delivery,
    ) -> Result<(), Failure> {
        match &mut self.kind {
            Kind::Terminal { terminal, marks } => {
                let (columns, lines) = Terminal::size();
                for id in ids {
                    if let Some(change) = marks.change(*id, mark(state), columns, lines) {
                        terminal.print_above(change).await?;
                    }
                }
                Ok(())
            }
            Kind::Lines(output) => {
                let (mark, count) = (mark(state), ids.len());
                let word = match state {
                    Delivery::Queued | Delivery::Sent => return Ok(()),
                    Delivery::Delivered => "delivered",
                    Delivery::Read => "read",
                    Delivery::Failed => "given up",
                };
                output.note(&format!("{mark} {word}: {count}"))
            }
        }
    }

    /// The contact has read our log up to the position `to`.
    pub(crate) async fn read(&mut self, to: u64) -> Result<(), Failure> {
        match &self.kind {
            Kind::Terminal { marks, .. } => {
                let ids = marks.up_to(to);
                self.delivery(&ids, Delivery::Read).await
            }
            Kind::Lines(_) => Ok(()),
        }
    }

    async fn line(&mut self, ours: Option<Ours>, line: &str) -> Result<(), Failure> {
        match &mut self.kind {
            Kind::Terminal { terminal, marks } => {
                marks.printed(ours, line, Terminal::size().0);
                terminal.print_above(format!("{line}\n")).await
            }
            Kind::Lines(output) => output.note(line),
        }
    }
}
