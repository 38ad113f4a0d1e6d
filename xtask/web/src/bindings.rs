//! What `wasm-bindgen` makes of a compiled module: the module without its descriptions, and the
//! JavaScript that loads it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::short_names::ShortNames;

/// The result.
pub(crate) struct Bindings {
    pub(crate) script: String,
    pub(crate) wasm: Vec<u8>,
    /// JavaScript of crates, by the path at which `script` imports it, below `./`.
    pub(crate) snippets: BTreeMap<String, String>,
}

/// The name inside; files get names of their own.
const NAME: &str = "tincan";

impl Bindings {
    /// Without debug information and producers. Its functions have the names that the compiler
    /// gave them.
    pub(crate) fn small(wasm: &[u8]) -> Result<Self> {
        Self::make(wasm, true)
    }

    fn make(wasm: &[u8], small: bool) -> Result<Self> {
        let mut output = Bindgen::new()
            .input_bytes(NAME, wasm.to_vec())
            .web(true)?
            .typescript(false)
            .demangle(!small)
            .remove_producers_section(small)
            // Our script says where the module is; the page has no second guess to offer.
            .omit_default_module_path(true)
            .generate_output()
            .context("wasm-bindgen cannot read the module; was it built with the same version?")?;
        ensure!(output.npm_dependencies().is_empty(), "a crate wants packages of npm");
        let mut snippets = BTreeMap::new();
        for (folder, scripts) in output.snippets() {
            for (n, script) in scripts.iter().enumerate() {
                snippets.insert(format!("snippets/{folder}/inline{n}.js"), script.clone());
            }
        }
        for (path, script) in output.local_modules() {
            snippets.insert(format!("snippets/{path}"), script.clone());
        }
        let mut script = output.js().to_owned();
        let module = output.wasm_mut();
        if small {
            let imports = module.imports.iter().map(|import| &import.name);
            let exports = module.exports.iter().map(|export| &export.name);
            // What is said to the outside keeps its name.
            let exports = exports.filter(|name| name.starts_with("wasm_bindgen__"));
            let names: Vec<String> = imports.chain(exports).cloned().collect();
            let short = ShortNames::new(&script, &names);
            script = short.script(&script);
            for import in module.imports.iter_mut() {
                short.rename(&mut import.name);
            }
            for export in module.exports.iter_mut() {
                short.rename(&mut export.name);
            }
            // What compilers leave for tools: nothing that a browser reads.
            let customs: Vec<_> = module.customs.iter().map(|(id, _)| id).collect();
            for id in customs {
                module.customs.delete(id);
            }
        }
        Ok(Self { script, wasm: module.emit_wasm(), snippets })
    }

    /// With names, to see what is in it.
    pub(crate) fn named(wasm: &[u8]) -> Result<Self> {
        Self::make(wasm, false)
    }
}
