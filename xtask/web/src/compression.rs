//! The compressed forms of a file, made once and as small as they get.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Brotli's best, and a window that holds the whole module.
const QUALITY: i32 = 11;
const WINDOW_BITS: i32 = 22;

/// A file in every form that is worth keeping.
pub(crate) struct Forms {
    pub(crate) plain: Vec<u8>,
    pub(crate) brotli: Option<Vec<u8>>,
    pub(crate) gzip: Option<Vec<u8>>,
}

impl Forms {
    /// All forms; none for images that are compressed already.
    pub(crate) fn of(path: &str, plain: Vec<u8>) -> Result<Self> {
        if path.ends_with(".png") {
            return Ok(Self { plain, brotli: None, gzip: None });
        }
        let brotli = brotli(&plain).with_context(|| format!("cannot compress {path}"))?;
        let gzip = gzip(&plain).with_context(|| format!("cannot compress {path}"))?;
        let smaller = |form: Vec<u8>| (form.len() < plain.len()).then_some(form);
        Ok(Self { brotli: smaller(brotli), gzip: smaller(gzip), plain })
    }
}

fn brotli(plain: &[u8]) -> Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: QUALITY,
        lgwin: WINDOW_BITS,
        size_hint: plain.len(),
        ..Default::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &plain[..], &mut compressed, &parameters)?;
    Ok(compressed)
}

fn gzip(plain: &[u8]) -> Result<Vec<u8>> {
    // Without a file name and a time: the same content is the same file.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn every_form_gives_the_content_back() {
        let plain = b"tincan ".repeat(500);
        let forms = Forms::of("/a.js", plain.clone()).unwrap();
        let (brotli, gzip) = (forms.brotli.unwrap(), forms.gzip.unwrap());
        assert!(brotli.len() < 60 && gzip.len() < 100);
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut &brotli[..], &mut back).unwrap();
        assert_eq!(back, plain);
        back.clear();
        flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, plain);
    }

    #[test]
    fn a_form_that_is_no_smaller_is_not_kept() {
        let forms = Forms::of("/a.js", b"x".to_vec()).unwrap();
        assert!(forms.brotli.is_none() && forms.gzip.is_none());
        assert!(Forms::of("/a.png", vec![0; 1000]).unwrap().brotli.is_none());
    }
}
