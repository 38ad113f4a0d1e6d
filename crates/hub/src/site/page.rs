//! The page: the files that `cargo xtask web` made, as they were when this binary was built.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::header::{self, HeaderMap};

use super::answer::Answer;
use super::encoding::{self, Encoding};

/// A file that is in the binary, with its compressed forms.
#[derive(Debug)]
struct BuiltIn {
    /// Where it is on the site.
    path: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

// `BUILT_IN`, every file of the page; empty if the binary was built without.
include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// What is served where no page was built in.
const STAND_IN: BuiltIn =
    BuiltIn { path: INDEX, plain: include_bytes!("stand_in.html"), brotli: None, gzip: None };

const INDEX: &str = "/index.html";

/// Files below have their content's hash in their names, so they never change.
const HASHED: &str = "/assets/";

/// For how long a browser keeps what never changes: a year, the most that is common.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// A browser keeps the rest, and asks each time whether it is still the same.
const ASK: &str = "no-cache";

/// Every file of the page, ready to be sent.
#[derive(Debug)]
pub(super) struct Page {
    files: BTreeMap<&'static str, File>,
}

#[derive(Debug)]
struct File {
    built_in: &'static BuiltIn,
    /// Of the content, in hexadecimal digits.
    hash: String,
}

impl Page {
    /// The page in this binary, or one that says that there is none.
    pub(super) fn built_in() -> Self {
        let page = Self::of(BUILT_IN);
        if page.files.contains_key(INDEX) {
            page
        } else {
            Self::of(std::slice::from_ref(&STAND_IN))
        }
    }

    fn of(files: &'static [BuiltIn]) -> Self {
        let files = files.iter().map(|built_in| {
            let hash = blake3::hash(built_in.plain).to_hex();
            (built_in.path, File { built_in, hash: hash.as_str().chars().take(16).collect() })
        });
        Self { files: files.collect() }
    }

    /// The answer to a GET, or nothing if the page has no such file. `policy` is the content
    /// security policy.
    pub(super) fn answer(
        &self,
        path: &str,
        headers: &HeaderMap,
        policy: impl FnOnce() -> String,
    ) -> Option<Answer> {
        let path = if path == "/" { INDEX } else { path };
        let file = self.files.get(path)?;
        let answer = match encoding::choose(&accepted(headers), file.forms()) {
            None => Answer::not_acceptable(),
            Some(encoding) => {
                let tag = file.tag(encoding);
                let answer = if is_known(headers, &tag) {
                    Answer::not_modified()
                } else {
                    Answer::file(content_type(path), encoding, file.form(encoding))
                };
                let cache = if path.starts_with(HASHED) { FOR_EVER } else { ASK };
                answer.cached(cache, tag).of_the_page(policy())
            }
        };
        Some(answer.varying_by_encoding())
    }
}

impl File {
    fn forms(&self) -> impl Iterator<Item = Encoding> {
        let brotli = self.built_in.brotli.map(|_| Encoding::Brotli);
        let gzip = self.built_in.gzip.map(|_| Encoding::Gzip);
        [brotli, gzip, Some(Encoding::Identity)].into_iter().flatten()
    }

    fn form(&self, encoding: Encoding) -> Bytes {
        let BuiltIn { plain, brotli, gzip, .. } = *self.built_in;
        let form = match encoding {
            Encoding::Brotli => brotli,
            Encoding::Gzip => gzip,
            Encoding::Identity => None,
        };
        Bytes::from_static(form.unwrap_or(plain))
    }

    fn tag(&self, encoding: Encoding) -> String {
        format!("\"{}{}\"", self.hash, encoding.mark())
    }
}

/// All `Accept-Encoding` headers as one list; what is no text accepts nothing.
fn accepted(headers: &HeaderMap) -> String {
    let all = headers.get_all(header::ACCEPT_ENCODING).iter();
    all.filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",")
}

/// Whether the client has this version already (RFC 9110 §13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let all = headers.get_all(header::IF_NONE_MATCH).iter();
    all.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("webmanifest") => "application/manifest+json",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
