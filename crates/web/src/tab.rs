//! A tab: it leads, with the engine inside, or shows what the leading tab says.
//!
//! Web Locks say who leads, and notice a tab that is gone; a `BroadcastChannel` carries what
//! tabs ask and tell. Questions to the store are answered from the database in each tab.

mod leading;
mod page;
mod requests;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use futures_channel::oneshot;
use tincan_wire::{SortedMap, UserId};

use crate::browser;
use crate::channel::{Ask, Channel, Given};
use crate::client::{Notice, RequestError, StartError};
use crate::lock::{self, Held};
use crate::shell::Shell;
use crate::standing::{Role, Settings, Standing, Storage};
use crate::store::{Reader, Store};
use leading::Leading;

/// The name of database, channel and locks.
const NAME: &str = "tincan";

/// Whoever hears what changes.
pub(crate) type Hearer = Rc<dyn Fn(&Notice)>;

/// This tab of the browser. Call [`Tab::start`] once.
pub(crate) struct Tab {
    me: Weak<Self>,
    screen: u64,
    mode: RefCell<Mode>,
    channel: RefCell<Option<Channel>>,
    hearers: RefCell<Vec<Hearer>>,
    standing: RefCell<Standing>,
    asked: RefCell<SortedMap<u64, Asked>>,
    next: Cell<u64>,
    /// Chats on this screen, to be opened again at a new leader.
    open_chats: RefCell<SortedMap<UserId, ()>>,
    /// Other screens that have been heard of.
    screens: RefCell<SortedMap<u64, ()>>,
    /// What this tab holds as long as it lives.
    locks: RefCell<Vec<Held>>,
    hidden_at: Cell<Option<f64>>,
    closing: Cell<bool>,
}

/// Where the engine is.
enum Mode {
    /// Here.
    Leader { shell: Rc<Shell>, store: Store },
    /// In another tab; the database is open for questions.
    Screen { reader: Reader },
    /// Nowhere, for the moment in which the leader changes.
    Between,
}

/// A request that another tab is to answer.
struct Asked {
    ask: Ask,
    answer: oneshot::Sender<Result<Given, RequestError>>,
}

impl Tab {
    /// Opens the store and finds out which tab leads.
    ///
    /// # Errors
    /// See [`StartError`].
    pub(crate) async fn start() -> Result<Rc<Self>, StartError> {
        let screen = browser::random_number()
            .ok_or_else(|| StartError::Lacking { what: "random numbers".to_owned() })?;
        let tab = Rc::new_cyclic(|me: &Weak<Tab>| Tab {
            me: me.clone(),
            screen,
            mode: RefCell::new(Mode::Between),
            channel: RefCell::new(None),
            hearers: RefCell::default(),
            standing: RefCell::new(Standing {
                role: Role::Starting,
                online: browser::is_online(),
                storage: Storage::Unknown,
                webrtc: browser::has_webrtc(),
                hub: browser::own_origin(),
                settings: Settings::default(),
                clock_offset_ms: None,
            }),
            asked: RefCell::default(),
            next: Cell::new(0),
            open_chats: RefCell::default(),
            screens: RefCell::default(),
            locks: RefCell::default(),
            hidden_at: Cell::new(None),
            closing: Cell::new(false),
        });
        tab.open_channel();
        tab.watch_page();
        tab.look_at_storage();
        let own = lock::take_free(&screen_lock(screen)).await;
        if let Ok(own) = own {
            tab.locks.borrow_mut().push(own);
        }
        match tab.find_leader().await {
            Leading::Here(lock) => {
                tab.locks.borrow_mut().extend(lock);
                tab.lead().await?;
            }
            Leading::Elsewhere => tab.follow().await?,
        }
        Ok(tab)
    }

    pub(crate) fn subscribe(&self, hear: Hearer) {
        self.hearers.borrow_mut().push(hear);
    }

    pub(crate) fn screen(&self) -> u64 {
        self.screen
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// For questions to the store; `None` in the moment in which the leader changes.
    pub(crate) fn reader(&self) -> Option<Reader> {
        match &*self.mode.borrow() {
            Mode::Leader { store, .. } => Some(store.reader().clone()),
            Mode::Screen { reader } => Some(reader.clone()),
            Mode::Between => None,
        }
    }
}

fn screen_lock(screen: u64) -> String {
    format!("{NAME}-screen-{screen}")
}
