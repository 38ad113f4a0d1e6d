//! The node's end of the control socket.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::ControlError;
use super::connection;
use crate::handle::Local;
use crate::home::Home;

/// Connections at a time: screens, bots and one-off commands of one user.
const MAX_CONNECTIONS: usize = 64;

/// The longest path that fits into a socket's address on every system we run on.
const MAX_PATH_BYTES: usize = 103;

/// Only this user.
const MODE: u32 = 0o600;

/// Listens while it lives; the socket's file goes with it.
#[derive(Debug)]
pub(crate) struct ControlServer {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl ControlServer {
    /// Listens in the home directory, which the caller holds locked: a socket file that is there
    /// is left over from a node that was killed.
    pub(crate) fn start(home: &Path, local: Local) -> Result<Self, ControlError> {
        let path = Home::control_socket(home);
        let failed = |error: io::Error| ControlError::Unusable {
            path: path.clone(),
            reason: error.to_string(),
        };
        if path.as_os_str().len() > MAX_PATH_BYTES {
            return Err(ControlError::PathTooLong { path });
        }
        match fs::remove_file(&path) {
            Ok(()) => tracing::debug!("a stale control socket was removed"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        // The directory has mode 0700, so nobody else could have come in between.
        fs::set_permissions(&path, fs::Permissions::from_mode(MODE)).map_err(failed)?;
        let task = tokio::spawn(accept(listener, local));
        Ok(Self { path, task })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.task.abort();
        // The next node removes what is left over.
        let _ = fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, local: Local) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let local = local.clone();
                tokio::spawn(async move {
                    connection::serve(stream, local).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: others will be given back.
                tracing::warn!(%error, "control socket");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}
