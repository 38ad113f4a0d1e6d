//! The way that the packets of a connection take, out of the browser's statistics (WebRTC
//! Statistics §6.14: `transport`, `candidate-pair`, `local-candidate`, `remote-candidate`).

use js_sys::{Map, Reflect};
use tincan_engine::Path;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::RtcPeerConnection;

use crate::clock::to_millis;

/// Of fewer checks no share is told that was lost.
const LEAST_CHECKS: f64 = 20.0;

/// The selected path, if there is one.
pub(super) async fn of(connection: &RtcPeerConnection) -> Option<Path> {
    let report: Map = JsFuture::from(connection.get_stats()).await.ok()?.unchecked_into();
    let pair = selected(&report)?;
    let local = report.get(&field(&pair, "localCandidateId"));
    let remote = report.get(&field(&pair, "remoteCandidateId"));
    let rtt = field(&pair, "currentRoundTripTime").as_f64();
    let count = |name| field(&pair, name).as_f64();
    let bytes = |name| count(name).map_or(0, to_millis);
    Some(Path {
        local: text(&local, "candidateType")?,
        remote: text(&remote, "candidateType")?,
        local_address: address(&local),
        remote_address: address(&remote),
        relay_transport: text(&local, "relayProtocol"),
        rtt_micros: rtt.map(|seconds| to_millis(seconds * 1_000_000.0)),
        loss_permille: unanswered(count("requestsSent"), count("responsesReceived")),
        bytes_sent: bytes("bytesSent"),
        bytes_received: bytes("bytesReceived"),
    })
}

/// How many of a thousand checks found no answer; the last may be on its way. Firefox counts none.
fn unanswered(asked: Option<f64>, answered: Option<f64>) -> Option<u32> {
    let asked = asked? - 1.0;
    let lost = (asked - answered?).max(0.0);
    (asked >= LEAST_CHECKS).then(|| (lost * 1_000.0 / asked) as u32)
}

/// By the transport where the browser says so; Firefox marks the pair itself.
fn selected(report: &Map) -> Option<JsValue> {
    let mut by_transport = None;
    let mut marked = None;
    report.for_each(&mut |stat, _| match text(&stat, "type").as_deref() {
        Some("transport") => {
            by_transport = text(&stat, "selectedCandidatePairId");
        }
        Some("candidate-pair") => {
            let nominated = field(&stat, "nominated").is_truthy()
                && text(&stat, "state").as_deref() == Some("succeeded");
            if field(&stat, "selected").is_truthy() || (nominated && marked.is_none()) {
                marked = Some(stat);
            }
        }
        _ => {}
    });
    by_transport
        .map(|id| report.get(&JsValue::from_str(&id)))
        .filter(|pair| !pair.is_undefined())
        .or(marked)
}

/// Browsers hide the address of a host candidate behind a name or leave it out.
fn address(candidate: &JsValue) -> String {
    let host = text(candidate, "address").or_else(|| text(candidate, "ip")).unwrap_or_default();
    match field(candidate, "port").as_f64() {
        Some(port) if host.contains(':') => format!("[{host}]:{}", port as u16),
        Some(port) if !host.is_empty() => format!("{host}:{}", port as u16),
        _ => host,
    }
}

fn field(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

fn text(of: &JsValue, name: &str) -> Option<String> {
    field(of, name).as_string()
}
