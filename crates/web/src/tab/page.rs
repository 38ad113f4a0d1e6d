//! What the page goes through: hidden, shown, offline, left.

use wasm_bindgen_futures::spawn_local;

use super::{Mode, Tab};
use crate::browser::{self, Change};
use crate::clock::steady_ms;
use crate::standing::Storage;

/// A tab that was hidden for longer starts its connections anew: phones cut them silently.
const LONG_HIDDEN_MS: f64 = 30_000.0;

impl Tab {
    pub(super) fn watch_page(&self) {
        let me = self.me.clone();
        browser::watch(move |change| {
            if let Some(tab) = me.upgrade() {
                tab.page_changed(&change);
            }
        });
    }

    fn page_changed(&self, change: &Change) {
        match change {
            Change::Online => {
                self.set_standing(|standing| standing.online = true);
                self.woke(true);
            }
            Change::Offline => self.set_standing(|standing| standing.online = false),
            Change::Hidden => self.hidden_at.set(Some(steady_ms())),
            Change::Shown => {
                let hidden = self.hidden_at.take();
                self.woke(hidden.is_some_and(|at| steady_ms() - at > LONG_HIDDEN_MS));
            }
            Change::Leaves => {
                self.closing.set(true);
                if let Mode::Leader { shell, .. } = &*self.mode.borrow() {
                    shell.end();
                }
                self.locks.borrow_mut().clear();
            }
            // A page that was left has said good-bye; what it was is gone.
            Change::Returns => browser::reload_soon(),
        }
    }

    fn woke(&self, network_changed: bool) {
        if let Mode::Leader { shell, .. } = &*self.mode.borrow() {
            shell.woke(network_changed);
        }
    }

    pub(super) fn look_at_storage(&self) {
        let Some(me) = self.me.upgrade() else { return };
        spawn_local(async move {
            let storage = match browser::is_persisted().await {
                Some(true) => Storage::Persistent,
                Some(false) | None => Storage::MayBeDeleted,
            };
            me.set_standing(|standing| standing.storage = storage);
        });
    }
}
