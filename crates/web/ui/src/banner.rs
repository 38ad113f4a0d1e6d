//! What is broken just now, in words, with what can be done about it.

use std::time::Duration;

use leptos::prelude::*;
use tincan_engine::{Alarm, BrokerState, BrokerView, Command};
use tincan_web::{Role, Standing, Storage};
use wasm_bindgen_futures::spawn_local;
use web_sys::CustomEvent;

use crate::model::{Model, Raised, model};
use crate::route::Panel;
use crate::{dates, icons, words};

/// A clock that is off by less is right enough for a chat.
const NOTABLE_CLOCK_MS: u64 = 2 * 60 * 1_000;

/// An attempt to connect that takes less than this is not worth a word.
const PATIENCE_MS: u64 = 2_500;

/// All banners that are due.
#[component]
pub(crate) fn Banners() -> impl IntoView {
    let model = model();
    let away = RwSignal::new(Vec::<&'static str>::new());
    let is_due = move |kind: &'static str, due: fn(&Standing) -> bool| {
        Memo::new(move |_| model.standing.with(due) && away.with(|away| !away.contains(&kind)))
    };
    let put_away = move |kind: &'static str| away.update(|away| away.push(kind));
    let offline = is_due("offline", |standing| !standing.online);
    let webrtc = is_due("webrtc", |standing| !standing.webrtc);
    let storage = is_due("storage", |standing| standing.storage == Storage::MayBeDeleted);
    let other_tab = is_due("other-tab", |standing| standing.role == Role::Screen);
    let clock = Memo::new(move |_| {
        let told = model.standing.with(|standing| standing.clock_offset_ms).and_then(wrong_clock);
        told.filter(|_| away.with(|away| !away.contains(&"clock")))
    });
    view! {
        <div class="banners">
            {move || {
                let alarms = model.alarms.get().into_iter().map(|raised| alarm(model, raised));
                alarms.collect::<Vec<_>>()
            }}
            {move || webrtc.get().then(|| view! {
                <Banner kind="webrtc" grave=true>
                    <p>"This browser has no WebRTC, or it is switched off. Nobody can be reached from here, and messages wait."</p>
                </Banner>
            }.into_any())}
            {move || offline.get().then(|| view! {
                <Banner kind="offline">
                    <p>"You are offline. What you write is kept and goes out when the network is back."</p>
                </Banner>
            }.into_any())}
            <BrokerBanner/>
            {move || model.update_ready.get().then(|| view! {
                <Banner kind="update">
                    <p>"A new version is ready."</p>
                    <button type="button" data-testid="update-apply" on:click=|_| apply_update()>
                        "Load it"
                    </button>
                </Banner>
            }.into_any())}
            {move || storage.get().then(|| view! {
                <Banner kind="storage" close=Callback::new(move |()| put_away("storage"))>
                    <p>"This browser may delete your messages when space runs short."</p>
                    <button
                        type="button"
                        data-testid="storage-keep"
                        on:click=move |_| keep(model)
                    >
                        "Ask it to keep them"
                    </button>
                    <button type="button" on:click=move |_| model.router.open_panel(Panel::Settings)>
                        "Save a backup"
                    </button>
                </Banner>
            }.into_any())}
            {move || clock.get().map(|told| view! {
                <Banner kind="clock" close=Callback::new(move |()| put_away("clock"))>
                    <p>{told}</p>
                </Banner>
            }.into_any())}
            {move || other_tab.get().then(|| view! {
                <Banner kind="other-tab" close=Callback::new(move |()| put_away("other-tab"))>
                    <p>"Tincan is open in another tab, which keeps the connections. Both show the same."</p>
                </Banner>
            }.into_any())}
        </div>
    }
}

#[component]
fn Banner(
    kind: &'static str,
    /// Whether it interrupts.
    #[prop(optional)]
    grave: bool,
    /// Puts it away, if it can be.
    #[prop(optional)]
    close: Option<Callback<()>>,
    children: Children,
) -> impl IntoView {
    view! {
        <div
            class="banner"
            class:grave=grave
            role=if grave { "alert" } else { "status" }
            data-testid=["banner-", kind].concat()
        >
            {icons::icon(if grave { icons::ALERT } else { icons::INFO })}
            <div class="banner-words">{children()}</div>
            {close.map(|close| view! {
                <button
                    type="button"
                    class="plain round"
                    aria-label="Put away"
                    on:click=move |_| close.run(())
                >
                    {icons::icon(icons::CLOSE)}
                </button>
            }.into_any())}
        </div>
    }
}

