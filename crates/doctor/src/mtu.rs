//! How large datagrams may be.

use crate::check::Check;
use crate::finding::{Finding, Verdict};
use crate::text::{Text, words};

/// What a connection sends at most in one datagram, in bytes of UDP payload.
pub const NEEDED_BYTES: usize = 1_200;

/// The sizes to try, in bytes of UDP payload: what is needed, and what Ethernet carries by IPv6
/// and by IPv4.
pub const MTU_SIZES: [usize; 4] = [NEEDED_BYTES, 1_400, 1_452, 1_472];

/// Which datagrams got through whole, with the order not to cut them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mtu {
    /// The largest of [`MTU_SIZES`] that was answered.
    pub largest: Option<usize>,
}

impl Mtu {
    pub(crate) fn judge(&self) -> Finding {
        let bytes = |size: usize| Text::figure(format!("{size} bytes"));
        match self.largest {
            Some(size) if size >= NEEDED_BYTES => {
                let what = words!["Datagrams of ", bytes(size), " get through whole."];
                Finding::new(Check::Mtu, Verdict::Good, "mtu_enough", what)
            }
            _ => {
                let what =
                    words!["Datagrams of ", bytes(NEEDED_BYTES), " do not get through whole."];
                Finding::new(Check::Mtu, Verdict::Problem, "mtu_small", what)
                    .meaning("Connections stall as soon as something larger is sent over UDP.")
                    .remedy(
                        "Raise the MTU of the VPN or tunnel that is in use to 1280 or more, or \
                         switch it off.",
                    )
            }
        }
    }
}
