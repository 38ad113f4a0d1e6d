//! One `RTCPeerConnection` with its two negotiated channels (protocol §5).
//!
//! What the engine asks is done one after the other, since the browser's methods take their
//! time: a candidate waits until the description before it is set.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::StreamExt as _;
use js_sys::Reflect;
use tincan_engine::{HeldFrames, PeerInput, PeerOutput, TooMuchHeld};
use tincan_wire::{Candidate, SessionId, sdp};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Event, MessageEvent, RtcConfiguration, RtcDataChannel, RtcDataChannelInit, RtcDataChannelState,
    RtcIceCandidateInit, RtcIceServer, RtcIceTransportPolicy, RtcPeerConnection,
    RtcPeerConnectionIceEvent, RtcPeerConnectionState, RtcSdpType, RtcSessionDescriptionInit,
};

use super::{Tell, path};
use crate::clock::steady_ms;
use crate::hub::IceServer;
use crate::timer::sleep;
use crate::words::words;

/// The browser tells when fewer bytes than this wait; the engine resumes below 256 KiB.
const LOW_BYTES: u32 = 128 * 1024;

/// The engine is told of the buffered bytes when it is wrong about them by this much.
const REPORT_BYTES: usize = 64 * 1024;

/// How long what was sent may take to get out before the connection is closed on it.
const CLOSE_AFTER_MS: i32 = 1_000;

/// How often to look whether it is out.
const CLOSE_LOOK_MS: i32 = 50;

/// How long the first candidates may take to be in the description itself, which spares a
/// message; a browser has those of its own interfaces within a few milliseconds.
const GATHER_MS: i32 = 25;

/// How long the contact's candidates are waited for although the browser sees no way through those
/// that it has: as long as Firefox waits by itself. Chromium gives up at once when a relay refuses
/// the only address that it was told, the private one of the contact's interface, and takes it up
/// again with the next.
const CANDIDATES_MS: f64 = 5_000.0;

/// A connection; closed when dropped.
pub(super) struct Connection {
    inner: Rc<Inner>,
    steps: UnboundedSender<PeerOutput>,
}

struct Inner {
    sid: SessionId,
    tell: Tell,
    connection: RtcPeerConnection,
    relay_only: bool,
    chat: RtcDataChannel,
    file: RtcDataChannel,
    handlers: RefCell<Vec<JsValue>>,
    /// What the engine takes the buffered bytes to be: what it was told, and what it sent since.
    believed: Cell<usize>,
    reading: Cell<bool>,
    held: RefCell<HeldFrames>,
    /// Whether the path was lost since it was last there.
    lost: Cell<bool>,
    /// Candidates up to this many have been told in a description: the count of those found.
    over: Cell<bool>,
    path: RefCell<Option<tincan_engine::Path>>,
    gathered: Cell<bool>,
    described: Cell<bool>,
    /// When the contact's first description was there, on the steady clock.
    told_at_ms: Cell<Option<f64>>,
}

impl Connection {
    /// The reason of a failure is a sentence.
    pub(super) fn new(
        sid: SessionId,
        servers: &[IceServer],
        relay_only: bool,
        tell: Tell,
    ) -> Result<Self, String> {
        let connection =
            RtcPeerConnection::new_with_configuration(&configuration(servers, relay_only))
                .map_err(|thrown| {
                    format!("this browser makes no WebRTC connection: {}", words(&thrown))
                })?;
        let chat = channel(&connection, "chat", 0);
        let file = channel(&connection, "file", 1);
        let inner = Rc::new(Inner {
            sid,
            tell,
            connection,
            relay_only,
            chat,
            file,
            handlers: RefCell::default(),
            believed: Cell::new(0),
            reading: Cell::new(true),
            held: RefCell::default(),
            lost: Cell::new(false),
            over: Cell::new(false),
            path: RefCell::new(None),
            gathered: Cell::new(false),
            described: Cell::new(false),
            told_at_ms: Cell::new(None),
        });
        listen(&inner);
        let (steps, mut to_do) = unbounded();
        let worker = Rc::clone(&inner);
        spawn_local(async move {
            while let Some(step) = to_do.next().await {
                if worker.over.get() {
                    return;
                }
                if let Err(reason) = worker.step(step).await {
                    worker.fail(reason);
                }
            }
        });
        Ok(Self { inner, steps })
    }

    pub(super) fn handle(&self, output: PeerOutput) {
        match output {
            PeerOutput::Send(frame) => self.inner.send(&frame),
            PeerOutput::Receive(on) => self.inner.read(on),
            step => {
                // The worker lives as long as this does.
                let _ = self.steps.unbounded_send(step);
            }
        }
    }

