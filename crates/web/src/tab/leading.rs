//! How the leading tab is found, and changes.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use futures_util::future::{Either, select};
use tincan_engine::Command;
use wasm_bindgen_futures::spawn_local;

use super::{Asked, Mode, NAME, Tab};
use crate::browser;
use crate::channel::{Ask, Given, Post};
use crate::client::{Notice, RequestError, StartError};
use crate::loading::load_later;
use crate::lock::{self, Denied, Held};
use crate::shell::Shell;
use crate::standing::{Role, Settings, Standing};
use crate::store::{Store, StoreAnswer};
use crate::timer::sleep;

/// The store's setting that holds what a person has set.
pub(super) const SETTINGS: &str = "settings";

/// How long a leader may take to answer, in a browser without locks, before it counts as gone.
const LEADER_PATIENCE_MS: i32 = 400;

/// How long a leader that is known to be there may take, if this is the first question it hears.
const LEADER_LOADS_MS: i32 = 10_000;

/// How often a leader is asked whether it is still there, in a browser without locks.
const LEADER_LOOK_MS: i32 = 500;

/// Which tab leads.
pub(super) enum Leading {
    /// This one; the lock that says so, where there are locks.
    Here(Option<Held>),
    /// Another.
    Elsewhere,
}

impl Tab {
    pub(super) async fn find_leader(&self) -> Leading {
        match lock::take_free(NAME).await {
            Ok(lock) => Leading::Here(Some(lock)),
            Err(Denied::Taken) => Leading::Elsewhere,
            Err(Denied::Unknown) => {
                // Whoever leads must answer at once: everybody has what that takes. Without it
                // nobody is heard, as without a network.
                let _ = load_later().await;
                match self.hear_leader(LEADER_PATIENCE_MS).await {
                    Some(_) => Leading::Elsewhere,
                    None => Leading::Here(None),
                }
            }
        }
    }

    /// Asks whoever leads how they stand; `None` if nobody answers in time.
    async fn hear_leader(&self, patience_ms: i32) -> Option<Standing> {
        let answer = self.ask_elsewhere(Ask::Standing);
        let patience = std::pin::pin!(sleep(patience_ms));
        match select(answer, patience).await {
            Either::Left((Ok(Ok(Given::Standing(standing))), _)) => Some(standing),
            _ => None,
        }
    }

    /// Takes the engine into this tab.
    pub(super) async fn lead(&self) -> Result<(), StartError> {
        let shell: Rc<RefCell<Weak<Shell>>> = Rc::default();
        let answered = Rc::clone(&shell);
        let answers = move |answers: Vec<StoreAnswer>| {
            let shell = answered.borrow().upgrade();
            if let Some(shell) = shell {
                shell.stored(answers);
            }
        };
        let (store, snapshot) = Store::open(NAME, answers).await?;
        let settings: Settings = store
            .setting(SETTINGS)
            .and_then(|text| Settings::from_text(&text).ok())
            .unwrap_or_default();
        let hub = settings.hub.clone().unwrap_or_else(browser::own_origin);
        let me = self.me.clone();
        let tell = move |told| {
            if let Some(tab) = me.upgrade() {
                tab.told(told);
            }
        };
        let made = |made| drop(shell.replace(made));
        let started = Shell::start(store.clone(), snapshot, hub.clone(), &settings, tell, made)?;
        self.mode.replace(Mode::Leader { shell: started, store });
        self.set_standing(|standing| {
            standing.role = Role::Leader;
            standing.settings = settings;
            standing.hub = hub;
        });
        self.post(Post::Leading);
        Ok(())
    }

    /// Shows what another tab says, and waits to take over from it.
    pub(super) async fn follow(&self) -> Result<(), StartError> {
        let reader = Store::open_reader(NAME).await?;
        self.mode.replace(Mode::Screen { reader });
        match self.hear_leader(LEADER_PATIENCE_MS).await {
            Some(theirs) => self.adopt(theirs),
            None => self.adopt_when_heard(),
        }
        self.set_standing(|standing| standing.role = Role::Screen);
        let Some(me) = self.me.upgrade() else { return Ok(()) };
        spawn_local(async move {
            let lock = me.leader_gone().await;
            if !me.closing.get() {
                me.locks.borrow_mut().extend(lock);
                me.take_over().await;
            }
        });
        Ok(())
    }

    /// Waits until nobody leads; the lock that says so, where there are locks.
    async fn leader_gone(&self) -> Option<Held> {
        if let Ok(lock) = lock::take_when_free(NAME).await {
            return Some(lock);
        }
        loop {
            sleep(LEADER_LOOK_MS).await;
            if self.hear_leader(LEADER_PATIENCE_MS).await.is_some() {
                continue;
            }
            // Of several screens the one with the smallest wait takes over; the others then
            // hear it.
            sleep(i32::try_from(self.screen % 256).unwrap_or_default()).await;
            let is_led = self.hear_leader(LEADER_PATIENCE_MS).await.is_some();
            if !is_led {
                return None;
            }
        }
    }

    async fn take_over(&self) {
        self.mode.replace(Mode::Between);
        if let Err(error) = self.lead().await {
            return browser::complain(&error.to_string());
        }
        self.settle_asked();
        self.open_chats_again();
        self.notify(&Notice::Refresh);
    }

    /// Starts another engine on what is stored now.
    pub(super) async fn begin_anew(&self, store: &Store) {
        self.mode.replace(Mode::Between);
        store.close();
        if let Err(error) = self.lead().await {
            return browser::complain(&error.to_string());
        }
        self.open_chats_again();
        self.tell_all(Notice::Refresh);
    }

    /// Another tab leads now.
    pub(super) fn heard_of_leader(&self) {
        if !matches!(*self.mode.borrow(), Mode::Screen { .. }) {
            return;
        }
        self.settle_asked();
        self.open_chats_again();
        let Some(me) = self.me.upgrade() else { return };
        spawn_local(async move {
            if let Some(theirs) = me.hear_leader(LEADER_PATIENCE_MS).await {
                me.adopt(theirs);
            }
            me.notify(&Notice::Refresh);
        });
    }

    /// What was asked of the former leader: once more where that does no harm.
    fn settle_asked(&self) {
        let asked = std::mem::take(&mut *self.asked.borrow_mut());
        for Asked { ask, answer } in asked.into_values() {
            if !ask.is_repeatable() {
                // Whoever asked may be gone.
                let _ = answer.send(Err(RequestError::Interrupted));
                continue;
            }
            let Some(me) = self.me.upgrade() else { return };
            spawn_local(async move {
                let _ = answer.send(me.request(ask).await);
            });
        }
    }

    fn open_chats_again(&self) {
        for (contact, ()) in self.open_chats.borrow().clone() {
            let Some(me) = self.me.upgrade() else { return };
            let command = Command::OpenChat { contact, screen: self.screen };
            spawn_local(async move { drop(me.request(Ask::Command(command)).await) });
        }
    }

    /// The leader is there and has not answered yet: it may have to load what that takes.
    fn adopt_when_heard(&self) {
        let Some(me) = self.me.upgrade() else { return };
        spawn_local(async move {
            if let Some(theirs) = me.hear_leader(LEADER_LOADS_MS).await {
                me.adopt(theirs);
            }
        });
    }

    /// What the leader says of what is the same for all tabs.
    pub(super) fn adopt(&self, theirs: Standing) {
        self.set_standing(|standing| {
            standing.hub = theirs.hub;
            standing.settings = theirs.settings;
            standing.clock_offset_ms = theirs.clock_offset_ms;
        });
    }
}
