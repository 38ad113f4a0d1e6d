//! What the tabs of one browser say to each other, over a `BroadcastChannel`.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Uint8Array;
use serde::{Deserialize, Serialize};
use tincan_engine::{Command, Reply};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::spawn_local;
use web_sys::{BroadcastChannel, MessageEvent};

use crate::client::{Imported, Notice, RequestError};
use crate::later;
use crate::loading::load_later;
use crate::standing::{Settings, Standing};
use crate::timer::sleep;

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

/// Messages that may wait for [`Codec`]. Nobody asks as many before the first answer.
const MAX_WAITING: usize = 1_024;

/// How long after a failure the codec is loaded again.
const AGAIN_MS: i32 = 3_000;

/// Reads what [`write`] wrote; by way of [`crate::later`].
pub(crate) fn read(bytes: &[u8]) -> Option<Post> {
    postcard::from_bytes(bytes).ok()
}

/// A message behind its [`VERSION`]; by way of [`crate::later`].
pub(crate) fn write(post: &Post) -> Option<Vec<u8>> {
    postcard::to_extend(post, VERSION.to_vec()).ok()
}

/// This tab's end of the channel.
pub(crate) struct Channel {
    line: Rc<Line>,
    _hear: Closure<dyn FnMut(MessageEvent)>,
}

struct Line {
    channel: BroadcastChannel,
    hear: Box<dyn Fn(Post)>,
    codec: RefCell<Codec>,
}

/// Where [`read`] and [`write`] are: most people have one tab, and never load them.
enum Codec {
    Away,
    /// Under way, and what waits for it.
    Loading(Vec<Waiting>),
    There,
}

enum Waiting {
    Heard(Vec<u8>),
    Said(Post),
}

impl Channel {
    /// `None` where the browser has no such channels; then there is one tab only.
    pub(crate) fn open(name: &str, hear: impl Fn(Post) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(name).ok()?;
        let codec = RefCell::new(Codec::Away);
        let line = Rc::new(Line { channel, hear: Box::new(hear), codec });
        let listening = Rc::clone(&line);
        let hear = Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| {
            if let Ok(bytes) = event.data().dyn_into::<Uint8Array>() {
                listening.heard(&bytes.to_vec());
            }
        });
        line.channel.set_onmessage(Some(hear.as_ref().unchecked_ref()));
        Some(Self { line, _hear: hear })
    }

    /// To every other tab.
    pub(crate) fn post(&self, post: Post) {
        match post {
            // Each tab says it once, most of them to nobody: it needs no codec.
            Post::Leading => self.line.send(VERSION),
            post => self.line.take(Waiting::Said(post)),
        }
    }
}

impl Line {
    fn heard(self: &Rc<Self>, bytes: &[u8]) {
        match bytes.strip_prefix(VERSION) {
            None => {}
            Some([]) => (self.hear)(Post::Leading),
            Some(rest) => self.take(Waiting::Heard(rest.to_vec())),
        }
    }

    fn take(self: &Rc<Self>, one: Waiting) {
        let mut codec = self.codec.borrow_mut();
        match &mut *codec {
            Codec::Loading(waiting) if waiting.len() >= MAX_WAITING => {}
            Codec::Loading(waiting) => waiting.push(one),
            Codec::Away => {
                *codec = Codec::Loading(vec![one]);
                drop(codec);
                let line = Rc::clone(self);
                spawn_local(async move { line.load().await });
            }
            Codec::There => {
                drop(codec);
                self.pass(one);
            }
        }
    }

    async fn load(&self) {
        while load_later().await.is_err() {
            sleep(AGAIN_MS).await;
        }
        if let Codec::Loading(waiting) = self.codec.replace(Codec::There) {
            waiting.into_iter().for_each(|one| self.pass(one));
        }
    }

    /// Once the codec is there.
    fn pass(&self, one: Waiting) {
        match one {
            Waiting::Heard(bytes) => {
                if let Some(post) = later::read_post(&bytes) {
                    (self.hear)(*post);
                }
            }
            Waiting::Said(post) => {
                if let Some(bytes) = later::write_post(&post) {
                    self.send(&bytes);
                }
            }
        }
    }

    fn send(&self, bytes: &[u8]) {
        // A channel that is closed has nobody at its other ends.
        let _ = self.channel.post_message(&Uint8Array::from(bytes));
    }
}
