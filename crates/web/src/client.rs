//! What a page holds: the way to the engine, be it in this tab or in another.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tincan_engine::{Answer, Command, CommandError, Event, Query, Reply};

use crate::browser;
use crate::channel::{Ask, Given};
use crate::loading::{NotLoaded, load_later};
use crate::standing::{Settings, Standing, Storage};
use crate::store::{QueryError, StoreError};
use crate::tab::Tab;

/// The way to the engine of this browser. Cheap to clone.
///
/// Call [`Client::start`] once per tab, [`Client::subscribe`] before anything is shown, then
/// [`Client::command`] and [`Client::query`] at will. Whichever tab has the engine, the calls
/// are the same; when the leading tab closes, another takes over, tells it by
/// [`Notice::Standing`] and [`Notice::Refresh`], and calls under way are answered
/// [`RequestError::Interrupted`], except those that only read, which are asked again.
#[derive(Clone)]
pub struct Client {
    tab: Rc<Tab>,
}

/// What a screen hears.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Notice {
    /// The engine says so.
    Event(Event),
    /// Tab or browser stand differently now.
    Standing(Standing),
    /// Another tab leads now, or a backup came in: ask anew for everything shown.
    Refresh,
}

/// Why the client can't start. The message is for the person.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StartError {
    /// A private window, or a setting of the browser.
    #[error(
        "This browser does not let the page store anything ({reason}), so no conversation could \
         be kept. Leave the private window, or allow this site to store data, and load again."
    )]
    StorageRefused {
        /// In the browser's words.
        reason: String,
    },
    /// The database was written by a newer page.
    #[error(
        "A newer version of Tincan has been used in this browser. Close every tab of this site \
         and load it again to get the new version; nothing is lost."
    )]
    NewerDatabase,
    /// What is stored can't be read.
    #[error("What this browser has stored can't be read: {reason}. Nothing was deleted.")]
    Unreadable {
        /// What is wrong.
        reason: String,
    },
    /// The browser lacks something without which nothing works.
    #[error("This browser lacks {what}. Please use a current Firefox, Chrome, Edge or Safari.")]
    Lacking {
        /// What.
        what: String,
    },
}

/// Why a request was not done. The message is for the person.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum RequestError {
    /// The engine says so.
    #[error("{0}")]
    Command(CommandError),
    /// The store could not answer.
    #[error("The stored messages can't be read: {reason}")]
    Store {
        /// Why.
        reason: String,
    },
    /// The leading tab closed before it answered, or is closing.
    #[error("The tab that did the work was closed; try again.")]
    Interrupted,
    /// An invite of another hub than this page's.
    #[error("This invite belongs to {theirs}. Open it there: this page talks to {ours}.")]
    OtherHub {
        /// The hub in use.
        ours: String,
        /// The hub of the invite.
        theirs: String,
    },
    /// A setting makes no sense.
    #[error("{reason}")]
    BadSetting {
        /// What is wrong and what to do.
        reason: String,
    },
    /// A backup can't be made or read.
    #[error("{reason}")]
    Backup {
        /// What is wrong and what to do.
        reason: String,
    },
    /// A part of the code could not be loaded.
    #[error("{NotLoaded}")]
    NotLoaded,
}

/// What an import brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Contacts that were not there.
    pub contacts: u64,
    /// Messages that were not there.
    pub messages: u64,
}

impl From<NotLoaded> for RequestError {
    fn from(NotLoaded: NotLoaded) -> Self {
        Self::NotLoaded
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused { reason } => Self::StorageRefused { reason },
            StoreError::Newer => Self::NewerDatabase,
            StoreError::Unreadable { reason } => Self::Unreadable { reason },
        }
    }
}

impl Client {
    /// Opens the store and finds out which tab leads. Returns when questions can be asked.
    ///
    /// # Errors
    /// See [`StartError`]; the page shows its sentence and nothing else.
    pub async fn start() -> Result<Self, StartError> {
        Ok(Self { tab: Tab::start().await? })
    }

    /// Hands everything that changes to `hear`, for as long as the tab lives.
    pub fn subscribe(&self, hear: impl Fn(&Notice) + 'static) {
        self.tab.subscribe(Rc::new(hear));
    }

    /// The number of this tab as a screen, for `OpenChat` and `CloseChat`.
    #[must_use]
    pub fn screen(&self) -> u64 {
        self.tab.screen()
    }

    /// How tab and browser stand now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.tab.standing()
    }

    /// What a person wants.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn command(&self, command: Command) -> Result<Reply, RequestError> {
        self.tab.check_hub(&command)?;
        self.tab.note_chats(&command);
        match self.tab.request(Ask::Command(command)).await? {
            Given::Reply(reply) => Ok(reply),
            _ => Err(RequestError::Interrupted),
        }
    }

    /// What a screen wants to know of the stored messages.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn query(&self, query: Query) -> Result<Answer, RequestError> {
        if matches!(query, Query::Search { .. }) {
            load_later().await?;
        }
        let reader = self.tab.reader().ok_or(RequestError::Interrupted)?;
        let failed = |error: QueryError| RequestError::Store { reason: error.to_string() };
        reader.query(&query).await.map_err(failed)
    }

    /// Changes what a person has set; it is kept.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn set_settings(&self, settings: Settings) -> Result<(), RequestError> {
        self.tab.request(Ask::Settings(settings)).await.map(drop)
    }

    /// Everything in one file, encrypted under a passphrase: identity, contacts, history. The
    /// native node reads the same file. It keeps the leading tab busy for about a second.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn export(&self, passphrase: &str) -> Result<Vec<u8>, RequestError> {
        let ask = Ask::Export { passphrase: passphrase.to_owned() };
        match self.tab.request(ask).await? {
            Given::File(file) => Ok(file),
            _ => Err(RequestError::Interrupted),
        }
    }

    /// Takes a file of [`Client::export`] or of `tincan export` in, and begins anew with what
    /// is there then: [`Notice::Refresh`] follows. Into an installation that has neither
    /// contacts nor messages it brings the identity, too; another one must be of the same
    /// identity, and gets what it lacks.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn import(&self, file: &[u8], passphrase: &str) -> Result<Imported, RequestError> {
        let (file, passphrase) = (file.to_vec(), passphrase.to_owned());
        match self.tab.request(Ask::Import { file, passphrase }).await? {
            Given::Imported(imported) => Ok(imported),
            _ => Err(RequestError::Interrupted),
        }
    }

    /// Asks the browser to keep what is stored; some ask the person. The answer is in
    /// [`Standing::storage`], too.
    pub async fn persist(&self) -> bool {
        let kept = browser::persist().await;
        self.tab.set_standing(|standing| {
            standing.storage = if kept { Storage::Persistent } else { Storage::MayBeDeleted };
        });
        kept
    }
}
