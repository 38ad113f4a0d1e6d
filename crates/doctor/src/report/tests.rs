use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    Broker, Certificate, Database, Fault, Hub, Ipv6, Measurements, MeetingPlace, Mtu, Multicast,
    Nat, Place, Reached, Relay, Relayed, Running, Storage, StorageFault, Stun, StunAnswer, Way,
    diagnose,
};

/// A machine on which everything is as it should be.
fn good() -> Measurements {
    let took = Duration::from_millis(12);
    let place = |way, port| Place { way, host: "hub.example".into(), port };
    let mapped = SocketAddr::from(([203, 0, 113, 2], 1));
    let stun = Stun {
        place: place(Way::Stun, 3478),
        answer: Some(StunAnswer { mapped: Some(mapped), took }),
    };
    Measurements {
        place: MeetingPlace::Hub,
        storage: Some(Storage {
            name: "/home/anna/tincan".into(),
            commit: Ok(took),
            free_bytes: Some(20_000_000_000),
            database: Database::Sound,
            is_kept: true,
        }),
        running: Some(Running::Nobody),
        hub: Some(Hub {
            place: place(Way::Https, 443),
            answered: Ok(took),
            admitted: Some(Ok(())),
        }),
        clock_behind_ms: Some(3),
        brokers: vec![Broker {
            place: place(Way::Mqtts, 8883),
            outcome: Ok(Reached { opened: took, signed_in: took }),
        }],
        certificates: vec![Certificate {
            place: place(Way::Https, 443),
            seconds_left: Some(60 * 86_400),
        }],
        udp: Some(stun),
        has_ipv4: Some(true),
        nat: Some(Nat {
            local: Some(([192, 168, 1, 10], 5000).into()),
            first: mapped,
            other_port: Some(mapped),
            other_address: Some(mapped),
            heard_other_port: Some(false),
            heard_other_address: Some(false),
            hairpin: Some(true),
            is_far: Some(false),
        }),
        ipv6: Some(Ipv6 {
            has_address: true,
            stun: Some(Stun {
                place: place(Way::Stun, 3478),
                answer: Some(StunAnswer { mapped: "[2001:db8::7]:1".parse().ok(), took }),
            }),
        }),
        relays: vec![Relay {
            place: place(Way::TurnUdp, 3478),
            outcome: Ok(Relayed { allocated: took, returned: took }),
        }],
        mtu: Some(Mtu { largest: Some(1_472) }),
        multicast: Some(Multicast::Works),
        took: Duration::from_millis(1_800),
    }
}

#[test]
fn a_good_machine_is_told_so_in_few_lines() {
    let text = diagnose(&good()).text(Style::Plain);
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    assert!(!text.contains('→') && !text.contains('✗'), "{text}");
    let last =
        "A chat will work, directly with most people, with the others through the relay. (1.8 s)";
    assert_eq!(text.lines().last(), Some(last));
}

#[test]
fn colours_are_for_terminals() {
    let diagnosis = diagnose(&good());
    assert!(!diagnosis.text(Style::Plain).contains('\u{1b}'));
    assert!(diagnosis.text(Style::Coloured).contains("\u{1b}[32m✓\u{1b}[0m storage"));
}

#[test]
fn a_report_says_the_same_without_names() {
    let report = diagnose(&good()).report("0.1.0", "linux");
    assert!(report.starts_with("tincan 0.1.0, linux\n"), "{report}");
    let words = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("sees us at a public IPv4 address."), "{report}");
    for private in ["hub.example", "203.0.113.2", "2001:db8", "192.168", "anna", "/home"] {
        assert!(!report.contains(private), "{private} in {report}");
    }
}

#[test]
fn every_bad_finding_says_what_it_means_or_what_to_do() {
    let silent = Measurements { relays: Vec::new(), nat: None, ..good() };
    let diagnosis = diagnose(&silent);
    let bad = diagnosis.findings().iter().filter(|finding| finding.verdict >= Verdict::Notice);
    for finding in bad {
        assert!(!finding.meaning.is_empty() || !finding.remedy.is_empty(), "{finding:?}");
    }
}

