//! Reads a QR code with the camera, where the browser can.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{HtmlVideoElement, MediaStream, MediaStreamConstraints, MediaStreamTrack};

use crate::watch::watch;

/// Between two looks at the picture.
const PAUSE: Duration = Duration::from_millis(200);

/// Whether this browser can read QR codes.
pub(crate) fn can_scan() -> bool {
    detector_class().is_some() && camera().is_some()
}

fn detector_class() -> Option<Function> {
    Reflect::get(&window(), &JsValue::from_str("BarcodeDetector")).ok()?.dyn_into().ok()
}

fn camera() -> Option<web_sys::MediaDevices> {
    // Pages without TLS have none, whatever the type says.
    let devices = Reflect::get(&window().navigator(), &JsValue::from_str("mediaDevices")).ok()?;
    devices.dyn_into().ok()
}

/// A button that opens the camera; what it reads is handed on.
#[component]
pub(crate) fn Scanner(
    /// What the button says.
    label: &'static str,
    read: Callback<String>,
) -> impl IntoView {
    let is_on = RwSignal::new(false);
    if !can_scan() {
        return view! {
            <p class="quiet" data-testid="scan-unsupported">
                "This browser can't read QR codes with the camera."
            </p>
        }
        .into_any();
    }
    view! {
        {move || if is_on.get() {
            view! { <Camera read=read is_on=is_on/> }.into_any()
        } else {
            view! {
                <button type="button" data-testid="scan-open" on:click=move |_| is_on.set(true)>
                    {label}
                </button>
            }
            .into_any()
        }}
    }
    .into_any()
}

#[component]
fn Camera(read: Callback<String>, is_on: RwSignal<bool>) -> impl IntoView {
    let video = NodeRef::<html::Video>::new();
    let problem = RwSignal::new(None::<String>);
    let is_gone = Rc::new(Cell::new(false));
    let going = StoredValue::new_local(Rc::clone(&is_gone));
    on_cleanup(move || {
        if let Some(is_gone) = going.try_get_value() {
            is_gone.set(true);
        }
    });
    watch(move || {
        let Some(video) = video.get() else { return };
        let is_gone = Rc::clone(&is_gone);
        spawn_local(async move {
            match wait_for_code(&video, &is_gone).await {
                Ok(Some(text)) => {
                    is_on.try_set(false);
                    read.try_run(text);
                }
                Ok(None) => {}
                Err(sentence) => drop(problem.try_set(Some(sentence))),
            }
        });
    });
    view! {
        <div class="camera">
            <video node_ref=video class="camera-picture" muted=true playsinline=true aria-label="Camera picture"></video>
            {move || problem.get().map(|sentence| view! {
                <p role="alert" class="problem" data-testid="banner-camera">{sentence}</p>
            }.into_any())}
            <button type="button" on:click=move |_| is_on.set(false)>"Close the camera"</button>
        </div>
    }
}

/// Looks until a code is read or nobody waits any more.
async fn wait_for_code(
    video: &HtmlVideoElement,
    is_gone: &Cell<bool>,
) -> Result<Option<String>, String> {
    let stream = open().await?;
    let found = look(video, &stream, is_gone).await;
    video.set_src_object(None);
    for track in stream.get_tracks() {
        track.unchecked_into::<MediaStreamTrack>().stop();
    }
    found
}

async fn open() -> Result<MediaStream, String> {
    let devices = camera().ok_or("This page may not use a camera.")?;
    let constraints = MediaStreamConstraints::new();
    let video = Object::new();
    drop(Reflect::set(&video, &"facingMode".into(), &"environment".into()));
    constraints.set_video(&video);
    let asked = devices.get_user_media_with_constraints(&constraints);
    let stream = match asked {
        Ok(promise) => JsFuture::from(promise).await,
        Err(error) => Err(error),
    };
    stream.map(|stream| stream.unchecked_into()).map_err(|error| about(&error))
}

fn about(error: &JsValue) -> String {
    let name =
        Reflect::get(error, &JsValue::from_str("name")).ok().and_then(|name| name.as_string());
    match name.as_deref() {
        Some("NotAllowedError" | "SecurityError") => {
            "The camera was not allowed. Allow it for this page in the browser's settings, or \
             paste the link instead."
        }
        Some("NotFoundError" | "OverconstrainedError") => {
            "There is no camera here. Paste the link instead."
        }
        _ => "The camera can't be used just now; perhaps another program has it.",
    }
    .to_owned()
}

async fn look(
    video: &HtmlVideoElement,
    stream: &MediaStream,
    is_gone: &Cell<bool>,
) -> Result<Option<String>, String> {
    let failed = |_| "The camera can't be used just now.".to_owned();
    let detector = detector().ok_or("This browser can't read QR codes.")?;
    let detect: Function =
        Reflect::get(&detector, &"detect".into()).map_err(failed)?.unchecked_into();
    video.set_src_object(Some(stream));
    JsFuture::from(video.play().map_err(failed)?).await.map_err(failed)?;
    while !is_gone.get() {
        if let Ok(promise) = detect.call1(&detector, video)
            && let Ok(codes) = JsFuture::from(promise.unchecked_into::<Promise>()).await
        {
            let first = Array::from(&codes).get(0);
            let text =
                Reflect::get(&first, &"rawValue".into()).ok().and_then(|text| text.as_string());
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                return Ok(Some(text));
            }
        }
        pause().await;
    }
    Ok(None)
}

fn detector() -> Option<JsValue> {
    let options = Object::new();
    let formats = Array::of1(&"qr_code".into());
    Reflect::set(&options, &"formats".into(), &formats).ok()?;
    Reflect::construct(&detector_class()?, &Array::of1(&options)).ok()
}

async fn pause() {
    let promise = Promise::new(&mut |resolve, _| {
        set_timeout(move || drop(resolve.call0(&JsValue::UNDEFINED)), PAUSE);
    });
    drop(JsFuture::from(promise).await);
}
