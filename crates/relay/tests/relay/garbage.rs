//! Nothing that comes in makes the server panic, or do what it was not asked to.

use proptest::prelude::*;
use tincan_relay::message::{Builder, Class, Method, Transaction};
use tincan_relay::request::Wanted;
use tincan_relay::{Client, Config, Dropped, Family, Output, Transport};

use crate::world::{Answer, PEER, World, at, client, config, credential, udp};

fn transport() -> impl Strategy<Value = Transport> {
    prop::sample::select(vec![Transport::Udp, Transport::Tcp, Transport::Tls])
}

#[test]
fn what_is_no_message_is_counted() {
    let mut world = World::new(config());
    for bytes in [&b""[..], b"\x80", b"\x40\0", b"\xFF\xFF\xFF\xFF", b"GET / HTTP/1.1\r\n"] {
        assert_eq!(world.ask(&udp(1), bytes), None);
    }
    assert_eq!(world.dropped(Dropped::Malformed), 5);
}

proptest! {
    #[test]
    fn bytes_of_strangers_do_nothing(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        transport in transport(),
    ) {
        let mut world = World::new(config());
        prop_assert_eq!(world.ask(&client(transport, 1), &bytes), None);
        prop_assert_eq!(world.server.allocations(), 0);
    }

    /// Well-formed messages with attributes that exist, signed by a user with an allocation.
    #[test]
    fn messages_of_users_do_not_break_it(
        transport in transport(),
        messages in prop::collection::vec(
            (
                prop::sample::select(vec![
                    Method::Allocate, Method::Refresh, Method::Send, Method::CreatePermission,
                    Method::ChannelBind, Method::Binding, Method::Data,
                ]),
                any::<bool>(),
                prop::collection::vec(
                    (
                        prop::sample::select(vec![
                            0x000Cu16, 0x000D, 0x0012, 0x0012, 0x0013, 0x0017, 0x0018, 0x0019,
                            0x001A, 0x0022, 0x8000, 0x8022,
                        ]),
                        prop::collection::vec(any::<u8>(), 0..21),
                    ),
                    0..5,
                ),
                any::<u16>(),
            ),
            1..30,
        ),
    ) {
        let bounds = Config { permissions: 3, channels: 3, allocations: 2, ..config() };
        let mut world = World::new(bounds);
        let alice = world.meet(client(transport, 1), &credential("alice"));
        prop_assert_eq!(alice.allocate(&mut world, Wanted::Both), Answer::Granted);
        for (method, is_request, attributes, wait_ms) in messages {
            let class = if is_request { Class::Request } else { Class::Indication };
            let mut message = Builder::new(class, method, Transaction([1; 12]));
            for (kind, value) in attributes {
                message = message.attribute(kind, &value);
            }
            let bytes = if is_request { alice.signature.sign(message) } else { message.finish() };
            let _ = world.server.handle_client(world.now, &alice.client, &bytes);
            world.drain();
            world.now = world.now.plus_ms(u64::from(wait_ms));
            world.server.handle_timeout(world.now);
            world.drain();
            prop_assert!(world.server.allocations() <= 1);
            let relays = world.open.len();
            prop_assert!(relays <= 2);
            prop_assert_eq!(world.server.poll_timeout().is_some(), relays > 0);
        }
    }

    /// Each input makes few outputs, and sockets are closed exactly once.
    #[test]
    fn sockets_are_opened_and_closed_in_pairs(
        actions in prop::collection::vec((0u8..6, 1u16..4), 0..60),
    ) {
        let mut world = World::new(Config { allocations: 2, ..config() });
        let clients: Vec<_> =
            (1..4).map(|port| world.meet(udp(port), &credential("alice"))).collect();
        for (action, port) in actions {
            let alice = &clients[usize::from(port - 1)];
            let _ = match action {
                0 => alice.allocate(&mut world, Wanted::One(Family::V4)),
                1 => alice.allocate(&mut world, Wanted::Both),
                2 => alice.refresh(&mut world, 0),
                3 => alice.bind(&mut world, 0x4000 + port, PEER),
                4 => {
                    world.wait(200);
                    Answer::Silence
                }
                _ => {
                    if let Some((relay, _)) = world.open.pop() {
                        world.server.failed(world.now, relay);
                        world.drain();
                    }
                    Answer::Silence
                }
            };
            prop_assert!(world.server.allocations() <= 2);
            prop_assert!(world.open.len() <= 2 * world.server.allocations());
            prop_assert!(world.server.allocations() <= world.open.len());
        }
    }
}

#[test]
fn a_socket_that_nobody_asked_for_is_closed() {
    let mut world = World::new(config());
    world.allocated(1, "alice");
    let relay = world.last_relay();
    world.server.opened(world.now, relay, at("203.0.113.1:60000"));
    assert_eq!(world.server.poll_output(), Some(Output::Close(relay)));
    let elsewhere = Client { connection: 9, ..udp(1) };
    world.server.client_gone(world.now, &elsewhere);
    assert_eq!(world.server.poll_output(), None);
}