    /// Closes it once what was sent is out, or after a second.
    pub(super) fn close_soon(self) {
        self.inner.over.set(true);
        spawn_local(async move {
            let mut waited = 0;
            while self.inner.chat.buffered_amount() > 0 && waited < CLOSE_AFTER_MS {
                sleep(CLOSE_LOOK_MS).await;
                waited += CLOSE_LOOK_MS;
            }
            drop(self);
        });
    }

    /// For the next restart of ICE: those that it was made with may have expired.
    pub(super) fn set_servers(&self, servers: &[IceServer]) {
        let configuration = configuration(servers, self.inner.relay_only);
        if let Ok(set) = self.inner.method("setConfiguration") {
            // A closed connection refuses, and needs none.
            let _ = set.call1(&self.inner.connection, &configuration);
        }
    }

    pub(super) fn report_buffered(&self) {
        self.inner.report_buffered();
    }

    pub(super) fn look_at_path(&self) {
        Inner::look_at_path(&self.inner);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.inner.over.set(true);
        self.inner.connection.set_onicecandidate(None);
        self.inner.connection.set_onconnectionstatechange(None);
        for channel in [&self.inner.chat, &self.inner.file] {
            channel.set_onopen(None);
            channel.set_onclose(None);
            channel.set_onmessage(None);
            channel.set_onbufferedamountlow(None);
        }
        self.inner.connection.close();
        self.inner.handlers.borrow_mut().clear();
    }
}

impl Inner {
    fn say(&self, input: PeerInput) {
        if !self.over.get() {
            (self.tell)(self.sid, input);
        }
    }

    fn fail(&self, reason: String) {
        self.say(PeerInput::Failed { reason });
        self.over.set(true);
    }

    /// One step of the negotiation.
    async fn step(&self, step: PeerOutput) -> Result<(), String> {
        let failed = |thrown: JsValue| format!("the browser refuses: {}", words(&thrown));
        match step {
            PeerOutput::Offer { .. } => self.offer(self.connection.create_offer()).await,
            PeerOutput::RestartIce => {
                self.gathered.set(false);
                let restart = self.method("restartIce")?;
                restart.call0(&self.connection).map_err(failed)?;
                self.offer(self.connection.create_offer()).await
            }
            PeerOutput::Answer { sdp, .. } => {
                self.gathered.set(false);
                self.set_remote(RtcSdpType::Offer, &sdp).await?;
                let answer =
                    JsFuture::from(self.connection.create_answer()).await.map_err(failed)?;
                let (sdp, fingerprint) = self.describe(answer).await?;
                self.say(PeerInput::AnswerReady { sdp, fingerprint });
                self.said_description();
                Ok(())
            }
            PeerOutput::AcceptAnswer { sdp } => self.set_remote(RtcSdpType::Answer, &sdp).await,
            PeerOutput::AddCandidate(candidate) => {
                self.add_candidate(candidate).await;
                Ok(())
            }
            PeerOutput::Send(_) | PeerOutput::Receive(_) | PeerOutput::Close => Ok(()),
        }
    }

    async fn offer(&self, offer: js_sys::Promise) -> Result<(), String> {
        let failed = |thrown: JsValue| format!("the browser makes no offer: {}", words(&thrown));
        let offer = JsFuture::from(offer).await.map_err(failed)?;
        let (sdp, fingerprint) = self.describe(offer).await?;
        self.say(PeerInput::OfferReady { sdp, fingerprint });
        self.said_description();
        Ok(())
    }

    /// Sets our description and gives it with the candidates that were found at once.
    async fn describe(&self, made: JsValue) -> Result<(String, tincan_wire::Fingerprint), String> {
        self.described.set(false);
        let description: RtcSessionDescriptionInit = made.unchecked_into();
        JsFuture::from(self.connection.set_local_description(&description))
            .await
            .map_err(|thrown| format!("the browser refuses its own words: {}", words(&thrown)))?;
        let mut waited = 0;
        while !self.gathered.get() && !self.over.get() && waited < GATHER_MS {
            sleep(5).await;
            waited += 5;
        }
        let sdp = self.own_description().ok_or("the browser has no description of its own")?;
        let fingerprint = sdp::fingerprint(&sdp).map_err(|error| error.to_string())?;
        Ok((sdp, fingerprint))
    }

    /// A connection that was closed meanwhile has none; Firefox then throws.
    fn own_description(&self) -> Option<String> {
        let description = Reflect::get(&self.connection, &"localDescription".into()).ok()?;
        Reflect::get(&description, &"sdp".into()).ok()?.as_string()
    }

