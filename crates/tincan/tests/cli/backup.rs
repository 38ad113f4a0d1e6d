//! `tincan export` and `tincan import` as processes.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Cli, complaint};

/// A person with an identity, a file with a passphrase, and a place for backups.
struct Person {
    cli: Cli,
    id: String,
}

impl Person {
    fn new() -> Self {
        let cli = Cli::new();
        let id = cli.good(&["id"]).trim().to_owned();
        fs::write(cli.folder.path().join("passphrase"), "five words of a test\n").unwrap();
        Self { cli, id }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.cli.folder.path().join(name)
    }

    fn words<'a>(&self, words: &[&'a str]) -> Vec<&'a str> {
        let passphrase = self.path("passphrase").display().to_string();
        let passphrase: &'static str = Box::leak(passphrase.into_boxed_str());
        words.iter().copied().chain(["--passphrase-file", passphrase]).collect()
    }

    fn export(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        self.cli.good(&self.words(&["export", &text(&path)]));
        path
    }

    fn complaint(&self, words: &[&str], code: i32) -> String {
        self.cli.complaint(&self.words(words), code)
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn a_backup_goes_to_another_home() {
    let person = Person::new();
    let file = text(&person.export("backup"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let elsewhere = text(&person.path("elsewhere"));
    let said = person.cli.good(&person.words(&["--home", &elsewhere, "import", &file]));
    assert!(said.contains("with 0 contacts and 0 messages"), "{said}");
    assert_eq!(person.cli.good(&["--home", &elsewhere, "id"]).trim(), person.id);
    let files = fs::read_dir(person.cli.folder.path()).unwrap();
    assert!(files.flatten().all(|file| !text(&file.path()).contains("partial")));
}

#[test]
fn json_says_what_went_in_and_out() {
    let person = Person::new();
    let file = text(&person.path("backup"));
    let value = |words: &[&str]| -> Value {
        serde_json::from_str(&person.cli.good(&person.words(words))).unwrap()
    };
    let exported = value(&["export", "--json", &file]);
    assert_eq!((&exported["id"], &exported["messages"]), (&Value::from(&*person.id), &0.into()));
    assert_eq!(exported["bytes"], fs::metadata(&file).unwrap().len());
    let imported = value(&["import", "--json", &file]);
    assert_eq!((&imported["id"], &imported["merged"]), (&exported["id"], &Value::Bool(true)));
    assert!(imported["made"].as_u64() > Some(1_700_000_000_000));
}

#[test]
fn a_pipe_does_as_well_as_a_file() {
    let person = Person::new();
    let file = person.path("piped");
    let mut export = person.cli.command(&person.words(&["export", "-"]));
    let status = export.stdout(fs::File::create(&file).unwrap()).status().unwrap();
    assert!(status.success());
    let elsewhere = text(&person.path("elsewhere"));
    let mut import = person.cli.command(&person.words(&["--home", &elsewhere, "import", "-"]));
    let output = import.stdin(fs::File::open(&file).unwrap()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(person.cli.good(&["--home", &elsewhere, "id"]).trim(), person.id);
}

#[test]
fn a_file_that_is_there_stays_unless_it_is_said() {
    let person = Person::new();
    let file = text(&person.path("holiday"));
    fs::write(&file, "photographs").unwrap();
    let line = person.complaint(&["export", &file], 2);
    assert!(line.contains("there already") && line.contains("--force"), "{line}");
    assert_eq!(fs::read(&file).unwrap(), b"photographs");
    person.cli.good(&person.words(&["export", "--force", &file]));
    assert!(fs::read(&file).unwrap().starts_with(b"tincan backup"));
}

#[test]
fn every_mistake_has_a_sentence() {
    let person = Person::new();
    let file = text(&person.export("backup"));
    let check = |words: &[&str], code, parts: &[&str]| {
        let line = person.complaint(words, code);
        parts.iter().for_each(|part| assert!(line.contains(part), "{part}: {line}"));
    };
    let nowhere = text(&person.path("nowhere/backup"));
    check(&["export", &nowhere], 2, &["directory", "not there"]);
    let empty = text(&person.path("empty"));
    let new = text(&person.path("new"));
    check(&["--home", &empty, "export", &new], 1, &["nothing to export", "--home"]);
    assert!(!Path::new(&new).exists() && !Path::new(&empty).exists());
    check(&["import", &nowhere], 2, &["nowhere/backup", "can't be read"]);
    let passphrase = text(&person.path("passphrase"));
    check(&["import", &passphrase], 2, &["no backup of tincan"]);

    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len() - 1);
    let spoiled = text(&person.path("spoiled"));
    fs::write(&spoiled, &bytes).unwrap();
    check(&["import", &spoiled], 2, &["damaged", "copy it anew"]);
    bytes[17] = 2;
    fs::write(&spoiled, &bytes).unwrap();
    check(&["import", &spoiled], 2, &["newer tincan"]);

    fs::write(&passphrase, "another passphrase").unwrap();
    check(&["import", &file], 2, &["passphrase is wrong"]);
    fs::write(&passphrase, "short").unwrap();
    check(&["export", &new], 2, &["fewer than 8"]);
    fs::remove_file(&passphrase).unwrap();
    check(&["export", &new], 2, &["passphrase can't be read"]);
}

#[test]
fn without_a_terminal_a_passphrase_comes_from_a_file() {
    let person = Person::new();
    let file = text(&person.path("backup"));
    // A session of its own has no terminal.
    let mut command = Command::new("setsid");
    let inner = person.cli.command(&["export", &file]);
    command.arg("--wait").arg(inner.get_program()).args(inner.get_args()).env_clear();
    command.env("HOME", person.cli.folder.path()).stdin(Stdio::null());
    let line = complaint(&command.env("PATH", "/usr/bin:/bin").output().unwrap(), 2);
    assert!(line.contains("--passphrase-file"), "{line}");
}

/// A dialogue on a terminal: for each question that comes, the keys that answer it. Returns all
/// that was shown, with the state of the terminal afterwards.
fn dialogue(person: &Person, words: &str, keys: &[(&str, &[u8])]) -> String {
    let line = format!("{} {words}; echo code $?; stty -a", env!("CARGO_BIN_EXE_tincan"));
    let mut terminal = Command::new("script")
        .args(["--quiet", "--flush", "--command", &line, "/dev/null"])
        .env_clear()
        .env("HOME", person.cli.folder.path())
        .env("PATH", "/usr/bin:/bin")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut typing, mut screen) =
        (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    let mut shown = Vec::new();
    for (question, keys) in keys {
        let mut byte = [0];
        while !shown.ends_with(question.as_bytes()) {
            assert_eq!(screen.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&shown));
            shown.push(byte[0]);
        }
        typing.write_all(keys).unwrap();
    }
    screen.read_to_end(&mut shown).unwrap();
    terminal.wait().unwrap();
    String::from_utf8_lossy(&shown).into_owned()
}

const FIRST: &str = "Passphrase for the backup: ";
const AGAIN: &str = "The same once more: ";

#[test]
fn a_passphrase_is_typed_twice_and_unseen() {
    let person = Person::new();
    let file = text(&person.path("typed"));
    let words = format!("export {file}");
    let typed = b"five slips\x15five words of a tesd\x7ft\r";
    let shown = dialogue(&person, &words, &[(FIRST, typed), (AGAIN, b"five words of a test\n")]);
    assert!(shown.contains("code 0") && !shown.contains("five"), "{shown}");
    assert!(shown.contains(" echo ") && shown.contains(" icanon "), "typing shows: {shown}");
    // The same words from a file open it.
    person.cli.good(&person.words(&["import", &file]));
    let question = "Passphrase of the backup: ";
    let words = format!("import {file}");
    let shown = dialogue(&person, &words, &[(question, b"five words of a test\r")]);
    assert!(shown.contains("code 0"), "{shown}");
}

#[test]
fn a_slip_or_second_thoughts_make_no_file() {
    let person = Person::new();
    let file = person.path("typed");
    let words = format!("export {}", text(&file));
    for (keys, said) in [
        (&[(FIRST, &b"five words\r"[..]), (AGAIN, b"five worms\r")][..], "not the same"),
        (&[(FIRST, b"short\r")], "fewer than 8"),
        (&[(FIRST, b"five words\x03")], "given up"),
        (&[(FIRST, b"five words\r"), (AGAIN, b"\x04")], "given up"),
    ] {
        let shown = dialogue(&person, &words, keys);
        assert!(shown.contains(said) && !shown.contains("code 0"), "{shown}");
        assert!(shown.contains(" echo "), "typing shows: {shown}");
        assert!(!file.exists());
    }
}
