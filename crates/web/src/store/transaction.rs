//! A transaction of the browser's database.

use std::cell::RefCell;
use std::rc::Rc;

use futures_channel::oneshot;
use js_sys::{Function, Object, Reflect};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::Closure;
use web_sys::{IdbDatabase, IdbIndex, IdbObjectStore, IdbTransaction};

use super::fault::Fault;
use super::request::answer;
use super::schema;

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Read a state of one moment.
    Read,
    /// Write; durable when it is complete.
    Write,
    /// Write what can be made again: whole after a crash, but perhaps not there.
    WriteRelaxed,
}

/// A transaction of the browser's. It ends by itself when nothing of it is under way and
/// nobody is being told of it: between two requests only other requests of its own are awaited.
pub(super) struct Transaction {
    inner: IdbTransaction,
}

impl Transaction {
    /// Begins it.
    pub(super) fn begin(
        database: &IdbDatabase,
        stores: &[&str],
        mode: Mode,
    ) -> Result<Self, Fault> {
        let begin: Function = Reflect::get(database, &"transaction".into())?.unchecked_into();
        let options = Object::new();
        let (name, durability) = match mode {
            Mode::Read => ("readonly", "default"),
            Mode::Write => ("readwrite", "strict"),
            Mode::WriteRelaxed => ("readwrite", "relaxed"),
        };
        Reflect::set(&options, &"durability".into(), &durability.into())?;
        let inner = begin.call3(database, &schema::names(stores), &name.into(), &options)?;
        Ok(Self { inner: inner.unchecked_into() })
    }

    pub(super) fn store(&self, name: &str) -> Result<IdbObjectStore, Fault> {
        Ok(self.inner.object_store(name)?)
    }

    pub(super) fn index(&self, store: &str, name: &str) -> Result<IdbIndex, Fault> {
        Ok(self.store(store)?.index(name)?)
    }

    /// Undoes it.
    pub(super) fn abort(self) {
        // It says so if it has ended already.
        let _ = self.inner.abort();
    }

    /// Waits until it is durable. The browser ends it once its requests are done: told to by
    /// `commit()`, Firefox 153 would call it complete though one of them was refused.
    pub(super) async fn complete(self) -> Result<(), Fault> {
        let (tell, told) = oneshot::channel();
        let tell = Rc::new(RefCell::new(Some(tell)));
        let on_complete = {
            let tell = Rc::clone(&tell);
            Closure::<dyn FnMut()>::new(move || answer(&tell, Ok(())))
        };
        let on_abort = {
            let (tell, inner) = (tell, self.inner.clone());
            Closure::<dyn FnMut()>::new(move || {
                let fault = match inner.error() {
                    Some(error) => Fault::of(&error),
                    // The browser aborts without an error when it closes the database.
                    None => Fault::Disconnected,
                };
                answer(&tell, Err(fault));
            })
        };
        self.inner.set_oncomplete(Some(on_complete.as_ref().unchecked_ref()));
        self.inner.set_onabort(Some(on_abort.as_ref().unchecked_ref()));
        let result = told.await.unwrap_or(Err(Fault::Closed));
        self.inner.set_oncomplete(None);
        self.inner.set_onabort(None);
        result
    }
}
