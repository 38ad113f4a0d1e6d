//! How this tab and its browser stand: what a banner or a settings page shows.

use serde::{Deserialize, Serialize};

/// What is true of this tab and its browser, apart from what the engine knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Which part this tab plays.
    pub role: Role,
    /// What the browser says of its network (`navigator.onLine`).
    pub online: bool,
    /// Whether the browser may delete what is stored.
    pub storage: Storage,
    /// Whether the browser has WebRTC at all.
    pub webrtc: bool,
    /// The origin of the hub in use.
    pub hub: String,
    /// What a person has set.
    pub settings: Settings,
    /// By how many milliseconds our clock is behind the hub's, once known; negative if ahead.
    pub clock_offset_ms: Option<i64>,
}

/// One tab holds the engine; the others are its screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Not decided yet.
    Starting,
    /// The engine, the connections and the store's writer are in this tab.
    Leader,
    /// Another tab has them; this one shows what it says.
    Screen,
}

/// Whether the browser keeps what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// Not asked yet.
    Unknown,
    /// The browser keeps it until the person deletes it.
    Persistent,
    /// The browser may delete it when space is short or the site was long unused.
    MayBeDeleted,
}

/// What a person has set for this browser; kept in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Another hub than the one that served the page.
    pub hub: Option<String>,
    /// Use relayed paths only, so that contacts don't learn our addresses.
    pub relay_only: bool,
    /// Tell contacts when their messages were shown, where nothing else is set for them.
    pub read_receipts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { hub: None, relay_only: false, read_receipts: true }
    }
}
