//! Two modules out of one: what the page needs to begin, and what it loads later. They share
//! memory and tables; the second takes everything else that it needs from the first's exports.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use wasm_encoder::ExportKind;
use wasmparser::ExternalKind;

use crate::emit::{FUNCTIONS, NOTHING, Part, Shared};
use crate::order::alike;
use crate::parsed::{Elements, Parsed};
use crate::parts::Later;

/// The name under which the second part knows the first.
const FIRST: &str = "a";

/// The two modules.
pub(crate) struct Split {
    pub(crate) first: Vec<u8>,
    pub(crate) later: Vec<u8>,
}

pub(crate) fn split(module: &Parsed<'_>, later: &Later) -> Result<Split> {
    let mut names = Names::new(module);
    let mut second = second(module, later)?;
    let doors = places(module, later);
    let mut first = first(module, later, &doors)?;
    // The second takes from the first what it calls, and what both use.
    let mut wanted = BTreeSet::new();
    for function in &second.functions {
        wanted
            .extend(module.called(*function)?.into_iter().filter(|f| !later.functions.contains(f)));
    }
    let everyone: Vec<u32> = (0..module.imported).chain(first.functions.iter().copied()).collect();
    for function in everyone.into_iter().filter(|function| wanted.contains(function)) {
        let name = names.of(ExportKind::Func, function, &mut first);
        second.imports.push((FIRST.to_owned(), name, function));
    }
    let mut shared = BTreeMap::new();
    for n in 0..module.memories.len() as u32 {
        shared.insert(Shared::Memory(n), names.of(ExportKind::Memory, n, &mut first));
    }
    for n in 0..module.tables.len() as u32 {
        shared.insert(Shared::Table(n), names.of(ExportKind::Table, n, &mut first));
    }
    for n in 0..module.globals.len() as u32 {
        shared.insert(Shared::Global(n), names.of(ExportKind::Global, n, &mut first));
    }
    second.elsewhere = Some((FIRST.to_owned(), shared));
    for (door, place) in &doors {
        second.elements.push(Elements { table: FUNCTIONS, from: *place, functions: vec![*door] });
    }
    Ok(Split { first: first.encode(module)?, later: second.encode(module)? })
}

/// Places in the table for the functions of the second part that the first calls: new ones.
fn places(module: &Parsed<'_>, later: &Later) -> BTreeMap<u32, u32> {
    let end = module.tables.first().map_or(0, |table| table.initial as u32);
    later.doors.iter().copied().zip(end..).collect()
}

fn first(module: &Parsed<'_>, later: &Later, doors: &BTreeMap<u32, u32>) -> Result<Part> {
    let imports = module.imports.iter().zip(0..);
    let defined = module.imported..module.functions.len() as u32;
    let here = defined.filter(|f| !later.functions.contains(f) || doors.contains_key(f));
    let mut part = Part {
        imports: imports.map(|(i, n)| (i.module.to_owned(), i.name.to_owned(), n)).collect(),
        functions: alike(module, here.collect()),
        doors: doors.clone(),
        more_places: doors.len() as u32,
        start: module.start,
        ..Part::default()
    };
    for export in &module.exports {
        let kind = match export.kind {
            ExternalKind::Func => ExportKind::Func,
            ExternalKind::Table => ExportKind::Table,
            ExternalKind::Memory => ExportKind::Memory,
            ExternalKind::Global => ExportKind::Global,
            other => anyhow::bail!("an export of the unknown kind {other:?}"),
        };
        part.exports.push((export.name.to_owned(), kind, export.index));
    }
    for elements in &module.elements {
        let mut elements = elements.clone();
        for function in &mut elements.functions {
            if later.functions.contains(function) {
                *function = NOTHING;
            }
        }
        part.elements.push(elements);
    }
    for (address, bytes) in &module.data {
        let mut bytes = bytes.to_vec();
        for range in &later.data {
            let at = |n: u32| (n.saturating_sub(*address) as usize).min(bytes.len());
            let (start, end) = (at(range.start), at(range.end));
            bytes[start..end].fill(0);
        }
        part.data.push((*address, bytes));
    }
    Ok(part)
}

fn second(module: &Parsed<'_>, later: &Later) -> Result<Part> {
    let functions = alike(module, later.functions.iter().copied().collect());
    let mut part = Part { functions, ..Part::default() };
    for elements in &module.elements {
        let mut run: Option<Elements> = None;
        for (place, function) in (elements.from..).zip(&elements.functions) {
            if !later.functions.contains(function) {
                part.elements.extend(run.take());
                continue;
            }
            let start = || Elements { table: elements.table, from: place, functions: vec![] };
            run.get_or_insert_with(start).functions.push(*function);
        }
        part.elements.extend(run);
    }
    for range in &later.data {
        let holds = |(address, bytes): &&(u32, &[u8])| {
            (*address..address + bytes.len() as u32).contains(&range.start)
        };
        let (address, bytes) = module.data.iter().find(holds).context("data outside the memory")?;
        let at = |n: u32| (n - address) as usize;
        part.data.push((range.start, bytes[at(range.start)..at(range.end)].to_vec()));
    }
    Ok(part)
}

