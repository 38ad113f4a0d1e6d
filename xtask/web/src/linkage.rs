//! What refers to what by address, as the linker tells (`--emit-relocs`). Once a module is
//! linked, a function's address is a number like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use wasmparser::{
    CustomSectionReader, KnownCustom, Linking, Parser, Payload, RelocSectionReader,
    RelocationEntry, RelocationType, SymbolInfo,
};

/// Something that has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// By its number in the linked module.
    Function(u32),
    /// By its place in [`Linkage::data`].
    Data(usize),
}

/// A constant or variable.
#[derive(Debug, Default)]
pub(crate) struct Datum {
    /// Where it is in the memory.
    pub(crate) addresses: Range<u32>,
    pub(crate) refers: Vec<Target>,
}

/// Of a linked module.
#[derive(Default)]
pub(crate) struct Linkage<'a> {
    /// The functions' names.
    pub(crate) names: BTreeMap<u32, &'a str>,
    /// What each function refers to by address.
    pub(crate) functions: BTreeMap<u32, Vec<Target>>,
    pub(crate) data: Vec<Datum>,
}

/// Where things are in the file.
#[derive(Default)]
struct Places {
    /// Number and start of each section.
    sections: Vec<usize>,
    /// Of the functions that are defined here.
    bodies: Vec<Range<usize>>,
    imported: u32,
    /// Of data: in the file, and in the memory.
    data: Vec<(Range<usize>, u32)>,
}

impl<'a> Linkage<'a> {
    /// Reads what the linker left.
    ///
    /// # Errors
    /// It left nothing.
    pub(crate) fn read(module: &'a [u8]) -> Result<Self> {
        let parsed = crate::parsed::Parsed::read(module)?;
        let mut places = Places { imported: parsed.imported, ..Places::default() };
        let (mut symbols, mut relocations) = (None, Vec::new());
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload?;
            if let Some((_, range)) = payload.as_section() {
                places.sections.push(range.start);
            }
            match payload {
                Payload::CodeSectionEntry(body) => places.bodies.push(body.range()),
                Payload::DataSection(data) => {
                    for (part, (address, _)) in data.into_iter().zip(&parsed.data) {
                        let part = part?;
                        let start = part.range.end - part.data.len();
                        places.data.push((start..part.range.end, *address));
                    }
                }
                Payload::CustomSection(section) => match section.as_known() {
                    KnownCustom::Linking(_) => symbols = Some(read_symbols(&section, &places)?),
                    KnownCustom::Reloc(reader) => relocations.push(reader),
                    _ => {}
                },
                _ => {}
            }
        }
        let symbols = symbols.context("the linker left no symbols")?;
        ensure!(!relocations.is_empty(), "the linker left no relocations");
        let mut linkage = Self { names: parsed.names, ..Self::default() };
        let datum = |(start, end)| Datum { addresses: start..end, refers: Vec::new() };
        linkage.data = symbols.data.into_iter().map(datum).collect();
        for reader in relocations {
            linkage.take(reader, &symbols.targets, &places)?;
        }
        Ok(linkage)
    }

    fn take(
        &mut self,
        reader: RelocSectionReader<'_>,
        symbols: &[Symbol],
        places: &Places,
    ) -> Result<()> {
        let start = places.sections.get(reader.section_index() as usize);
        let start = *start.context("relocations of a section that is not there")?;
        for entry in reader.entries() {
            let entry = entry?;
            let Some(target) = self.target(&entry, symbols)? else { continue };
            let at = start + entry.offset as usize;
            if let Some(function) = places.function(at) {
                self.functions.entry(function).or_default().push(target);
            } else {
                let address = places.address(at).context("a relocation of nothing")?;
                for datum in self.data_at(address) {
                    self.data[datum].refers.push(target);
                }
            }
        }
        Ok(())
    }

    fn target(&self, entry: &RelocationEntry, symbols: &[Symbol]) -> Result<Option<Target>> {
        use RelocationType as Type;
        match entry.ty {
            Type::TableIndexSleb
            | Type::TableIndexI32
            | Type::MemoryAddrLeb
            | Type::MemoryAddrSleb
            | Type::MemoryAddrI32 => {}
            // Calls are in the code for everyone to see.
            Type::FunctionIndexLeb
            | Type::TypeIndexLeb
            | Type::GlobalIndexLeb
            | Type::TableNumberLeb => return Ok(None),
            other => bail!("relocations of the unknown kind {other:?}"),
        }
        match symbols.get(entry.index as usize).context("a relocation without a symbol")? {
            Symbol::Function(function) => Ok(Some(Target::Function(*function))),
            Symbol::Data(addresses) => {
                let key = |of: &Range<u32>| (of.start, of.end);
                let found =
                    self.data.binary_search_by_key(&key(addresses), |datum| key(&datum.addresses));
                Ok(found.ok().map(Target::Data))
            }
            Symbol::Other => Ok(None),
        }
    }

    /// What lies at an address; constants with the same end may share it.
    fn data_at(&self, address: u32) -> Vec<usize> {
        let end = self.data.partition_point(|datum| datum.addresses.start <= address);
        (0..end).filter(|n| self.data[*n].addresses.contains(&address)).collect()
    }
}

impl Places {
    fn function(&self, at: usize) -> Option<u32> {
        let after = self.bodies.partition_point(|body| body.start <= at);
        let n = after.checked_sub(1)?;
        self.bodies[n].contains(&at).then(|| self.imported + n as u32)
    }

    fn address(&self, at: usize) -> Option<u32> {
        let (place, address) = self.data.iter().find(|(place, _)| place.contains(&at))?;
        Some(address + (at - place.start) as u32)
    }
}

enum Symbol {
    Function(u32),
    Data(Range<u32>),
    Other,
}

struct Symbols {
    targets: Vec<Symbol>,
    /// Starts and ends.
    data: BTreeSet<(u32, u32)>,
}

fn read_symbols(section: &CustomSectionReader<'_>, places: &Places) -> Result<Symbols> {
    let KnownCustom::Linking(reader) = section.as_known() else { bail!("no symbols") };
    let mut symbols = Symbols { targets: Vec::new(), data: BTreeSet::new() };
    for part in reader.subsections() {
        let Linking::SymbolTable(table) = part? else { continue };
        for symbol in table {
            symbols.targets.push(match symbol? {
                SymbolInfo::Func { index, .. } => Symbol::Function(index),
                SymbolInfo::Data { symbol: Some(place), .. } => {
                    let segment = places.data.get(place.index as usize);
                    let (_, address) = segment.context("a symbol outside the memory")?;
                    let start = address + place.offset;
                    symbols.data.insert((start, start + place.size));
                    Symbol::Data(start..start + place.size)
                }
                _ => Symbol::Other,
            });
        }
    }
    Ok(symbols)
}
