//! `tincan status`: how things stand.

use std::time::Duration;

use serde_json::json;
use tincan_engine::{ContactStatus, Status};
use tincan_node::RelayFailure;

use crate::Outcome;
use crate::clock_text::wrong_clock;
use crate::duration_text::show_duration;
use crate::people_text::{broker_line, contact_line, ending_line, now, peer_line, traffic_line};
use crate::screen_text::one_line;
use crate::session::{MeetingPlace, Session};
use crate::settings::{Settings, without_password};

pub(crate) async fn run(settings: Settings) -> Outcome {
    let session = Session::open_offline(&settings).await?;
    let outcome = print(&settings, &session).await;
    session.close().await;
    outcome
}

async fn print(settings: &Settings, session: &Session) -> Outcome {
    let mut status = session.status().await?;
    let place = session.meeting_place().await?;
    let shell = session.shell_status().await?;
    // What the connections refused is counted beside the engine.
    for (reason, count) in shell.dropped {
        *status.dropped.entry(reason).or_default() += count;
    }
    let behind = shell.clock_behind_ms;
    let mut value = serde_json::to_value(&status)?;
    if let Some(fields) = value.as_object_mut() {
        let brokers: Vec<String> = place.brokers.iter().map(|url| without_password(url)).collect();
        fields.insert("running".into(), session.is_elsewhere().into());
        fields.insert("home".into(), json!(settings.home));
        fields.insert("hub".into(), json!(place.hub));
        fields.insert("brokers".into(), json!(brokers));
        fields.insert("clock_behind_ms".into(), json!(behind));
        fields.insert("relay_failures".into(), json!(shell.relay_failures));
    }
    let running = session.is_elsewhere();
    settings.output.value(&value, || {
        let mut lines = text(&status, &place, settings, running, behind);
        lines.extend(shell.relay_failures.iter().map(relay_line));
        lines.join("\n")
    })
}

fn text(
    status: &Status,
    place: &MeetingPlace,
    settings: &Settings,
    running: bool,
    behind: Option<i64>,
) -> Vec<String> {
    let now = now();
    let mut lines = vec![format!("id        {}", status.id)];
    if !status.name.as_str().is_empty() {
        lines.push(format!("name      {}", one_line(status.name.as_str())));
    }
    lines.push(format!("home      {}", settings.home.display()));
    lines.extend(place.hub.iter().map(|hub| format!("hub       {hub}")));
    lines.extend(place.brokers.iter().map(|url| format!("broker    {}", without_password(url))));
    lines.push(match running {
        true => format!("link      {}", broker_line(&status.broker, now)),
        false => "link      no tincan runs on this home; start `tincan listen` or `tincan chat`"
            .to_owned(),
    });
    lines.extend(behind.and_then(wrong_clock).map(|words| format!("clock     {words}")));
    if status.requests > 0 {
        lines.push(format!("requests  {} wait: see `tincan contact list`", status.requests));
    }
    for contact in &status.contacts {
        lines.push(format!("contact   {}", contact_line(contact, now)));
        if running && contact.status == ContactStatus::Accepted {
            let peer = &contact.peer;
            let more = [traffic_line(peer, now), ending_line(peer, now)];
            let all = [peer_line(peer, now)].into_iter().chain(more.into_iter().flatten());
            lines.extend(all.map(|line| format!("          {line}")));
        }
    }
    for (reason, count) in &status.dropped {
        lines.push(format!("dropped   {count} × {}", one_line(reason)));
    }
    lines
}

fn relay_line(RelayFailure { url, reason, secs_ago }: &RelayFailure) -> String {
    let ago = show_duration(Duration::from_secs(*secs_ago));
    format!("relay     {} could not be used {ago} ago: {}", one_line(url), one_line(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_that_could_not_be_used_is_told_with_its_reason_and_when() {
        let failure = RelayFailure {
            url: "turns:relay.example.org:443".to_owned(),
            reason: "the certificate of relay.example.org has expired".to_owned(),
            secs_ago: 90,
        };
        assert_eq!(
            relay_line(&failure),
            "relay     turns:relay.example.org:443 could not be used 90 s ago: \
             the certificate of relay.example.org has expired"
        );
    }
}
