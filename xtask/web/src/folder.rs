//! Writing the files of a bundle, and only what changed: cargo looks at their times.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::compression::Forms;

/// Makes the folder hold these files with their compressed forms, and nothing else.
pub(crate) fn write(folder: &Path, files: &BTreeMap<String, Forms>) -> Result<()> {
    let mut written = BTreeSet::new();
    for (path, forms) in files {
        let file = folder.join(path.trim_start_matches('/'));
        for (extension, form) in
            [("", Some(&forms.plain)), (".br", forms.brotli.as_ref()), (".gz", forms.gzip.as_ref())]
        {
            let Some(form) = form else { continue };
            let mut name = file.as_os_str().to_owned();
            name.push(extension);
            let file = PathBuf::from(name);
            write_if_changed(&file, form)
                .with_context(|| format!("cannot write {}", file.display()))?;
            written.insert(file);
        }
    }
    remove_others(folder, &written).with_context(|| format!("cannot tidy {}", folder.display()))
}

fn write_if_changed(file: &Path, content: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(file, content)?)
}

fn remove_others(folder: &Path, written: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, written)?;
            // What still holds something stays.
            let _is_full = fs::remove_dir(&path);
        } else if !written.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_the_files_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("tincan-folder-{}", std::process::id()));
        let file = |path: &str| (path.to_owned(), Forms::of(path, b"x".repeat(99)).unwrap());
        write(&folder, &[file("/index.html"), file("/old/a.js")].into()).unwrap();
        let before = fs::metadata(folder.join("index.html")).unwrap().modified().unwrap();
        write(&folder, &[file("/index.html"), file("/new/b.png")].into()).unwrap();
        let there = |path: &str| folder.join(path).exists();
        assert!(there("index.html.br") && there("index.html.gz") && there("new/b.png"));
        assert!(!there("old") && !there("new/b.png.br"));
        let after = fs::metadata(folder.join("index.html")).unwrap().modified().unwrap();
        assert_eq!(before, after, "what did not change is not written");
        fs::remove_dir_all(folder).unwrap();
    }
}
