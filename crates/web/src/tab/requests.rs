//! What tabs ask each other, and tell.

use std::pin::Pin;
use std::rc::Rc;

use futures_channel::oneshot;
use tincan_engine::{Command, Target};
use wasm_bindgen_futures::spawn_local;

use super::leading::SETTINGS;
use super::{Asked, Mode, NAME, Tab, screen_lock};
use crate::browser;
use crate::channel::{Ask, Channel, Given, Post};
use crate::client::{Notice, RequestError};
use crate::later;
use crate::loading::load_later;
use crate::lock;
use crate::origin;
use crate::shell::{Shell, Told};
use crate::standing::{Role, Settings, Standing};
use crate::store::Store;

/// Requests of this tab that may wait for another's answer.
const MAX_ASKED: usize = 1_024;

/// Screens that the leader keeps account of.
const MAX_SCREENS: usize = 256;

impl Tab {
    /// Asks the leader, be it this tab or another.
    pub(crate) async fn request(&self, ask: Ask) -> Result<Given, RequestError> {
        let leads = matches!(*self.mode.borrow(), Mode::Leader { .. });
        if leads {
            return self.answer(ask).await;
        }
        load_later().await?;
        self.ask_elsewhere(ask).await.unwrap_or(Err(RequestError::Interrupted))
    }

    pub(super) fn ask_elsewhere(&self, ask: Ask) -> oneshot::Receiver<Result<Given, RequestError>> {
        let (answer, answered) = oneshot::channel();
        let mut asked = self.asked.borrow_mut();
        asked.retain(|_, asked| !asked.answer.is_canceled());
        if asked.len() >= MAX_ASKED {
            return answered;
        }
        let id = self.next.get() + 1;
        self.next.set(id);
        asked.insert(id, Asked { ask: ask.clone(), answer });
        drop(asked);
        self.post(Post::Ask { from: self.screen, id, ask });
        answered
    }

