//! A network that loses packets, or is away for a while. Each is over when it is dropped.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::lab::Lab;
use crate::machine::Machine;
use crate::plan::Side;

/// A share of the packets between a LAN and the world is lost.
#[derive(Debug)]
pub struct Loss<'a> {
    router: &'a Machine,
    table: String,
}

impl<'a> Loss<'a> {
    /// So many of a hundred packets are lost at a side's router, in each direction: at the router,
    /// since a program whose own machine drops a packet is told so.
    pub fn of(lab: &'a Lab, side: Side, percent: u32) -> Self {
        let rules = ["iifname", "oifname"]
            .map(|end| format!("{end} != wan numgen random mod 100 < {percent} drop"));
        Self::at(lab.router(side), &rules.join("\n"))
    }

    fn at(router: &'a Machine, rules: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let table = format!("loss{}", NEXT.fetch_add(1, Ordering::Relaxed));
        router.nft(&format!(
            "table inet {table} {{
               chain through {{ type filter hook forward priority -10;
                 {rules}
               }}
             }}\n"
        ));
        Self { router, table }
    }
}

impl Drop for Loss<'_> {
    fn drop(&mut self) {
        self.router.nft(&format!("delete table inet {}\n", self.table));
    }
}

/// An outage.
#[derive(Debug)]
pub struct Cut<'a> {
    way: Way<'a>,
}

#[derive(Debug)]
enum Way<'a> {
    Silence { _all: Loss<'a> },
    Cable { router: &'a Machine, port: String },
}

impl<'a> Cut<'a> {
    /// Nothing passes a side's router, and nobody is told.
    pub fn silent(lab: &'a Lab, side: Side) -> Self {
        Self { way: Way::Silence { _all: Loss::at(lab.router(side), "drop") } }
    }

    /// The host's cable is out of the router: the host sees that its link is down.
    pub fn cable(lab: &'a Lab, side: Side) -> Self {
        let (router, port) = (lab.router(side), format!("lan-{}", side.letter()));
        router.ip(&[format!("link set {port} down")]);
        Self { way: Way::Cable { router, port } }
    }
}

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        if let Way::Cable { router, port } = &self.way {
            router.ip(&[format!("link set {port} up")]);
        }
    }
}
