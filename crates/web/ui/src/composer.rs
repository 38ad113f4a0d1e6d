//! Where one writes. Enter sends, Shift+Enter breaks the line; what is not sent is kept as a
//! draft per contact.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use tincan_engine::{Command, ContactStatus, ContactView};
use tincan_wire::{MAX_CONTENT_BYTES, UserId};
use wasm_bindgen::JsCast as _;
use web_sys::{ClipboardEvent, HtmlTextAreaElement, KeyboardEvent};

use crate::conversation::Picked;
use crate::message_list::MessageList;
use crate::model::{Model, model};
use crate::on_the_way::OnTheWay;
use crate::watch::watch;
use crate::{dates, icons, prefs, words};

/// From here on the room that is left is told.
const TELL_FROM_BYTES: usize = MAX_CONTENT_BYTES / 10 * 9;

/// The contact is told at most this often that one types; the engine has the same bound.
const TYPING_EVERY_MS: u64 = 3_000;

/// What is written is kept as a draft after this.
const KEEP_DRAFT_AFTER: Duration = Duration::from_millis(300);

/// The key code of a key press that belongs to an input method.
const COMPOSING_KEY: u32 = 229;

fn draft_key(id: UserId) -> String {
    ["draft.", &id.to_string()].concat()
}

/// The composer of the conversation with `id`.
#[component]
pub(crate) fn Composer(
    id: UserId,
    picked: Picked,
    list: StoredValue<Option<MessageList>, LocalStorage>,
) -> impl IntoView {
    let model = model();
    let Some(person) = model.person(id) else { return ().into_any() };
    let text = RwSignal::new(prefs::read(&draft_key(id)).unwrap_or_default());
    let draft = Draft { id, text, is_due: StoredValue::new(false) };
    draft.keep_when_leaving();
    let problem = RwSignal::new(None::<String>);
    let area = NodeRef::<html::Textarea>::new();
    let status = Memo::new(move |_| person.view.with(|view| view.status));
    let title = Memo::new(move |_| person.view.with(ContactView::title));
    let size = Memo::new(move |_| text.with(String::len));
    let can_send = Memo::new(move |_| {
        text.with(|text| !text.trim().is_empty()) && size.get() <= MAX_CONTENT_BYTES
    });
    let typing = Typing { model, id, told_at: StoredValue::new(0) };
    // Where the browser does not do it: once a frame, since each time the page is laid out.
    let is_fitting = StoredValue::new(false);
    let grows = StoredValue::new(None);
    watch(move || {
        text.track();
        let Some(area) = area.get() else { return };
        let known = grows.get_value();
        let grows = known.unwrap_or_else(|| {
            let found = grows_with_its_text(&area);
            grows.set_value(Some(found));
            found
        });
        if !grows && !is_fitting.get_value() {
            is_fitting.set_value(true);
            request_animation_frame(move || {
                if is_fitting.try_set_value(false).is_none() {
                    fit(&area);
                }
            });
        }
    });
    watch(move || {
        // On phones the keyboard would cover half of what one came to read.
        if let Some(area) = area.get()
            && !model.narrow.get_untracked()
        {
            drop(area.focus());
        }
    });
    // What is being sent stands in the box until it is stored, or until one writes on: to draw the
    // empty box takes longer than to store a message, and would come first.
    let way = StoredValue::new(OnTheWay::default());
    let clear = move || {
        draft.take(String::new());
        empty(picked.reply);
        empty(problem);
        typing.stop();
    };
    let go_on = move || {
        if way.try_update_value(OnTheWay::goes_on) == Some(true) {
            clear();
        }
    };
    on_cleanup(move || {
        go_on();
        draft.keep();
    });
    let send = move || {
        if !can_send.get_untracked() {
            return;
        }
        let Some(sent) = way.try_update_value(OnTheWay::send).flatten() else { return };
        let content = text.get_untracked();
        let reply = picked.reply.get_untracked();
        wasm_bindgen_futures::spawn_local(async move {
            let command =
                Command::SendMessage { contact: id, content: content.trim().to_owned(), reply };
            let result = model.command(command).await;
            let Err(reason) = result else {
                if way.try_update_value(|way| way.stored(sent)) == Some(true) {
                    clear();
                }
                return;
            };
            // Nothing that was typed is lost.
            let whole = text.try_with_untracked(|text| {
                way.try_update_value(|way| way.refused(sent, &content, text)).flatten()
            });
            match whole {
                Some(Some(whole)) => draft.take(whole),
                Some(None) => {}
                None => put_before_draft(id, &content),
            }
            problem.try_set(Some(reason));
        });
    };
    let key = move |event: KeyboardEvent| {
        let is_composing = event.is_composing() || event.key_code() == COMPOSING_KEY;
        let is_plain = !event.shift_key() && !event.alt_key();
        if event.key() == "Enter" && is_plain && !is_composing {
            event.prevent_default();
            send();
        } else if event.key() == "Escape" {
            empty(picked.reply);
        }
    };
    let input = move |event: web_sys::Event| {
        way.update_value(OnTheWay::written);
        draft.take(event_target_value(&event));
        empty(problem);
        typing.go_on();
    };
    let paste = move |event: ClipboardEvent| {
        let data = event.clipboard_data();
        let has_files = data
            .as_ref()
            .and_then(web_sys::DataTransfer::files)
            .is_some_and(|files| files.length() > 0);
        let has_text =
            data.is_some_and(|data| data.get_data("text").is_ok_and(|text| !text.is_empty()));
        if has_files && !has_text {
            problem.set(Some("Only text can be sent so far, no files and no pictures.".to_owned()));
        }
    };
    view! {
        <div class="composer">
            <p class="typing-line" aria-live="polite" data-testid="typing">
                {move || person.typing.get().then(|| view! {
                    <bdi dir="auto">{title.get()}</bdi> " is typing"
                    <span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>
                }.into_any())}
            </p>
            {move || picked.reply.get().map(|reply| {
                let replied = list.get_value().and_then(|list| list.message(reply));
                let quoted: String = replied
                    .map(|message| message.content.chars().take(120).collect())
                    .unwrap_or_default();
                view! {
                    <div class="replying" data-testid="replying">
                        <span class="quiet">"Reply to "</span>
                        <bdi dir="auto">{quoted}</bdi>
                        <button
                            type="button"
                            class="plain round"
                            aria-label="Don't reply to it"
                            on:click=move |_| empty(picked.reply)
                        >
                            {icons::icon(icons::CLOSE)}
                        </button>
                    </div>
                }
                .into_any()
            })}
            {move || about_status(model, id, status.get())}
            <div class="composer-line" hidden=move || is_closed(status.get())>
                <textarea
                    node_ref=area
                    rows="1"
                    dir="auto"
                    aria-label=move || ["Message to ", &title.get()].concat()
                    placeholder="Write a message"
                    data-testid="composer"
                    prop:value=move || text.get()
                    on:beforeinput=move |_| go_on()
                    on:input=input
                    on:keydown=key
                    on:paste=paste
                    on:blur=move |_| typing.stop()
                ></textarea>
                <button
                    type="button"
                    class="send round"
                    aria-label="Send"
                    title="Send"
                    data-testid="send"
                    disabled=move || !can_send.get()
                    on:click=move |_| {
                        send();
                        if let Some(area) = area.get_untracked() {
                            drop(area.focus());
                        }
                    }
                >
                    {icons::icon(icons::SEND)}
                </button>
            </div>
            <p class="composer-problem" role="alert" data-testid="composer-problem">
                {move || problem.get().or_else(|| about_size(size.get()))}
            </p>
        </div>
    }
    .into_any()
}

