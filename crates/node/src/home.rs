//! The home directory: where a node keeps everything it has, for itself alone.
//!
//! It is made with mode 0700, belongs to the user who runs the node, and is locked for as long
//! as a [`Home`] or a store opened in it lives, so that two nodes never write to one database.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

/// The file that carries the lock, and the process id of its owner as text.
const LOCK: &str = "lock";
/// The database.
const DATABASE: &str = "tincan.db";
/// The words of the database's messages; can be deleted at any time and is made again.
const SEARCH_INDEX: &str = "search.db";
/// Where other processes talk to the node that runs here.
const CONTROL_SOCKET: &str = "control.sock";

/// Mode of the directory.
const DIRECTORY_MODE: u32 = 0o700;
/// Mode of every file in it.
pub(crate) const FILE_MODE: u32 = 0o600;

/// A home directory, locked against everybody else while it, or a clone of it, lives.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
    /// Held, not read: the lock ends with the file.
    _lock: Arc<File>,
}

impl Home {
    /// Opens the directory, makes it where there is none, and locks it.
    ///
    /// # Errors
    /// See [`HomeError`]; nothing has been changed then, except that the directory may exist.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        create(path)?;
        probe(path)?;
        make_private(path)?;
        let lock = lock(path)?;
        Ok(Self { path: path.to_owned(), _lock: Arc::new(lock) })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        Self::database_in(&self.path)
    }

    /// The database file of the home at `path`, whether or not it is locked or there.
    pub(crate) fn database_in(path: &Path) -> PathBuf {
        path.join(DATABASE)
    }

    /// The search index file.
    #[must_use]
    pub fn search_index(&self) -> PathBuf {
        self.path.join(SEARCH_INDEX)
    }

    /// The control socket of the home at `path`, whether or not a node runs there.
    #[must_use]
    pub fn control_socket(path: &Path) -> PathBuf {
        path.join(CONTROL_SOCKET)
    }
}

fn create(path: &Path) -> Result<(), HomeError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| HomeError::of(path, &error))?;
    }
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(HomeError::NotADirectory { path: path.to_owned() })
        }
        Err(error) => Err(HomeError::of(path, &error)),
    }
}

/// Makes and removes a file: so we know that we can, and which user the kernel takes us for.
fn probe(path: &Path) -> Result<(), HomeError> {
    let file = path.join(format!(".probe-{}", std::process::id()));
    let fault = |error: io::Error| HomeError::of(path, &error);
    // A process of our number that died here may have left its own.
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
        _ => {}
    }
    let probe = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&file)
        .map_err(fault)?;
    let user = probe.metadata().map(|metadata| metadata.uid());
    fs::remove_file(&file).map_err(fault)?;
    let owner = fs::metadata(path).map_err(fault)?.uid();
    if user.map_err(fault)? == owner {
        Ok(())
    } else {
        Err(HomeError::WrongOwner { path: path.to_owned() })
    }
}

/// Takes the directory from everybody else. A directory that is full of other things is left as
/// it is: whoever types `--home /tmp` must not lock everybody out of it.
fn make_private(path: &Path) -> Result<(), HomeError> {
    let fault = |error: io::Error| HomeError::of(path, &error);
    let mode = fs::metadata(path).map_err(fault)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let is_ours = path.join(LOCK).exists() || path.join(DATABASE).exists();
    if !is_ours && fs::read_dir(path).map_err(fault)?.next().is_some() {
        return Err(HomeError::Shared { path: path.to_owned() });
    }
    fs::set_permissions(path, fs::Permissions::from_mode(DIRECTORY_MODE)).map_err(fault)
}

fn lock(path: &Path) -> Result<File, HomeError> {
    let fault = |error: io::Error| HomeError::of(path, &error);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path.join(LOCK))
        .map_err(fault)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(HomeError::InUse { path: path.to_owned(), pid });
        }
        Err(TryLockError::Error(error)) => return Err(fault(error)),
    }
    // Only for the message of whoever comes second: a full disk must not keep us from starting.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| {
        let line = format!("{}\n", std::process::id());
        file.write_all(line.as_bytes())
    });
    Ok(file)
}

