//! Asking for a passphrase: on the terminal, without showing it, or from a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tincan_node::Passphrase;

use crate::failure::Failure;

/// More than any passphrase may have; what follows is not kept.
const MAX_TYPED_BYTES: usize = 4096;

/// The passphrase of a new backup: typed twice, since nobody sees a slip.
pub(super) fn for_writing(file: Option<&Path>) -> Result<Passphrase, Failure> {
    let passphrase = match file {
        Some(file) => from_file(file)?,
        None => {
            let mut terminal = Terminal::open()?;
            let first = terminal.ask("Passphrase for the backup: ")?;
            passphrase(&first)?.check_for_writing().map_err(Failure::bad_input)?;
            let second = terminal.ask("The same once more: ")?;
            if first != second {
                return Err(Failure::bad_input("the two are not the same; begin again"));
            }
            passphrase(&first)?
        }
    };
    passphrase.check_for_writing().map_err(Failure::bad_input)?;
    Ok(passphrase)
}

/// The passphrase of a backup that there is.
pub(super) fn for_reading(file: Option<&Path>) -> Result<Passphrase, Failure> {
    match file {
        Some(file) => from_file(file),
        None => passphrase(&Terminal::open()?.ask("Passphrase of the backup: ")?),
    }
}

fn passphrase(typed: &str) -> Result<Passphrase, Failure> {
    Passphrase::new(typed).map_err(Failure::bad_input)
}

fn from_file(path: &Path) -> Result<Passphrase, Failure> {
    let bad = |why: &str| Failure::BadInput(format!("{}: {why}", path.display()));
    let mut text = String::new();
    let read = File::open(path)
        .and_then(|file| file.take(MAX_TYPED_BYTES as u64).read_to_string(&mut text));
    match read {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(bad("a passphrase is text in UTF-8, and this is none"));
        }
        Err(error) => return Err(bad(&format!("the passphrase can't be read: {error}"))),
        Ok(_) => {}
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains('\n') {
        return Err(bad("a passphrase is one line, and this has more"));
    }
    Passphrase::new(line).map_err(|error| bad(&error.to_string()))
}

/// The terminal of this process, whatever its input and output are, with what is typed unseen
/// until this goes.
struct Terminal {
    device: File,
    before: Termios,
}

impl Terminal {
    fn open() -> Result<Self, Failure> {
        let open = || -> io::Result<Self> {
            let device = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
            let before = tcgetattr(&device)?;
            let mut hidden = before.clone();
            // Keys come one by one, Ctrl-C too: it must not end us before typing shows again.
            hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
            hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
            hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(&device, OptionalActions::Flush, &hidden)?;
            Ok(Self { device, before })
        };
        open().map_err(|_| {
            Failure::bad_input(
                "there is no terminal to ask for the passphrase; give it with --passphrase-file FILE",
            )
        })
    }

    fn ask(&mut self, question: &str) -> Result<String, Failure> {
        let gone = |error: io::Error| Failure::Failed(format!("the terminal is gone: {error}"));
        self.device.write_all(question.as_bytes()).map_err(gone)?;
        let mut line = Line::default();
        let outcome = loop {
            let mut key = [0];
            match self.device.read(&mut key).map_err(gone)? {
                0 => break Key::Cancel,
                _ => match line.press(key[0]) {
                    Key::More => {}
                    end => break end,
                },
            }
        };
        self.device.write_all(b"\r\n").map_err(gone)?;
        if matches!(outcome, Key::Cancel) {
            return Err(Failure::failed("given up; nothing was changed"));
        }
        String::from_utf8(line.0)
            .map_err(|_| Failure::bad_input("the terminal does not speak UTF-8; use one that does"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // If it is gone, nothing need be put right.
        let _ = tcsetattr(&self.device, OptionalActions::Now, &self.before);
    }
}

/// What a key does to a line.
#[derive(Debug, PartialEq, Eq)]
enum Key {
    More,
    Enter,
    Cancel,
}

/// What was typed so far.
#[derive(Default)]
struct Line(Vec<u8>);

impl Line {
    fn press(&mut self, key: u8) -> Key {
        match key {
            b'\r' | b'\n' => return Key::Enter,
            // Ctrl-C, and Ctrl-D on an empty line.
            3 => return Key::Cancel,
            4 if self.0.is_empty() => return Key::Cancel,
            4 => return Key::Enter,
            // Ctrl-U.
            21 => self.0.clear(),
            8 | 127 => self.take_back(),
            _ if self.0.len() < MAX_TYPED_BYTES => self.0.push(key),
            _ => {}
        }
        Key::More
    }

    /// The last character, of however many bytes.
    fn take_back(&mut self) {
        while let Some(byte) = self.0.pop() {
            if byte & 0xc0 != 0x80 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> (String, Key) {
        let mut line = Line::default();
        let mut last = Key::More;
        for key in keys {
            last = line.press(*key);
        }
        (String::from_utf8(line.0).expect("UTF-8"), last)
    }

    #[test]
    fn a_line_can_be_edited() {
        assert_eq!(typed(b"words\r"), ("words".to_owned(), Key::Enter));
        assert_eq!(typed("añ\x7f\x7fb".as_bytes()), ("b".to_owned(), Key::More));
        assert_eq!(typed(b"\x7fwrong\x15right\n"), ("right".to_owned(), Key::Enter));
        assert_eq!(typed(b"words\x03").1, Key::Cancel);
        assert_eq!((typed(b"\x04").1, typed(b"words\x04").1), (Key::Cancel, Key::Enter));
    }

    #[test]
    fn a_file_has_one_line() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("passphrase");
        for (text, is_good) in [
            ("five words that are good", true),
            ("five words that are good\n", true),
            ("five words that are good\r\n", true),
            ("two\nlines", false),
            ("", false),
            ("\n", false),
        ] {
            std::fs::write(&path, text).expect("there is room");
            assert_eq!(from_file(&path).is_ok(), is_good, "{text:?}");
        }
        std::fs::write(&path, [0xff, 0xfe]).expect("there is room");
        let failure = from_file(&path).expect_err("it is no text");
        assert!(failure.line().is_some_and(|line| line.contains("UTF-8")));
    }
}
