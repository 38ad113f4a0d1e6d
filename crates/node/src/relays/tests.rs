use tincan_relay::Credential;

use super::*;
use crate::dial::TlsSettings;

fn server(transport: Transport, addresses: &[&str]) -> TurnServer {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let login = Credential { username: "9:x".into(), password: "p".into() };
    TurnServer { transport, host: "127.0.0.1".into(), port: 9, addresses, login }
}

#[tokio::test]
async fn however_many_addresses_are_listed_for_udp_streams_have_room() {
    let mut relays = Relays::default();
    relays.set_dialer(Dialer::new(TlsSettings::default()));
    let mut servers = vec![server(Transport::Udp, &["127.0.0.1:9", "127.0.0.2:9"]); MAX_RELAYS];
    servers.push(server(Transport::Tcp, &[]));
    servers.push(server(Transport::Tls, &[]));
    relays.set_servers(servers);
    let now = Instant::now();
    relays.begin(now, &["127.0.0.1:1".parse().unwrap()]);
    relays.handle_timeout(now + HEAD_START, true);
    let begun = |wanted: Transport| {
        relays.relays.iter().filter(|relay| relay.server.transport == wanted).count()
    };
    let all = [Transport::Udp, Transport::Tcp, Transport::Tls].map(begun);
    assert_eq!(all, [MAX_RELAYS - FOR_STREAMS, 1, 1]);
}
