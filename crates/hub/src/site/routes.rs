//! Which request gets which answer.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header;
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use super::Shared;
use super::answer::Answer;
use super::policy;
use crate::access::NONCE_LIFE_MS;

pub(super) fn answer<B>(shared: &Shared, request: &Request<B>, reached: IpAddr) -> Answer {
    if request.method() == Method::OPTIONS {
        return Answer::preflight();
    }
    match request.uri().path() {
        "/challenge" => get(request, || challenge(shared)),
        "/config.json" => get(request, || config(shared, request, reached)),
        "/health" => get(request, || health(shared)),
        "/ice" if request.method() == Method::POST => ice(shared, request, reached),
        "/ice" => Answer::method_not_allowed("POST"),
        path => page(shared, request, path, reached),
    }
}

/// A file of the page.
fn page<B>(shared: &Shared, request: &Request<B>, path: &str, reached: IpAddr) -> Answer {
    let policy = || {
        let host = shared.public.host(host_of(request), reached);
        policy::content_security(&shared.public.websocket(&host))
    };
    match shared.page.answer(path, request.headers(), policy) {
        Some(answer) => get(request, || answer),
        None => {
            let message = "There is nothing here. The hub's page is at /.";
            Answer::error(StatusCode::NOT_FOUND, "not_found", message)
        }
    }
}

fn get<B>(request: &Request<B>, answer: impl FnOnce() -> Answer) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => answer(),
        _ => Answer::method_not_allowed("GET"),
    }
}

fn challenge(shared: &Shared) -> Answer {
    let mut random = [0; 8];
    if let Err(error) = getrandom::fill(&mut random) {
        tracing::error!(%error, "the system gives no random numbers");
        let message = "The hub has no random numbers; tell its operator.";
        return Answer::error(StatusCode::INTERNAL_SERVER_ERROR, "random", message);
    }
    Answer::json(&json!({
        "nonce": shared.authority.challenge(random),
        "aud": shared.authority.audience(),
        "expires_in": NONCE_LIFE_MS / 1000,
        // For whoever wonders whether their own clock is right; nothing depends on it.
        "now": wall_clock_ms(),
    }))
}

fn wall_clock_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn config<B>(shared: &Shared, request: &Request<B>, reached: IpAddr) -> Answer {
    let host = shared.public.host(host_of(request), reached);
    Answer::json(&shared.public.config(shared.authority.audience(), &host))
}

fn health(shared: &Shared) -> Answer {
    Answer::json(&json!({
        "status": "ok",
        "uptime": shared.authority.clock().now_ms() / 1000,
        "connections": shared.census.connections(),
    }))
}

fn ice<B>(shared: &Shared, request: &Request<B>, reached: IpAddr) -> Answer {
    let Some(token) = bearer(request) else {
        let message = "Send an access token as `Authorization: Bearer <token>`.";
        return Answer::unauthorized("access_no_token", message);
    };
    match shared.authority.verify(token) {
        Ok(pass) => {
            let host = shared.public.host(host_of(request), reached);
            Answer::json(&shared.public.ice(&host, &pass.user))
        }
        Err(error) => Answer::unauthorized(error.reason(), &error.to_string()),
    }
}

/// The token of `Authorization: Bearer <token>` (RFC 6750 §2.1; the scheme in any case).
fn bearer<B>(request: &Request<B>) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub(super) fn host_of<B>(request: &Request<B>) -> Option<&str> {
    request.headers().get(header::HOST)?.to_str().ok()
}
