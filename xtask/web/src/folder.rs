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
        } else if !written.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
