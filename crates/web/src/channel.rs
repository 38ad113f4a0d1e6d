//! What the tabs of one browser say to each other, over a `BroadcastChannel`.

use js_sys::Uint8Array;
use serde::{Deserialize, Serialize};
use tincan_engine::{Command, Reply};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use web_sys::{BroadcastChannel, MessageEvent};

use crate::client::{Imported, Notice, RequestError};
use crate::standing::{Settings, Standing};

/// One message. What does not parse comes from a tab of another version, and is passed over.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Post {
    /// A screen asks the leader.
    Ask {
        /// The screen.
        from: u64,
        /// Its number for the answer.
        id: u64,
        /// What.
        ask: Ask,
    },
    /// The leader answers a screen.
    Answer {
        /// The screen.
        to: u64,
        /// Its number.
        id: u64,
        /// The answer.
        result: Result<Given, RequestError>,
    },
    /// The leader tells every screen.
    Notice(Notice),
    /// The sender leads from now on.
    Leading,
}

/// What a screen asks.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// For the engine.
    Command(Command),
    /// Keep these.
    Settings(Settings),
    /// How do you stand?
    Standing,
    /// Everything as a file.
    Export {
        /// Under which it is encrypted.
        passphrase: String,
    },
    /// Take a file in.
    Import {
        /// What is in it.
        file: Vec<u8>,
        /// Under which it is encrypted.
        passphrase: String,
    },
}

/// What a screen is given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Given {
    /// The engine's answer.
    Reply(Reply),
    /// It is done.
    Done,
    /// How the leader stands.
    Standing(Standing),
    /// The file.
    File(Vec<u8>),
    /// What came in.
    Imported(Imported),
}

impl Ask {
    /// Whether it may be asked twice without harm.
    pub(crate) fn is_repeatable(&self) -> bool {
        match self {
            Self::Command(command) => matches!(
                command,
                Command::ListContacts
                    | Command::ListRequests
                    | Command::GetStatus
                    | Command::GetSafetyNumber { .. }
                    | Command::MarkRead { .. }
                    | Command::Typing { .. }
                    | Command::OpenChat { .. }
                    | Command::CloseChat { .. }
                    | Command::CloseScreen { .. }
            ),
            Self::Standing | Self::Settings(_) => true,
            Self::Export { .. } | Self::Import { .. } => false,
        }
    }
}

/// Before each message: only tabs of one version understand each other.
const VERSION: &[u8] = env!("CARGO_PKG_VERSION").as_bytes();

fn read(bytes: &[u8]) -> Option<Post> {
    postcard::from_bytes(bytes.strip_prefix(VERSION)?).ok()
}

/// This tab's end of the channel.
pub(crate) struct Channel {
    channel: BroadcastChannel,
    _hear: Closure<dyn FnMut(MessageEvent)>,
}

impl Channel {
    /// `None` where the browser has no such channels; then there is one tab only.
    pub(crate) fn open(name: &str, hear: impl Fn(Post) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(name).ok()?;
        let hear = Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| {
            let Ok(bytes) = event.data().dyn_into::<Uint8Array>() else { return };
            if let Some(post) = read(&bytes.to_vec()) {
                hear(post);
            }
        });
        channel.set_onmessage(Some(hear.as_ref().unchecked_ref()));
        Some(Self { channel, _hear: hear })
    }

    /// To every other tab.
    pub(crate) fn post(&self, post: &Post) {
        if let Ok(bytes) = postcard::to_extend(post, VERSION.to_vec()) {
            // A channel that is closed has nobody at its other ends.
            let _ = self.channel.post_message(&Uint8Array::from(&bytes[..]));
        }
    }
}