    /// As the leader. Boxed, so that it is compiled once and not into each that awaits it.
    fn answer(&self, ask: Ask) -> Pin<Box<dyn Future<Output = Result<Given, RequestError>> + '_>> {
        Box::pin(self.answer_now(ask))
    }

    async fn answer_now(&self, ask: Ask) -> Result<Given, RequestError> {
        let (shell, store) = match &*self.mode.borrow() {
            Mode::Leader { shell, store } => (Rc::clone(shell), store.clone()),
            Mode::Screen { .. } | Mode::Between => return Err(RequestError::Interrupted),
        };
        match ask {
            Ask::Command(command) => match shell.command(command).await {
                Ok(result) => result.map(Given::Reply).map_err(RequestError::Command),
                Err(_) => Err(RequestError::Interrupted),
            },
            Ask::Settings(settings) => self.keep(settings, &shell, &store).await,
            Ask::Standing => Ok(Given::Standing(self.standing())),
            Ask::Export { passphrase } => {
                let hub = self.standing.borrow().hub.clone();
                load_later().await?;
                later::export(&store, &hub, &passphrase).await.map(Given::File)
            }
            Ask::Import { file, passphrase } => {
                load_later().await?;
                let restore = later::read(&file, &passphrase)?;
                // What the engine knows gets old: it ends, and another begins.
                shell.stop();
                let restored = restore(store.clone(), SETTINGS).await;
                self.begin_anew(&store).await;
                restored.map(Given::Imported)
            }
        }
    }

    async fn keep(
        &self,
        mut settings: Settings,
        shell: &Rc<Shell>,
        store: &Store,
    ) -> Result<Given, RequestError> {
        if let Some(hub) = &settings.hub {
            let origin = origin::of(hub).ok_or_else(|| RequestError::BadSetting {
                reason: format!("{hub} is no address of a hub; it begins with https://"),
            })?;
            settings.hub = (origin != browser::own_origin()).then_some(origin);
        }
        store.set_setting(SETTINGS, Some(&settings.to_text())).await?;
        let hub = settings.hub.clone().unwrap_or_else(browser::own_origin);
        let moved = (hub != self.standing.borrow().hub).then(|| hub.clone());
        shell.apply(&settings, moved);
        self.set_standing(|standing| {
            standing.settings = settings;
            standing.hub = hub;
        });
        Ok(Given::Done)
    }

    /// What the shell in this tab tells.
    pub(super) fn told(&self, told: Told) {
        match told {
            Told::Event(event) => self.tell_all(Notice::Event(event)),
            Told::Clock(behind) => {
                self.set_standing(|standing| standing.clock_offset_ms = Some(behind));
            }
        }
    }

    /// Every screen, this one among them.
    pub(super) fn tell_all(&self, notice: Notice) {
        self.notify(&notice);
        if !self.screens.borrow().is_empty() {
            self.post(Post::Notice(notice));
        }
    }

    pub(super) fn notify(&self, notice: &Notice) {
        let hearers = self.hearers.borrow().clone();
        for hear in hearers {
            hear(notice);
        }
    }

    /// Changes how the tab stands, and tells it where that is news.
    pub(crate) fn set_standing(&self, change: impl FnOnce(&mut Standing)) {
        let before = self.standing();
        change(&mut self.standing.borrow_mut());
        let after = self.standing();
        if before == after {
            return;
        }
        match after.role {
            Role::Leader => self.tell_all(Notice::Standing(after)),
            Role::Starting | Role::Screen => self.notify(&Notice::Standing(after)),
        }
    }

    pub(super) fn post(&self, post: Post) {
        if let Some(channel) = self.channel.borrow().as_ref() {
            channel.post(post);
        }
    }

    pub(super) fn open_channel(&self) {
        let me = self.me.clone();
        let channel = Channel::open(NAME, move |post| {
            if let Some(tab) = me.upgrade() {
                tab.heard(post);
            }
        });
        self.channel.replace(channel);
    }

    fn heard(&self, post: Post) {
        let leads = matches!(*self.mode.borrow(), Mode::Leader { .. });
        match post {
            Post::Ask { from, id, ask } if leads => {
                self.note_screen(from);
                let Some(me) = self.me.upgrade() else { return };
                spawn_local(async move {
                    let result = me.answer(ask).await;
                    me.post(Post::Answer { to: from, id, result });
                });
            }
            Post::Answer { to, id, result } if to == self.screen => {
                let asked = self.asked.borrow_mut().remove(&id);
                if let Some(asked) = asked {
                    // Whoever asked may be gone.
                    let _ = asked.answer.send(result);
                }
            }
            Post::Notice(notice) if !leads => match notice {
                Notice::Standing(theirs) => self.adopt(theirs),
                notice => self.notify(&notice),
            },
            Post::Leading if !leads => self.heard_of_leader(),
            Post::Ask { .. } | Post::Answer { .. } | Post::Notice(_) | Post::Leading => {}
        }
    }

    /// The leader learns of a screen, and of its end by the lock that it holds.
    fn note_screen(&self, screen: u64) {
        let mut screens = self.screens.borrow_mut();
        if screens.len() >= MAX_SCREENS || screens.insert(screen, ()).is_some() {
            return;
        }
        let Some(me) = self.me.upgrade() else { return };
        spawn_local(async move {
            if let Ok(held) = lock::take_when_free(&screen_lock(screen)).await {
                drop(held);
                me.screens.borrow_mut().remove(&screen);
                let ask = Ask::Command(Command::CloseScreen { screen });
                drop(me.answer(ask).await);
            }
        });
    }

    /// An invite of another hub leads to people who are not here.
    pub(crate) fn check_hub(&self, command: &Command) -> Result<(), RequestError> {
        let Command::AddContact { target: Target::Invite(invite), .. } = command else {
            return Ok(());
        };
        let ours = self.standing.borrow().hub.clone();
        let theirs = match (&invite.hub, invite.brokers.first()) {
            (Some(hub), _) if origin::of(hub).as_ref() == Some(&ours) => return Ok(()),
            (Some(hub), _) => hub.clone(),
            (None, Some(broker)) => broker.clone(),
            (None, None) => return Ok(()),
        };
        Err(RequestError::OtherHub { ours, theirs })
    }

    /// Remembers which chats are on this screen.
    pub(crate) fn note_chats(&self, command: &Command) {
        let mut open = self.open_chats.borrow_mut();
        match command {
            Command::OpenChat { contact, .. } => drop(open.insert(*contact, ())),
            Command::CloseChat { contact, .. } => drop(open.remove(contact)),
            Command::CloseScreen { .. } => open.clear(),
            _ => {}
        }
    }
}