#[test]
fn a_relay_is_missed_where_it_is_needed() {
    let verdict = |seen: &Measurements| diagnose(seen).verdict();
    let without = Measurements { relays: Vec::new(), ..good() };
    assert_eq!(verdict(&without), Verdict::Notice);
    let nat = without.nat.clone().map(|nat| Nat { other_port: nat.first.into(), ..nat });
    let elsewhere = Some(SocketAddr::from(([203, 0, 113, 2], 9)));
    let nat = nat.map(|nat| Nat { other_port: elsewhere, other_address: elsewhere, ..nat });
    assert_eq!(verdict(&Measurements { nat: nat.clone(), ..good() }), Verdict::Notice);
    assert_eq!(verdict(&Measurements { nat, ..without }), Verdict::Problem);
}

#[test]
fn another_way_that_works_makes_a_broken_one_a_notice() {
    let mut seen = good();
    let mut broken = seen.brokers[0].clone();
    broken.outcome = Err(Fault::TimedOut);
    seen.brokers.push(broken.clone());
    assert_eq!(diagnose(&seen).verdict(), Verdict::Notice);
    seen.brokers = vec![broken];
    let diagnosis = diagnose(&seen);
    assert_eq!(diagnosis.verdict(), Verdict::Problem);
    assert_eq!(diagnosis.summary(), "A chat does not work yet: see what is marked ✗.");
    seen.running = Some(Running::Connected);
    assert_eq!(diagnose(&seen).verdict(), Verdict::Notice, "the node there has a way in");
}

#[test]
fn without_a_place_to_meet_only_the_machine_is_looked_at() {
    let nowhere = Measurements { storage: good().storage, ..Measurements::default() };
    let diagnosis = diagnose(&nowhere);
    let codes: Vec<_> = diagnosis.findings().iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["storage_works", "database_sound", "no_hub"]);
    assert_eq!(diagnosis.verdict(), Verdict::Problem);
}

#[test]
fn as_json_it_has_what_programs_need() {
    let value = serde_json::to_value(diagnose(&good())).unwrap();
    assert_eq!(value["verdict"], "good");
    assert_eq!(value["took_ms"], 1_800);
    let finding = &value["findings"][0];
    assert_eq!(finding["check"], "storage");
    assert_eq!(finding["code"], "storage_works");
    let broker = value["findings"].as_array().unwrap().iter().find(|it| it["check"] == "broker");
    assert_eq!(broker.unwrap()["latency_ms"], 24.0);
}

/// Something that must not be published, and is nowhere in our own words.
fn secret() -> impl Strategy<Value = String> {
    "[k-z]{9,14}"
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        secret().prop_map(Fault::CaFile),
        secret().prop_map(Fault::Tls),
        secret().prop_map(Fault::NotAdmitted),
        secret().prop_map(Fault::Turned),
        secret().prop_map(Fault::Other),
        Just(Fault::TimedOut),
        Just(Fault::CertificateExpired),
        Just(Fault::Status(502)),
        Just(Fault::NothingRelayed),
    ]
}

fn outcome<T: Clone + std::fmt::Debug>(good: T) -> impl Strategy<Value = Result<T, Fault>> {
    prop_oneof![Just(Ok(good)), fault().prop_map(Err)]
}

fn address() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        any::<(u32, u16)>().prop_map(|(ip, port)| (Ipv4Addr::from(ip), port).into()),
        any::<(u128, u16)>().prop_map(|(ip, port)| (Ipv6Addr::from(ip), port).into()),
    ]
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![secret(), address().prop_map(|at| at.ip().to_string())]
}

fn storage() -> impl Strategy<Value = Storage> {
    let commit = prop_oneof![
        Just(Ok(Duration::from_millis(2))),
        secret().prop_map(|reason| Err(StorageFault::Other(reason))),
        Just(Err(StorageFault::Full)),
    ];
    let database = prop_oneof![
        Just(Database::Sound),
        secret().prop_map(Database::Damaged),
        secret().prop_map(Database::Unreadable),
    ];
    (secret(), commit, database, any::<Option<u64>>(), any::<bool>()).prop_map(
        |(name, commit, database, free_bytes, is_kept)| Storage {
            name: format!("/home/{name}"),
            commit,
            free_bytes,
            database,
            is_kept,
        },
    )
}

