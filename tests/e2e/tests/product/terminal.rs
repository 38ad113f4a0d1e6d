//! `tincan chat` on a terminal: a person types, interrupts, or closes the window.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use tincan_e2e::{PATIENCE, Process, binary, tincan};

/// A chat on a terminal of its own.
struct Window {
    /// What the person holds; without it the window is closed.
    hand: Option<File>,
    /// The program's end, kept open to see how it was left.
    screen: Option<OwnedFd>,
    shown: Receiver<Vec<u8>>,
    /// Ends the reader, which holds the window open like the person does.
    reading: Arc<AtomicBool>,
    seen: String,
    child: Child,
}

impl Window {
    fn open(home: &Path) -> Self {
        // What the program inherited would keep its own window open.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let hand = openpt(flags).unwrap();
        grantpt(&hand).unwrap();
        unlockpt(&hand).unwrap();
        let name = ptsname(&hand, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let screen = File::options().read(true).write(true).open(path).unwrap();
        let size = Winsize { ws_row: 50, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&screen, size).unwrap();
        // setsid makes it the terminal's own session, as a window does.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(binary()).arg("--home").arg(home);
        command.args(["chat", "--hub-bind", "127.0.0.1"]);
        command.env("TERM", "xterm").env("LANG", "C.UTF-8").env_remove("LC_ALL");
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        command.stdin(screen.try_clone().unwrap());
        command.stdout(screen.try_clone().unwrap());
        let child = command.stderr(screen.try_clone().unwrap()).spawn().unwrap();
        drop(command);
        let hand = File::from(hand);
        let reading = Arc::new(AtomicBool::new(true));
        let shown = read_all(hand.try_clone().unwrap(), Arc::clone(&reading));
        let seen = String::new();
        Self { hand: Some(hand), screen: Some(screen.into()), shown, reading, seen, child }
    }

    fn wait_for(&mut self, words: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.seen.contains(words) {
            let left = end.saturating_duration_since(Instant::now());
            let bytes = self.shown.recv_timeout(left);
            let bytes = bytes.unwrap_or_else(|_| panic!("no `{words}` in {}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    fn type_in(&mut self, keys: &[u8]) {
        self.hand.as_mut().expect("it is open").write_all(keys).unwrap();
    }

    /// Closes it as a person does: everything that held the terminal's other end is gone, and
    /// the kernel hangs up.
    fn close(&mut self) {
        self.reading.store(false, Ordering::Relaxed);
        self.hand = None;
        self.screen = None;
        while self.shown.recv_timeout(PATIENCE).is_ok() {}
    }

    fn end(&mut self) -> ExitStatus {
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

    /// Whether the terminal shows and collects what is typed again.
    fn is_as_before(&self) -> bool {
        let modes = tcgetattr(self.screen.as_ref().expect("it is open")).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often the reader looks whether the window is to be closed.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

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

#[test]
fn ctrl_c_ctrl_d_and_quit_leave_the_terminal_as_it_was() {
    for keys in [&b"\x03"[..], b"\x04", b"/quit\r"] {
        let home = tempfile::tempdir().unwrap();
        let mut window = Window::open(home.path());
        window.wait_for("/quit leaves");
        assert!(window.seen.contains('█'), "the QR code: {}", window.seen);
        window.wait_for("> ");
        window.type_in(keys);
        assert_eq!(window.end().code(), Some(0), "{keys:?}: {}", window.seen);
        assert!(window.is_as_before(), "{keys:?}");
    }
}

#[test]
fn a_terminated_chat_leaves_the_terminal_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path());
    window.wait_for("/quit leaves");
    window.wait_for("> ");
    assert!(!window.is_as_before(), "the editor has it");
    let pid = i32::try_from(window.child.id()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(window.end().code(), Some(0), "{}", window.seen);
    assert!(window.is_as_before());
}

#[test]
fn a_hang_up_ends_the_chat_in_order() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path());
    window.wait_for("/quit leaves");
    let pid = i32::try_from(window.child.id()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    // What the kernel sends to those in a window that closes.
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    window.hand = None;
    assert_eq!(window.end().code(), Some(0), "{}", window.seen);
    assert!(!home.path().join("control.sock").exists());
}

#[test]
fn a_window_that_is_closed_ends_the_chat_in_order() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path());
    window.wait_for("/quit leaves");
    window.wait_for("> ");
    window.close();
    assert_eq!(window.end().code(), Some(0), "{}", window.seen);
    assert!(!home.path().join("control.sock").exists());
    let status = Process::run(tincan(&["status"]).arg("--home").arg(home.path()));
    assert_eq!(status.code, Some(0), "{status:?}");
}
