//! A file that gets its name only once it is complete, for its owner alone.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::failure::Failure;

/// A file under way. Whoever is killed before [`NewFile::keep`] leaves nothing behind, where the
/// file system knows files without names; elsewhere a hidden one that ends in `.partial`.
pub(super) struct NewFile {
    file: File,
    /// In the same directory; there meanwhile, or on the way to replacing another file.
    partial: PathBuf,
    is_nameless: bool,
    path: PathBuf,
}

/// What is told of a file that is not to be replaced.
pub(super) fn exists(path: &Path) -> Failure {
    Failure::BadInput(format!(
        "{} is there already; name another file, or say --force to replace it",
        path.display()
    ))
}

impl NewFile {
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let Some(name) = path.file_name() else {
            return Err(Failure::BadInput(format!("{} is no file name", path.display())));
        };
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.partial", std::process::id()));
        let partial = path.with_file_name(hidden);
        let path = path.to_owned();
        if let Some(file) = nameless(directory(&path)) {
            return Ok(Self { file, partial, is_nameless: true, path });
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Failure::BadInput(format!(
                "the directory of {} is not there; make it, or name another file",
                path.display()
            )),
            _ => Failure::Failed(format!("{} can't be written: {error}", path.display())),
        })?;
        Ok(Self { file, partial, is_nameless: false, path })
    }

    /// Gives it its name. Another file of that name is only replaced if `force`.
    pub(super) fn keep(self, force: bool) -> Outcome {
        let failed = |error: io::Error| {
            Failure::Failed(format!("{} can't be written: {error}", self.path.display()))
        };
        self.file.sync_all().map_err(failed)?;
        if force {
            if self.is_nameless {
                name(&self.file, &self.partial).map_err(failed)?;
            }
            fs::rename(&self.partial, &self.path).map_err(failed)?;
        } else {
            // A name that is given never takes the place of a file that came meanwhile.
            let named = match self.is_nameless {
                true => name(&self.file, &self.path),
                false => fs::hard_link(&self.partial, &self.path),
            };
            match named {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(exists(&self.path));
                }
                Err(error) if self.is_nameless => return Err(failed(error)),
                // Sticks and cards often know no second names.
                Err(_) if self.path.symlink_metadata().is_ok() => return Err(exists(&self.path)),
                Err(_) => fs::rename(&self.partial, &self.path).map_err(failed)?,
            }
        }
        // The name itself shall outlive a power cut; where that can't be asked for, it is as it is.
        let _ = File::open(directory(&self.path)).and_then(|dir| dir.sync_all());
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // It has its own name by now, or is half a backup.
        let _ = fs::remove_file(&self.partial);
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file in `directory` without a name; none where there is no such thing, or no way to name it.
#[cfg(target_os = "linux")]
fn nameless(directory: &Path) -> Option<File> {
    if !Path::new(OWN_FILES).exists() {
        return None;
    }
    let flags = rustix::fs::OFlags::TMPFILE.bits().cast_signed();
    OpenOptions::new().write(true).mode(0o600).custom_flags(flags).open(directory).ok()
}

#[cfg(not(target_os = "linux"))]
fn nameless(_: &Path) -> Option<File> {
    None
}

/// Where the kernel has a link to each file that this process has opened, by its number.
#[cfg(target_os = "linux")]
const OWN_FILES: &str = "/proc/self/fd";

/// Names a nameless file. Fails where that name is taken.
#[cfg(target_os = "linux")]
fn name(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;

    use rustix::fs::{AtFlags, CWD, linkat};

    let link = Path::new(OWN_FILES).join(file.as_raw_fd().to_string());
    Ok(linkat(CWD, link, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn name(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<OsString> {
        fs::read_dir(directory).unwrap().flatten().map(|entry| entry.file_name()).collect()
    }

    #[test]
    fn there_is_no_name_before_it_is_complete() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("backup");
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert!(file.is_nameless, "{} knows no files without names", directory.path().display());
        assert!(names(directory.path()).is_empty());
        file.write_all(b" and half").unwrap();
        file.keep(false).unwrap();
        assert_eq!(names(directory.path()), ["backup"]);
        assert_eq!(fs::read(&path).unwrap(), b"half and half");
    }

    #[test]
    fn a_file_that_came_meanwhile_is_replaced_by_force_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("backup");
        for (force, expected) in [(false, "theirs"), (true, "ours")] {
            let mut file = NewFile::create(&path).unwrap();
            file.write_all(b"ours").unwrap();
            fs::write(&path, "theirs").unwrap();
            assert_eq!(file.keep(force).is_ok(), force);
            assert_eq!(fs::read_to_string(&path).unwrap(), expected);
            assert_eq!(names(directory.path()), ["backup"]);
        }
    }
}
