//! Every file of the page under its name, with its compressed forms.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use crate::bindings::Bindings;
use crate::compression::Forms;
use crate::icon::{self, Edge};
use crate::linkage::Linkage;
use crate::names::{hash, hashed};
use crate::page::{self, Head};
use crate::parsed::Parsed;
use crate::parts::divide;
use crate::sources::Sources;
use crate::split::split;
use crate::template::fill;

/// The files by their paths on the site.
pub(crate) struct Bundle {
    pub(crate) files: BTreeMap<String, Forms>,
    /// Those that a browser asks for when it opens the page for the first time.
    pub(crate) first_load: Vec<String>,
}

/// The page that a hub serves.
pub(crate) fn page(wasm: &[u8], sources: &Sources) -> Result<Bundle> {
    let mut files = Files::default();
    let code = files.add_code(wasm, true)?;
    let later = code.later.context("there is only one part of the code")?;
    let style = files.add_hashed("style", "css", sources.style.clone());
    let names = [("SCRIPT", code.script.as_str()), ("WASM", &code.wasm), ("LATER", &later)];
    let boot = fill("boot.js", &sources.boot, &names)?;
    let boot = files.add_hashed("boot", "js", boot);
    let head = Head { style: &style, script: &code.script, wasm: &code.wasm, boot: &boot };
    let index = page::index(&sources.index, &head)?;
    // The service worker keeps the page under a name with its hash, too, so that it never puts
    // the page of one version beside the files of another.
    let kept = files.add_hashed("page", "html", index.clone());
    files.add("/index.html", index);
    let manifest = page::manifest(&sources.manifest)?;
    files.add("/manifest.webmanifest", manifest);
    files.add("/icon.svg", icon::svg());
    files.add("/icon-180.png", icon::png(180, Edge::Maskable)?);
    files.add("/icon-192.png", icon::png(192, Edge::Rounded)?);
    files.add("/icon-512.png", icon::png(512, Edge::Rounded)?);
    files.add("/icon-maskable-512.png", icon::png(512, Edge::Maskable)?);

    let mut first_load = vec![style, boot, code.script, code.wasm];
    first_load.extend(code.snippets);
    first_load.extend(["/manifest.webmanifest", "/icon.svg"].map(str::to_owned));
    let mut offline = first_load.clone();
    offline.push(later);
    let version = hash(files.0.values().map(Vec::as_slice));
    let list = serde_json::to_string(&offline)?;
    let worker = [("VERSION", version.as_str()), ("PAGE", &kept), ("FILES", &list)];
    files.add("/sw.js", fill("sw.js", &sources.worker, &worker)?);

    first_load.extend(["/index.html", "/sw.js"].map(str::to_owned));
    files.compressed(first_load)
}

/// A page that only loads the module and shows it to whoever drives the browser.
pub(crate) fn bare(wasm: &[u8]) -> Result<Bundle> {
    let mut files = Files::default();
    let code = files.add_code(wasm, false)?;
    let values = [("SCRIPT", code.script.as_str()), ("WASM", &code.wasm)];
    let boot = fill("bare.js", include_str!("bare.js"), &values)?;
    let boot = files.add_hashed("boot", "js", boot);
    files.add("/index.html", fill("bare.html", include_str!("bare.html"), &[("BOOT", &boot)])?);
    files.compressed(vec![])
}

#[derive(Default)]
struct Files(BTreeMap<String, Vec<u8>>);

/// Where the code is.
struct Code {
    script: String,
    wasm: String,
    /// The second part, if it is one.
    later: Option<String>,
    snippets: Vec<String>,
}

impl Files {
    fn add(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.0.insert(path.to_owned(), content.into());
    }

    fn add_hashed(&mut self, stem: &str, extension: &str, content: impl Into<Vec<u8>>) -> String {
        let content = content.into();
        let path = hashed(stem, extension, &content);
        self.add(&path, content);
        path
    }

    fn add_code(&mut self, linked: &[u8], in_parts: bool) -> Result<Code> {
        let Bindings { mut script, mut wasm, snippets } = Bindings::small(linked)?;
        let mut later = None;
        if in_parts {
            let module = Parsed::read(&wasm)?;
            let split = split(&module, &divide(&module, &Linkage::read(linked)?)?)?;
            later = Some(self.add_hashed("later", "wasm", split.later));
            wasm = split.first;
        }
        let mut paths = Vec::new();
        if !snippets.is_empty() {
            // They may refer to each other, so they keep their names in a folder that has the
            // hash of all.
            let folder = format!("snippets-{}", hash(snippets.values().map(String::as_bytes)));
            ensure!(script.contains("'./snippets/") || script.contains("\"./snippets/"));
            script = script.replace("./snippets/", &format!("./{folder}/"));
            for (path, snippet) in snippets {
                let path = path.replacen("snippets", &format!("/assets/{folder}"), 1);
                self.add(&path, snippet);
                paths.push(path);
            }
        }
        let script = self.add_hashed("tincan", "js", script);
        let wasm = self.add_hashed("tincan", "wasm", wasm);
        Ok(Code { script, wasm, later, snippets: paths })
    }

    fn compressed(self, first_load: Vec<String>) -> Result<Bundle> {
        let files = self.0.into_iter().map(|(path, plain)| {
            let forms = Forms::of(&path, plain)?;
            Ok((path, forms))
        });
        Ok(Bundle { files: files.collect::<Result<_>>()?, first_load })
    }
}
