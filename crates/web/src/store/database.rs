//! The browser's database: opened, closed politely when another tab needs it, and opened again
//! once where the browser has closed it by itself.

use std::cell::RefCell;
use std::rc::Rc;

use futures_channel::oneshot;
use js_sys::Reflect;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Event, IdbDatabase, IdbFactory, IdbOpenDbRequest, IdbVersionChangeEvent};

use super::fault::Fault;
use super::request::{Handlers, error_of};
use super::schema;
use super::transaction::{Mode, Transaction};

/// The database of one name; a clone is the same one. It is closed when the last clone goes.
#[derive(Clone)]
pub(super) struct Database {
    name: Rc<str>,
    link: Rc<RefCell<Link>>,
}

enum Link {
    Open(Connection),
    /// The browser has closed it by itself.
    Dropped,
    /// Closed for good.
    Gone(Fault),
}

struct Connection {
    database: IdbDatabase,
    /// Called by the browser for as long as the connection lives.
    handlers: Handlers<IdbVersionChangeEvent>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.database.set_onclose(None);
        self.database.set_onversionchange(None);
        let _ = &self.handlers;
        // Nothing happens if it is closed already.
        self.database.close();
    }
}

/// Whether to make the database where there is none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Make,
    Refuse,
}

impl Database {
    /// Opens it, in the newest format.
    pub(super) async fn open(name: &str) -> Result<Self, Fault> {
        Self::open_version(name, schema::VERSION).await
    }

    /// Opens it in another format; only for tests is that one which this page does not know.
    pub(super) async fn open_version(name: &str, version: u32) -> Result<Self, Fault> {
        let database = connect(name, version, Missing::Make).await?;
        let link = Rc::new(RefCell::new(Link::Dropped));
        let this = Self { name: name.into(), link };
        this.attach(database);
        Ok(this)
    }

    /// Begins a transaction. Where the browser has closed the database by itself, it is opened
    /// again; once, since what is deleted does not come back.
    pub(super) async fn begin(&self, stores: &[&str], mode: Mode) -> Result<Transaction, Fault> {
        match self.try_begin(stores, mode) {
            Err(Fault::Disconnected) => {
                self.reconnect().await?;
                self.try_begin(stores, mode)
            }
            result => result,
        }
    }

    /// Closes it for good; transactions that have begun still complete.
    pub(super) fn close(&self) {
        self.leave(Fault::Closed);
    }

    fn leave(&self, why: Fault) {
        drop(std::mem::replace(&mut *self.link.borrow_mut(), Link::Gone(why)));
    }

    fn try_begin(&self, stores: &[&str], mode: Mode) -> Result<Transaction, Fault> {
        match &*self.link.borrow() {
            Link::Open(connection) => Transaction::begin(&connection.database, stores, mode),
            Link::Dropped => Err(Fault::Disconnected),
            Link::Gone(fault) => Err(fault.clone()),
        }
    }

    async fn reconnect(&self) -> Result<(), Fault> {
        let lost = |fault: Fault| match fault {
            Fault::Other(detail) => Fault::Lost(detail),
            fault => fault,
        };
        let database = connect(&self.name, schema::VERSION, Missing::Refuse).await.map_err(lost)?;
        if matches!(&*self.link.borrow(), Link::Gone(_)) {
            database.close();
        } else {
            self.attach(database);
        }
        Ok(())
    }