    /// From here on candidates go by themselves.
    fn said_description(&self) {
        self.described.set(true);
        if self.gathered.get() {
            self.say(PeerInput::CandidatesDone);
        }
    }

    async fn set_remote(&self, kind: RtcSdpType, sdp: &str) -> Result<(), String> {
        if self.told_at_ms.get().is_none() {
            self.told_at_ms.set(Some(steady_ms()));
        }
        let description = RtcSessionDescriptionInit::new(kind);
        description.set_sdp(sdp);
        JsFuture::from(self.connection.set_remote_description(&description))
            .await
            .map(drop)
            .map_err(|thrown| format!("their description does not fit: {}", words(&thrown)))
    }

    /// One that the browser does not like is one less.
    async fn add_candidate(&self, candidate: Candidate) {
        let init = RtcIceCandidateInit::new(&candidate.candidate);
        init.set_sdp_mid(candidate.sdp_mid.as_deref());
        init.set_sdp_m_line_index(candidate.sdp_mline_index);
        let added = self.connection.add_ice_candidate_with_opt_rtc_ice_candidate_init(Some(&init));
        let _ = JsFuture::from(added).await;
    }

    fn method(&self, name: &str) -> Result<js_sys::Function, String> {
        Reflect::get(&self.connection, &JsValue::from_str(name))
            .ok()
            .and_then(|method| method.dyn_into().ok())
            .ok_or_else(|| format!("this browser knows no {name}"))
    }

    fn send(&self, frame: &str) {
        if self.chat.ready_state() != RtcDataChannelState::Open {
            return;
        }
        match self.chat.send_with_str(frame) {
            Ok(()) => self.believed.set(self.believed.get() + frame.len()),
            Err(thrown) => self.fail(format!("the browser sends nothing: {}", words(&thrown))),
        }
    }

    fn report_buffered(&self) {
        let believed = self.believed.get();
        if believed == 0 {
            return;
        }
        let buffered = usize::try_from(self.chat.buffered_amount()).unwrap_or(usize::MAX);
        if buffered == 0 || buffered.abs_diff(believed) >= REPORT_BYTES {
            self.believed.set(buffered);
            self.say(PeerInput::Buffered(buffered));
        }
    }

    fn read(&self, on: bool) {
        self.reading.set(on);
        while self.reading.get() {
            let Some(frame) = self.held.borrow_mut().pop() else { return };
            self.say(PeerInput::Frame(frame.into_bytes()));
        }
    }

    fn frame(&self, frame: String) {
        if self.reading.get() && self.held.borrow().is_empty() {
            return self.say(PeerInput::Frame(frame.into_bytes()));
        }
        let held = self.held.borrow_mut().push(frame);
        if let Err(TooMuchHeld) = held {
            self.fail("the contact sends more than this browser can store".to_owned());
        }
    }

    fn candidate(&self, event: &RtcPeerConnectionIceEvent) {
        let Some(candidate) = event.candidate() else {
            self.gathered.set(true);
            if self.described.get() {
                self.say(PeerInput::CandidatesDone);
            }
            return;
        };
        // What was found before the description went out stands in it.
        if !self.described.get() || candidate.candidate().is_empty() {
            return;
        }
        self.say(PeerInput::Candidate(Candidate {
            candidate: candidate.candidate(),
            sdp_mid: candidate.sdp_mid(),
            sdp_mline_index: candidate.sdp_m_line_index(),
        }));
    }

    fn state_changed(self: &Rc<Self>) {
        match self.connection.connection_state() {
            RtcPeerConnectionState::Connected => {
                if self.lost.replace(false) {
                    self.say(PeerInput::Reconnected);
                }
                Self::look_at_path(self);
            }
            RtcPeerConnectionState::Disconnected if !self.lost.replace(true) => {
                self.say(PeerInput::Disconnected);
            }
            RtcPeerConnectionState::Failed => {
                // After a lost path the engine decides how long to go on trying.
                if self.chat.ready_state() != RtcDataChannelState::Open {
                    Self::give_up_in_time(self);
                } else if !self.lost.replace(true) {
                    self.say(PeerInput::Disconnected);
                }
            }
            _ => {}
        }
    }

