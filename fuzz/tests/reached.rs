//! The seeds get as far as they were made for: a fuzzer that starts outside a door seldom finds it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::path::Path;

use tincan_fuzz::engine::plan;
use tincan_fuzz::{hub, relay};
use tincan_hub::fuzzing::{Entrance, Site};
use tincan_node::fuzzing::{
    ControlRequest, ControlScreen, Told, control_lines, hub_answer, hub_challenge, hub_config,
};
use tincan_sim::{Row, run};

fn seed(name: &str) -> Vec<u8> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    std::fs::read(corpus.join(name)).expect(name)
}

/// The bytes of the first piece of a sequence.
fn first_piece(name: &str) -> Vec<u8> {
    let seed = seed(name);
    let length = usize::from(u16::from_be_bytes([seed[1], seed[2]]));
    seed[3..3 + length].to_vec()
}

#[test]
fn config_files_and_answers_of_a_hub_are_read() {
    let text = |name| String::from_utf8(seed(name)).unwrap();
    let (hub, _) = tincan::fuzzing::config_file(&text("config/000")).unwrap();
    assert_eq!(hub.as_deref(), Some("https://hub.example:8443"));
    let (_, brokers) = tincan::fuzzing::config_file(&text("config/001")).unwrap();
    assert_eq!(brokers.len(), 1);
    assert!(hub_challenge(&hub_answer(&seed("config/007")).unwrap()).is_some());
    assert!(hub_config(&hub_answer(&seed("config/008")).unwrap()).is_some());
}

#[test]
fn each_line_of_the_control_socket_is_a_request_or_an_answer() {
    for number in 0..6 {
        let name = format!("control/{number:03}");
        let seed = seed(&name);
        let (lines, refused) = control_lines(&seed[1..], 64, 256);
        assert!(!refused && !lines.is_empty(), "{name}");
        let mut screen = ControlScreen::new(8);
        for line in lines.iter().filter(|line| !line.is_empty()) {
            let understood = ControlRequest::read(line).is_some() || !screen.read(line).is_empty();
            assert!(understood, "{name}: {}", String::from_utf8_lossy(line));
        }
    }
    let (lines, _) = control_lines(&seed("control/005")[1..], 64, 256);
    let told = ControlScreen::new(0).read(&lines[0]);
    assert!(matches!(told[..], [Told::Event(_)]));
    assert!(control_lines(&seed("control/006")[1..], 64, 256).1);
}

#[test]
fn a_good_token_is_let_in_until_it_is_too_old() {
    let entrance = Entrance::new(hub::NAME, hub::SECRET);
    for name in ["hub/000", "hub/001"] {
        let connect = first_piece(name);
        assert!(entrance.connect(0, &connect).is_some(), "{name}");
        assert!(entrance.connect(310_000, &connect).is_none(), "{name}");
    }
    let site = Site::new(hub::NAME, hub::SECRET).unwrap();
    let answer = String::from_utf8(site.answer(&first_piece("hub/002"))).unwrap();
    assert!(answer.contains("iceServers"), "{answer}");
    let answers = String::from_utf8(site.answer(&first_piece("hub/003"))).unwrap();
    assert_eq!(answers.matches("HTTP/1.").count(), 3, "{answers}");
}

#[test]
fn plans_are_lived_and_their_faults_happen() {
    let coverage = |number| run(&plan(&seed(&format!("engine/{number:03}"))), false).coverage;
    assert!(coverage(0).of(Row::MessageDelivered) >= 6);
    assert_eq!(coverage(1).of(Row::Crashed), 1);
    assert!(coverage(5).of(Row::Invited) >= 2);
    assert_eq!(coverage(6).of(Row::FloodedGaps), 1);
}

#[test]
fn users_of_the_relay_get_data_through() {
    for (name, to_peers, to_clients) in
        [("relay/000", 2, 2), ("relay/001", 3, 1), ("relay/002", 1, 0)]
    {
        let counters = relay::run(&seed(name));
        let packets = (counters.to_peers.packets, counters.to_clients.packets);
        assert_eq!(packets, (to_peers, to_clients), "{name}");
    }
}
