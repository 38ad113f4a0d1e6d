//! A terminal of its own with a command on it, as a person has it: they see what is drawn, type,
//! and can close it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::PATIENCE;
use crate::picture::Picture;
use crate::process::tincan_under;

/// Wide enough for an invite in one line.
const COLUMNS: u16 = 132;
/// High enough for a QR code.
const ROWS: u16 = 50;

/// How often the reader looks whether the window is to be closed.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// A window with the binary on it; killed when dropped.
#[derive(Debug)]
pub struct Window {
    /// What the person holds; without it the window is closed.
    hand: Option<File>,
    /// The program's end, kept open to see how it was left.
    screen: Option<OwnedFd>,
    shown: Receiver<Vec<u8>>,
    /// Ends the reader, which holds the window open like the person does.
    reading: Arc<AtomicBool>,
    picture: Picture,
    child: Child,
}

impl Window {
    /// Opens one in which the binary runs with these words on this home.
    ///
    /// # Panics
    /// When there are no more terminals.
    pub fn open(home: &Path, words: &[&str]) -> Self {
        // What the program inherited would keep its own window open.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let hand = openpt(flags).unwrap();
        grantpt(&hand).unwrap();
        unlockpt(&hand).unwrap();
        let name = ptsname(&hand, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let screen = File::options().read(true).write(true).open(path).unwrap();
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&screen, size).unwrap();
        // setsid makes it the terminal's own session, as a window does.
        let mut command = tincan_under(&["setsid", "--ctty"].map(str::to_owned), words);
        command.arg("--home").arg(home);
        command.env("TERM", "xterm").env("LANG", "C.UTF-8").env_remove("LC_ALL");
        command.stdin(screen.try_clone().unwrap());
        command.stdout(screen.try_clone().unwrap());
        let child = command.stderr(screen.try_clone().unwrap()).spawn().unwrap();
        drop(command);
        let hand = File::from(hand);
        let reading = Arc::new(AtomicBool::new(true));
        let shown = read_all(hand.try_clone().unwrap(), Arc::clone(&reading));
        let picture = Picture::new(COLUMNS.into(), ROWS.into());
        Self { hand: Some(hand), screen: Some(screen.into()), shown, reading, picture, child }
    }

    /// Every line that is drawn by now, what has scrolled away included.
    pub fn lines(&self) -> Vec<String> {
        self.picture.lines()
    }

    /// All of it, for a message.
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// Waits until a whole line is drawn for which `wanted` gives something: the one in which the
    /// cursor is may be half of one.
    ///
    /// # Panics
    /// When none is in time.
    pub fn wait_for_line<T>(&mut self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        self.wait(what, |picture| {
            picture.lines()[..picture.cursor_line()].iter().find_map(|line| wanted(line))
        })
    }

    /// Waits until the cursor is in the prompt, which is the last line and empty.
    ///
    /// # Panics
    /// When that does not come in time.
    pub fn wait_for_prompt(&mut self) {
        self.wait("the prompt", |picture| {
            let lines = picture.lines();
            let is_last = picture.cursor_line() + 1 == lines.len();
            (is_last && lines.last().is_some_and(|line| line == ">")).then_some(())
        });
    }

    /// Waits until these words stand in a line.
    pub fn wait_for(&mut self, words: &str) {
        self.wait_for_line(words, |line| line.contains(words).then_some(()));
    }

    /// Waits until the lines are such that `wanted` gives something.
    ///
    /// # Panics
    /// When they do not become so in time.
    pub fn wait_until<T>(&mut self, what: &str, wanted: impl Fn(&[String]) -> Option<T>) -> T {
        self.wait(what, |picture| wanted(&picture.lines()))
    }

    fn wait<T>(&mut self, what: &str, wanted: impl Fn(&Picture) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = wanted(&self.picture) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.picture.draw(&bytes),
                Err(_) => panic!("waited for {what} in vain:\n{}", self.text()),
            }
        }
    }

    /// Presses these keys.
    ///
    /// # Panics
    /// When it is closed.
    pub fn type_in(&mut self, keys: impl AsRef<[u8]>) {
        self.hand.as_mut().expect("it is open").write_all(keys.as_ref()).unwrap();
    }

    /// Types a line and presses Enter.
    pub fn say(&mut self, line: &str) {
        self.type_in(format!("{line}\r"));
    }

    /// Sends the program a signal.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Lets go of it, as the kernel does before it hangs up.
    pub fn let_go(&mut self) {
        self.hand = None;
    }

    /// Closes it as a person does: everything that held the terminal's other end is gone, and
    /// the kernel hangs up.
    pub fn close(&mut self) {
        self.reading.store(false, Ordering::Relaxed);
        self.hand = None;
        self.screen = None;
        while self.shown.recv_timeout(PATIENCE).is_ok() {}
    }

    /// Waits until the program has ended.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end");
            // A child's end wakes nobody who holds no signal handler.
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Whether the terminal shows and collects what is typed, as before it had an editor.
    ///
    /// # Panics
    /// When it is closed.
    pub fn is_as_before(&self) -> bool {
        let modes = tcgetattr(self.screen.as_ref().expect("it is open")).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.reading.store(false, Ordering::Relaxed);
    }
}

fn read_all(mut hand: File, reading: Arc<AtomicBool>) -> Receiver<Vec<u8>> {
    let (sender, shown) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4_096];
        while reading.load(Ordering::Relaxed) {
            let mut ready = [PollFd::new(&hand, PollFlags::IN)];
            if poll(&mut ready, Some(&LOOK)).unwrap() == 0 {
                continue;
            }
            let Ok(count) = hand.read(&mut buffer) else { return };
            if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    shown
}
