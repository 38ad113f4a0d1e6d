//! Each kind of router does what it is said to do: probed as RFC 5780 does.

use tincan_natlab::probe::{Found, Server, classify};
use tincan_natlab::{Enclosure, Kind, Lab, Nat, Side};

fn check(name: &str, nats: &[Nat]) {
    if !Enclosure::is_free_for(&format!("routers::{name}")) {
        return;
    }
    for nat in nats {
        let (mapping, filtering, hairpin) = nat.promise().unwrap();
        let lab = Lab::up(Kind::of(*nat), Kind::of(Nat::Open));
        let _server = Server::start(&lab);
        let found = classify(&lab, Side::A);
        assert_eq!(found, Found { mapping, filtering, hairpin }, "{}", nat.name());
    }
}

#[test]
fn public_addresses_are_not_translated() {
    check("public_addresses_are_not_translated", &[Nat::Open, Nat::Firewall]);
}

#[test]
fn cones_have_one_outside_port_for_all() {
    let cones = [Nat::FullCone, Nat::Restricted, Nat::PortRestricted];
    check("cones_have_one_outside_port_for_all", &cones);
}

#[test]
fn symmetric_routers_have_a_port_for_each_contact() {
    let nats = [Nat::Symmetric, Nat::CgnatSymmetric];
    check("symmetric_routers_have_a_port_for_each_contact", &nats);
}

#[test]
fn carriers_and_blocked_networks_are_what_they_say() {
    check("carriers_and_blocked_networks_are_what_they_say", &[Nat::Cgnat, Nat::UdpBlocked]);
}