/// Names of what the first part exports.
struct Names {
    taken: BTreeSet<String>,
    next: usize,
}

impl Names {
    fn new(module: &Parsed<'_>) -> Self {
        let taken = module.exports.iter().map(|export| export.name.to_owned()).collect();
        Self { taken, next: 0 }
    }

    /// The name of something, which is exported from now on.
    fn of(&mut self, kind: ExportKind, index: u32, part: &mut Part) -> String {
        let known = part.exports.iter().find(|(_, k, n)| (*k, *n) == (kind, index));
        if let Some((name, _, _)) = known {
            return name.clone();
        }
        let name = loop {
            let name = short(self.next);
            self.next += 1;
            if self.taken.insert(name.clone()) {
                break name;
            }
        };
        part.exports.push((name.clone(), kind, index));
        name
    }
}

/// The number in digits of a base of 36.
fn short(mut number: usize) -> String {
    let mut name = Vec::new();
    loop {
        name.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[number % 36]);
        number /= 36;
        if number == 0 {
            name.reverse();
            return name.into_iter().map(char::from).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of four places, with `a`, `b` and `c` from place 1 on; `a`, which is exported,
    /// calls `b`, and `b` calls `c`. There are two times two bytes of data.
    fn module() -> Vec<u8> {
        use wasm_encoder as wasm;
        let mut types = wasm::TypeSection::new();
        types.ty().function([], []);
        let mut functions = wasm::FunctionSection::new();
        functions.function(0).function(0).function(0);
        let mut tables = wasm::TableSection::new();
        let element_type = wasm::RefType::FUNCREF;
        let (minimum, maximum) = (4, Some(4));
        tables.table(wasm::TableType {
            element_type,
            table64: false,
            minimum,
            maximum,
            shared: false,
        });
        let mut memories = wasm::MemorySection::new();
        let (memory64, shared, page_size_log2) = (false, false, None);
        memories.memory(wasm::MemoryType {
            minimum: 1,
            maximum: None,
            memory64,
            shared,
            page_size_log2,
        });
        let mut exports = wasm::ExportSection::new();
        exports.export("0", ExportKind::Func, 0);
        let mut elements = wasm::ElementSection::new();
        let place = wasm::ConstExpr::i32_const(1);
        elements.active(None, &place, wasm::Elements::Functions([0, 1, 2][..].into()));
        let mut code = wasm::CodeSection::new();
        for called in [Some(1), Some(2), None] {
            let mut body = wasm::Function::new([]);
            if let Some(called) = called {
                body.instructions().call(called);
            }
            body.instructions().end();
            code.function(&body);
        }
        let mut data = wasm::DataSection::new();
        data.active(0, &wasm::ConstExpr::i32_const(16), *b"abcd");
        let mut module = wasm::Module::new();
        module.section(&types).section(&functions).section(&tables).section(&memories);
        module.section(&exports).section(&elements).section(&code).section(&data);
        module.finish()
    }

    #[test]
    fn the_second_part_fills_the_places_that_the_first_leaves() {
        let module = module();
        let module = Parsed::read(&module).unwrap();
        let later = Later { functions: [1, 2].into(), doors: vec![1], data: vec![17..18, 19..20] };
        let Split { first, later } = split(&module, &later).unwrap();
        let (first, later) = (Parsed::read(&first).unwrap(), Parsed::read(&later).unwrap());

        // `a`, the door to `b`, and what fails.
        assert_eq!(first.bodies.len(), 3);
        let nothing = 2;
        let exported = first.exports.iter().find(|export| export.name == "0").unwrap().index;
        assert_eq!(first.elements[0].functions, [exported, nothing, nothing]);
        assert_eq!(first.called(exported).unwrap(), [1 - exported]);
        assert_eq!(first.tables[0].initial, 5);
        assert_eq!(first.data, [(16, &b"a\0c\0"[..])]);

        assert_eq!(later.bodies.len(), 2);
        let places: Vec<_> = later.elements.iter().map(|e| (e.from, e.functions.len())).collect();
        assert_eq!(places, [(2, 2), (4, 1)]);
        assert_eq!(later.data, [(17, &b"b"[..]), (19, &b"d"[..])]);
    }

    #[test]
    fn names_are_short_and_none_is_taken() {
        let module = module();
        let mut names = Names::new(&Parsed::read(&module).unwrap());
        let mut part = Part::default();
        assert_eq!(names.of(ExportKind::Func, 7, &mut part), "1");
        assert_eq!(names.of(ExportKind::Func, 7, &mut part), "1");
        assert_eq!(names.of(ExportKind::Table, 0, &mut part), "2");
        assert_eq!([short(35), short(36)], ["z", "10"]);
    }
}
