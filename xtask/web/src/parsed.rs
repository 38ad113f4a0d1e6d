//! A WebAssembly module taken apart, so that other modules can be made of it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use wasmparser::{
    CompositeInnerType, ConstExpr, DataKind, ElementItems, ElementKind, Export, FuncType,
    FunctionBody, Global, Import, KnownCustom, MemoryType, Name, Operator, Parser, Payload,
    TableType, TypeRef,
};

/// The parts of a module that were compiled for a page: one memory, functions in tables, and
/// data at fixed addresses.
#[derive(Default)]
pub(crate) struct Parsed<'a> {
    pub(crate) types: Vec<FuncType>,
    /// Of which the functions come first among all functions.
    pub(crate) imports: Vec<Import<'a>>,
    /// The type of each function, imported ones first.
    pub(crate) functions: Vec<u32>,
    pub(crate) imported: u32,
    pub(crate) tables: Vec<TableType>,
    pub(crate) memories: Vec<MemoryType>,
    pub(crate) globals: Vec<Global<'a>>,
    pub(crate) exports: Vec<Export<'a>>,
    pub(crate) start: Option<u32>,
    /// Functions in the first table that is not for references, from a place on.
    pub(crate) elements: Vec<Elements>,
    pub(crate) bodies: Vec<FunctionBody<'a>>,
    /// Bytes of the memory, from an address on.
    pub(crate) data: Vec<(u32, &'a [u8])>,
    pub(crate) names: BTreeMap<u32, &'a str>,
}

/// Functions in a table, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Elements {
    pub(crate) table: u32,
    pub(crate) from: u32,
    pub(crate) functions: Vec<u32>,
}

impl<'a> Parsed<'a> {
    /// Reads a module.
    ///
    /// # Errors
    /// It is cut off, or has something that no page needs.
    pub(crate) fn read(module: &'a [u8]) -> Result<Self> {
        let mut parsed = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            parsed.take(payload.context("this is no WebAssembly module")?)?;
        }
        Ok(parsed)
    }

    fn take(&mut self, payload: Payload<'a>) -> Result<()> {
        match payload {
            Payload::TypeSection(types) => {
                for group in types {
                    for kind in group?.into_types() {
                        let CompositeInnerType::Func(function) = kind.composite_type.inner else {
                            bail!("a type that is not of functions");
                        };
                        self.types.push(function);
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    // What else is imported is of no use to other modules.
                    if let TypeRef::Func(kind) = import.ty {
                        self.functions.push(kind);
                        self.imported += 1;
                        self.imports.push(import);
                    }
                }
            }
            Payload::FunctionSection(kinds) => {
                for kind in kinds {
                    self.functions.push(kind?);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    self.tables.push(table?.ty);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memories.push(memory?);
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    self.globals.push(global?);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    self.exports.push(export?);
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(elements) => {
                for element in elements {
                    self.elements.push(in_table(element?)?);
                }
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::DataSection(data) => {
                for part in data {
                    let part = part?;
                    let DataKind::Active { memory_index: 0, offset_expr } = part.kind else {
                        bail!("data that is not put into the memory at once");
                    };
                    self.data.push((number(&offset_expr)?, part.data));
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    for name in names {
                        self.take_names(name?)?;
                    }
                }
            }
            Payload::TagSection(_) => bail!("exceptions"),
            _ => {}
        }
        Ok(())
    }

    fn take_names(&mut self, names: Name<'a>) -> Result<()> {
        if let Name::Function(names) = names {
            for name in names {
                let name = name?;
                self.names.insert(name.index, name.name);
            }
        }
        Ok(())
    }

    /// What a function does, unless it is imported.
    pub(crate) fn body(&self, function: u32) -> Option<&FunctionBody<'a>> {
        self.bodies.get(function.checked_sub(self.imported)? as usize)
    }

    /// The functions that one refers to in its code.
    pub(crate) fn called(&self, function: u32) -> Result<Vec<u32>> {
        let mut called = Vec::new();
        let Some(body) = self.body(function) else { return Ok(called) };
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Call { function_index }
                | Operator::ReturnCall { function_index }
                | Operator::RefFunc { function_index } => called.push(function_index),
                _ => {}
            }
        }
        Ok(called)
    }
}

fn in_table(element: wasmparser::Element<'_>) -> Result<Elements> {
    let ElementKind::Active { table_index, offset_expr } = element.kind else {
        bail!("functions that are not put into a table at once");
    };
    let ElementItems::Functions(functions) = element.items else {
        bail!("a table of something else than functions");
    };
    let functions = functions.into_iter().collect::<Result<_, _>>()?;
    Ok(Elements { table: table_index.unwrap_or(0), from: number(&offset_expr)?, functions })
}

/// The number that an expression is.
fn number(expression: &ConstExpr<'_>) -> Result<u32> {
    let mut operators = expression.get_operators_reader();
    let Operator::I32Const { value } = operators.read()? else {
        bail!("an address that is not a number");
    };
    ensure!(matches!(operators.read()?, Operator::End), "an address that is not a number");
    Ok(value.cast_unsigned())
}
