//! Writing a module that is made of parts of another.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, ImportSection, MemorySection, Module,
    StartSection, TableSection, TypeSection,
};

use crate::parsed::{self, Parsed};

/// What a module is to have, by the numbers of the module that it is made of.
#[derive(Default)]
pub(crate) struct Part {
    /// Functions of others, each with module and name.
    pub(crate) imports: Vec<(String, String, u32)>,
    /// The name of the module that has memory, tables and variables, with their names there;
    /// without it they are defined here.
    pub(crate) elsewhere: Option<(String, BTreeMap<Shared, String>)>,
    /// Functions that are defined here, in this order.
    pub(crate) functions: Vec<u32>,
    /// Those of them that only call what is at a place of the table.
    pub(crate) doors: BTreeMap<u32, u32>,
    /// Places that the table has beyond those of the original.
    pub(crate) more_places: u32,
    pub(crate) exports: Vec<(String, ExportKind, u32)>,
    pub(crate) elements: Vec<parsed::Elements>,
    pub(crate) data: Vec<(u32, Vec<u8>)>,
    pub(crate) start: Option<u32>,
}

/// What two modules have in common beside functions, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shared {
    Memory(u32),
    Table(u32),
    Global(u32),
}

/// In [`parsed::Elements`], a place in the table where nothing is yet: whoever calls it fails.
pub(crate) const NOTHING: u32 = u32::MAX;

/// The table through which functions are called by address.
pub(crate) const FUNCTIONS: u32 = 0;

impl Part {
    /// The module.
    ///
    /// # Errors
    /// It refers to something that it does not have.
    pub(crate) fn encode(&self, module: &Parsed<'_>) -> Result<Vec<u8>> {
        let imported = self.imports.iter().map(|(_, _, function)| *function);
        let all = imported.chain(self.functions.iter().copied());
        let mut functions: BTreeMap<u32, u32> = all.zip(0..).collect();
        functions.insert(NOTHING, functions.len() as u32);
        let mut numbers = Numbers { functions, types: Vec::new() };
        let code = self.code(module, &mut numbers)?;
        let imports = self.import_section(module, &mut numbers)?;
        let mut kinds = FunctionSection::new();
        for function in &self.functions {
            kinds.function(numbers.kind(module.functions[*function as usize]));
        }
        if self.has_nothing() {
            kinds.function(numbers.kind(nothing_kind(module)?));
        }
        let mut whole = Module::new();
        // All types are known by now.
        let mut types = TypeSection::new();
        for kind in numbers.types.clone() {
            let kind = &module.types[kind as usize];
            types.ty().func_type(&numbers.func_type(kind.clone()).map_err(told)?);
        }
        whole.section(&types).section(&imports).section(&kinds);
        if self.elsewhere.is_none() {
            self.define(module, &mut whole, &mut numbers)?;
        }
        let mut exports = ExportSection::new();
        for (name, kind, index) in &self.exports {
            let index = match kind {
                ExportKind::Func => numbers.function(*index)?,
                _ => *index,
            };
            exports.export(name, *kind, index);
        }
        whole.section(&exports);
        if let Some(start) = self.start {
            whole.section(&StartSection { function_index: numbers.function(start)? });
        }
        whole.section(&self.element_section(&numbers)?).section(&code);
        let mut data = DataSection::new();
        for (address, bytes) in &self.data {
            data.active(0, &constant(*address), bytes.iter().copied());
        }
        whole.section(&data);
        Ok(whole.finish())
    }

    fn has_nothing(&self) -> bool {
        self.elements.iter().any(|elements| elements.functions.contains(&NOTHING))
    }

    fn code(&self, module: &Parsed<'_>, numbers: &mut Numbers) -> Result<CodeSection> {
        let mut code = CodeSection::new();
        for function in &self.functions {
            match self.doors.get(function) {
                Some(place) => {
                    let kind = module.functions[*function as usize];
                    code.function(&door(module, kind, numbers.kind(kind), *place));
                }
                None => {
                    let body = module.body(*function).context("an imported function")?;
                    numbers.parse_function_body(&mut code, body.clone()).map_err(told)?;
                }
            }
        }
        if self.has_nothing() {
            let mut nothing = Function::new([]);
            nothing.instructions().unreachable().end();
            code.function(&nothing);
        }
        Ok(code)
    }