    /// Fails unless candidates that are still on their way bring a path.
    fn give_up_in_time(me: &Rc<Self>) {
        let end = me.told_at_ms.get().map_or(0.0, |told| told + CANDIDATES_MS);
        let me = Rc::downgrade(me);
        spawn_local(async move {
            #[expect(clippy::cast_possible_truncation, reason = "seconds at most")]
            let left = (end - steady_ms()).clamp(0.0, CANDIDATES_MS).ceil() as i32;
            if left > 0 {
                sleep(left).await;
            }
            let Some(me) = me.upgrade() else { return };
            if me.connection.connection_state() == RtcPeerConnectionState::Failed
                && me.chat.ready_state() != RtcDataChannelState::Open
            {
                me.fail("no path was found to the contact".to_owned());
            }
        });
    }

    fn look_at_path(me: &Rc<Self>) {
        if me.over.get() || me.chat.ready_state() != RtcDataChannelState::Open {
            return;
        }
        let me = Rc::clone(me);
        spawn_local(async move {
            let Some(path) = path::of(&me.connection).await else { return };
            if me.path.borrow().as_ref() != Some(&path) {
                me.path.replace(Some(path.clone()));
                me.say(PeerInput::Path(path));
            }
        });
    }
}

/// What a browser is told of servers.
pub(crate) fn configuration(servers: &[IceServer], relay_only: bool) -> RtcConfiguration {
    let configuration = RtcConfiguration::new();
    let list: js_sys::Array = servers
        .iter()
        .map(|server| {
            let urls: js_sys::Array =
                server.urls.iter().map(|url| JsValue::from_str(url)).collect();
            let entry = RtcIceServer::new();
            entry.set_urls(&urls);
            if let Some(username) = &server.username {
                entry.set_username(username);
            }
            if let Some(credential) = &server.credential {
                entry.set_credential(credential);
            }
            entry
        })
        .collect();
    configuration.set_ice_servers(&list);
    if relay_only {
        configuration.set_ice_transport_policy(RtcIceTransportPolicy::Relay);
    }
    configuration
}

/// A channel that needs no negotiation.
pub(crate) fn channel(connection: &RtcPeerConnection, label: &str, id: u16) -> RtcDataChannel {
    let init = RtcDataChannelInit::new();
    init.set_negotiated(true);
    init.set_id(id);
    connection.create_data_channel_with_data_channel_dict(label, &init)
}

/// Everything that the browser tells of itself.
fn listen(inner: &Rc<Inner>) {
    let weak = Rc::downgrade(inner);
    let candidate = Closure::<dyn FnMut(_)>::new(move |event: RtcPeerConnectionIceEvent| {
        if let Some(inner) = weak.upgrade() {
            inner.candidate(&event);
        }
    });
    let weak = Rc::downgrade(inner);
    let state = Closure::<dyn FnMut(_)>::new(move |_: Event| {
        if let Some(inner) = weak.upgrade() {
            inner.state_changed();
        }
    });
    let weak = Rc::downgrade(inner);
    let opened = Closure::<dyn FnMut(_)>::new(move |_: Event| {
        if let Some(inner) = weak.upgrade() {
            inner.say(PeerInput::Opened);
            Inner::look_at_path(&inner);
        }
    });
    let weak = Rc::downgrade(inner);
    let closed = Closure::<dyn FnMut(_)>::new(move |_: Event| {
        if let Some(inner) = weak.upgrade() {
            inner.say(PeerInput::Closed);
            inner.over.set(true);
        }
    });
    let weak = Rc::downgrade(inner);
    let message = Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| {
        // Frames are text (protocol §5); anything else is for nobody.
        if let (Some(inner), Some(frame)) = (weak.upgrade(), event.data().as_string()) {
            inner.frame(frame);
        }
    });
    let weak = Rc::downgrade(inner);
    let low = Closure::<dyn FnMut(_)>::new(move |_: Event| {
        if let Some(inner) = weak.upgrade() {
            inner.report_buffered();
        }
    });
    let chat = &inner.chat;
    chat.set_buffered_amount_low_threshold(LOW_BYTES);
    inner.connection.set_onicecandidate(Some(candidate.as_ref().unchecked_ref()));
    inner.connection.set_onconnectionstatechange(Some(state.as_ref().unchecked_ref()));
    chat.set_onopen(Some(opened.as_ref().unchecked_ref()));
    chat.set_onclose(Some(closed.as_ref().unchecked_ref()));
    chat.set_onmessage(Some(message.as_ref().unchecked_ref()));
    chat.set_onbufferedamountlow(Some(low.as_ref().unchecked_ref()));
    let keep = [
        candidate.into_js_value(),
        state.into_js_value(),
        opened.into_js_value(),
        closed.into_js_value(),
        message.into_js_value(),
        low.into_js_value(),
    ];
    inner.handlers.borrow_mut().extend(keep);
}