fn nat() -> impl Strategy<Value = Nat> {
    let flags = any::<(Option<bool>, Option<bool>, Option<bool>, Option<bool>)>();
    (
        proptest::option::of(address()),
        address(),
        proptest::option::of(address()),
        proptest::option::of(address()),
        flags,
    )
        .prop_map(|(local, first, other_port, other_address, flags)| Nat {
            local,
            first,
            other_port,
            other_address,
            heard_other_port: flags.0,
            heard_other_address: flags.1,
            hairpin: flags.2,
            is_far: flags.3,
        })
}

fn seen() -> impl Strategy<Value = Measurements> {
    let took = Duration::from_millis(7);
    let reached = Reached { opened: took, signed_in: took };
    let relayed = Relayed { allocated: took, returned: took };
    let outcomes = (outcome(took), outcome(()), outcome(reached), outcome(relayed));
    let running = prop_oneof![
        Just(Running::Connected),
        secret().prop_map(|reason| Running::NotConnected(Some(reason)))
    ];
    let multicast = prop_oneof![Just(Multicast::Silent), secret().prop_map(Multicast::Refused)];
    let stun = proptest::option::of(address());
    (host(), outcomes, storage(), running, multicast, stun, nat(), any::<i64>()).prop_map(
        move |(host, outcomes, storage, running, multicast, mapped, nat, clock)| {
            let place = |way| Place { way, host: host.clone(), port: 443 };
            let answer = Some(StunAnswer { mapped, took });
            let stun = Stun { place: place(Way::Stun), answer };
            Measurements {
                place: MeetingPlace::Hub,
                storage: Some(storage),
                running: Some(running),
                hub: Some(Hub {
                    place: place(Way::Https),
                    answered: outcomes.0,
                    admitted: Some(outcomes.1),
                }),
                clock_behind_ms: Some(clock),
                brokers: vec![Broker { place: place(Way::Wss), outcome: outcomes.2 }],
                certificates: vec![Certificate {
                    place: place(Way::Https),
                    seconds_left: Some(clock),
                }],
                udp: Some(stun.clone()),
                has_ipv4: Some(true),
                nat: Some(nat),
                ipv6: Some(Ipv6 { has_address: true, stun: Some(stun) }),
                relays: vec![Relay { place: place(Way::TurnTls), outcome: outcomes.3 }],
                mtu: Some(Mtu { largest: None }),
                multicast: Some(multicast),
                took,
            }
        },
    )
}

/// All words of a debug print that are secrets or addresses.
fn private_words(seen: &Measurements) -> Vec<String> {
    let mut words: Vec<String> = format!("{seen:?}")
        .split(|c: char| !c.is_ascii_lowercase())
        .filter(|word| word.len() >= 9 && word.chars().all(|c| ('k'..='z').contains(&c)))
        .map(str::to_owned)
        .collect();
    let nat = seen.nat.as_ref().unwrap();
    let mapped = seen.udp.as_ref().unwrap().answer.and_then(|answer| answer.mapped);
    let addresses = [nat.local, Some(nat.first), nat.other_port, nat.other_address, mapped];
    words.extend(addresses.into_iter().flatten().map(|at| at.ip().to_string()));
    words.push(seen.hub.as_ref().unwrap().place.host.clone());
    words.retain(|word| word.len() > 4);
    words
}

proptest! {
    #[test]
    fn a_report_never_names_a_host_an_address_or_a_path(seen in seen()) {
        let report = diagnose(&seen).report("0.1.0", "linux");
        for word in private_words(&seen) {
            prop_assert!(!report.contains(&word), "{} in {}", word, report);
        }
    }

    #[test]
    fn whatever_was_seen_has_words(seen in seen()) {
        let diagnosis = diagnose(&seen);
        prop_assert!(!diagnosis.summary().is_empty());
        for finding in diagnosis.findings() {
            prop_assert!(finding.what.shown().ends_with('.'), "{:?}", finding);
        }
    }
}
