//! What the site answers with.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

pub(super) type Body = Full<Bytes>;

/// An answer before it is put into HTTP.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
    headers: Vec<(header::HeaderName, &'static str)>,
}

impl Answer {
    pub(super) fn json(value: &Value) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: "application/json",
            body: Bytes::from(value.to_string()),
            headers: vec![],
        }
    }

    pub(super) fn page(html: &'static str) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: "text/html; charset=utf-8",
            body: Bytes::from_static(html.as_bytes()),
            headers: vec![(
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'",
            )],
        }
    }

    /// An error with a stable name for programs and a sentence for people.
    pub(super) fn error(status: StatusCode, error: &str, message: &str) -> Self {
        Self { status, ..Self::json(&json!({"error": error, "message": message})) }
    }

    pub(super) fn unauthorized(error: &str, message: &str) -> Self {
        Self::error(StatusCode::UNAUTHORIZED, error, message)
            .with(header::WWW_AUTHENTICATE, "Bearer")
    }

    pub(super) fn too_many() -> Self {
        let message = "Too many requests from your address; wait a second.";
        Self::error(StatusCode::TOO_MANY_REQUESTS, "rate", message).with(header::RETRY_AFTER, "1")
    }

    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        let message = "This address does not take that method.";
        Self::error(StatusCode::METHOD_NOT_ALLOWED, "method", message).with(header::ALLOW, allowed)
    }

    /// What a browser asks before it sends a request with a token from another origin.
    pub(super) fn preflight() -> Self {
        let empty = Self { status: StatusCode::NO_CONTENT, ..Self::page("") };
        empty
            .with(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST")
            .with(header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization")
            .with(header::ACCESS_CONTROL_MAX_AGE, "86400")
    }

    fn with(mut self, name: header::HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn into_response(self, method: &Method) -> Response<Body> {
        let length = self.body.len();
        let body = if method == Method::HEAD { Bytes::new() } else { self.body };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        response
    }
}
