//! A peer connection that nobody talks over: what it finds, and whether its channel opens.

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_util::StreamExt as _;
use js_sys::{Promise, Reflect};
use tincan_doctor::Fault;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Event, MessageEvent, RtcDataChannel, RtcPeerConnection, RtcPeerConnectionIceEvent, RtcSdpType,
    RtcSessionDescriptionInit,
};

use super::candidate::{Found, parse};
use crate::hub::IceServer;
use crate::peers::{channel, configuration};
use crate::words::words;

/// What it tells.
pub(super) enum Happening {
    Found(Found),
    /// Nothing more will be found.
    Gathered,
    Opened,
    Message,
}

/// Closed when dropped.
pub(super) struct Probe {
    connection: RtcPeerConnection,
    channel: RtcDataChannel,
    heard: UnboundedReceiver<Happening>,
    _candidate: Closure<dyn FnMut(RtcPeerConnectionIceEvent)>,
    _opened: Closure<dyn FnMut(Event)>,
    _message: Closure<dyn FnMut(MessageEvent)>,
}

impl Probe {
    /// # Errors
    /// The browser has no WebRTC, or does not take the servers.
    pub(super) fn new(servers: &[IceServer], relay_only: bool) -> Result<Self, Fault> {
        let connection =
            RtcPeerConnection::new_with_configuration(&configuration(servers, relay_only))
                .map_err(|thrown| Fault::Other(words(&thrown)))?;
        let channel = channel(&connection, "doctor", 0);
        let (tell, heard) = unbounded();
        // Whoever asked may have gone.
        let told = tell.clone();
        let candidate = Closure::new(move |event: RtcPeerConnectionIceEvent| {
            let line = event.candidate().map(|candidate| candidate.candidate());
            let _ = match line.as_deref() {
                None => told.unbounded_send(Happening::Gathered),
                // An empty one is the end of one generation.
                Some(line) => match parse(line) {
                    Some(found) => told.unbounded_send(Happening::Found(found)),
                    None => Ok(()),
                },
            };
        });
        let told = tell.clone();
        let opened = Closure::new(move |_: Event| drop(told.unbounded_send(Happening::Opened)));
        let message =
            Closure::new(move |_: MessageEvent| drop(tell.unbounded_send(Happening::Message)));
        connection.set_onicecandidate(Some(candidate.as_ref().unchecked_ref()));
        channel.set_onopen(Some(opened.as_ref().unchecked_ref()));
        channel.set_onmessage(Some(message.as_ref().unchecked_ref()));
        let (_candidate, _opened, _message) = (candidate, opened, message);
        Ok(Self { connection, channel, heard, _candidate, _opened, _message })
    }

    /// What happens next.
    pub(super) async fn next(&mut self) -> Option<Happening> {
        self.heard.next().await
    }

    /// Begins to look for candidates.
    pub(super) async fn offer(&self) -> Result<(), Fault> {
        self.describe(self.connection.create_offer()).await
    }

    /// Takes the other side's description, which has all its candidates, and answers.
    pub(super) async fn answer(&self, offer: &str) -> Result<(), Fault> {
        self.take(RtcSdpType::Offer, offer).await?;
        self.describe(self.connection.create_answer()).await
    }

    pub(super) async fn take(&self, kind: RtcSdpType, sdp: &str) -> Result<(), Fault> {
        let description = RtcSessionDescriptionInit::new(kind);
        description.set_sdp(sdp);
        wait(self.connection.set_remote_description(&description)).await.map(drop)
    }

    async fn describe(&self, made: Promise) -> Result<(), Fault> {
        let description: RtcSessionDescriptionInit = wait(made).await?.unchecked_into();
        wait(self.connection.set_local_description(&description)).await.map(drop)
    }

    /// Its own description, with what was found so far.
    pub(super) fn description(&self) -> Option<String> {
        let description = Reflect::get(&self.connection, &"localDescription".into()).ok()?;
        Reflect::get(&description, &"sdp".into()).ok()?.as_string()
    }

    pub(super) fn send(&self) -> Result<(), Fault> {
        self.channel.send_with_str("?").map_err(|thrown| Fault::Other(words(&thrown)))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.connection.set_onicecandidate(None);
        self.channel.set_onopen(None);
        self.channel.set_onmessage(None);
        self.connection.close();
    }
}

async fn wait(promise: Promise) -> Result<wasm_bindgen::JsValue, Fault> {
    JsFuture::from(promise).await.map_err(|thrown| Fault::Other(words(&thrown)))
}
