//! `tincan chat` on a terminal: a person types, interrupts, or closes the window.

use std::path::Path;

use rustix::process::Signal;
use tincan_e2e::{Process, Window, tincan};

/// A chat with a hub of its own, waiting for its guest.
fn open(home: &Path) -> Window {
    let mut window = Window::open(home, &["chat", "--hub-bind", "127.0.0.1"]);
    window.wait_for("/quit leaves");
    window.wait_for_prompt();
    window
}

#[test]
fn ctrl_c_ctrl_d_and_quit_leave_the_terminal_as_it_was() {
    for keys in [&b"\x03"[..], b"\x04", b"/quit\r", b"/quit\rand more\r\x04"] {
        let home = tempfile::tempdir().unwrap();
        let mut window = open(home.path());
        assert!(window.text().contains('█'), "the QR code: {}", window.text());
        window.type_in(keys);
        assert_eq!(window.end().code(), Some(0), "{keys:?}: {}", window.text());
        assert!(window.is_as_before(), "{keys:?}");
    }
}

#[test]
fn a_terminated_chat_leaves_the_terminal_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(home.path());
    assert!(!window.is_as_before(), "the editor has it");
    window.signal(Signal::TERM);
    assert_eq!(window.end().code(), Some(0), "{}", window.text());
    assert!(window.is_as_before());
}

#[test]
fn a_hang_up_ends_the_chat_in_order() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(home.path());
    // What the kernel sends to those in a window that closes.
    window.signal(Signal::HUP);
    window.let_go();
    assert_eq!(window.end().code(), Some(0), "{}", window.text());
    assert!(!home.path().join("control.sock").exists());
}

#[test]
fn a_window_that_is_closed_ends_the_chat_in_order() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(home.path());
    window.close();
    assert_eq!(window.end().code(), Some(0), "{}", window.text());
    assert!(!home.path().join("control.sock").exists());
    let status = Process::run(tincan(&["status"]).arg("--home").arg(home.path()));
    assert_eq!(status.code, Some(0), "{status:?}");
}
