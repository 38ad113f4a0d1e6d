//! The order of functions in a module. Those that are alike stand side by side, so that little
//! of them has to be transferred.

use crate::parsed::Parsed;

/// The functions in the order that compresses best.
pub(crate) fn alike(module: &Parsed<'_>, mut functions: Vec<u32>) -> Vec<u32> {
    functions
        .sort_by_cached_key(|function| module.body(*function).map(|body| body.as_bytes().to_vec()));
    functions
}
