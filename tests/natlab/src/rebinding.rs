//! Routers that forget: every mapping is gone, as after a power cut, or the provider gives
//! another address.

use std::io;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, netlink, recv, send, socket};

use crate::kind::Nat;
use crate::lab::Lab;
use crate::machine::Machine;
use crate::plan::{PUBLIC4, Side};
use crate::rules;

/// `NLM_F_REQUEST` and `NLM_F_ACK`.
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;

/// `NFNL_SUBSYS_CTNETLINK` and `IPCTNL_MSG_CT_DELETE`: without attributes it means all entries.
const DELETE_CONNTRACK: u16 = (1 << 8) | 2;

impl Lab {
    /// Every router on the way of a side forgets its mappings and what it let in for them.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn forget_mappings(&self, side: Side) {
        let nat = self.kind(side).nat;
        forget(self.router(side), matches!(nat, Nat::FullCone | Nat::Restricted));
        if nat.has_carrier()
            && let Some(carrier) = self.carrier()
        {
            forget(carrier, nat == Nat::Cgnat);
        }
    }

    /// The router of a side gets another outside address, and forgets what it had mapped to the
    /// old one.
    ///
    /// # Panics
    /// When the router has no outside IPv4 address of its own, or hosts behind it have public
    /// ones.
    pub fn renumber(&self, side: Side) {
        let (router, nat) = (self.router(side), self.kind(side).nat);
        let is_natted = !nat.is_public() && !nat.has_carrier() && nat != Nat::V6Only;
        assert!(is_natted, "{} has no address to change", nat.name());
        let network = self.network(side);
        let (old, new) = (self.wan4(side), network.next_wan4());
        router.ip(&[
            format!("addr del {old}/24 dev wan"),
            format!("addr add {new}/24 dev wan"),
            format!("route replace default via {PUBLIC4}.1"),
        ]);
        let lan = format!("{}.0/24", network.lan4(nat));
        router.nft(&format!("delete table ip nat\n{}", rules::nat(nat, &new, &lan)));
        forget(router, false);
    }
}

fn forget(router: &Machine, is_cone: bool) {
    if is_cone {
        router.nft("flush map ip nat inside\nflush set ip nat talked\n");
    }
    router.enter(flush_conntrack).expect("the routers are ours");
}

/// What `conntrack -F` does, which is in a package that few have.
fn flush_conntrack() -> io::Result<()> {
    let netfilter = socket(AddressFamily::NETLINK, SocketType::RAW, Some(netlink::NETFILTER))?;
    let mut message = Vec::with_capacity(20);
    message.extend_from_slice(&20_u32.to_ne_bytes());
    message.extend_from_slice(&DELETE_CONNTRACK.to_ne_bytes());
    message.extend_from_slice(&(REQUEST | ACKNOWLEDGE).to_ne_bytes());
    // Sequence and port, which the kernel fills in; then any family, version 0, no resource.
    message.extend_from_slice(&[0; 12]);
    send(&netfilter, &message, SendFlags::empty())?;
    let mut answer = [0; 256];
    let (length, _) = recv(&netfilter, &mut answer, RecvFlags::empty())?;
    // An acknowledgement is an error message with the number 0.
    match answer[..length].get(16..20).map(|number| number.try_into().map(i32::from_ne_bytes)) {
        Some(Ok(0)) => Ok(()),
        Some(Ok(error)) => Err(io::Error::from_raw_os_error(-error)),
        _ => Err(io::Error::other("netfilter answers in another form")),
    }
}
