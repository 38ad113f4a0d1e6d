//! One WebSocket with the subprotocol `mqtt`.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use web_sys::{BinaryType, Event, MessageEvent, WebSocket};

use crate::words::words;

/// What a socket tells.
pub(crate) enum Happening {
    /// It can be written.
    Opened,
    /// Bytes of the stream, in pieces of any size.
    Bytes(Vec<u8>),
    /// It is over; whether it ever was open.
    Closed { opened: bool },
}

/// A socket that is closed, and says nothing more, once it is dropped.
pub(crate) struct Socket {
    socket: WebSocket,
    _opened: Closure<dyn FnMut(Event)>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _closed: Closure<dyn FnMut(Event)>,
}

impl Socket {
    /// # Errors
    /// The address is none, or the page may not use it; in the browser's words.
    pub(crate) fn open(url: &str, hear: impl Fn(Happening) + 'static) -> Result<Self, String> {
        let socket = WebSocket::new_with_str(url, "mqtt").map_err(|thrown| words(&thrown))?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let hear = std::rc::Rc::new(hear);
        let was_open = std::rc::Rc::new(std::cell::Cell::new(false));

        let (tell, mark) = (std::rc::Rc::clone(&hear), std::rc::Rc::clone(&was_open));
        let opened = Closure::new(move |_: Event| {
            mark.set(true);
            tell(Happening::Opened);
        });
        let tell = std::rc::Rc::clone(&hear);
        let message = Closure::new(move |event: MessageEvent| {
            // Text frames are no MQTT (MQTT 5 §6.0): they are passed over.
            if let Ok(buffer) = event.data().dyn_into::<ArrayBuffer>() {
                tell(Happening::Bytes(Uint8Array::new(&buffer).to_vec()));
            }
        });
        let closed = Closure::new(move |_: Event| {
            hear(Happening::Closed { opened: was_open.get() });
        });
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Ok(Self { socket, _opened: opened, _message: message, _closed: closed })
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        // A socket that is closing says so by itself.
        let _ = self.socket.send_with_u8_array(bytes);
    }

    /// Whether it is closed or closing.
    pub(super) fn is_gone(&self) -> bool {
        self.socket.ready_state() >= WebSocket::CLOSING
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // It may be closed already.
        let _ = self.socket.close();
    }
}
