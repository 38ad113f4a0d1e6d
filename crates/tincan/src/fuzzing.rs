//! What the fuzz targets reach; nothing else uses it.

use crate::cli::Global;
use crate::config_file::ConfigFile;
use crate::settings::{Settings, without_password};

/// Reads the text of a config file and puts it into force: its hub and its brokers, as the node
/// gets them. An error is what the terminal would show.
pub fn config_file(text: &str) -> Result<(Option<String>, Vec<String>), String> {
    let file = ConfigFile::parse(text).map_err(|(line, why)| format!("line {line}: {why}"))?;
    let flags = Global { home: Some("/nowhere".into()), ..Global::default() };
    let settings =
        Settings::merge(&flags, file).map_err(|failure| failure.line().unwrap_or_default())?;
    Ok((settings.hub, settings.brokers))
}

/// A broker's address as messages show it.
#[must_use]
pub fn shown_address(text: &str) -> String {
    without_password(text)
}
