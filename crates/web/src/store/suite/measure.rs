//! How fast the store is in the browser that runs it.

use std::rc::Rc;

use serde_json::{Value, json};
use tincan_engine::query::MAX_PAGE;
use tincan_engine::store::{Op, TransactionId};
use tincan_engine::{Answer, Cursor, Delivery, MessageKind, MessageView, Query};
use tincan_wire::{Identity, LogId, MessageId, Ranges, UserId};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::super::database;
use super::subject::Answers;
use crate::store::{Store, StoreAnswer};

/// Bytes of content of each message.
const CONTENT_BYTES: usize = 200;

/// Milliseconds since some moment.
pub(super) fn now_ms() -> f64 {
    let get = |object: &JsValue, name: &str| js_sys::Reflect::get(object, &name.into());
    let clock = get(&js_sys::global(), "performance").unwrap_or_default();
    let now = get(&clock, "now").unwrap_or_default();
    let now = js_sys::Function::from(now).call0(&clock);
    now.ok().and_then(|now| now.as_f64()).unwrap_or_default()
}

/// What is measured on.
struct Bench {
    name: String,
    store: Store,
    answers: Rc<Answers>,
    contact: UserId,
    lg: LogId,
    written: u64,
}

impl Bench {
    async fn open(name: &str) -> Result<Self, String> {
        let answers = Rc::new(Answers::default());
        let take_in = Rc::clone(&answers);
        let (store, snapshot) = Store::open(name, move |come| take_in.take_in(come))
            .await
            .map_err(|error| error.to_string())?;
        let contact = Identity::from_seed([9; 32]).user_id();
        let name = name.to_owned();
        Ok(Self { name, store, answers, contact, lg: snapshot.lg, written: 0 })
    }

    /// `count` messages of theirs, as a frame brings them.
    fn submit(&mut self, count: u64) {
        let first = self.written + 1;
        let mut ops: Vec<Op> = (0..count).map(|_| Op::Append(self.message())).collect();
        let s = Ranges::from_range(first, self.written);
        ops.push(Op::AddHave { contact: self.contact, lg: self.lg, s });
        self.store.submit(TransactionId(0), ops);
    }

    fn message(&mut self) -> MessageView {
        self.written += 1;
        let s = self.written;
        // About ten of a millisecond, as under load.
        let now = 1_763_792_787_000 + s / 10;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&s.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        MessageView {
            contact: self.contact,
            outgoing: false,
            id: MessageId::new(now, random),
            lg: self.lg,
            s,
            h: 1_763_792_787_000 + s,
            timestamp: now,
            kind: MessageKind::Text { reply: None },
            content: text(s),
            state: Delivery::Delivered,
        }
    }

    async fn wait(&self, count: usize) -> Result<(), String> {
        for answer in self.answers.next(count).await {
            if let StoreAnswer::Stored { result: Err(failure), .. } = answer {
                return Err(failure.0);
            }
        }
        Ok(())
    }

    async fn end(self) {
        self.store.close();
        database::delete(&self.name).await;
    }
}

/// Words as people use them: a few often, most seldom.
fn text(seed: u64) -> String {
    let mut text = String::with_capacity(CONTENT_BYTES);
    let mut state = seed;
    while text.len() < CONTENT_BYTES - 8 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let spread = (state >> 33) % 20_000;
        let word = spread * spread / 20_000;
        text.push_str(&format!("w{word} "));
    }
    text.push_str(&format!("n{seed}"));
    text
}

/// Messages a second: `count` of them in transactions of `size`, with at most `ahead`
/// transactions that wait. A JSON object.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "only what is public is exported")]
pub async fn store_speed(count: u32, size: u32, ahead: u32) -> String {
    answer(speed(u64::from(count), u64::from(size.max(1)), ahead.max(1) as usize).await)
}

async fn speed(count: u64, size: u64, ahead: usize) -> Result<Value, String> {
    let mut bench = Bench::open(&format!("store-speed-{}", js_sys::Math::random())).await?;
    bench.submit(size);
    bench.wait(1).await?;
    let (commits, start) = (bench.store.commits(), now_ms());
    let (mut waiting, mut left) = (0, count / size);
    while left > 0 || waiting > 0 {
        while left > 0 && waiting < ahead {
            bench.submit(size);
            (waiting, left) = (waiting + 1, left - 1);
        }
        bench.wait(1).await?;
        waiting -= 1;
    }
    let millis = now_ms() - start;
    let commits = bench.store.commits() - commits;
    bench.end().await;
    let stored = (count / size * size) as f64;
    Ok(json!({
        "size": size,
        "ahead": ahead,
        "micros_per_message": millis * 1_000.0 / stored,
        "messages_per_second": stored * 1_000.0 / millis,
        "commits": commits,
        "millis_per_commit": millis / commits as f64,
    }))
}

/// Opening, pages and searches with `count` messages, of which the last `singles` came one by
/// one. A JSON object of milliseconds.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "only what is public is exported")]
pub async fn store_reading(count: u32, singles: u32) -> String {
    answer(reading(u64::from(count), u64::from(singles)).await)
}

async fn reading(count: u64, singles: u64) -> Result<Value, String> {
    let name = format!("store-reading-{}", js_sys::Math::random());
    let mut bench = Bench::open(&name).await?;
    let start = now_ms();
    while bench.written < count.saturating_sub(singles) {
        bench.submit(60);
        bench.wait(1).await?;
    }
    while bench.written < count {
        bench.submit(1);
        bench.wait(1).await?;
    }
    let fill = now_ms() - start;
    bench.store.close();
    let start = now_ms();
    let again = Bench::open(&name).await?;
    let open = now_ms() - start;
    let contact = again.contact;
    let mut found = json!({ "messages": bench.written, "fill": fill, "open": open });
    let history = |before, limit| Query::History { contact, before, limit };
    let search = |text: &str| Query::Search { text: text.to_owned(), contact: None, limit: 50 };
    let middle =
        Cursor { h: 1_763_792_787_000 + count / 2, outgoing: true, id: MessageId::new(0, [0; 10]) };
    for (what, query) in [
        ("summaries", Query::Summaries),
        ("last_page_of_50", history(None, 50)),
        ("last_page_of_50_again", history(None, 50)),
        ("middle_page_of_50", history(Some(middle), 50)),
        ("middle_page_of_1000", history(Some(middle), MAX_PAGE)),
        ("first_search", search("n4711")),
        ("rare_search", search("n4712")),
        ("common_search", search("w1")),
        ("search_for_nothing", search("nothing")),
        ("search_of_a_beginning", search("w19")),
    ] {
        let start = now_ms();
        let answer = again.store.reader().query(&query).await.map_err(|error| error.to_string())?;
        let millis = now_ms() - start;
        let size = match answer {
            Answer::Messages { messages, .. } => messages.len(),
            Answer::Summaries { summaries } => summaries.len(),
        };
        if let Some(object) = found.as_object_mut() {
            object.insert(what.to_owned(), json!([millis, size]));
        }
    }
    again.end().await;
    Ok(found)
}

fn answer(result: Result<Value, String>) -> String {
    result.unwrap_or_else(|error| json!({ "error": error })).to_string()
}
