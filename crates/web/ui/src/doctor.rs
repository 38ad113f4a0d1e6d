//! The connection check: what keeps a chat from working, in words, and a report to give away.

use leptos::prelude::*;
use tincan_doctor::{Diagnosis, Finding, Verdict, diagnose};
use wasm_bindgen_futures::spawn_local;

use crate::copy::copy;
use crate::model::model;

/// The section of the settings.
#[component]
pub(crate) fn Doctor() -> impl IntoView {
    let model = model();
    let looking = RwSignal::new(false);
    let found = RwSignal::new(None::<Diagnosis>);
    let look = move |_| {
        looking.set(true);
        let hub = model.standing.with_untracked(|standing| standing.hub.clone());
        spawn_local(async move {
            let diagnosis = diagnose(&tincan_web::examine(&hub).await);
            // The dialog may be closed by now.
            found.try_set(Some(diagnosis));
            looking.try_set(false);
        });
    };
    view! {
        <section>
            <h3>"Connection check"</h3>
            <div class="line">
                <p>"Looks for what keeps a chat from working: hub, broker, router, relay, clock and storage."</p>
                <button
                    type="button"
                    data-testid="doctor-start"
                    disabled=move || looking.get()
                    on:click=look
                >
                    {move || if looking.get() { "Looking…" } else { "Check" }}
                </button>
            </div>
            {move || found.get().map(|diagnosis| shown(&diagnosis))}
        </section>
    }
}

fn shown(diagnosis: &Diagnosis) -> AnyView {
    let model = model();
    let report = diagnosis.report(env!("CARGO_PKG_VERSION"), browser());
    let findings: Vec<AnyView> = diagnosis.findings().iter().map(row).collect();
    view! {
        <p role="status" data-testid="doctor-summary">{diagnosis.summary()}</p>
        <ul class="plain-list findings">{findings}</ul>
        <button
            type="button"
            class="small"
            data-testid="doctor-copy"
            on:click=move |_| copy(model, &report, "A report without names and addresses is in the clipboard.")
        >
            "Copy a report without names and addresses"
        </button>
    }
    .into_any()
}

fn row(finding: &Finding) -> AnyView {
    let verdict = match finding.verdict {
        Verdict::Good => "good",
        Verdict::Unknown => "unknown",
        Verdict::Notice => "notice",
        Verdict::Problem => "problem",
    };
    let paragraph = |words: String, class: &'static str| {
        (!words.is_empty()).then(|| view! { <p class=class>{words}</p> }.into_any())
    };
    view! {
        <li data-testid="finding" data-code=finding.code data-verdict=verdict>
            <p>
                <span class="mark" aria-hidden="true">{finding.verdict.mark()}</span>
                <b>{finding.check.title()}</b> " " {finding.what.shown()}
            </p>
            {paragraph(finding.meaning.shown(), "quiet")}
            {paragraph(finding.remedy.shown(), "remedy")}
        </li>
    }
    .into_any()
}

/// Which one it is: that tells nothing of the person.
fn browser() -> &'static str {
    let agent = window().navigator().user_agent().unwrap_or_default();
    // Each of them claims to be those that come after it.
    let known =
        [("Firefox/", "Firefox"), ("Edg/", "Edge"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    known.iter().find(|(mark, _)| agent.contains(mark)).map_or("another browser", |(_, name)| name)
}
