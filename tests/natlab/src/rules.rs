//! What each kind of router does with packets, as nftables rules.

use crate::kind::Nat;

/// The rules of one NAT with the outside address `wan` and the inside network `lan`. Interfaces
/// other than `wan` are the inside. The mapping is endpoint independent because Linux keeps the
/// source port when it is free; the cones learn (port → inside host) from outgoing packets and
/// translate what comes back. They assume that source ports do not collide.
pub(crate) fn nat(kind: Nat, wan: &str, lan: &str) -> String {
    let cone = matches!(kind, Nat::FullCone | Nat::Restricted);
    let random = if kind == Nat::Symmetric { " fully-random" } else { "" };
    let cone_rules = if cone { cone_rules(kind == Nat::Restricted, wan) } else { String::new() };
    let hairpin = if cone {
        format!("oifname != wan ct status dnat ip saddr {lan} snat to {wan}")
    } else {
        String::new()
    };
    format!(
        "table ip nat {{
           {cone_rules}
           chain post {{ type nat hook postrouting priority srcnat;
             oifname wan masquerade{random}
             {hairpin}
           }}
         }}\n"
    )
}

fn cone_rules(restricted: bool, wan: &str) -> String {
    let (note_talked, who, hairpin) = if restricted {
        (
            "meta l4proto udp update @talked { ip daddr . udp sport }",
            "ip saddr . udp dport @talked",
            format!(
                "ip daddr {wan} meta l4proto udp iifname != wan ip daddr . udp dport @talked \
                 dnat to udp dport map @inside"
            ),
        )
    } else {
        ("", "", String::new())
    };
    format!(
        "map inside {{ type inet_service : ipv4_addr; flags dynamic,timeout; timeout 5m; size 65535; }}
         set talked {{ type ipv4_addr . inet_service; flags dynamic,timeout; timeout 5m; size 65535; }}
         chain note {{
           meta l4proto udp update @inside {{ udp sport : ip saddr }}
           {note_talked}
         }}
         chain learn {{ type filter hook postrouting priority 90;
           ip saddr {wan} accept
           oifname wan jump note
         }}
         chain pre {{ type nat hook prerouting priority dstnat;
           ip daddr {wan} meta l4proto udp {who} dnat to udp dport map @inside
           {hairpin}
         }}
         chain hairpin {{ type filter hook prerouting priority mangle;
           iifname != wan ip daddr {wan} jump note
         }}
         chain undelivered {{ type filter hook input priority 0;
           iifname != wan ip daddr {wan} meta l4proto udp drop
         }}"
    )
}

/// What is let through. What nobody inside asked for is dropped, never rejected: an early packet
/// of the peer that is rejected, hence delivered locally, would leave a conntrack entry that
/// takes the port, and the inside host's own packet would get another.
pub(crate) fn filter(kind: Nat) -> String {
    if kind == Nat::Open {
        return "table inet fw { }\n".to_owned();
    }
    let out = if kind == Nat::UdpBlocked {
        "iifname != wan meta l4proto tcp tcp dport 443 accept
         iifname != wan drop"
    } else {
        ""
    };
    format!(
        "table inet fw {{
           chain incoming {{ type filter hook input priority 0;
             iifname wan ct state established,related accept
             iifname wan meta l4proto ipv6-icmp accept
             iifname wan drop
           }}
           chain through {{ type filter hook forward priority 0;
             ct state established,related accept
             ct status dnat accept
             iifname wan drop
             {out}
           }}
         }}\n"
    )
}