/// Empties it, unless it is: whoever shows it is told at each change, of which there is one with
/// every key.
fn empty<T: Send + Sync + 'static>(signal: RwSignal<Option<T>>) {
    if signal.try_with_untracked(Option::is_some) == Some(true) {
        signal.set(None);
    }
}

/// What is written, and kept for the next time.
#[derive(Clone, Copy)]
struct Draft {
    id: UserId,
    text: RwSignal<String>,
    /// Whether it differs from what is kept.
    is_due: StoredValue<bool>,
}

impl Draft {
    /// Takes what is written now. It is kept soon: to do so with every key takes longer than all
    /// else that the key does.
    fn take(self, now: String) {
        if self.text.try_set(now).is_some() || self.is_due.get_value() {
            return;
        }
        self.is_due.set_value(true);
        set_timeout(move || self.keep(), KEEP_DRAFT_AFTER);
    }

    fn keep(self) {
        if self.is_due.try_get_value() == Some(true) {
            self.is_due.set_value(false);
            self.text.with_untracked(|text| prefs::write(&draft_key(self.id), text));
        }
    }

    /// A phone may end a page that nobody sees without another word.
    fn keep_when_leaving(self) {
        for event in ["pagehide", "visibilitychange"] {
            let leaving = window_event_listener_untyped(event, move |_| self.keep());
            on_cleanup(move || leaving.remove());
        }
        on_cleanup(move || self.keep());
    }
}

