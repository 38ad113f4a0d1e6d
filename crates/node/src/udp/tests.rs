use std::time::Duration;

use tokio::time::timeout;

use super::*;

fn sockets() -> UdpSockets {
    let mut sockets = UdpSockets::bind().unwrap();
    sockets.set_addresses([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].into());
    sockets
}

fn address_of(sockets: &UdpSockets, ip: IpAddr) -> Option<SocketAddr> {
    sockets.host_addresses().into_iter().find(|address| address.ip() == ip)
}

async fn receive(sockets: &mut UdpSockets, count: usize) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
    let mut got = Vec::new();
    while got.len() < count {
        timeout(Duration::from_secs(10), sockets.ready()).await.expect("datagrams come");
        sockets.receive(|ours, theirs, bytes| got.push((ours, theirs, bytes.to_vec())));
    }
    got
}

/// Whether this machine has IPv6 at all; if not, it is said where the harness holds nothing back.
pub(crate) fn has_ipv6() -> bool {
    let has = std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has {
        let line = b"\nSKIPPED: datagrams over IPv6: this machine has none\n";
        std::io::Write::write_all(&mut std::io::stdout(), line).expect("somebody counts them");
    }
    has
}

async fn check(ip: IpAddr, bytes: &[u8], segment_size: Option<usize>) {
    let (a, mut b) = (sockets(), sockets());
    let (Some(from), Some(to)) = (address_of(&a, ip), address_of(&b, ip)) else {
        assert!(ip.is_ipv6() && !has_ipv6(), "no socket of {ip}");
        return;
    };
    a.send(&Outgoing { from, to, bytes, segment_size }).unwrap();
    let segments: Vec<_> = bytes.chunks(segment_size.unwrap_or(bytes.len())).collect();
    let got = receive(&mut b, segments.len()).await;
    for ((ours, theirs, datagram), segment) in got.iter().zip(&segments) {
        assert_eq!((*ours, *theirs), (to, from));
        assert_eq!(datagram, segment);
    }
    assert_eq!(got.len(), segments.len());
}

#[tokio::test]
async fn a_datagram_arrives_with_both_addresses() {
    check(Ipv4Addr::LOCALHOST.into(), b"hello", None).await;
    check(Ipv6Addr::LOCALHOST.into(), b"hello", None).await;
}

#[tokio::test]
async fn segments_arrive_as_datagrams_of_their_own() {
    let bytes: Vec<u8> = (0..10_500).map(|n| u8::try_from(n % 251).unwrap()).collect();
    check(Ipv4Addr::LOCALHOST.into(), &bytes, Some(1_000)).await;
    check(Ipv6Addr::LOCALHOST.into(), &bytes, Some(1_200)).await;
}

#[tokio::test]
async fn nothing_leaves_from_an_address_that_is_not_ours() {
    let (a, mut b) = (sockets(), sockets());
    let to = address_of(&b, Ipv4Addr::LOCALHOST.into()).unwrap();
    let from = address_of(&a, Ipv4Addr::LOCALHOST.into()).unwrap();
    let foreign = SocketAddr::new([192, 0, 2, 99].into(), from.port());
    a.send(&Outgoing { from: foreign, to, bytes: b"no", segment_size: None }).unwrap();
    a.send(&Outgoing { from, to, bytes: b"yes", segment_size: None }).unwrap();
    assert_eq!(receive(&mut b, 1).await[0].2, b"yes");
}

#[tokio::test]
async fn loopback_is_not_asked_to_reach_the_world() {
    let a = sockets();
    let from = address_of(&a, Ipv4Addr::LOCALHOST.into()).unwrap();
    let to = "192.0.2.77:9".parse().unwrap();
    // The kernel would say EINVAL, for which segmentation would be switched off.
    a.send(&Outgoing { from, to, bytes: &[0; 3_000], segment_size: Some(1_000) }).unwrap();
    check(Ipv4Addr::LOCALHOST.into(), &[7; 3_000], Some(1_000)).await;
}
