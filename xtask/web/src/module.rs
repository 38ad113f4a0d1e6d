//! The functions of a WebAssembly module: their names and sizes.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

/// A function that is defined in the module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Empty if the module does not tell.
    pub(crate) name: String,
    pub(crate) bytes: usize,
}

const CUSTOM: u8 = 0;
const IMPORT: u8 = 2;
const CODE: u8 = 10;

/// The part of the section `name` that is about functions.
const FUNCTION_NAMES: u8 = 1;

/// Reads a module, of which only these three sections matter.
pub(crate) fn functions(module: &[u8]) -> Result<Vec<Function>> {
    let mut reader = Reader(module);
    ensure!(reader.take(8)? == b"\0asm\x01\0\0\0", "this is no WebAssembly module");
    let (mut imported, mut sizes, mut names) = (0, Vec::new(), BTreeMap::new());
    while !reader.0.is_empty() {
        let (id, length) = (reader.byte()?, reader.number()?);
        let mut section = Reader(reader.take(length)?);
        match id {
            IMPORT => imported = section.imported_functions()?,
            CODE => sizes = section.sizes()?,
            CUSTOM if section.name()? == "name" => names = section.function_names()?,
            _ => {}
        }
    }
    let function = |(n, bytes)| {
        let name = names.get(&(imported + n)).copied().unwrap_or_default().to_owned();
        Function { name, bytes }
    };
    Ok(sizes.into_iter().enumerate().map(function).collect())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).context("the module is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// An unsigned number in LEB128.
    fn number(&mut self) -> Result<usize> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        anyhow::bail!("a number has no end")
    }

    fn name(&mut self) -> Result<&'a str> {
        let length = self.number()?;
        Ok(std::str::from_utf8(self.take(length)?)?)
    }

    fn imported_functions(&mut self) -> Result<usize> {
        let mut functions = 0;
        for _ in 0..self.number()? {
            self.name()?;
            self.name()?;
            match self.byte()? {
                0 => {
                    self.number()?;
                    functions += 1;
                }
                1 => {
                    self.byte()?;
                    self.limits()?;
                }
                2 => self.limits()?,
                // A global's type and whether it changes; a tag's attribute and type.
                3 | 4 => drop(self.take(2)?),
                kind => anyhow::bail!("an import of the unknown kind {kind}"),
            }
        }
        Ok(functions)
    }

    fn limits(&mut self) -> Result<()> {
        let has_maximum = self.byte()? & 1 == 1;
        self.number()?;
        if has_maximum {
            self.number()?;
        }
        Ok(())
    }

    fn sizes(&mut self) -> Result<Vec<usize>> {
        let mut sizes = Vec::new();
        for _ in 0..self.number()? {
            let size = self.number()?;
            self.take(size)?;
            sizes.push(size);
        }
        Ok(sizes)
    }

    fn function_names(&mut self) -> Result<BTreeMap<usize, &'a str>> {
        let mut names = BTreeMap::new();
        while !self.0.is_empty() {
            let (id, length) = (self.byte()?, self.number()?);
            let mut part = Reader(self.take(length)?);
            if id == FUNCTION_NAMES {
                for _ in 0..part.number()? {
                    names.insert(part.number()?, part.name()?);
                }
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One imported function and one of three bytes, called `a` and `bc`.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\
        \x01\x04\x01\x60\0\0\
        \x02\x07\x01\x01x\x01y\0\0\
        \x03\x02\x01\0\
        \x0a\x06\x01\x04\0\x01\x01\x0b\
        \0\x0f\x04name\x01\x08\x02\0\x01a\x01\x02bc";

    #[test]
    fn functions_have_names_and_sizes() {
        let expected = Function { name: "bc".to_owned(), bytes: 4 };
        assert_eq!(functions(MODULE).unwrap(), [expected]);
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        for length in [0, 4, 8 + 1, MODULE.len() - 1] {
            let outcome = functions(&MODULE[..length]);
            assert!(outcome.is_err(), "{length}: {outcome:?}");
        }
    }
}
