//! What is in the first part of the code, and what is loaded later: whatever only functions in
//! modules called `later` lead to. The first part must call those only once the second is there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::{Result, ensure};

use crate::linkage::{Linkage, Target};
use crate::parsed::Parsed;

/// What belongs to the second part, by the numbers of the module that both are made of.
#[derive(Debug, Default)]
pub(crate) struct Later {
    /// Its functions.
    pub(crate) functions: BTreeSet<u32>,
    /// Those of them that the first part calls.
    pub(crate) doors: Vec<u32>,
    /// Its constants in the memory.
    pub(crate) data: Vec<Range<u32>>,
}

/// Divides a module. `linkage` is of the module from which the bindings made it; the two know
/// each other's functions by their names.
pub(crate) fn divide(module: &Parsed<'_>, linkage: &Linkage<'_>) -> Result<Later> {
    let graph = Graph::new(module, linkage);
    let doors: Vec<u32> =
        graph.names.iter().filter(|(name, _)| is_door(name)).map(|(_, n)| *n).collect();
    ensure!(!doors.is_empty(), "no function is to be loaded later");
    let mut first = Reached::default();
    let closed: BTreeSet<u32> = doors.iter().copied().collect();
    let exported =
        module.exports.iter().filter(|export| export.kind == wasmparser::ExternalKind::Func);
    for function in exported.map(|export| export.index).chain(module.start) {
        first.reach(&graph, Node::Function(function), &closed)?;
    }
    let mut later = Reached::default();
    for door in &doors {
        later.reach(&graph, Node::Function(*door), &BTreeSet::new())?;
    }
    // What nothing leads to is in a table for a reason that nobody knows: it stays.
    for function in 0..module.functions.len() as u32 {
        if !later.functions.contains(&function) {
            first.reach(&graph, Node::Function(function), &closed)?;
        }
    }
    let is_later =
        |function: &u32| !first.functions.contains(function) && *function >= module.imported;
    let functions = later.functions.iter().copied().filter(is_later).collect();
    let data = only_later(linkage, &first.data, &later.data);
    Ok(Later { functions, doors, data })
}

/// A function of a module called `later` itself, not what is inside of it:
/// `_ZN{crate}…5later{name}17h{hash}E`.
fn is_door(name: &str) -> bool {
    let Some(mut rest) = name.strip_prefix("_ZN") else { return false };
    let mut words = Vec::new();
    while let Some((word, after)) = first_word(rest) {
        words.push(word);
        rest = after;
    }
    matches!(words[..], [owner, .., "later", _, hash]
        if owner.starts_with("tincan") && hash.len() == 17)
        && rest == "E"
}

/// A word after its length in digits, and what follows.
fn first_word(mangled: &str) -> Option<(&str, &str)> {
    let digits = mangled.find(|c: char| !c.is_ascii_digit())?;
    let (length, rest) = mangled.split_at(digits);
    rest.split_at_checked(length.parse().ok()?)
}

/// Bytes of the memory that only the second part refers to.
fn only_later(
    linkage: &Linkage<'_>,
    first: &BTreeSet<usize>,
    later: &BTreeSet<usize>,
) -> Vec<Range<u32>> {
    let mut ranges: Vec<Range<u32>> = Vec::new();
    let mut taken_to = 0;
    for (n, datum) in linkage.data.iter().enumerate() {
        let addresses = datum.addresses.clone();
        if first.contains(&n) || !later.contains(&n) {
            // What shares a byte with it stays, too.
            taken_to = taken_to.max(addresses.end);
            if let Some(last) = ranges.last_mut() {
                last.end = last.end.min(addresses.start.max(last.start));
            }
            continue;
        }
        let start = addresses.start.max(taken_to);
        match ranges.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(addresses.end),
            _ if start < addresses.end => ranges.push(start..addresses.end),
            _ => {}
        }
    }
    ranges.retain(|range| !range.is_empty());
    ranges
}

#[derive(Clone, Copy)]
enum Node {
    Function(u32),
    Data(usize),
}

/// Who leads to whom.
struct Graph<'a> {
    module: &'a Parsed<'a>,
    linkage: &'a Linkage<'a>,
    /// Functions by their names.
    names: BTreeMap<&'a str, u32>,
    /// From names to functions of the linked module.
    linked: BTreeMap<&'a str, u32>,
}

impl<'a> Graph<'a> {
    fn new(module: &'a Parsed<'a>, linkage: &'a Linkage<'a>) -> Self {
        let names = module.names.iter().map(|(n, name)| (*name, *n)).collect();
        let linked = linkage.names.iter().map(|(n, name)| (*name, *n)).collect();
        Self { module, linkage, names, linked }
    }

    fn next(&self, node: Node) -> Result<Vec<Node>> {
        let (mut next, targets) = match node {
            Node::Data(datum) => (Vec::new(), Some(&self.linkage.data[datum].refers)),
            Node::Function(function) => {
                let called = self.module.called(function)?.into_iter().map(Node::Function);
                let linked = self.module.names.get(&function).and_then(|n| self.linked.get(n));
                (called.collect(), linked.and_then(|n| self.linkage.functions.get(n)))
            }
        };
        next.extend(targets.into_iter().flatten().filter_map(|target| match target {
            Target::Data(datum) => Some(Node::Data(*datum)),
            Target::Function(linked) => {
                // What the bindings took out is in neither part.
                let name = self.linkage.names.get(linked)?;
                self.names.get(name).copied().map(Node::Function)
            }
        }));
        Ok(next)
    }
}

#[derive(Default)]
struct Reached {
    functions: BTreeSet<u32>,
    data: BTreeSet<usize>,
}

impl Reached {
    /// Goes from a node wherever it leads, but through no door.
    fn reach(&mut self, graph: &Graph<'_>, from: Node, closed: &BTreeSet<u32>) -> Result<()> {
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            let is_new = match node {
                Node::Function(function) if closed.contains(&function) => false,
                Node::Function(function) => self.functions.insert(function),
                Node::Data(datum) => self.data.insert(datum),
            };
            if is_new {
                open.extend(graph.next(node)?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linkage::Datum;

    #[test]
    fn a_function_of_a_module_called_later_is_a_door_and_what_is_in_it_is_not() {
        for (name, expected) in [
            ("_ZN10tincan_web5later6export17h0123456789abcdefE", true),
            ("_ZN10tincan_web5store5later6search17h0123456789abcdefE", true),
            ("_ZN10tincan_web5later4read28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE", false),
            ("_ZN10tincan_web6backup6export17h0123456789abcdefE", false),
            ("_ZN5other5later6export17h0123456789abcdefE", false),
            ("later", false),
        ] {
            assert_eq!(is_door(name), expected, "{name}");
        }
    }

    #[test]
    fn bytes_that_both_parts_share_stay_in_the_first() {
        let datum = |addresses| Datum { addresses, refers: Vec::new() };
        let data = [0..4, 4..8, 6..8, 8..12, 12..16].map(datum).into();
        let linkage = Linkage { data, ..Linkage::default() };
        let later = [1, 3, 4].into();
        assert_eq!(only_later(&linkage, &[0, 2].into(), &later), [4..6, 8..16]);
        assert_eq!(
            only_later(&linkage, &[0, 1, 3].into(), &[2, 4].into()).first(),
            Some(&(12..16))
        );
    }
}
