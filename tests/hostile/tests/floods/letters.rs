//! Letters, from those whom Bob knows and those whom he does not.

use anyhow::Result;
use tincan_hostile::{Adversary, Letter, LinkEnd, Tag};
use tincan_link::Role;
use tincan_wire::{
    Body, Candidate, DeviceId, DisplayName, Leaf, MAX_ENVELOPE_BYTES, PrekeySecret, SessionId,
    SessionRef, Topic, UserId, base64url,
};

use crate::gauge::FLOOD_BYTES;
use crate::scene::Scene;

/// What waits between socket and engine (256 reports of 32 KiB), and twice as much for the
/// allocator.
const LETTERS_BOUND: usize = 24 * 1024 * 1024;

/// Makes letters on a thread beside the runtime, and hands them to the broker as they come.
async fn flood(
    scene: &Scene,
    mut make: impl FnMut(usize) -> Result<Letter> + Send + 'static,
) -> Result<()> {
    let (sender, mut letters) = tokio::sync::mpsc::channel(64);
    let making = tokio::task::spawn_blocking(move || -> Result<()> {
        let mut bytes = 0;
        for number in 0.. {
            let letter = make(number)?;
            bytes += letter.payload.len();
            if sender.blocking_send(letter).is_err() || bytes >= FLOOD_BYTES {
                break;
            }
        }
        Ok(())
    });
    while let Some(letter) = letters.recv().await {
        scene.broker.deliver(scene.bob.id(), &letter)?;
    }
    making.await??;
    scene.until_taken_in().await
}

/// What looks like an envelope and is none, in three ways.
fn garbage(number: usize, to: UserId) -> Letter {
    let nonsense = |length: usize, seed: usize| -> Vec<u8> {
        (0..length).map(|at| (at * 31 + seed * 17 + (at >> 8)) as u8).collect()
    };
    let payload = match number % 3 {
        0 => {
            let [g, e, c] = [16, 32, 12_000].map(|n| base64url::encode(&nonsense(n, number)));
            format!("{{\"v\":1,\"k\":\"00000000\",\"g\":\"{g}\",\"e\":\"{e}\",\"c\":\"{c}\"}}")
                .into()
        }
        1 => nonsense(MAX_ENVELOPE_BYTES, number),
        _ => vec![b'['; 30_000],
    };
    Letter::new(&Topic { user: to, leaf: Leaf::ContactRequest }, payload)
}

fn heartbeat(number: usize) -> Body {
    Body::Heartbeat { n: number as u64, re: false }
}

/// 32 candidates as long as may be, for a session that nobody knows.
fn candidates(number: usize) -> Body {
    let candidate = |port: usize| Candidate {
        candidate: format!("candidate:1 1 udp 1 127.0.0.1 {port} typ host {}", "x".repeat(300)),
        sdp_mid: None,
        sdp_mline_index: None,
    };
    let session = SessionRef { sid: session_id(number), generation: 0 };
    Body::IceCandidate { session, candidates: (1..=32).map(candidate).collect(), eoc: false }
}

fn session_id(number: usize) -> SessionId {
    let mut sid = [9; 16];
    sid[..8].copy_from_slice(&number.to_be_bytes());
    SessionId(sid)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_of_strangers_takes_no_memory() {
    let scene = Scene::new().await.unwrap();
    let (gauge, to) = (scene.gauge("garbage of strangers"), scene.bob.id());
    flood(&scene, move |number| Ok(garbage(number, to))).await.unwrap();
    scene.end(gauge, LETTERS_BOUND).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_ever_new_strangers_take_no_memory() {
    let scene = Scene::new().await.unwrap();
    let (gauge, to) = (scene.gauge("requests of ever new strangers"), scene.bob.id());
    let pk = PrekeySecret::from_bytes(&[7; 36]).public();
    flood(&scene, move |number| {
        let name = DisplayName::clean("a stranger");
        let body = Body::ContactRequest { name, proof: None, stamp: None, pk };
        Adversary::nth(number as u32).large_letter(to, body, Tag::Random)
    })
    .await
    .unwrap();
    scene.end(gauge, LETTERS_BOUND).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_of_a_contact_take_no_memory() {
    let (scene, mut mallory) = Scene::with_mallory().await.unwrap();
    let (gauge, to) = (scene.gauge("heartbeats of a contact"), scene.bob.id());
    flood(&scene, move |number| mallory.large_letter(to, heartbeat(number), Tag::OfContact))
        .await
        .unwrap();
    scene.end(gauge, LETTERS_BOUND).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ever_new_devices_of_a_contact_take_no_memory() {
    let (scene, mut mallory) = Scene::with_mallory().await.unwrap();
    let (gauge, to) = (scene.gauge("ever new devices of a contact"), scene.bob.id());
    flood(&scene, move |number| {
        mallory.use_device(DeviceId(number.to_be_bytes()));
        mallory.large_letter(to, heartbeat(number), Tag::OfContact)
    })
    .await
    .unwrap();
    scene.end(gauge, LETTERS_BOUND).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_for_unknown_sessions_take_no_memory() {
    let (scene, mut mallory) = Scene::with_mallory().await.unwrap();
    let (gauge, to) = (scene.gauge("candidates for unknown sessions"), scene.bob.id());
    flood(&scene, move |number| mallory.large_letter(to, candidates(number), Tag::OfContact))
        .await
        .unwrap();
    scene.end(gauge, LETTERS_BOUND).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_of_ever_new_sessions_take_no_memory() {
    let (scene, mut mallory) = Scene::with_mallory().await.unwrap();
    let (gauge, to) = (scene.gauge("offers of ever new sessions"), scene.bob.id());
    let mut end = LinkEnd::new(Role::Offerer, SessionId([5; 16])).await.unwrap();
    let Body::Offer { description, .. } = end.offer().unwrap() else { panic!("an offer") };
    flood(&scene, move |number| {
        let session = SessionRef { sid: session_id(number), generation: 0 };
        let body = Body::Offer { session, description: description.clone() };
        mallory.large_letter(to, body, Tag::OfContact)
    })
    .await
    .unwrap();
    scene.end(gauge, LETTERS_BOUND).await.unwrap();
}
