//! Opening and closing a hub.

use std::time::{Duration, Instant};

use tincan_hub::{Config, Hub, HubError};
use tincan_mqtt::{CloseReason, Event, Qos, Version};
use tincan_wire::Leaf;
use tokio::net::{TcpStream, UdpSocket};

use crate::client::{ALL_WAYS, Client, Over};
use crate::user::User;
use crate::{LOOPBACK, hub, hub_with};

#[tokio::test]
async fn shutdown_is_quick_tells_clients_and_frees_the_ports() {
    let hub = hub().await;
    let a = hub.addresses();
    let mut clients = vec![];
    for (n, way) in ALL_WAYS.into_iter().enumerate() {
        clients.push((way, Client::by(way, &User::new(n as u8), &hub).await));
    }
    let _silent = TcpStream::connect(a.mqtt).await.unwrap();
    let began = Instant::now();
    hub.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());

    for ((_, version), mut client) in clients {
        let reason = match client.wait_for(|e| matches!(e, Event::Closed { .. })).await {
            Event::Closed { reason } => reason,
            other => unreachable!("{other:?}"),
        };
        match version {
            Version::V5 => assert_eq!(reason, CloseReason::ServerDisconnect(0x8B)),
            Version::V311 => assert_eq!(reason, CloseReason::Transport),
        }
    }
    for address in [a.mqtt, a.websocket, a.http] {
        assert!(TcpStream::connect(address).await.is_err(), "{address}");
    }
    UdpSocket::bind(a.stun).await.unwrap();
}

#[tokio::test]
async fn shutdown_is_quick_with_a_client_that_is_being_slowed_down() {
    let hub = hub_with(|config| {
        (config.limits.publishes_per_second, config.limits.publish_burst) = (1, 1);
    })
    .await;
    let user = User::new(1);
    let mut client = Client::of(&user, &hub).await;
    for _ in 0..20 {
        client.send(&user.topic(Leaf::Offer), "x", Qos::AtLeastOnce).await;
    }
    let began = Instant::now();
    hub.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn dropping_a_hub_closes_it() {
    let hub = hub().await;
    let address = hub.addresses().mqtt;
    let mut client = Client::of(&User::new(1), &hub).await;
    drop(hub);
    client.wait_for(|e| matches!(e, Event::Closed { .. })).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_hub_opens_again_on_the_ports_it_had() {
    let first = hub().await;
    let a = first.addresses();
    let mut client = Client::of(&User::new(1), &first).await;
    first.shutdown().await;
    let again = hub_with(|config| {
        config.ports.http = a.http.port();
        config.ports.mqtt = a.mqtt.port();
        config.ports.websocket = a.websocket.port();
        config.ports.stun = a.stun.port();
    })
    .await;
    assert_eq!(again.addresses(), a);
    client.wait_for(|e| matches!(e, Event::Closed { .. })).await;
    client.sign_in(Over::Tcp, &User::new(1), &again).await;
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = hub().await;
    let mut config = Config::on(LOOPBACK);
    config.ports.mqtt = first.addresses().mqtt.port();
    let error = Hub::start(config).await.unwrap_err();
    assert!(matches!(error, HubError::Bind { purpose: "MQTT", .. }), "{error}");
    assert!(error.to_string().contains(&first.addresses().mqtt.to_string()), "{error}");
}

#[tokio::test]
async fn bad_settings_are_refused() {
    let check = async |change: &dyn Fn(&mut Config)| {
        let mut config = Config::on(LOOPBACK);
        change(&mut config);
        Hub::start(config).await.unwrap_err()
    };
    assert!(matches!(check(&|c| c.name = String::new()).await, HubError::Name));
    assert!(matches!(check(&|c| c.name = "x".repeat(257)).await, HubError::Name));
    let host = check(&|c| c.public_host = Some("http://x".into())).await;
    assert!(matches!(host, HubError::PublicHost(_)));
    let storage = check(&|c| c.data_dir = Some("/dev/null/x".into())).await;
    assert!(matches!(storage, HubError::Storage(_)), "{storage}");
}

#[tokio::test]
async fn two_hubs_do_not_share_a_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    let _first = hub_with(|config| config.data_dir = Some(directory.path().into())).await;
    let mut config = Config::on(LOOPBACK);
    config.data_dir = Some(directory.path().into());
    let error = Hub::start(config).await.unwrap_err();
    assert!(matches!(error, HubError::Storage(_)), "{error}");
}
