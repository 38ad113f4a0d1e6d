//! For who speaks HTTP in the clear at a port that speaks TLS.

use std::net::IpAddr;

use hyper::header;
use hyper::{Method, Request, StatusCode};

use super::answer::Answer;
use super::public::Public;
use super::routes::host_of;

const MESSAGE: &str = "This hub speaks TLS at this port: write https:// in place of http://.";

/// Leads to the same path over TLS. What came with a token or a body is refused instead, so that
/// nobody keeps sending those in the clear without noticing.
pub(super) fn to_tls<B>(public: &Public, request: &Request<B>, reached: IpAddr) -> Answer {
    let is_harmless = matches!(*request.method(), Method::GET | Method::HEAD)
        && !request.headers().contains_key(header::AUTHORIZATION);
    if !is_harmless {
        return Answer::error(StatusCode::BAD_REQUEST, "tls", MESSAGE);
    }
    let origin = public.secure_origin(host_of(request), reached);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    Answer::error(StatusCode::PERMANENT_REDIRECT, "tls", MESSAGE)
        .moved_to(format!("{origin}{path}"))
}
