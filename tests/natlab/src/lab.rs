//! The topology: who is cabled to whom, with which addresses, routes and rules.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::kind::{Kind, Nat};
use crate::machine::{self, Machine};
use crate::plan::{CARRIER, CARRIER_LAN, PUBLIC4, PUBLIC6, Side, further4, server4, server6};
use crate::rules;

/// Nothing may get in the way of odd routes; IPv6 addresses are good at once; and a bridge must
/// not ask the router's rules about frames, or hairpin dies in it.
const KERNEL: &str = "
    for i in all default; do
        echo 0 > /proc/sys/net/ipv4/conf/$i/rp_filter
    done
    for f in /proc/sys/net/ipv6/conf/*/accept_dad; do [ ! -e $f ] || echo 0 > $f; done
    for f in /proc/sys/net/bridge/bridge-nf-call-ip*tables; do [ ! -e $f ] || echo 0 > $f; done";

/// The port to which every kind of router lets TCP out.
pub(crate) const EVERYBODYS_PORT: u16 = 443;

/// How long the cables may take.
const READY: Duration = Duration::from_secs(10);

/// What makes a router of a machine.
const FORWARD: &str = "
    echo 1 > /proc/sys/net/ipv4/ip_forward
    echo 1 > /proc/sys/net/ipv6/conf/all/forwarding 2>/dev/null || true";

/// What is to be laid.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The first host's router.
    pub a: Kind,
    /// The second's.
    pub b: Kind,
    /// The router of another LAN, to which the first host's second cable leads; it is not plugged
    /// in before [`Lab::walk`].
    pub second: Option<Kind>,
    /// So many further servers on the public network, 0 to 9, each a machine of its own with an
    /// IPv4 address.
    pub further: u8,
}

impl Layout {
    /// Two routers and one server.
    pub fn of(a: Kind, b: Kind) -> Self {
        Self { a, b, second: None, further: 0 }
    }
}

/// Two hosts behind two routers, and a server on the public network between them.
#[derive(Debug)]
pub struct Lab {
    kinds: BTreeMap<Side, Kind>,
    further: u8,
    machines: BTreeMap<String, Machine>,
}

/// What a machine gets: lines of `ip`, and rules.
#[derive(Debug, Default)]
struct Draft {
    lines: Vec<String>,
    rules: String,
}

type Drafts = BTreeMap<String, Draft>;

impl Lab {
    /// Builds one. Only inside an [`Enclosure`](crate::Enclosure).
    ///
    /// # Panics
    /// When the kernel refuses something, or the kinds do not go together: two hosts behind
    /// one carrier need one kind of it.
    pub fn up(a: Kind, b: Kind) -> Self {
        Self::laid(Layout::of(a, b))
    }

    /// The same with more.
    ///
    /// # Panics
    /// As [`Lab::up`].
    pub fn laid(Layout { a, b, second, further }: Layout) -> Self {
        assert_ne!(a.nat, Nat::Same, "only the second host can be on the other's LAN");
        let carriers: Vec<Nat> =
            [a, b].map(|k| k.nat).into_iter().filter(|n| n.has_carrier()).collect();
        assert!(carriers.windows(2).all(|pair| pair[0] == pair[1]), "one carrier, one kind");
        let mut kinds = BTreeMap::from([(Side::A, a), (Side::B, b)]);
        kinds.extend(second.map(|kind| (Side::C, kind)));
        let mut lab = Self { kinds, further, machines: BTreeMap::new() };
        lab.cable(carriers.first().copied());
        let drafts = lab.draft(carriers.first().copied());
        lab.configure(drafts);
        for side in [Side::A, Side::B] {
            lab.await_server(side);
        }
        lab
    }

    /// Waits until a side's host reaches the server by each family that it has: the kernel takes
    /// cables into use when it has time for it.
    ///
    /// # Panics
    /// When it never does.
    pub fn await_server(&self, side: Side) {
        let kind = self.kind(side);
        let v4 = (kind.nat != Nat::V6Only).then(|| IpAddr::from(server4()[0]));
        let further = (0..self.further).map(|nth| IpAddr::from(further4(nth)));
        let servers = v4.into_iter().chain(kind.v6.then(|| server6()[0].into()));
        let servers = servers.chain(further.filter(|_| v4.is_some()));
        self.host(side).enter(|| {
            for server in servers {
                let end = Instant::now() + READY;
                while !is_refused((server, EVERYBODYS_PORT).into()) {
                    assert!(Instant::now() < end, "{kind}: {side:?} does not reach {server}");
                }
            }
        });
    }

    /// What a side's router is; of a host on the other's LAN, that one's.
    pub fn kind(&self, side: Side) -> Kind {
        match self.kinds[&side] {
            Kind { nat: Nat::Same, .. } => self.kinds[&Side::A],
            kind => kind,
        }
    }

    /// Whether both hosts are on one LAN.
    pub fn is_shared(&self) -> bool {
        self.kinds[&Side::B].nat == Nat::Same
    }

    /// A side's host.
    pub fn host(&self, side: Side) -> &Machine {
        self.machine(if side == Side::B { "b" } else { "a" })
    }

    /// The router of a side's host.
    pub fn router(&self, side: Side) -> &Machine {
        self.machine(&self.network(side).router())
    }

    /// The public server.
    pub fn server(&self) -> &Machine {
        self.machine("server")
    }

    /// A further server, and its address.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn further(&self, nth: u8) -> (&Machine, IpAddr) {
        (self.machine(&further_name(nth)), further4(nth).into())
    }

    /// The carrier's router, if there is one.
    pub fn carrier(&self) -> Option<&Machine> {
        self.machines.get("cgn")
    }

    /// The addresses of a side's host.
    pub fn addresses(&self, side: Side) -> Vec<IpAddr> {
        self.network(side).host_addresses(self.kind(side), side.host())
    }

    /// The side whose LAN a side's host is on.
    pub(crate) fn network(&self, side: Side) -> Side {
        if side == Side::B && self.is_shared() { Side::A } else { side }
    }

    /// What a side's router has on its outside.
    pub(crate) fn wan4(&self, side: Side) -> String {
        let network = self.network(side);
        network.wan4(self.kind(network).nat)
    }

    /// The first host walks from its LAN to the other one: one cable is pulled, then the other
    /// plugged in.
    ///
    /// # Panics
    /// When there is no second LAN.
    pub fn walk(&self) {
        assert!(self.kinds.contains_key(&Side::C), "there is nowhere to walk to");
        let host = self.host(Side::A);
        host.ip(&["link set eth0 down".to_owned(), "addr flush dev eth0".to_owned()]);
        let kind = self.kind(Side::C);
        host.ip(&host_lines("eth1", Side::C, kind, Side::C.host()));
    }

    fn machine(&self, name: &str) -> &Machine {
        self.machines.get(name).unwrap_or_else(|| panic!("this lab has no {name}"))
    }

    /// Whose routers there are.
    fn routed(&self) -> impl Iterator<Item = Side> {
        let sides = self.kinds.iter().filter(|(_, kind)| kind.nat != Nat::Same);
        sides.map(|(side, _)| *side).collect::<Vec<_>>().into_iter()
    }

    fn is_behind_carrier(&self, side: Side) -> bool {
        self.kind(side).nat.has_carrier()
    }

    /// Makes the machines and the cables between them.
    fn cable(&mut self, carrier: Option<Nat>) {
        // A lab's name must not be another's that is still going away.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let lab = NEXT.fetch_add(1, Ordering::Relaxed);
        let space = |name: &str| format!("nl{}x{lab}-{name}", std::process::id());
        let mut names = ["pub", "server", "a", "b"].map(str::to_owned).to_vec();
        names.extend(self.routed().map(Side::router));
        names.extend((0..self.further).map(further_name));
        names.extend(carrier.map(|_| "cgn".to_owned()));
        let mut lines: Vec<String> =
            names.iter().map(|name| format!("netns add {}", space(name))).collect();
        // A cable whose ends have one number each in their name spaces, and the same, counts as
        // plugged in only up to a second later.
        let mut number = 10;
        let mut cable = |(one, at_one): (&str, &str), (other, at_other): (&str, &str)| {
            let (one, other) = (space(one), space(other));
            number += 2;
            lines.push(format!(
                "link add {at_one} index {number} netns {one} type veth \
                 peer name {at_other} index {} netns {other}",
                number + 1
            ));
        };
        cable(("server", "eth0"), ("pub", "server"));
        for name in (0..self.further).map(further_name) {
            cable((&name, "eth0"), ("pub", &name));
        }
        cable(("a", "eth0"), ("ra", "lan-a"));
        cable(("b", "eth0"), (&self.network(Side::B).router(), "lan-b"));
        if self.kinds.contains_key(&Side::C) {
            cable(("a", "eth1"), ("rc", "lan-a"));
        }
        for side in self.routed() {
            let above = if self.is_behind_carrier(side) { "cgn" } else { "pub" };
            cable((&side.router(), "wan"), (above, &side.router()));
        }
        if carrier.is_some() {
            cable(("cgn", "wan"), ("pub", "cgn"));
        }
        self.machines =
            names.iter().map(|name| (name.clone(), Machine::new(space(name)))).collect();
        machine::ip(&lines);
    }

    fn draft(&self, carrier: Option<Nat>) -> Drafts {
        let names = self.machines.keys().cloned();
        let mut drafts: Drafts = names.map(|name| (name, Draft::default())).collect();
        self.draft_public(&mut drafts, carrier.is_some());
        if let Some(kind) = carrier {
            self.draft_carrier(&mut drafts, kind);
        }
        for side in self.routed() {
            self.draft_router(&mut drafts, side);
        }
        let eth0 =
            |side: Side| host_lines("eth0", self.network(side), self.kind(side), side.host());
        at(&mut drafts, "a").lines.extend(eth0(Side::A));
        at(&mut drafts, "b").lines.extend(eth0(Side::B));
        drafts
    }

    fn draft_public(&self, drafts: &mut Drafts, has_carrier: bool) {
        let mut ports = vec!["server".to_owned()];
        ports.extend(self.routed().filter(|s| !self.is_behind_carrier(*s)).map(Side::router));
        ports.extend(has_carrier.then(|| "cgn".to_owned()));
        ports.extend((0..self.further).map(further_name));
        let public = at(drafts, "pub");
        public.lines.extend(bridge(&ports));
        public.lines.push(format!("addr add {PUBLIC4}.1/24 dev br0"));
        public.lines.push(format!("addr add {PUBLIC6}:1/64 dev br0 nodad"));
        let server = at(drafts, "server");
        server.lines.push("link set eth0 up".to_owned());
        for host in [10, 11] {
            server.lines.push(format!("addr add {PUBLIC4}.{host}/24 dev eth0"));
            server.lines.push(format!("addr add {PUBLIC6}:{host}/64 dev eth0 nodad"));
        }
        server.lines.push(format!("route add default via {PUBLIC4}.1"));
        server.lines.push(format!("route add default via {PUBLIC6}:1"));
        for nth in 0..self.further {
            at(drafts, &further_name(nth)).lines.extend([
                "link set eth0 up".to_owned(),
                format!("addr add {}/24 dev eth0", further4(nth)),
                format!("route add default via {PUBLIC4}.1"),
            ]);
        }
    }

    fn draft_carrier(&self, drafts: &mut Drafts, kind: Nat) {
        let below: Vec<String> =
            self.routed().filter(|side| self.is_behind_carrier(*side)).map(Side::router).collect();
        let carrier = at(drafts, "cgn");
        carrier.lines.extend(bridge(&below));
        carrier.lines.extend([
            format!("addr add {CARRIER_LAN}.1/24 dev br0"),
            format!("addr add {CARRIER}/24 dev wan"),
            "link set wan up".to_owned(),
            format!("route add default via {PUBLIC4}.1"),
        ]);
        let kind = if kind == Nat::CgnatSymmetric { Nat::Symmetric } else { Nat::FullCone };
        let lan = format!("{CARRIER_LAN}.0/24");
        carrier.rules = rules::nat(kind, CARRIER, &lan) + &rules::filter(kind);
    }

    fn draft_router(&self, drafts: &mut Drafts, side: Side) {
        let Kind { nat, v6 } = self.kind(side);
        let (lan, wan) = (side.lan4(nat), side.wan4(nat));
        let mut ports = vec![if side == Side::B { "lan-b" } else { "lan-a" }.to_owned()];
        if side == Side::A && self.is_shared() {
            ports.push("lan-b".to_owned());
        }
        let mut router = Draft::default();
        router.lines.extend(bridge(&ports));
        router.lines.push("link set wan up".to_owned());
        if nat != Nat::V6Only {
            let above =
                if nat.has_carrier() { format!("{CARRIER_LAN}.1") } else { format!("{PUBLIC4}.1") };
            router.lines.push(format!("addr add {lan}.1/24 dev br0"));
            router.lines.push(format!("addr add {wan}/24 dev wan"));
            router.lines.push(format!("route add default via {above}"));
            if nat.is_public() {
                at(drafts, "pub").lines.push(format!("route add {lan}.0/24 via {wan}"));
            } else {
                router.rules += &rules::nat(inner(nat), &wan, &format!("{lan}.0/24"));
            }
        }
        if v6 {
            let (lan, wan) = (side.lan6(), side.wan6());
            router.lines.push(format!("addr add {lan}:1/64 dev br0 nodad"));
            router.lines.push(format!("addr add {wan}/64 dev wan nodad"));
            router.lines.push(format!("route add default via {PUBLIC6}:1"));
            at(drafts, "pub").lines.push(format!("route add {lan}:/64 via {wan}"));
        }
        router.rules += &rules::filter(nat);
        drafts.insert(side.router(), router);
    }

    fn configure(&self, drafts: Drafts) {
        for (name, mut draft) in drafts {
            let machine = self.machine(&name);
            let is_end = ["a", "b"].contains(&name.as_str()) || name.starts_with("server");
            let kernel = if is_end { KERNEL.to_owned() } else { format!("{KERNEL}{FORWARD}") };
            draft.lines.insert(0, "link set lo up".to_owned());
            machine.configure(&kernel, &draft.lines);
            if !draft.rules.is_empty() {
                machine.nft(&draft.rules);
            }
        }
    }
}

fn further_name(nth: u8) -> String {
    format!("server-{nth}")
}

/// Whether there is a way to a machine that does not listen there, or one that does.
fn is_refused(to: SocketAddr) -> bool {
    let wait = Duration::from_millis(30);
    match TcpStream::connect_timeout(&to, wait) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => true,
        Err(error) => {
            if error.kind() != ErrorKind::TimedOut {
                thread::sleep(wait);
            }
            false
        }
    }
}

/// What a home's own router does below a carrier's, or when it lets almost nothing out.
fn inner(nat: Nat) -> Nat {
    match nat {
        Nat::Cgnat | Nat::CgnatSymmetric | Nat::UdpBlocked => Nat::PortRestricted,
        other => other,
    }
}

fn at<'a>(drafts: &'a mut Drafts, name: &str) -> &'a mut Draft {
    drafts.entry(name.to_owned()).or_default()
}

fn bridge(ports: &[String]) -> Vec<String> {
    let mut lines = vec!["link add br0 type bridge".to_owned()];
    lines.extend(ports.iter().map(|port| format!("link set {port} master br0 up")));
    lines.push("link set br0 up".to_owned());
    lines
}

/// A host's cable, addresses and way out.
fn host_lines(device: &str, network: Side, kind: Kind, host: u8) -> Vec<String> {
    let mut lines = vec![format!("link set {device} up")];
    for address in network.host_addresses(kind, host) {
        let (length, nodad, gateway) = match address {
            IpAddr::V4(_) => (24, "", format!("{}.1", network.lan4(kind.nat))),
            IpAddr::V6(_) => (64, " nodad", format!("{}:1", network.lan6())),
        };
        lines.push(format!("addr add {address}/{length} dev {device}{nodad}"));
        // A wire of the lab's own goes before it.
        lines.push(format!("route add default via {gateway} metric 100"));
    }
    lines
}
