//! The browser's database: opened, closed politely when another tab needs it, and opened again
//! once where the browser has closed it by itself.

use std::cell::RefCell;
use std::rc::Rc;

use futures_channel::oneshot;
use js_sys::{Array, Function, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{
    Event, IdbDatabase, IdbFactory, IdbIndex, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest,
    IdbRequest, IdbTransaction, IdbVersionChangeEvent,
};

use super::fault::Fault;
use super::schema;

/// The database of one name; a clone is the same one.
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
    handlers: (Closure<dyn FnMut()>, Closure<dyn FnMut(IdbVersionChangeEvent)>),
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.database.set_onclose(None);
        self.database.set_onversionchange(None);
        let _ = &self.handlers;
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
        let link = std::mem::replace(&mut *self.link.borrow_mut(), Link::Gone(why));
        if let Link::Open(connection) = link {
            connection.database.close();
        }
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
        let on_version_change = Closure::<dyn FnMut(_)>::new(move |event: IdbVersionChangeEvent| {
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

fn error_of(request: &IdbRequest) -> Fault {
    match request.error() {
        Ok(Some(error)) => Fault::of(&error),
        _ => Fault::Other(String::new()),
    }
}

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
    fn begin(database: &IdbDatabase, stores: &[&str], mode: Mode) -> Result<Self, Fault> {
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

type Teller<T> = Rc<RefCell<Option<oneshot::Sender<Result<T, Fault>>>>>;

fn answer<T>(tell: &Teller<T>, result: Result<T, Fault>) {
    if let Some(tell) = tell.borrow_mut().take() {
        // Whoever asked may have gone.
        let _ = tell.send(result);
    }
}

/// The answer to a request that is under way.
pub(super) struct Pending {
    request: IdbRequest,
    told: oneshot::Receiver<Result<(), Fault>>,
    /// Called by the browser; they live as long as the request is awaited.
    handlers: (Closure<dyn FnMut()>, Closure<dyn FnMut(Event)>),
}

impl Pending {
    pub(super) fn new(request: IdbRequest) -> Self {
        let (tell, told) = oneshot::channel();
        let tell = Rc::new(RefCell::new(Some(tell)));
        let on_success = {
            let tell = Rc::clone(&tell);
            Closure::<dyn FnMut()>::new(move || answer(&tell, Ok(())))
        };
        let on_error = {
            let failed = request.clone();
            Closure::<dyn FnMut(Event)>::new(move |_: Event| answer(&tell, Err(error_of(&failed))))
        };
        request.set_onsuccess(Some(on_success.as_ref().unchecked_ref()));
        request.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Self { request, told, handlers: (on_success, on_error) }
    }

    /// The result, once it is there.
    pub(super) async fn result(mut self) -> Result<JsValue, Fault> {
        (&mut self.told).await.unwrap_or(Err(Fault::Closed))?;
        let _ = &self.handlers;
        Ok(self.request.result()?)
    }

    /// The result of `get` where values are bytes.
    pub(super) async fn bytes(self) -> Result<Option<Vec<u8>>, Fault> {
        let value = self.result().await?;
        Ok(if value.is_undefined() { None } else { Some(to_bytes(&value)?) })
    }

    /// The result of `getAll`.
    pub(super) async fn list(self) -> Result<Array, Fault> {
        Ok(self.result().await?.unchecked_into())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.request.set_onsuccess(None);
        self.request.set_onerror(None);
    }
}

/// Bytes as a key or a value.
pub(super) fn to_js(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

/// A value that is bytes.
pub(super) fn to_bytes(value: &JsValue) -> Result<Vec<u8>, Fault> {
    match value.dyn_ref::<Uint8Array>() {
        Some(array) => Ok(array.to_vec()),
        None => Err(Fault::Damaged("a record is not bytes")),
    }
}

/// Keys from `from` on, before `to`.
pub(super) fn range(from: &[u8], to: &[u8]) -> Result<IdbKeyRange, Fault> {
    let range = IdbKeyRange::bound_with_lower_open_and_upper_open(
        &to_js(from),
        &to_js(to),
        false,
        true,
    )?;
    Ok(range)
}

/// Deletes a database, once everybody has closed it.
#[cfg(feature = "store-suite")]
pub(super) async fn delete(name: &str) {
    let request = factory().and_then(|factory| Ok(factory.delete_database(name)?));
    if let Ok(request) = request {
        // What is left over goes with the browser's profile.
        let _ = Pending::new(request.into()).result().await;
    }
}
