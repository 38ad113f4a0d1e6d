//! Requests of a transaction, as values to wait for, and what they carry.

use std::cell::RefCell;
use std::rc::Rc;

use futures_channel::oneshot;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Event, IdbKeyRange, IdbRequest};

use super::fault::Fault;

/// A handler that hears that something happened, and one that hears what.
pub(super) type Handlers<E> = (Closure<dyn FnMut()>, Closure<dyn FnMut(E)>);

/// Tells once, whichever handler is first.
pub(super) type Teller<T> = Rc<RefCell<Option<oneshot::Sender<Result<T, Fault>>>>>;

/// Tells it, if nobody has.
pub(super) fn answer<T>(tell: &Teller<T>, result: Result<T, Fault>) {
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
    handlers: Handlers<Event>,
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
    let range =
        IdbKeyRange::bound_with_lower_open_and_upper_open(&to_js(from), &to_js(to), false, true)?;
    Ok(range)
}

/// Why a request was refused.
pub(super) fn error_of(request: &IdbRequest) -> Fault {
    match request.error() {
        Ok(Some(error)) => Fault::of(&error),
        _ => Fault::Other(String::new()),
    }
}
