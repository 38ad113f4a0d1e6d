//! Two nodes of whom nothing gets out but TLS to one port: the one at which a hub has its site.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tincan_hub::{Hub, TlsConfig};
use tincan_node::engine::{
    BrokerState, Command, ContactStatus, Delivery, Event, Path, PeerState, Target,
};
use tincan_node::{Config, Events, Handle, Node};
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// An address that no machine has: nothing gets from it to anybody.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));

/// A certificate for loopback, and the authority that signed it.
struct Certificate {
    folder: TempDir,
}

impl Certificate {
    fn new() -> Self {
        let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![LOOPBACK.to_string()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let it = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(it.path("ca.pem"), authority.pem()).unwrap();
        fs::write(it.path("cert.pem"), certificate.pem()).unwrap();
        fs::write(it.path("key.pem"), key.serialize_pem()).unwrap();
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn hub(&self, change: impl FnOnce(&mut tincan_hub::Config)) -> Hub {
        let mut config = tincan_hub::Config::on(LOOPBACK);
        config.tls = Some(TlsConfig::new(self.path("cert.pem"), self.path("key.pem")));
        config.relay.secret = Some("shared by both hubs".to_owned());
        change(&mut config);
        Hub::start(config).await.unwrap()
    }
}

/// Waits for the first event that gives something.
async fn until<T>(events: &mut Events, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let search = async {
        loop {
            let event = events.next().await.expect("the node is there");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("it happens in time")
}

async fn connected(handle: &Handle) {
    let mut events = handle.events().await;
    if handle.status().await.unwrap().broker.state != BrokerState::Connected {
        until(&mut events, |event| match event {
            Event::Broker(view) => (view.state == BrokerState::Connected).then_some(()),
            _ => None,
        })
        .await;
    }
}

/// The way over which two nodes talk that meet at the first hub, from where they are sent to the
/// second one's site for a relay.
async fn path_over(certificate: &Certificate, relaying: &Hub) -> Path {
    let url = format!("turns:127.0.0.1:{}?transport=tcp", relaying.addresses().http.port());
    let meeting = certificate.hub(|config| config.relay.elsewhere = vec![url]).await;
    let origin = format!("https://{}", meeting.addresses().http);
    let homes = tempfile::tempdir().unwrap();
    let start = async |name: &str| {
        let mut config = Config::new(homes.path().join(name));
        config.hub = Some(origin.clone());
        config.ca_file = Some(certificate.path("ca.pem"));
        config.listen_addresses = Some(vec![NOWHERE]);
        Node::start(config).await.unwrap()
    };
    let (a, b) = (start("a").await, start("b").await);
    let (ha, hb) = (a.handle(), b.handle());
    connected(&ha).await;
    let hour = Duration::from_secs(3_600);
    let invite = ha.invite(Some(origin.clone()), vec![], 1, hour).await.unwrap();
    let (mut at_a, mut at_b) = (ha.events().await, hb.events().await);
    hb.add(Target::Invite(invite), None).await.unwrap();
    until(&mut at_b, |event| match event {
        Event::Contact { contact } => (contact.status == ContactStatus::Accepted).then_some(()),
        _ => None,
    })
    .await;
    let sent = ha.send(b.id(), "the long way").await.unwrap();
    let state = ha.wait_delivered(b.id(), sent.id, PATIENCE).await.unwrap();
    assert!(matches!(state, Delivery::Delivered | Delivery::Read), "{state:?}");
    ha.command(Command::OpenChat { contact: b.id(), screen: ha.screen() }).await.unwrap();
    let path = until(&mut at_a, |event| match event {
        Event::Peer(view) if view.state == PeerState::Connected => view.path,
        _ => None,
    })
    .await;
    assert_eq!(relaying.stats().allocations, 2);
    a.close().await;
    b.close().await;
    meeting.shutdown().await;
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_reach_nothing_but_tls_at_a_sites_port_are_relayed() {
    let certificate = Certificate::new();
    let relaying = certificate.hub(|config| config.relay.allow_private_peers = true).await;
    let path = path_over(&certificate, &relaying).await;
    assert_eq!((path.local.as_str(), path.remote.as_str()), ("relay", "relay"));
    relaying.shutdown().await;
}
