//! Tells when interfaces, addresses or routes have changed, where the system says so
//! (rtnetlink(7)). Elsewhere they are looked at once a second anyway.

#[cfg(target_os = "linux")]
use std::io;

#[cfg(target_os = "linux")]
use rustix::io::Errno;
#[cfg(target_os = "linux")]
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, netlink, socket_with};
#[cfg(target_os = "linux")]
use tokio::net::UdpSocket;

/// Links, addresses and routes of both families: `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`,
/// `RTMGRP_IPV4_ROUTE`, `RTMGRP_IPV6_IFADDR`, `RTMGRP_IPV6_ROUTE`.
#[cfg(target_os = "linux")]
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/// The system's word.
#[derive(Debug)]
pub(crate) struct Changes {
    /// A netlink socket. Only `recv` is called on it, which is the same for all kinds of sockets.
    #[cfg(target_os = "linux")]
    socket: Option<UdpSocket>,
}

impl Changes {
    /// Listens, if the system lets us. To be called within a runtime.
    #[cfg(target_os = "linux")]
    pub(crate) fn open() -> Self {
        let socket = listen().inspect_err(|error| {
            tracing::info!(%error, "changes of the network are noticed within a second only");
        });
        Self { socket: socket.ok() }
    }

    /// There is no such word here.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn open() -> Self {
        Self {}
    }

    /// Waits until something may have changed. What exactly is not told: whoever waits looks.
    #[cfg(target_os = "linux")]
    pub(crate) async fn noticed(&mut self) {
        let Some(socket) = &self.socket else { return std::future::pending().await };
        let mut unread = [0; 64];
        match socket.recv(&mut unread).await {
            Ok(_) => while socket.try_recv(&mut unread).is_ok() {},
            // There was more than fits: a change as well.
            Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => {}
            Err(error) => {
                tracing::warn!(%error, "changes of the network are not told any more");
                self.socket = None;
            }
        }
    }

    /// Never.
    #[cfg(not(target_os = "linux"))]
    pub(crate) async fn noticed(&mut self) {
        std::future::pending().await
    }
}

#[cfg(target_os = "linux")]
fn listen() -> io::Result<UdpSocket> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    // The protocol's number is that of `NETLINK_ROUTE`, which is 0.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    bind(&socket, &netlink::SocketAddrNetlink::new(0, GROUPS))?;
    UdpSocket::from_std(socket.into())
}
