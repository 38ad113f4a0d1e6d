//! What the site answers with.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::encoding::Encoding;
use super::policy;

pub(super) type Body = Full<Bytes>;

/// An answer before it is put into HTTP.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    /// `None` if there is no body, as with [`not_modified`](Self::not_modified).
    content: Option<Content>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Debug)]
struct Content {
    media_type: &'static str,
    body: Bytes,
}

impl Answer {
    /// For programs, of any origin: nothing here depends on cookies.
    pub(super) fn json(value: &Value) -> Self {
        Self::new(StatusCode::OK, "application/json", Bytes::from(value.to_string()))
            .with(header::CACHE_CONTROL, "no-store")
            .with(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")
    }

    /// A file of the page, in one of its forms.
    pub(super) fn file(media_type: &'static str, encoding: Encoding, body: Bytes) -> Self {
        let answer = Self::new(StatusCode::OK, media_type, body);
        match encoding.name() {
            Some(name) => answer.with(header::CONTENT_ENCODING, name),
            None => answer,
        }
    }

    /// The client has that version of the file already.
    pub(super) fn not_modified() -> Self {
        Self { status: StatusCode::NOT_MODIFIED, content: None, headers: vec![] }
    }

    pub(super) fn not_acceptable() -> Self {
        let message = "This file is sent plain or compressed by gzip or br; accept one of them.";
        Self::error(StatusCode::NOT_ACCEPTABLE, "encoding", message)
    }

    /// An error with a stable name for programs and a sentence for people.
    pub(super) fn error(status: StatusCode, error: &str, message: &str) -> Self {
        Self { status, ..Self::json(&json!({"error": error, "message": message})) }
    }

    /// Says where it is instead. A location that cannot stand in a header is left out.
    pub(super) fn moved_to(self, location: String) -> Self {
        match HeaderValue::try_from(location) {
            Ok(location) => self.with_value(header::LOCATION, location),
            Err(_) => self,
        }
    }

    pub(super) fn unauthorized(error: &str, message: &str) -> Self {
        Self::error(StatusCode::UNAUTHORIZED, error, message)
            .with(header::WWW_AUTHENTICATE, "Bearer")
    }

    pub(super) fn too_many() -> Self {
        let message = "Too many requests from your address; wait a second.";
        Self::error(StatusCode::TOO_MANY_REQUESTS, "rate", message).with(header::RETRY_AFTER, "1")
    }

    /// No more connections to the broker; `limit` is the one that is reached.
    pub(super) fn full(limit: &str) -> Self {
        let message = "The broker takes no more connections at the moment; try again in a while.";
        Self::error(StatusCode::SERVICE_UNAVAILABLE, limit, message).with(header::RETRY_AFTER, "5")
    }

    pub(super) fn upgrade_required() -> Self {
        let message = "The broker is here, for MQTT over WebSocket.";
        Self::error(StatusCode::UPGRADE_REQUIRED, "websocket", message)
            .with(header::UPGRADE, "websocket")
            .with(header::CONNECTION, "upgrade")
    }

    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        let message = "This address does not take that method.";
        Self::error(StatusCode::METHOD_NOT_ALLOWED, "method", message).with(header::ALLOW, allowed)
    }

    /// What a browser asks before it sends a request with a token from another origin.
    pub(super) fn preflight() -> Self {
        Self { status: StatusCode::NO_CONTENT, content: None, headers: vec![] }
            .with(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")
            .with(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST")
            .with(header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization")
            .with(header::ACCESS_CONTROL_MAX_AGE, "86400")
    }

    /// Says how long the answer keeps and which version it is.
    pub(super) fn cached(self, control: &'static str, tag: String) -> Self {
        let answer = self.with(header::CACHE_CONTROL, control);
        match HeaderValue::try_from(tag) {
            Ok(tag) => answer.with_value(header::ETAG, tag),
            Err(_) => answer,
        }
    }

    pub(super) fn varying_by_encoding(self) -> Self {
        self.with(header::VARY, "accept-encoding")
    }

    /// Says what the page may do; `security` is its content security policy.
    pub(super) fn of_the_page(self, security: String) -> Self {
        // A host in it has been checked to be one, so it is always text for a header.
        let security = HeaderValue::try_from(security)
            .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
        self.with_value(header::CONTENT_SECURITY_POLICY, security)
            .with(HeaderName::from_static("cross-origin-opener-policy"), "same-origin")
            .with(HeaderName::from_static("cross-origin-resource-policy"), "same-origin")
            .with(HeaderName::from_static("permissions-policy"), policy::PERMISSIONS)
    }

    fn new(status: StatusCode, media_type: &'static str, body: Bytes) -> Self {
        Self { status, content: Some(Content { media_type, body }), headers: vec![] }
    }

    fn with(self, name: HeaderName, value: &'static str) -> Self {
        self.with_value(name, HeaderValue::from_static(value))
    }

    fn with_value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn into_response(self, method: &Method) -> Response<Body> {
        let mut response = Response::new(Body::default());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.extend(self.headers);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if let Some(Content { media_type, body }) = self.content {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            if method != Method::HEAD {
                *response.body_mut() = Full::new(body);
            }
        }
        response
    }
}
