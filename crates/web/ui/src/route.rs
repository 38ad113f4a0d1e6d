//! Where one is: which conversation is open and which panel lies over it. It lives in the
//! browser's history, so that the back button of a phone closes what was opened last.

use leptos::prelude::*;
use tincan_wire::UserId;
use wasm_bindgen::JsValue;

/// What lies over the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    Settings,
    Invite,
    Add,
    /// The contact of the open conversation.
    Contact,
    Verify,
}

impl Panel {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Settings, "settings"),
        (Self::Invite, "invite"),
        (Self::Add, "add"),
        (Self::Contact, "contact"),
        (Self::Verify, "verify"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(panel, _)| *panel == self).map_or("-", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(panel, _)| *panel)
    }
}

/// Where one is. `depth` counts the steps that the back button can undo within the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) chat: Option<UserId>,
    pub(crate) panel: Option<Panel>,
    depth: u32,
}

impl Route {
    fn text(self) -> String {
        let chat = self.chat.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let panel = self.panel.map_or("-", Panel::name);
        [self.depth.to_string().as_str(), &chat, panel].join(" ")
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let depth = parts.next()?.parse().ok()?;
        let chat = parts.next()?.parse().ok();
        let panel = Panel::named(parts.next()?);
        Some(Self { chat, panel, depth })
    }

    /// What the entry of the browser's history says, if it is one of ours.
    fn stored() -> Option<Self> {
        Self::read(&window().history().ok()?.state().ok()?.as_string()?)
    }
}

/// Goes places. Cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Router {
    route: RwSignal<Route>,
}

impl Router {
    /// Begins where the page was when it was loaded last.
    pub(crate) fn new() -> Self {
        let router = Self { route: RwSignal::new(Route::stored().unwrap_or_default()) };
        // So that going back to this very first entry is known from a fragment that was typed.
        router.store(router.now(), false);
        let listener =
            window_event_listener(leptos::ev::popstate, move |_| match Route::stored() {
                Some(route) => router.route.set(route),
                // A fragment was typed or pasted: still the same place.
                None => router.store(router.now(), false),
            });
        drop(listener);
        router
    }

    /// Where one is; whoever asks hears of changes.
    pub(crate) fn get(self) -> Route {
        self.route.get()
    }

    fn now(self) -> Route {
        self.route.get_untracked()
    }

    /// Opens a conversation, in place of another or of a panel.
    pub(crate) fn open_chat(self, id: UserId) {
        let now = self.now();
        let is_deeper = now.chat.is_none() && now.panel.is_none();
        let depth = now.depth + u32::from(is_deeper);
        self.go(Route { chat: Some(id), panel: None, depth }, is_deeper);
    }

    /// Lays a panel over what is open.
    pub(crate) fn open_panel(self, panel: Panel) {
        let now = self.now();
        if now.panel != Some(panel) {
            self.go(Route { panel: Some(panel), depth: now.depth + 1, ..now }, true);
        }
    }

    /// Closes the panel, if one is open.
    pub(crate) fn close_panel(self) {
        if self.now().panel.is_some() {
            self.back();
        }
    }

    /// Undoes the last step: closes the panel, or the conversation.
    pub(crate) fn back(self) {
        let now = self.now();
        if now.depth > 0 && window().history().is_ok_and(|history| history.back().is_ok()) {
            return;
        }
        let chat = now.chat.filter(|_| now.panel.is_some());
        self.go(Route { chat, panel: None, depth: 0 }, false);
    }

    fn go(self, route: Route, is_deeper: bool) {
        self.store(route, is_deeper);
        self.route.set(route);
    }

    fn store(self, route: Route, is_deeper: bool) {
        let Ok(history) = window().history() else { return };
        let state = JsValue::from_str(&route.text());
        let stored = match is_deeper {
            true => history.push_state_with_url(&state, "", None),
            false => history.replace_state_with_url(&state, "", None),
        };
        // Browsers limit how often this may be called; the page works without.
        drop(stored);
    }
}

/// Takes the fragment out of the address bar and out of the history.
pub(crate) fn clear_fragment() {
    let Ok(history) = window().history() else { return };
    let location = window().location();
    let path = location.pathname().unwrap_or_else(|_| "/".to_owned());
    let state = history.state().unwrap_or(JsValue::NULL);
    drop(history.replace_state_with_url(&state, "", Some(&path)));
}
