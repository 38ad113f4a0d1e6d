//! The safety number: sixty digits that two people compare to know that nobody is between them.

use leptos::prelude::*;
use tincan_engine::{Command, ContactView, Reply};
use tincan_wire::UserId;
use wasm_bindgen_futures::spawn_local;

use crate::dialog::Dialog;
use crate::model::model;
use crate::qr::qr;
use crate::scanner::Scanner;

/// The dialog about the contact `id`.
#[component]
pub(crate) fn VerifyDialog(id: UserId) -> impl IntoView {
    let model = model();
    let number = RwSignal::new(None::<Result<String, String>>);
    spawn_local(async move {
        let told = match model.command(Command::GetSafetyNumber { contact: id }).await {
            Ok(Reply::SafetyNumber { number }) => Ok(number),
            Ok(_) => Err("The number can't be made.".to_owned()),
            Err(sentence) => Err(sentence),
        };
        number.try_set(Some(told));
    });
    view! {
        <Dialog title="Safety number" testid="verify-dialog">
            {move || match number.get() {
                None => view! { <p role="status">"Counting…"</p> }.into_any(),
                Some(Err(sentence)) => view! { <p role="alert" class="problem">{sentence}</p> }.into_any(),
                Some(Ok(number)) => view! { <Compare id=id number=number/> }.into_any(),
            }}
        </Dialog>
    }
}

#[component]
fn Compare(id: UserId, number: String) -> impl IntoView {
    let model = model();
    let Some(person) = model.person(id) else { return ().into_any() };
    let title = person.view.with_untracked(ContactView::title);
    let is_verified = Memo::new(move |_| person.view.with(|view| view.verified));
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let code = qr(&digits, "QR code of the safety number");
    let groups: Vec<_> = number
        .split(' ')
        .map(|group| view! { <span>{group.to_owned()}</span> }.into_any())
        .collect();
    let outcome = RwSignal::new(None::<bool>);
    let set = move |verified| model.run(Command::VerifyContact { contact: id, verified });
    let scanned = Callback::new(move |read: String| {
        let is_equal = read.chars().filter(char::is_ascii_digit).eq(digits.chars());
        outcome.set(Some(is_equal));
        if is_equal {
            set(true);
        }
    });
    view! {
        <p>
            "Look at this together with "<bdi dir="auto">{title}</bdi>
            ", or read it to each other on the phone. If both of you see the same digits, nobody is between you."
        </p>
        <div class="qr-place">{code}</div>
        <p class="digits" data-testid="safety-number">{groups}</p>
        {move || outcome.get().map(|is_equal| match is_equal {
            true => view! { <p role="status" class="good">"The numbers are equal."</p> }.into_any(),
            false => view! {
                <p role="alert" class="problem">
                    "The numbers differ. Do not trust this conversation; ask them by another way what their id is."
                </p>
            }
            .into_any(),
        })}
        <div class="actions">
            {move || match is_verified.get() {
                false => view! {
                    <button type="button" class="main-action" data-testid="verify-yes" on:click=move |_| set(true)>
                        "They are the same"
                    </button>
                }
                .into_any(),
                true => view! {
                    <p class="good" role="status" data-testid="verified">"Verified."</p>
                    <button type="button" data-testid="verify-no" on:click=move |_| set(false)>
                        "Take it back"
                    </button>
                }
                .into_any(),
            }}
            <Scanner label="Scan their code" read=scanned/>
        </div>
    }
    .into_any()
}