#[component]
fn BrokerBanner() -> impl IntoView {
    let model = model();
    let now = RwSignal::new(dates::now_ms());
    let since = StoredValue::new(None::<u64>);
    let ticking = set_interval_with_handle(
        move || {
            now.try_set(dates::now_ms());
        },
        Duration::from_secs(1),
    );
    on_cleanup(move || {
        if let Ok(ticking) = ticking {
            ticking.clear()
        }
    });
    let is_away = Memo::new(move |_| {
        now.track();
        let is_connected = model.broker.with(|broker| broker.state == BrokerState::Connected);
        let online = model.standing.with(|standing| standing.online);
        if is_connected || !online {
            since.set_value(None);
            return false;
        }
        let has_failed = model.broker.with(|broker| broker.attempts > 0 || broker.reason.is_some());
        let begin = since.get_value().unwrap_or_else(dates::now_ms);
        since.set_value(Some(begin));
        has_failed || dates::now_ms().saturating_sub(begin) >= PATIENCE_MS
    });
    let is_refused = Memo::new(move |_| {
        model.broker.with(|broker| broker.state == BrokerState::Error && broker.retry_at.is_none())
    });
    let told = move || model.broker.with(|broker| about_broker(broker, now.get()));
    move || {
        is_away.get().then(|| {
            let kind = if is_refused.get() { "refused" } else { "broker" };
            view! {
                <Banner kind=kind>
                    <p>{told}</p>
                    <button
                        type="button"
                        data-testid="broker-retry"
                        disabled=move || model.broker.with(|broker| broker.state == BrokerState::Connecting)
                        on:click=move |_| model.run(Command::Connect)
                    >
                        "Try now"
                    </button>
                </Banner>
            }
            .into_any()
        })
    }
}

fn about_broker(broker: &BrokerView, now: u64) -> String {
    let reason = broker.reason.as_deref().map(words::sentence).unwrap_or_default();
    let what = match (broker.state, broker.retry_at) {
        (BrokerState::Connecting, _) => "The hub can't be reached yet. Trying…".to_owned(),
        (BrokerState::Connected, _) => String::new(),
        (BrokerState::Error | BrokerState::Disconnected, Some(retry_at)) => {
            let seconds = retry_at.as_millis().saturating_sub(now).div_ceil(1_000);
            let when = words::counted(seconds.max(1), "second", "seconds");
            ["The hub can't be reached. Trying again in ", &when, "."].concat()
        }
        (BrokerState::Error, None) => "The hub does not let us in.".to_owned(),
        (BrokerState::Disconnected, None) => "Not connected to the hub.".to_owned(),
    };
    if reason.is_empty() { what } else { [&what, " ", &reason].concat() }
}

fn alarm(model: Model, raised: Raised) -> AnyView {
    let serial = raised.serial;
    let close = Callback::new(move |()| {
        model.alarms.update(|alarms| alarms.retain(|known| known.serial != serial));
    });
    let who = raised.contact.map(|id| model.title_of(id));
    match raised.alarm {
        Alarm::HelloFailed { reason } => view! {
            <Banner kind="alarm-hello" grave=true close=close>
                <p>
                    <strong>"Someone may be between you and "<bdi dir="auto">{who}</bdi>"."</strong>
                    " The other end could not prove who it is, so the connection was closed before a word was said. Compare the safety numbers by another way."
                </p>
                <p class="quiet">{words::sentence(&reason)}</p>
            </Banner>
        }
        .into_any(),
        Alarm::MessageIdReused { .. } => view! {
            <Banner kind="alarm-message" grave=true close=close>
                <p><bdi dir="auto">{who}</bdi>" sent other words under the name of an earlier message. They were kept out."</p>
            </Banner>
        }
        .into_any(),
        Alarm::StorageFailed { reason } => view! {
            <Banner kind="alarm-storage" grave=true close=close>
                <p>"This browser could not save something. What came was not confirmed and will come again; make room if the disk is full. "{words::sentence(&reason)}</p>
            </Banner>
        }
        .into_any(),
        Alarm::CredentialsRefused { reason } => view! {
            <Banner kind="alarm-credentials" grave=true close=close>
                <p>"The hub refused us three times, so no more attempts are made. "{words::sentence(&reason)}</p>
                <button
                    type="button"
                    data-testid="credentials-retry"
                    on:click=move |_| {
                        model.run(Command::Connect);
                        close.run(());
                    }
                >
                    "Try again"
                </button>
            </Banner>
        }
        .into_any(),
    }
}

/// What to say of a clock that is `behind_ms` behind the hub's, if it is wrong.
fn wrong_clock(behind_ms: i64) -> Option<String> {
    let off = behind_ms.unsigned_abs();
    if off < NOTABLE_CLOCK_MS {
        return None;
    }
    let way = if behind_ms < 0 { " ahead of" } else { " behind" };
    let minutes = off / 60_000;
    let amount = match minutes {
        0..120 => words::counted(minutes, "minute", "minutes"),
        120..2_880 => words::counted(minutes / 60, "hour", "hours"),
        _ => words::counted(minutes / 1_440, "day", "days"),
    };
    Some(
        [
            "This device's clock is ",
            &amount,
            way,
            " the hub's. Your messages carry the wrong time until it is set right.",
        ]
        .concat(),
    )
}

fn keep(model: Model) {
    spawn_local(async move {
        let words = match model.client().persist().await {
            true => "The browser keeps your messages now.",
            false => "The browser did not agree. A backup keeps your messages safe.",
        };
        model.toast.set(Some(words.to_owned()));
    });
}

fn apply_update() {
    if let Ok(event) = CustomEvent::new("tincan-update-apply") {
        drop(window().dispatch_event(&event));
    }
}
