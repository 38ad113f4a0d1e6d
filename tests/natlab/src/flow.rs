//! Counting who sends how much to whom, by rules that look and change nothing.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use crate::machine::Machine;

/// Packets of one protocol from one address and port to another, as they are on the cable that
/// is watched: outside of any translation by the machine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Whether it is UDP; else TCP.
    pub udp: bool,
    /// Whether this machine sent it.
    pub sent: bool,
    /// From where.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
    /// How many packets.
    pub packets: u64,
    /// How many bytes of IP packets.
    pub bytes: u64,
}

/// Counts on one machine.
#[derive(Debug)]
pub struct FlowCounter<'a> {
    machine: &'a Machine,
}

/// The sets that count, by direction and family.
const SETS: [(&str, bool); 4] =
    [("sent4", true), ("sent6", true), ("seen4", false), ("seen6", false)];

impl<'a> FlowCounter<'a> {
    /// Counts from now on what passes this interface of a machine; `None`: all but loopback.
    ///
    /// # Panics
    /// When the kernel cannot count.
    pub fn start(machine: &'a Machine, interface: Option<&str>) -> Self {
        let (came, left) = match interface {
            Some(name) => (format!("iifname {name}"), format!("oifname {name}")),
            None => ("iifname != lo".to_owned(), "oifname != lo".to_owned()),
        };
        let set = |name: &str| {
            let address = if name.ends_with('4') { "ipv4_addr" } else { "ipv6_addr" };
            format!(
                "set {name} {{ type {address} . inet_service . {address} . inet_service . \
                 inet_proto; flags dynamic; size 4096; counter; }}\n"
            )
        };
        let note = |name: &str| {
            let ip = if name.ends_with('4') { "ip" } else { "ip6" };
            format!(
                "meta l4proto {{ tcp, udp }} \
                 update @{name} {{ {ip} saddr . th sport . {ip} daddr . th dport . meta l4proto }}"
            )
        };
        let sets: String = SETS.iter().map(|(name, _)| set(name)).collect();
        machine.nft(&format!(
            "table inet flows {{
               {sets}
               chain came {{ type filter hook prerouting priority raw;
                 {came} meta nfproto ipv4 {}
                 {came} meta nfproto ipv6 {}
               }}
               chain left {{ type filter hook postrouting priority 300;
                 {left} meta nfproto ipv4 {}
                 {left} meta nfproto ipv6 {}
               }}
             }}\n",
            note("seen4"),
            note("seen6"),
            note("sent4"),
            note("sent6"),
        ));
        Self { machine }
    }

    /// What passes one interface, which is counted already if this is not the `first` to ask.
    pub(crate) fn start_once(machine: &'a Machine, interface: &str, first: bool) -> Self {
        if first { Self::start(machine, Some(interface)) } else { Self { machine } }
    }

    /// Counts from nothing again.
    pub fn reset(&self) {
        let lines: String =
            SETS.iter().map(|(name, _)| format!("flush set inet flows {name}\n")).collect();
        self.machine.nft(&lines);
    }

    /// What was counted.
    ///
    /// # Panics
    /// When `nft` does not tell.
    pub fn read(&self) -> Vec<Flow> {
        let mut flows = Vec::new();
        for (name, sent) in SETS {
            let text = self.machine.ask_nft(&["list", "set", "inet", "flows", name]);
            let all: Value = serde_json::from_str(&text).expect("nft -j prints JSON");
            let sets = all["nftables"].as_array().into_iter().flatten();
            let elements = sets.filter_map(|part| part["set"]["elem"].as_array()).flatten();
            flows.extend(elements.map(|element| {
                parse(element, sent).unwrap_or_else(|| panic!("nft prints another form: {element}"))
            }));
        }
        flows
    }
}

fn parse(element: &Value, sent: bool) -> Option<Flow> {
    let element = &element["elem"];
    let parts = element["val"]["concat"].as_array()?;
    let [from, from_port, to, to_port, protocol] = parts.as_slice() else { return None };
    let address = |ip: &Value, port: &Value| {
        let ip: IpAddr = ip.as_str()?.parse().ok()?;
        Some(SocketAddr::new(ip, port.as_u64()?.try_into().ok()?))
    };
    Some(Flow {
        udp: protocol == "udp" || protocol == 17,
        sent,
        from: address(from, from_port)?,
        to: address(to, to_port)?,
        packets: element["counter"]["packets"].as_u64()?,
        bytes: element["counter"]["bytes"].as_u64()?,
    })
}
