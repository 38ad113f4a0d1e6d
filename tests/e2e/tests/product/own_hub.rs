//! A chat without any hub: it runs one inside itself, on this machine's addresses, and names it
//! in the invite.

use std::net::IpAddr;

use tincan_e2e::lan::run;
use tincan_e2e::{Namespace, Process, skipped, tincan};
use tincan_node::wire::Invite;

/// The addresses of this machine, in the order in which the system names them.
fn addresses(is_wanted: impl Fn(&IpAddr) -> bool) -> Vec<IpAddr> {
    let all = if_addrs::get_if_addrs().unwrap();
    let usable = all.iter().filter(|interface| !interface.is_link_local());
    usable.map(if_addrs::Interface::ip).filter(is_wanted).collect()
}

/// Ada's chat without a hub, and Bob's with her invite: they meet and talk. Returns the address
/// that the invite named.
fn two_meet() -> IpAddr {
    let (ada_home, bob_home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = tincan(&["--name", "Ada", "chat"]);
    let mut ada = Process::start(command.arg("--home").arg(ada_home.path()));
    let link =
        ada.wait_for("the link", |line| line.starts_with("http://").then(|| line.to_owned()));
    let invite: Invite = link.parse().unwrap();
    let origin = invite.hub.expect("it names the hub");
    let (host, _) = origin.strip_prefix("http://").unwrap().rsplit_once(':').unwrap();
    let host = host.trim_start_matches('[').trim_end_matches(']').parse().unwrap();

    let mut command = tincan(&["--name", "Bob", "chat", &link]);
    let mut bob = Process::start(command.arg("--home").arg(bob_home.path()));
    let heard = |process: &mut Process, words: &str| {
        process.wait_for(words, |line| line.contains(words).then_some(()));
    };
    heard(&mut ada, "Bob is here.");
    heard(&mut bob, "Ada: connected directly (host to host");
    ada.say("Hello Bob");
    heard(&mut bob, "Ada: Hello Bob");
    bob.say("Hello Ada");
    heard(&mut ada, "Bob: Hello Ada");
    let status = Process::run(tincan(&["status"]).arg("--home").arg(bob_home.path()));
    assert!(status.output.contains(&format!("hub       {origin}")), "{status:?}");
    assert!(status.output.contains(&"link      connected".to_owned()), "{status:?}");
    host
}

#[test]
fn the_invite_names_an_address_of_this_machine_that_others_reach() {
    let outside = addresses(|ip| !ip.is_loopback());
    let named = two_meet();
    if outside.is_empty() {
        skipped("an address in the invite that others reach", "this machine has only loopback");
        assert!(named.is_loopback(), "{named}");
    } else {
        assert!(outside.contains(&named), "{named} is none of {outside:?}");
    }
}

/// An interface with a cable that ends in the same machine.
fn lan() {
    run("ip link add lan type veth peer name far");
    run("ip link set far up");
    run("ip link set lan up");
}

#[test]
fn a_machine_without_any_network_is_named_by_loopback() {
    let name = "own_hub::a_machine_without_any_network_is_named_by_loopback";
    if Namespace::Network.is_free(name) {
        run("ip link set lo up");
        assert_eq!(two_meet(), IpAddr::from([127, 0, 0, 1]));
    }
}

#[test]
fn a_machine_without_a_default_route_is_named_by_its_address() {
    let name = "own_hub::a_machine_without_a_default_route_is_named_by_its_address";
    if Namespace::Network.is_free(name) {
        run("ip link set lo up");
        lan();
        run("ip address add 198.51.100.7/24 dev lan");
        assert_eq!(two_meet(), IpAddr::from([198, 51, 100, 7]));
    }
}

#[test]
fn a_machine_with_ipv6_alone_is_named_by_it() {
    let name = "own_hub::a_machine_with_ipv6_alone_is_named_by_it";
    if Namespace::Network.is_free(name) {
        run("ip link set lo up");
        lan();
        run("ip address add fd00:7e57::7/64 dev lan nodad");
        run("ip route add default via fd00:7e57::1 dev lan");
        assert_eq!(two_meet(), "fd00:7e57::7".parse::<IpAddr>().unwrap());
    }
}
