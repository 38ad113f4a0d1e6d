//! How this tab and its browser stand: what a banner or a settings page shows.

use std::borrow::Cow;

use js_sys::JSON;
use serde::{Deserialize, Serialize};
use tincan_wire::json::{JsonError, Object, Value};
use wasm_bindgen::JsValue;

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

impl Settings {
    /// As they are stored: a JSON object.
    pub(crate) fn to_text(&self) -> String {
        let hub = self.hub.as_deref().map_or(JsValue::NULL, JsValue::from_str);
        // A string and `null` have a text.
        let hub = JSON::stringify(&hub).map(String::from).unwrap_or_default();
        let Self { relay_only, read_receipts, .. } = self;
        format!(r#"{{"hub":{hub},"relay_only":{relay_only},"read_receipts":{read_receipts}}}"#)
    }

    /// What [`to_text`](Self::to_text) wrote; what is missing is as it is at first.
    pub(crate) fn from_text(text: &str) -> Result<Self, JsonError> {
        let mut stored = Object::parse(text.as_bytes())?;
        let hub = stored.optional_string("hub")?.map(Cow::into_owned);
        let relay_only = stored.flag("relay_only")?;
        let read_receipts = match stored.optional("read_receipts") {
            None => true,
            Some(Value::Bool(on)) => on,
            Some(_) => return Err(JsonError::BadField("read_receipts")),
        };
        Ok(Self { hub, relay_only, read_receipts })
    }
}
