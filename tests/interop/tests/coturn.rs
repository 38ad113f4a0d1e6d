//! coturn's clients at the hub's relay, over every transport and at every port.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tincan_hub::{Addresses, Config, Hub, TlsConfig};
use tincan_interop::coturn::{self, Over};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

const SECRET: &str = "north";

/// A hub with a certificate, whose relay knows the secret.
struct Relaying {
    hub: Hub,
    folder: TempDir,
}

impl Relaying {
    async fn at(bind: IpAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![bind.to_string()]).unwrap();
        let certificate = certificate.signed_by(&key, &authority).unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("ca.pem"), authority.pem()).unwrap();
        fs::write(path("fullchain.pem"), certificate.pem()).unwrap();
        fs::write(path("privkey.pem"), key.serialize_pem()).unwrap();
        let mut config = Config::on(bind);
        config.tls = Some(TlsConfig::new(path("fullchain.pem"), path("privkey.pem")));
        config.relay.secret = Some(SECRET.to_owned());
        config.relay.allow_private_peers = true;
        Self { hub: Hub::start(config).await.unwrap(), folder }
    }

    fn ca_file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }
}

async fn check(port: impl Fn(&Addresses) -> SocketAddr, over: Over, more: &[&str]) {
    let relaying = Relaying::at(LOOPBACK).await;
    let at = port(&relaying.hub.addresses());
    let run = coturn::relay(at, over, SECRET, more).await.unwrap();
    assert!(run.lost_nothing(), "{}", run.said);
    relaying.hub.shutdown().await;
}

fn turns(at: &Addresses) -> SocketAddr {
    at.turns.expect("there is a certificate")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_udp() {
    check(|at| at.stun, Over::Udp, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_udp_with_send_indications() {
    check(|at| at.stun, Over::Udp, &["-s"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_udp_with_large_messages() {
    check(|at| at.stun, Over::Udp, &["-l", "1300"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tcp() {
    check(|at| at.stun, Over::Tcp, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tcp_with_send_indications() {
    check(|at| at.stun, Over::Tcp, &["-s"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tcp_at_the_sites_port() {
    check(|at| at.http, Over::Tcp, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_at_a_port_of_its_own() {
    check(turns, Over::Tls, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_with_send_indications() {
    check(turns, Over::Tls, &["-s"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_at_the_port_of_stun() {
    check(|at| at.stun, Over::Tls, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_at_the_sites_port() {
    check(|at| at.http, Over::Tls, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_is_one_that_coturn_takes() {
    let relaying = Relaying::at(LOOPBACK).await;
    let at = turns(&relaying.hub.addresses());
    let ca_file = relaying.ca_file();
    let run = coturn::relay(at, Over::Tls, SECRET, &["-E", &ca_file]).await.unwrap();
    assert!(run.lost_nothing(), "{}", run.said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_another_secret_nothing_is_relayed() {
    let relaying = Relaying::at(LOOPBACK).await;
    let at = relaying.hub.addresses().stun;
    let run = coturn::relay(at, Over::Tcp, "south", &[]).await.unwrap();
    assert!(!run.lost_nothing() && run.said.contains("Cannot complete Allocation"), "{}", run.said);
    assert_eq!(relaying.hub.stats().allocations, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stun_over_ipv4_and_ipv6() {
    for bind in [LOOPBACK, IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let relaying = Relaying::at(bind).await;
        let run = coturn::stun(relaying.hub.addresses().stun).await.unwrap();
        let address = format!("UDP reflexive addr: {bind}:");
        assert!(run.success && run.said.contains(&address), "{}", run.said);
    }
}