/// Why a directory can't be a home.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HomeError {
    /// Another process holds the lock.
    #[error(
        "{} is in use by another tincan{}; stop that one, or give another directory with --home",
        path.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The home.
        path: PathBuf,
        /// Who holds it, if they could say so.
        pid: Option<u32>,
    },
    /// There is something else of this name, or above it.
    #[error("{} is not a directory; give another one with --home", path.display())]
    NotADirectory {
        /// The home.
        path: PathBuf,
    },
    /// It may not be written.
    #[error(
        "{} can't be written; give this user the right to write there, or another directory with --home",
        path.display()
    )]
    NotWritable {
        /// The home.
        path: PathBuf,
    },
    /// It belongs to another user. Files of ours would lock them out of their own home.
    #[error(
        "{} belongs to another user; run tincan as that user, or give another directory with --home",
        path.display()
    )]
    WrongOwner {
        /// The home.
        path: PathBuf,
    },
    /// Others may look into it, and it holds other things, so that we don't change its mode.
    #[error(
        "others can read {}, and it holds files that are not tincan's; give an empty directory with --home, or run `chmod 700` on this one",
        path.display()
    )]
    Shared {
        /// The home.
        path: PathBuf,
    },
    /// There is no space for another file.
    #[error("the disk that holds {} is full; free some space there and start again", path.display())]
    DiskFull {
        /// The home.
        path: PathBuf,
    },
    /// Something else; the operating system's words say what.
    #[error("{} can't be used: {reason}", path.display())]
    Unusable {
        /// The home.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
}

impl HomeError {
    fn of(path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind;
        let path = path.to_owned();
        match error.kind() {
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => Self::NotADirectory { path },
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable { path }
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Unusable { path, reason: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn with_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn is_made_with_its_parents_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/home");
        let home = Home::open(&path).unwrap();
        assert_eq!((home.path(), mode(&path)), (path.as_path(), 0o700));
        assert_eq!(mode(&path.join("lock")), 0o600);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "the probe is gone");
    }

    #[test]
    fn second_owner_is_told_of_the_first_until_it_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("home");
        let first = Home::open(&path).unwrap();
        let clone = first.clone();
        drop(first);
        let pid = Some(std::process::id());
        assert_eq!(
            Home::open(&path).unwrap_err(),
            HomeError::InUse { path: path.clone(), pid },
            "a clone holds the lock"
        );
        drop(clone);
        Home::open(&path).unwrap();
    }

    #[test]
    fn file_is_no_home() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below")] {
            assert_eq!(Home::open(&path).unwrap_err(), HomeError::NotADirectory { path });
        }
    }

    #[test]
    fn open_home_of_ours_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("home");
        drop(Home::open(&path).unwrap());
        with_mode(&path, 0o755);
        Home::open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn shared_directory_of_other_things_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        fs::write(path.join("holiday.jpg"), "").unwrap();
        with_mode(&path, 0o755);
        assert_eq!(Home::open(&path).unwrap_err(), HomeError::Shared { path: path.clone() });
        assert_eq!(mode(&path), 0o755);
        with_mode(&path, 0o700);
        Home::open(&path).unwrap();
    }

    #[test]
    fn directory_that_is_read_only_is_refused() {
        // Who is root may write everywhere, and sees nothing of this.
        let path = Path::new("/proc/self/tincan-home");
        let error = Home::open(path).unwrap_err();
        assert!(
            matches!(error, HomeError::NotWritable { .. } | HomeError::Unusable { .. }),
            "{error}"
        );
    }

    #[test]
    fn every_message_names_the_directory_and_says_what_to_do() {
        let path = PathBuf::from("/home/of/someone");
        let errors = [
            HomeError::InUse { path: path.clone(), pid: Some(7) },
            HomeError::NotADirectory { path: path.clone() },
            HomeError::NotWritable { path: path.clone() },
            HomeError::WrongOwner { path: path.clone() },
            HomeError::Shared { path: path.clone() },
            HomeError::DiskFull { path },
        ];
        for error in errors {
            let text = error.to_string();
            assert!(text.contains("/home/of/someone") && text.contains("; "), "{text}");
        }
    }
}
