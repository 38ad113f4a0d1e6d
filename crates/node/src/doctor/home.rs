//! The home: whether a node runs there, and how the disk is.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tincan_doctor::{Database, Running, Storage, StorageFault};
use tincan_engine::{BrokerState, Command, Reply};
use tokio::time::timeout;

use crate::broker::MeetingPlace;
use crate::control::ControlError;
use crate::handle::Handle;
use crate::home::Home;
use crate::shell::MEETING_PLACE;
use crate::store::look;

/// How long a running node may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the node stands that runs on the home, and where it meets people.
pub(super) async fn running(home: &Path) -> (Running, Option<MeetingPlace>) {
    let handle = match timeout(PATIENCE, Handle::connect(home)).await {
        Ok(Ok(handle)) => handle,
        Ok(Err(ControlError::NotRunning { .. })) => return (Running::Nobody, None),
        Ok(Err(_)) | Err(_) => return (Running::Silent, None),
    };
    let asked = async { tokio::join!(handle.shell_status(), handle.command(Command::GetStatus)) };
    let Ok((Ok(shell), Ok(Reply::Status { status }))) = timeout(PATIENCE, asked).await else {
        return (Running::Silent, None);
    };
    let running = match status.broker.state {
        BrokerState::Connected => Running::Connected,
        BrokerState::Disconnected | BrokerState::Connecting | BrokerState::Error => {
            Running::NotConnected(status.broker.reason.clone())
        }
    };
    (running, MeetingPlace::new(shell.hub.as_deref(), &shell.brokers).ok())
}

/// Where the home's node met people last.
pub(super) async fn remembered(home: &Path) -> MeetingPlace {
    let database = Home::database_in(home);
    let setting = blocking(move || look::setting(&database, MEETING_PLACE)).await.flatten();
    setting.map(|text| MeetingPlace::from_setting(&text)).unwrap_or_default()
}

/// The disk below a home, and the database in it.
pub(super) async fn storage(home: &Path) -> Storage {
    let (path, database) = (home.to_owned(), Home::database_in(home));
    let looked =
        tokio::join!(blocking(move || disk(&path)), blocking(move || look::check(&database)),);
    let lost = || (Err(StorageFault::Other("the look at it failed".to_owned())), None);
    let (commit, free_bytes) = looked.0.unwrap_or_else(lost);
    Storage {
        name: home.display().to_string(),
        commit,
        free_bytes,
        database: looked.1.unwrap_or(Database::Unfinished),
        is_kept: true,
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// The time of a commit, and free space. A home that is not there yet is not made: what will be
/// above it is looked at.
fn disk(home: &Path) -> (Result<Duration, StorageFault>, Option<u64>) {
    let home = std::path::absolute(home).unwrap_or_else(|_| home.to_owned());
    let Some(place) = home.ancestors().find(|place| place.exists()) else {
        return (Err(StorageFault::NotWritable), None);
    };
    let free = rustix::fs::statvfs(place).ok().map(|seen| seen.f_bavail * seen.f_frsize);
    if !place.is_dir() {
        return (Err(StorageFault::NotADirectory), free);
    }
    (commit(place), free)
}

fn commit(place: &Path) -> Result<Duration, StorageFault> {
    let scratch = Scratch::make(place).map_err(|error| of_io(&error))?;
    let file = scratch.0.join("trial.db");
    let database = look::scratch_database(&file)?;
    let began = Instant::now();
    look::commit(&database, &file)?;
    Ok(began.elapsed())
}

fn of_io(error: &io::Error) -> StorageFault {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StorageFault::NotWritable
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StorageFault::Full,
        _ => StorageFault::Other(error.to_string()),
    }
}

/// A directory that is gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn make(place: &Path) -> io::Result<Self> {
        let path = place.join(format!(".tincan-doctor-{}", std::process::id()));
        // A process of our number that died here may have left its own.
        let _ = fs::remove_dir_all(&path);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // If it cannot be, the next look tries again.
        let _ = fs::remove_dir_all(&self.0);
    }
}
