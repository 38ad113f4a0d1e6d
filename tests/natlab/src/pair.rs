//! The pairs of kinds, and what a connection between them must come to.

use std::fmt;

use crate::kind::{Kind, Nat};

/// What must come of a pair, when each side has host, server-reflexive and peer-reflexive
/// candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// They connect directly.
    Direct,
    /// Only a relay brings them together.
    Relay,
}

/// Two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The one of who opens the session.
    pub a: Kind,
    /// The other's.
    pub b: Kind,
    /// What must come of it.
    pub expect: Expect,
}

impl Pair {
    /// A pair with what the table says of it, whichever of the two is first; of one that it does
    /// not have, that it is direct.
    pub fn expected(a: Kind, b: Kind) -> Self {
        let all = pairs();
        let known = all.iter().find(|pair| [(a, b), (b, a)].contains(&(pair.a, pair.b)));
        Self { a, b, expect: known.map_or(Expect::Direct, |pair| pair.expect) }
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}–{}", self.a, self.b)
    }
}

/// The kinds of the square table.
pub(crate) const SQUARE: [Nat; 7] = [
    Nat::Open,
    Nat::Firewall,
    Nat::FullCone,
    Nat::Restricted,
    Nat::PortRestricted,
    Nat::Symmetric,
    Nat::UdpBlocked,
];

/// Every pair with its expectation.
pub fn pairs() -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (nth, a) in SQUARE.into_iter().enumerate() {
        for b in SQUARE.into_iter().skip(nth) {
            pairs.push(Pair { a: Kind::of(a), b: Kind::of(b), expect: of_square(a, b) });
        }
    }
    pairs.extend(outside_the_square());
    pairs
}

fn of_square(a: Nat, b: Nat) -> Expect {
    use Nat::{Firewall, PortRestricted, Symmetric, UdpBlocked};
    let narrow = |nat| matches!(nat, Firewall | PortRestricted | Symmetric);
    let is_relayed = [a, b].contains(&UdpBlocked)
        // Neither can name the port from which it will write to the other before it has.
        || (narrow(a) && narrow(b) && [a, b].contains(&Symmetric));
    if is_relayed { Expect::Relay } else { Expect::Direct }
}

fn outside_the_square() -> impl Iterator<Item = Pair> {
    use Expect::{Direct, Relay};
    use Nat::{Cgnat, CgnatSymmetric, PortRestricted, Same, Symmetric, UdpBlocked, V6Only};
    let v4 = |a, b, expect| Pair { a: Kind::of(a), b: Kind::of(b), expect };
    [
        v4(PortRestricted, Same, Direct),
        v4(Symmetric, Same, Direct),
        v4(UdpBlocked, Same, Direct),
        v4(Cgnat, Same, Direct),
        v4(Cgnat, Cgnat, Direct),
        v4(Cgnat, PortRestricted, Direct),
        v4(V6Only, V6Only, Direct),
        Pair { a: Kind::with_v6(Symmetric), b: Kind::with_v6(Symmetric), expect: Direct },
        Pair { a: Kind::of(V6Only), b: Kind::with_v6(PortRestricted), expect: Direct },
        v4(CgnatSymmetric, CgnatSymmetric, Relay),
        v4(Cgnat, Symmetric, Relay),
        v4(V6Only, PortRestricted, Relay),
    ]
    .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(a: &str, b: &str) -> Expect {
        let (a, b): (Kind, Kind) = (a.parse().unwrap(), b.parse().unwrap());
        pairs().into_iter().find(|pair| (pair.a, pair.b) == (a, b)).unwrap().expect
    }

    #[test]
    fn the_table_is_that_of_the_theory() {
        let relayed = pairs().iter().filter(|pair| pair.expect == Expect::Relay).count();
        assert_eq!((pairs().len(), relayed), (40, 13));
        assert_eq!(expected("restricted", "symmetric"), Expect::Direct);
        assert_eq!(expected("firewall", "symmetric"), Expect::Relay);
        assert_eq!(expected("open", "symmetric"), Expect::Direct);
        assert_eq!(expected("open", "udpblocked"), Expect::Relay);
        assert_eq!(expected("udpblocked", "same"), Expect::Direct);
    }
}
