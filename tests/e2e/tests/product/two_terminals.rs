//! Two people, each with a chat on a terminal of their own: what stands on their screens.

use tempfile::TempDir;
use tincan_e2e::{Process, Window, tincan};

/// What `/help` names, in its order.
const COMMANDS: [&str; 14] = [
    "/help",
    "/status",
    "/path",
    "/history [N]",
    "/search WORDS",
    "/verify [equal|undo]",
    "/nick [NAME]",
    "/accept [WHO]",
    "/decline [WHO]",
    "/invite",
    "/cancel",
    "/connect",
    "/quit",
    "//…",
];

/// Two homes, and the windows in which their people talk.
struct Pair {
    _ada_home: TempDir,
    bob_home: TempDir,
    ada: Window,
    bob: Window,
}

impl Pair {
    /// Ada brings a hub along, and Bob takes her invite.
    fn meet() -> Self {
        let (ada_home, bob_home) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let words = ["--name", "Ada", "chat", "--hub-bind", "127.0.0.1"];
        let mut ada = Window::open(ada_home.path(), &words);
        let link = ada.wait_for_line("the link", |line| {
            line.starts_with("http://127.0.0.1:").then(|| line.to_owned())
        });
        let mut bob = Window::open(bob_home.path(), &["--name", "Bob", "chat", &link]);
        bob.wait_for_line("the way to Ada", |line| is_direct(line, "Ada").then_some(()));
        ada.wait_for("Bob is here.");
        ada.wait_for_line("the way to Bob", |line| is_direct(line, "Bob").then_some(()));
        Self { _ada_home: ada_home, bob_home, ada, bob }
    }

    /// Bob leaves, and Ada is told.
    fn bob_quits(&mut self) {
        self.bob.say("/quit");
        assert_eq!(self.bob.end().code(), Some(0), "{}", self.bob.text());
        assert!(self.bob.is_as_before());
        self.ada.wait_for("── Bob: offline");
    }

    /// Bob opens a chat again, in a new window.
    fn bob_returns(&mut self) {
        self.bob = Window::open(self.bob_home.path(), &["chat", "Ada"]);
        let way = |line: &str| is_direct(line, "Ada").then_some(());
        self.bob.wait_for_line("the way to Ada", way);
    }
}

/// `── Bob: connected directly (host to host, 0.3 ms)`
fn is_direct(line: &str, name: &str) -> bool {
    let start = format!("── {name}: connected directly (host to host, ");
    let time = line.strip_prefix(&start).and_then(|rest| rest.strip_suffix(" ms)"));
    time.is_some_and(|time| time.parse::<f64>().is_ok())
}

/// `✓✓ 14:05 you: Hello`, of any minute: the mark, who and what.
fn message(line: &str) -> Option<(&str, &str, &str)> {
    let (mark, rest) = line.split_at_checked(line.find(|c: char| c.is_ascii_digit())?)?;
    let (time, rest) = rest.split_once(' ')?;
    let (hours, minutes) = time.split_once(':')?;
    let is_number = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    let (who, words) = rest.split_once(": ")?;
    let is_one = is_number(hours) && is_number(minutes) && mark.chars().count() == 3;
    is_one.then_some((mark.trim(), who, words))
}

/// All that stands in the window of messages.
fn messages(lines: &[String]) -> Vec<(&str, &str, &str)> {
    lines.iter().filter_map(|line| message(line)).collect()
}

fn until_messages(window: &mut Window, expected: &[(&str, &str, &str)]) {
    let what = format!("{expected:?}");
    window.wait_until(&what, |lines| (messages(lines) == expected).then_some(()));
}

#[test]
fn each_sees_the_other_come_talk_and_leave() {
    let mut pair = Pair::meet();
    pair.ada.wait_for("── Bob ── /help lists commands ──");
    pair.ada.wait_for("── Bob: online, has this chat open");
    pair.bob.wait_for("── Ada ── /help lists commands ──");
    pair.ada.say("Hello Bob ✓");
    until_messages(&mut pair.bob, &[("", "Ada", "Hello Bob ✓")]);
    pair.bob.say("שלום Ada 👩‍👩‍👧‍👦");
    let of_ada = [("✓✓", "you", "Hello Bob ✓"), ("", "Bob", "שלום Ada 👩‍👩‍👧‍👦")];
    until_messages(&mut pair.ada, &of_ada);
    until_messages(&mut pair.bob, &[("", "Ada", "Hello Bob ✓"), ("✓✓", "you", of_ada[1].2)]);
    pair.ada.wait_for_prompt();
    pair.bob.wait_for_prompt();

    pair.bob_quits();
    pair.ada.wait_for("── Bob: not connected: the contact went offline");
    pair.ada.wait_for_prompt();
}

