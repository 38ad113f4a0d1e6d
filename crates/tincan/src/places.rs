//! Where things are kept by default: the XDG base directories.

use std::env;
use std::path::PathBuf;

use crate::failure::Failure;

/// The home that is used unless another is named.
pub(crate) fn default_home() -> Result<PathBuf, Failure> {
    Ok(xdg("XDG_DATA_HOME", ".local/share")?.join("tincan"))
}

/// The config file that is read if it exists.
pub(crate) fn default_config() -> Result<PathBuf, Failure> {
    Ok(xdg("XDG_CONFIG_HOME", ".config")?.join("tincan").join("config.toml"))
}

/// An XDG base directory: its variable if that is an absolute path, as the specification
/// demands, else the place below the home directory.
fn xdg(variable: &str, below_home: &str) -> Result<PathBuf, Failure> {
    if let Some(path) = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute()) {
        return Ok(path);
    }
    env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(below_home)).ok_or_else(
        || Failure::bad_input("no home directory is known; name a place with --home DIR"),
    )
}
