//! Whether something has changed since it was used.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Names and contents of files, as a number. It guards against forgetting, not against forgery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(u64);

impl Stamp {
    /// Of these files, and of all files in these folders.
    pub(super) fn of(inputs: &[PathBuf]) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        for input in inputs {
            for file in files(input)? {
                let content =
                    fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
                (file.file_name(), content).hash(&mut hasher);
            }
        }
        Ok(Self(hasher.finish()))
    }

    /// What was kept with this stamp, if it was this one.
    pub(super) fn matches(self, file: &Path) -> Option<String> {
        let kept = fs::read_to_string(file).ok()?;
        let (number, note) = kept.split_once('\n')?;
        (number == self.0.to_string()).then(|| note.to_owned())
    }

    /// Keeps it, and a note.
    pub(super) fn keep(self, file: &Path, note: &str) -> Result<()> {
        fs::write(file, format!("{}\n{note}", self.0))
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        found.extend(files(&entry?.path())?);
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_that_of_names_and_contents() {
        let folder = std::env::temp_dir().join(format!("tincan-stamp-{}", std::process::id()));
        fs::create_dir_all(folder.join("inner")).unwrap();
        let stamp = || Stamp::of(std::slice::from_ref(&folder)).unwrap();
        fs::write(folder.join("inner/a"), "1").unwrap();
        let first = stamp();
        assert_eq!(stamp(), first);
        fs::write(folder.join("inner/a"), "2").unwrap();
        assert_ne!(stamp(), first);
        fs::rename(folder.join("inner/a"), folder.join("inner/b")).unwrap();
        fs::write(folder.join("inner/b"), "1").unwrap();
        assert_ne!(stamp(), first);

        let kept = folder.join("kept");
        first.keep(&kept, "a note\nof two lines\n").unwrap();
        assert_eq!(first.matches(&kept).as_deref(), Some("a note\nof two lines\n"));
        assert_eq!(Stamp(first.0 + 1).matches(&kept), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