#[test]
fn help_lists_the_commands_and_the_marks() {
    let mut pair = Pair::meet();
    pair.ada.say("/help");
    let end = "  Marks: · queued  › sent  ✓ delivered  ✓✓ read  ✗ given up";
    pair.ada.wait_for_line("the marks", |line| (line == end).then_some(()));
    let lines = pair.ada.lines();
    let last = lines.iter().position(|line| line == end).unwrap();
    for (line, command) in lines[last - COMMANDS.len()..last].iter().zip(COMMANDS) {
        let meaning = line.strip_prefix(&format!("  {command:<22}"));
        assert!(meaning.is_some_and(|words| words.len() > 5), "{command}: {line}");
    }
    assert_eq!(messages(&lines), [], "it is said to nobody");
}

#[test]
fn a_mark_changes_in_its_place_from_queued_to_delivered_to_read() {
    let mut pair = Pair::meet();
    pair.bob_quits();
    pair.ada.say("later");
    until_messages(&mut pair.ada, &[("·", "you", "later")]);

    // A node without a chat on the screen takes it, and shows it to nobody.
    let mut command = tincan(&["listen"]);
    let mut listener = Process::start(command.arg("--home").arg(pair.bob_home.path()));
    listener.wait_for("the message", |line| line.ends_with(" Ada: later").then_some(()));
    until_messages(&mut pair.ada, &[("✓", "you", "later")]);
    pair.ada.say("and this");
    until_messages(&mut pair.ada, &[("✓", "you", "later"), ("✓", "you", "and this")]);

    pair.bob_returns();
    until_messages(&mut pair.bob, &[("", "Ada", "later"), ("", "Ada", "and this")]);
    until_messages(&mut pair.ada, &[("✓✓", "you", "later"), ("✓✓", "you", "and this")]);
    pair.ada.wait_for_prompt();
    assert_eq!(listener.terminate().code, Some(0));
}

#[test]
fn a_chat_that_is_opened_again_shows_what_was_said_above_the_prompt() {
    let mut pair = Pair::meet();
    pair.ada.say("one");
    until_messages(&mut pair.bob, &[("", "Ada", "one")]);
    pair.bob.say("two");
    until_messages(&mut pair.ada, &[("✓✓", "you", "one"), ("", "Bob", "two")]);
    pair.bob_quits();
    pair.ada.say("three");
    until_messages(
        &mut pair.ada,
        &[("✓✓", "you", "one"), ("", "Bob", "two"), ("·", "you", "three")],
    );

    let lines = pair.ada.lines();
    let left = lines.iter().position(|line| line == "── Bob: offline").unwrap();
    assert!(!lines[left..].iter().any(|line| line.contains("online")), "{lines:#?}");

    pair.bob_returns();
    let known = [("", "Ada", "one"), ("✓✓", "you", "two"), ("", "Ada", "three")];
    until_messages(&mut pair.bob, &known);
    pair.bob.wait_for_prompt();
    let lines = pair.bob.lines();
    assert!(lines[0].starts_with("── 20") && lines[0].ends_with(" ──"), "the day: {lines:#?}");
    assert_eq!(messages(&lines[1..3]), known[..2], "what both had");
    assert_eq!(lines[3], "── Ada ── /help lists commands ──");
    let came = lines.iter().position(|line| line.ends_with("Ada: three")).unwrap();
    assert!(came > 3 && came < lines.len() - 1, "what was waiting: {lines:#?}");
}

#[test]
fn lines_that_come_in_one_piece_are_all_said() {
    let mut pair = Pair::meet();
    // As over a network that was slow, or from a keyboard that was faster than the program.
    pair.ada.type_in("one\rtwo\rthree\rfo");
    let heard = ["one", "two", "three"].map(|words| ("", "Ada", words));
    until_messages(&mut pair.bob, &heard);
    pair.ada.type_in("ur\r");
    let said = ["one", "two", "three", "four"].map(|words| ("✓✓", "you", words));
    until_messages(&mut pair.ada, &said);
    pair.ada.wait_for_prompt();
}

#[test]
fn two_who_type_at_once_lose_no_line() {
    const ROUNDS: usize = 4;
    const EACH: usize = 5;
    for _ in 0..ROUNDS {
        let mut pair = Pair::meet();
        let lines = |who: &str| (1..=EACH).map(|nth| format!("{who} {nth}")).collect::<Vec<_>>();
        let (of_ada, of_bob) = (lines("a"), lines("b"));
        for (a, b) in of_ada.iter().zip(&of_bob) {
            pair.ada.say(a);
            pair.bob.say(b);
        }
        for (window, ours, theirs, name) in
            [(&mut pair.ada, &of_ada, &of_bob, "Bob"), (&mut pair.bob, &of_bob, &of_ada, "Ada")]
        {
            window.wait_until("every line once, in order, read", |lines| {
                let all = messages(lines);
                let of = |who: &str, mark: &str| {
                    let found = all.iter().filter(|found| found.1 == who && found.0 == mark);
                    found.map(|found| found.2.to_owned()).collect::<Vec<_>>()
                };
                let is_all = all.len() == 2 * EACH;
                (is_all && of("you", "✓✓") == *ours && of(name, "") == *theirs).then_some(())
            });
            window.wait_for_prompt();
        }
    }
}