    fn import_section(&self, module: &Parsed<'_>, numbers: &mut Numbers) -> Result<ImportSection> {
        let mut imports = ImportSection::new();
        for (from, name, function) in &self.imports {
            let kind = numbers.kind(module.functions[*function as usize]);
            imports.import(from, name, EntityType::Function(kind));
        }
        let Some((from, names)) = &self.elsewhere else { return Ok(imports) };
        for (shared, name) in names {
            let kind: EntityType = match *shared {
                Shared::Memory(n) => {
                    numbers.memory_type(module.memories[n as usize]).map_err(told)?.into()
                }
                Shared::Table(n) => {
                    let mut table = numbers.table_type(module.tables[n as usize]).map_err(told)?;
                    // It grows; any size that is enough will do.
                    table.maximum = None;
                    table.into()
                }
                Shared::Global(n) => {
                    numbers.global_type(module.globals[n as usize].ty).map_err(told)?.into()
                }
            };
            imports.import(from, name, kind);
        }
        Ok(imports)
    }

    fn define(&self, module: &Parsed<'_>, whole: &mut Module, numbers: &mut Numbers) -> Result<()> {
        let mut tables = TableSection::new();
        for (n, table) in (0..).zip(&module.tables) {
            let mut table = numbers.table_type(*table).map_err(told)?;
            if n == FUNCTIONS {
                table.minimum += u64::from(self.more_places);
                table.maximum = table.maximum.map(|most| most + u64::from(self.more_places));
            }
            tables.table(table);
        }
        let mut memories = MemorySection::new();
        for memory in &module.memories {
            memories.memory(numbers.memory_type(*memory).map_err(told)?);
        }
        let mut globals = GlobalSection::new();
        for global in &module.globals {
            utils::parse_global(numbers, &mut globals, global.clone()).map_err(told)?;
        }
        whole.section(&tables).section(&memories).section(&globals);
        Ok(())
    }

    fn element_section(&self, numbers: &Numbers) -> Result<ElementSection> {
        let mut section = ElementSection::new();
        for parsed::Elements { table, from, functions } in &self.elements {
            let functions: Vec<u32> =
                functions.iter().map(|n| numbers.function(*n)).collect::<Result<_>>()?;
            let table = (*table != 0).then_some(*table);
            section.active(table, &constant(*from), Elements::Functions(functions.into()));
        }
        Ok(section)
    }
}

/// A function that calls the one at a place of the table with what it was given.
fn door(module: &Parsed<'_>, kind: u32, number: u32, place: u32) -> Function {
    let mut door = Function::new([]);
    let mut instructions = door.instructions();
    for n in 0..module.types[kind as usize].params().len() as u32 {
        instructions.local_get(n);
    }
    instructions.i32_const(place.cast_signed()).call_indirect(FUNCTIONS, number).end();
    door
}

/// The type of functions without arguments and results.
fn nothing_kind(module: &Parsed<'_>) -> Result<u32> {
    let is_it = |kind: &wasmparser::FuncType| kind.params().is_empty() && kind.results().is_empty();
    let found = module.types.iter().position(is_it);
    Ok(found.context("no function without arguments")? as u32)
}

fn constant(number: u32) -> ConstExpr {
    ConstExpr::i32_const(number.cast_signed())
}

fn told(error: Error<String>) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}

/// From the numbers of the original to those of the part.
struct Numbers {
    functions: BTreeMap<u32, u32>,
    /// In the order in which they came up.
    types: Vec<u32>,
}

impl Numbers {
    fn kind(&mut self, original: u32) -> u32 {
        let known = self.types.iter().position(|kind| *kind == original);
        known.unwrap_or_else(|| {
            self.types.push(original);
            self.types.len() - 1
        }) as u32
    }

    fn function(&self, original: u32) -> Result<u32> {
        let number = self.functions.get(&original);
        number.copied().with_context(|| format!("function {original} is in the other part"))
    }
}

impl Reencode for Numbers {
    type Error = String;

    fn function_index(&mut self, original: u32) -> Result<u32, Error<String>> {
        self.function(original).map_err(|error| Error::UserError(error.to_string()))
    }

    fn type_index(&mut self, original: u32) -> Result<u32, Error<String>> {
        Ok(self.kind(original))
    }
}
