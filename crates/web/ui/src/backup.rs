//! Everything in one file, encrypted under a passphrase: out of this browser, and in.

use std::time::Duration;

use js_sys::{Array, Uint8Array};
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

use crate::model::{Model, about, model};
use crate::words;

/// Shorter passphrases are not taken: a file can be attacked for as long as someone likes.
const MIN_PASSPHRASE_CHARS: usize = 8;

/// The browser shows what is being done before the work that stops it begins.
const BREATH: Duration = Duration::from_millis(60);

/// Saves a backup.
#[component]
pub(crate) fn Export() -> impl IntoView {
    let model = model();
    let passphrase = RwSignal::new(String::new());
    let again = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let words = passphrase.get_untracked();
        if let Err(sentence) = check(&words, &again.get_untracked()) {
            return problem.set(Some(sentence));
        }
        problem.set(None);
        is_busy.set(true);
        spawn_local(async move {
            breathe().await;
            let saved = export(model, &words).await;
            is_busy.try_set(false);
            match saved {
                Ok(()) => {
                    passphrase.try_set(String::new());
                    again.try_set(String::new());
                    model.toast.set(Some("The backup is in your downloads.".to_owned()));
                }
                Err(sentence) => drop(problem.try_set(Some(sentence))),
            }
        });
    };
    view! {
        <form on:submit=save>
            <p class="quiet">"Your identity, contacts and messages in one encrypted file. Whoever has the file and the passphrase is you."</p>
            <label>
                "Passphrase"
                <input type="password" autocomplete="new-password" data-testid="export-passphrase" bind:value=passphrase/>
            </label>
            <label>
                "The same again"
                <input type="password" autocomplete="new-password" data-testid="export-again" bind:value=again/>
            </label>
            <p role="alert" class="problem" data-testid="export-problem">{move || problem.get()}</p>
            <button type="submit" data-testid="export-submit" disabled=move || is_busy.get()>
                {move || if is_busy.get() { "Encrypting…" } else { "Save a backup" }}
            </button>
        </form>
    }
}

fn check(passphrase: &str, again: &str) -> Result<(), String> {
    if passphrase.chars().count() < MIN_PASSPHRASE_CHARS {
        return Err([
            "Choose a passphrase of at least ",
            &MIN_PASSPHRASE_CHARS.to_string(),
            " characters; four words are good.",
        ]
        .concat());
    }
    if passphrase != again {
        return Err("The two passphrases differ.".to_owned());
    }
    Ok(())
}

async fn export(model: Model, passphrase: &str) -> Result<(), String> {
    let file = model.client().export(passphrase).await.map_err(|error| about(&error))?;
    download(&file).ok_or_else(|| "The browser did not take the file.".to_owned())
}

fn download(file: &[u8]) -> Option<()> {
    let parts = Array::of1(&Uint8Array::from(file));
    let options = BlobPropertyBag::new();
    options.set_type("application/octet-stream");
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options).ok()?;
    let url = Url::create_object_url_with_blob(&blob).ok()?;
    let anchor: HtmlAnchorElement = document().create_element("a").ok()?.dyn_into().ok()?;
    anchor.set_href(&url);
    anchor.set_download(&file_name());
    anchor.click();
    // The browser has taken it by then.
    set_timeout(move || drop(Url::revoke_object_url(&url)), Duration::from_secs(60));
    Some(())
}

/// Such as `tincan-2026-11-22.backup`.
fn file_name() -> String {
    let today = String::from(js_sys::Date::new_0().to_iso_string());
    let day = today.get(..10).unwrap_or_default();
    ["tincan-", day, ".backup"].concat()
}

/// Takes a backup in.
#[component]
pub(crate) fn Import() -> impl IntoView {
    let model = model();
    let file = NodeRef::<html::Input>::new();
    let passphrase = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let came = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let take = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let chosen =
            file.get_untracked().and_then(|input| input.files()).and_then(|files| files.get(0));
        let Some(chosen) = chosen else {
            return problem.set(Some("Choose the backup file first.".to_owned()));
        };
        problem.set(None);
        is_busy.set(true);
        let words = passphrase.get_untracked();
        spawn_local(async move {
            breathe().await;
            match import(model, &chosen, &words).await {
                Ok(sentence) => {
                    // On a first visit this form is gone by then: the page has a name now.
                    model.toast.set(Some(sentence.clone()));
                    came.try_set(Some(sentence));
                }
                Err(sentence) => {
                    problem.try_set(Some(sentence));
                }
            }
            is_busy.try_set(false);
        });
    };
    view! {
        <form on:submit=take>
            <label>
                "Backup file, of this page or of the program"
                <input type="file" node_ref=file data-testid="import-file"/>
            </label>
            <label>
                "Its passphrase"
                <input type="password" autocomplete="off" data-testid="import-passphrase" bind:value=passphrase/>
            </label>
            <p role="alert" class="problem" data-testid="import-problem">{move || problem.get()}</p>
            <button type="submit" data-testid="import-submit" disabled=move || is_busy.get()>
                {move || if is_busy.get() { "Decrypting…" } else { "Take the backup in" }}
            </button>
            {move || came.get().map(|sentence| view! {
                <p role="status" class="good" data-testid="import-done">{sentence}</p>
            }.into_any())}
        </form>
    }
}

async fn import(model: Model, file: &web_sys::File, passphrase: &str) -> Result<String, String> {
    let bytes = JsFuture::from(file.array_buffer()).await;
    let bytes = bytes.map_err(|_| "The file can't be read.".to_owned())?;
    let bytes = Uint8Array::new(&bytes).to_vec();
    let imported =
        model.client().import(&bytes, passphrase).await.map_err(|error| about(&error))?;
    let contacts = words::counted(imported.contacts, "contact", "contacts");
    let messages = words::counted(imported.messages, "message", "messages");
    Ok(["Done: ", &contacts, " and ", &messages, " came in."].concat())
}

async fn breathe() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        set_timeout(move || drop(resolve.call0(&wasm_bindgen::JsValue::UNDEFINED)), BREATH);
    });
    drop(JsFuture::from(promise).await);
}