/// A text came back when its conversation was no longer open.
fn put_before_draft(id: UserId, content: &str) {
    let key = draft_key(id);
    let whole = match prefs::read(&key).filter(|draft| !draft.is_empty()) {
        Some(draft) => [content, "\n", &draft].concat(),
        None => content.to_owned(),
    };
    prefs::write(&key, &whole);
}

fn about_size(size: usize) -> Option<String> {
    if size > MAX_CONTENT_BYTES {
        return Some(words::too_long(size, MAX_CONTENT_BYTES));
    }
    (size >= TELL_FROM_BYTES).then(|| {
        let left = (MAX_CONTENT_BYTES - size) as u64;
        [words::counted(left, "byte", "bytes").as_str(), " left in this message."].concat()
    })
}

fn is_closed(status: ContactStatus) -> bool {
    matches!(status, ContactStatus::Declined | ContactStatus::Blocked)
}

fn about_status(model: Model, id: UserId, status: ContactStatus) -> Option<AnyView> {
    let say = |words: &'static str| {
        view! { <p class="composer-note" data-testid="status-note">{words}</p> }.into_any()
    };
    match status {
        ContactStatus::Accepted => None,
        ContactStatus::Requested => Some(say(
            "They have not answered yet. What you write waits here and goes out when they do.",
        )),
        ContactStatus::Declined => Some(say("They declined, so nothing can be sent to them.")),
        ContactStatus::Blocked => Some(
            view! {
                <p class="composer-note" data-testid="status-note">
                    "You blocked this contact. "
                    <button
                        type="button"
                        on:click=move |_| model.run(Command::UnblockContact { contact: id })
                    >
                        "Unblock"
                    </button>
                </p>
            }
            .into_any(),
        ),
    }
}

/// Lets the browser make the box as high as its text; false where it can't.
fn grows_with_its_text(area: &HtmlTextAreaElement) -> bool {
    let style = area.unchecked_ref::<web_sys::HtmlElement>().style();
    // A property that the browser does not know stays empty.
    drop(style.set_property("field-sizing", "content"));
    style.get_property_value("field-sizing").is_ok_and(|value| !value.is_empty())
}

/// Makes the box as high as its text, up to what the style sheet allows.
fn fit(area: &HtmlTextAreaElement) {
    let style = area.unchecked_ref::<web_sys::HtmlElement>().style();
    // Valid values of a known property.
    drop(style.set_property("height", "auto"));
    let height = [(area.scroll_height() + 2).to_string().as_str(), "px"].concat();
    drop(style.set_property("height", &height));
}

/// Tells the contact that one types.
#[derive(Clone, Copy)]
struct Typing {
    model: Model,
    id: UserId,
    /// 0: they think one does not.
    told_at: StoredValue<u64>,
}

impl Typing {
    fn go_on(self) {
        let now = dates::now_ms();
        if now.saturating_sub(self.told_at.get_value()) >= TYPING_EVERY_MS {
            self.told_at.set_value(now);
            self.model.run_quietly(Command::Typing { contact: self.id, on: true });
        }
    }

    fn stop(self) {
        if self.told_at.get_value() != 0 {
            self.told_at.set_value(0);
            self.model.run_quietly(Command::Typing { contact: self.id, on: false });
        }
    }
}
