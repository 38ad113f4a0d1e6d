//! What is wrong around the product: hubs that are away, homes that cannot be used.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use tincan_e2e::{Finished, HubProcess, Namespace, NodeProcess, Process, befriend, tincan};

fn run(home: &Path, words: &[&str]) -> Finished {
    let mut command = tincan(&[]);
    Process::run(command.arg("--home").arg(home).args(words))
}

fn check(finished: &Finished, code: i32, part: &str) {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    assert!(finished.errors.contains(part), "{part}: {finished:?}");
    assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_is_away_is_named_with_the_next_attempt_and_the_outbox_is_kept() {
    let mut hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let mut bob = NodeProcess::start("Bob", &["--hub", hub.origin()]).await;
    befriend(&ada, &bob).await;
    bob.stop();
    hub.stop();
    let words = ["send", "Bob", "keep this", "--timeout", "2s"];
    let sent = ada.run(&words);
    check(&sent, 1, "not connected: ");
    let link = ada.status_line(|line| line.starts_with("link") && line.contains("next attempt in"));
    assert!(link.contains("connected: "), "the reason: {link}");

    hub.start_again();
    bob.start_again().await;
    ada.until_delivered(tincan_e2e::PATIENCE).await;
    assert_eq!(bob.history(ada.id()).await[0].content, "keep this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_dropped_is_counted_by_reason_in_the_status() {
    let hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let addresses = ada.handle().shell_status().await.unwrap().addresses;
    let mut addresses = addresses.iter().filter_map(|text| text.parse::<SocketAddr>().ok());
    let address = addresses.find(SocketAddr::is_ipv4).expect("an address of IPv4");
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    for _ in 0..3 {
        socket.send_to(b"neither STUN nor DTLS", address).unwrap();
    }
    let line = ada.status_line(|line| line.starts_with("dropped") && line.contains("3 × "));
    assert!(line.contains("udp_stray"), "{line}");
    let status = ada.run(&["status", "--json"]).json();
    assert_eq!(status[0]["dropped"]["udp_stray"], 3);
}

#[test]
fn a_home_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    check(&run(&file, &["status"]), 1, "file");

    let shared = folder.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("something of others"), "").unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    check(&run(&shared, &["status"]), 1, "shared");

    let long = folder.path().join("x".repeat(120));
    check(&run(&long, &["status"]), 1, "shorter");
}

#[test]
fn a_home_in_use_by_another_program_is_named_with_its_process() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(run(home.path(), &["id"]).code, Some(0));
    let lock = fs::File::open(home.path().join("lock")).unwrap();
    lock.try_lock().expect("nobody else has it");
    check(&run(home.path(), &["status"]), 1, "in use");
}

#[test]
fn a_database_that_is_none_or_is_newer_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(run(home.path(), &["status"]).code, Some(0));
    let database = home.path().join("tincan.db");
    let mut bytes = fs::read(&database).unwrap();
    // The user version stands at offset 60 of a database's header (SQLite file format §1.3).
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    fs::write(&database, &bytes).unwrap();
    check(&run(home.path(), &["status"]), 1, "newer");
    assert_eq!(fs::read(&database).unwrap(), bytes);

    let nonsense = b"this is no database, however long one looks at it".repeat(100);
    fs::write(&database, &nonsense).unwrap();
    assert_eq!(run(home.path(), &["status"]).code, Some(1));
    assert_eq!(fs::read(&database).unwrap(), nonsense);
}

#[test]
fn a_damaged_database_is_kept_and_a_copy_of_it_too() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(run(home.path(), &["id"]).code, Some(0));
    let database = home.path().join("tincan.db");
    let connection = Connection::open(&database).unwrap();
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    connection.close().unwrap();
    let mut bytes = fs::read(&database).unwrap();
    let end = bytes.len();
    bytes[2_000..end.min(20_000)].fill(0xa5);
    fs::write(&database, &bytes).unwrap();

    let told = run(home.path(), &["status"]);
    check(&told, 1, "is damaged");
    let is_copy = |name: &str| name.starts_with("damaged-");
    let names = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut copies: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    copies.retain(|name| is_copy(name));
    assert_eq!(copies.len(), 1, "{copies:?}");
    assert!(told.errors.contains(&copies[0]), "it says where the copy is: {told:?}");
    assert_eq!(fs::read(&database).unwrap(), bytes);
    assert_eq!(fs::read(home.path().join(&copies[0])).unwrap(), bytes);
}

#[test]
fn a_home_that_is_read_only_is_named_and_left_as_it_is() {
    if !Namespace::Mount
        .is_free("bad_surroundings::a_home_that_is_read_only_is_named_and_left_as_it_is")
    {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mount = |options: &str| {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(home.path());
        assert!(command.status().unwrap().success());
    };
    mount("mode=0700");
    let id = run(home.path(), &["id"]);
    assert_eq!(id.code, Some(0), "{id:?}");
    mount("remount,ro");
    for words in [&["id"][..], &["status"], &["send", "bob", "hello"], &["listen"]] {
        check(&run(home.path(), words), 1, "give this user the right to write there");
    }
    mount("remount,rw");
    assert_eq!(run(home.path(), &["id"]), id);
}

#[test]
fn what_is_no_hub_is_said_to_be_none() {
    let home = tempfile::tempdir().unwrap();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = socket.local_addr().unwrap();
    drop(socket);
    let hub = format!("http://{nobody}");
    let own = run(home.path(), &["id"]);
    let words = ["--hub", &hub, "contact", "add", &own.output[0], "--timeout", "1s"];
    check(&run(home.path(), &words), 2, "your own id");
    let other = tempfile::tempdir().unwrap();
    let other = run(other.path(), &["id"]);
    let words = ["--hub", &hub, "contact", "add", &other.output[0], "--timeout", "1s"];
    check(&run(home.path(), &words), 1, "refused");
}
