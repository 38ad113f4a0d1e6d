//! `tincan doctor` as a process: at a hub behind TLS, beside a running node, and interrupted.

use std::fs;
use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tincan_e2e::{Authority, Finished, HubProcess, NodeProcess, Process, TlsDoor, object, tincan};

/// What it found of one thing: codes, in their order.
fn codes<'a>(found: &'a Value, check: &str) -> Vec<&'a str> {
    let findings = found["findings"].as_array().expect("findings");
    let of_check = findings.iter().filter(|finding| finding["check"] == check);
    of_check.map(|finding| finding["code"].as_str().expect("a code")).collect()
}

fn look(home: &TempDir, flags: &[&str]) -> Finished {
    Process::run(tincan(flags).arg("--home").arg(home.path()).args(["doctor", "--json"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_judged_good_or_with_what_to_do() {
    let hub = HubProcess::start();
    let (authority, folder, home) =
        (Authority::new(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, authority.pem()).unwrap();
    let behind = hub.origin().strip_prefix("http://").expect("a hub without TLS of its own");
    let door = TlsDoor::open(behind, authority.certify("127.0.0.1")).await;
    let origin = format!("https://{}", door.address());
    let flags = ["--hub", &origin, "--ca-file", ca_file.to_str().unwrap()];

    let good = look(&home, &flags);
    let found = good.one_json();
    assert_eq!(good.code, Some(0), "{found:#}");
    assert_eq!(codes(&found, "hub"), ["hub_answers"]);
    assert_eq!(codes(&found, "broker"), ["broker_reached"], "the one behind the same door");
    // Site and broker show the same one.
    assert_eq!(codes(&found, "certificate"), ["certificate_good"], "{found:#}");

    for (certificate, code) in [
        (Authority::new().certify("127.0.0.1"), "certificate_unknown"),
        (authority.certify("hub.example.org"), "certificate_for_another_name"),
    ] {
        door.show(certificate);
        let bad = look(&home, &flags);
        let found = object(&bad.output[0]);
        assert_eq!(bad.code, Some(1), "{found:#}");
        assert_eq!(codes(&found, "hub"), [code], "{found:#}");
        assert_eq!(codes(&found, "certificate"), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_runs_on_the_home_is_asked_where_it_meets_people() {
    let hub = HubProcess::start();
    let ada = NodeProcess::start("Ada", &["--hub", hub.origin()]).await;
    let looked = ada.run(&["doctor", "--json"]);
    let found = looked.one_json();
    assert_eq!(looked.code, Some(0), "{found:#}");
    assert_eq!(codes(&found, "running"), ["node_connected"]);
    assert_eq!(codes(&found, "broker"), ["broker_reached"; 3]);
    assert_eq!(codes(&found, "storage"), ["storage_works", "database_sound"]);
    let status = ada.status_line(|line| line.starts_with("link"));
    assert_eq!(status, "link      connected");
}

#[test]
fn an_interrupted_look_ends_at_once_and_leaves_nothing() {
    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = TempDir::new().unwrap();
    let origin = format!("http://{}", silent.local_addr().unwrap());
    let mut command = tincan(&["--hub", &origin, "doctor"]);
    let process = Process::start(command.arg("--home").arg(home.path()));
    // It is under way.
    let _asking = silent.accept().unwrap();
    process.signal(Signal::INT);
    let finished = process.finish();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.output, [""; 0]);
    assert_eq!(finished.errors, "tincan: interrupted: nothing was found out\n");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}