    fn attach(&self, database: IdbDatabase) {
        let link = Rc::downgrade(&self.link);
        let on_close = Closure::<dyn FnMut()>::new(move || {
            if let Some(link) = link.upgrade() {
                // Not dropped here: this closure is part of it.
                let old = std::mem::replace(&mut *link.borrow_mut(), Link::Dropped);
                drop_later(old);
            }
        });
        let link = Rc::downgrade(&self.link);
        let on_version_change =
            Closure::<dyn FnMut(_)>::new(move |event: IdbVersionChangeEvent| {
                if let Some(link) = link.upgrade() {
                    let why = match event.new_version() {
                        Some(_) => Fault::Newer,
                        None => Fault::Lost("it is being deleted".to_owned()),
                    };
                    let old = std::mem::replace(&mut *link.borrow_mut(), Link::Gone(why));
                    if let Link::Open(connection) = &old {
                        connection.database.close();
                    }
                    drop_later(old);
                }
            });
        database.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        database.set_onversionchange(Some(on_version_change.as_ref().unchecked_ref()));
        let handlers = (on_close, on_version_change);
        *self.link.borrow_mut() = Link::Open(Connection { database, handlers });
    }
}

/// A closure must outlive its own call.
fn drop_later(link: Link) {
    wasm_bindgen_futures::spawn_local(async move { drop(link) });
}

fn factory() -> Result<IdbFactory, Fault> {
    let found = Reflect::get(&js_sys::global(), &JsValue::from_str("indexedDB"))?;
    if found.is_null() || found.is_undefined() {
        return Err(Fault::Other("there is no database in this window".to_owned()));
    }
    Ok(found.unchecked_into())
}

async fn connect(name: &str, version: u32, missing: Missing) -> Result<IdbDatabase, Fault> {
    let request = factory()?.open_with_u32(name, version)?;
    let (tell, told) = oneshot::channel::<Result<(), Fault>>();
    let tell = Rc::new(RefCell::new(Some(tell)));
    let answer = {
        let tell = Rc::clone(&tell);
        move |result| {
            if let Some(tell) = tell.borrow_mut().take() {
                // Whoever asked may have gone.
                let _ = tell.send(result);
            }
        }
    };
    let on_upgrade = {
        let (request, answer) = (request.clone(), answer.clone());
        Closure::<dyn FnMut(IdbVersionChangeEvent)>::new(move |event: IdbVersionChangeEvent| {
            let from = event.old_version() as u32;
            let result = match missing {
                Missing::Refuse if from == 0 => Err(Fault::Other("it is gone".to_owned())),
                _ => opened(&request).and_then(|database| schema::upgrade(&database, from)),
            };
            if let Err(fault) = result {
                answer(Err(fault));
                if let Some(transaction) = request.transaction() {
                    // It says so if it has ended already.
                    let _ = transaction.abort();
                }
            }
        })
    };
    let on_success = {
        let answer = answer.clone();
        Closure::<dyn FnMut()>::new(move || answer(Ok(())))
    };
    let on_error = {
        let (request, answer) = (request.clone(), answer.clone());
        Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            event.prevent_default();
            answer(Err(error_of(&request)));
        })
    };
    let on_blocked = Closure::<dyn FnMut()>::new(move || {
        let detail = "another tab of this site holds an older version of it; close that tab";
        answer(Err(Fault::Other(detail.to_owned())));
    });
    request.set_onupgradeneeded(Some(on_upgrade.as_ref().unchecked_ref()));
    request.set_onsuccess(Some(on_success.as_ref().unchecked_ref()));
    request.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    request.set_onblocked(Some(on_blocked.as_ref().unchecked_ref()));
    let result = told.await.unwrap_or(Err(Fault::Closed));
    request.set_onupgradeneeded(None);
    request.set_onerror(None);
    request.set_onblocked(None);
    if result.is_err() {
        request.set_onsuccess(None);
    }
    result?;
    opened(&request)
}

fn opened(request: &IdbOpenDbRequest) -> Result<IdbDatabase, Fault> {
    Ok(request.result()?.unchecked_into())
}

/// Deletes a database, once everybody has closed it.
pub(super) async fn delete(name: &str) {
    let request = factory().and_then(|factory| Ok(factory.delete_database(name)?));
    if let Ok(request) = request {
        // What is left over goes with the browser's profile.
        let _ = super::request::Pending::new(request.into()).result().await;
    }
}
