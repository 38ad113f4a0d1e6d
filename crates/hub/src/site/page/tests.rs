use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;

static FILES: [BuiltIn; 4] = [
    BuiltIn { path: "/index.html", plain: b"<p>plain", brotli: Some(b"b"), gzip: Some(b"gg") },
    BuiltIn { path: "/assets/a-1.wasm", plain: b"\0asm", brotli: Some(b"w"), gzip: None },
    BuiltIn { path: "/sw.js", plain: b"self", brotli: None, gzip: None },
    BuiltIn { path: "/icon.png", plain: b"png", brotli: None, gzip: None },
];

/// What came: status, headers and body.
struct Got {
    status: u16,
    headers: HeaderMap,
    length: usize,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::try_from(*name).unwrap();
        headers.append(name, HeaderValue::try_from(*value).unwrap());
    }
    headers
}

fn ask(method: Method, path: &str, lines: &[(&str, &str)]) -> Option<Got> {
    let answer = Page::of(&FILES).answer(path, &headers(lines), || "policy".to_owned())?;
    let response = answer.into_response(&method);
    let (head, body) = response.into_parts();
    let length = hyper::body::Body::size_hint(&body).exact().unwrap();
    let length = usize::try_from(length).unwrap();
    Some(Got { status: head.status.as_u16(), headers: head.headers, length })
}

fn get(path: &str, lines: &[(&str, &str)]) -> Got {
    ask(Method::GET, path, lines).unwrap()
}

#[test]
fn the_root_is_the_index() {
    for path in ["/", "/index.html"] {
        let got = get(path, &[]);
        assert_eq!((got.status, got.length), (200, 8));
        assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
    }
}

#[test]
fn what_is_not_of_the_page_is_not_answered() {
    for path in [
        "",
        "/assets",
        "/assets/",
        "/assets/../index.html",
        "//index.html",
        "/INDEX.html",
        "/index.html/",
        "/..%2findex.html",
        "/index.html.br",
    ] {
        assert!(ask(Method::GET, path, &[]).is_none(), "{path}");
    }
}

#[test]
fn the_form_is_negotiated_and_named() {
    let check = |path: &str, accepted: &str, length: usize, encoding: &str| {
        let got = get(path, &[("accept-encoding", accepted)]);
        assert_eq!((got.status, got.length), (200, length), "{path} {accepted}");
        assert_eq!(got.header("content-encoding"), encoding, "{path} {accepted}");
        assert_eq!(got.header("content-length"), length.to_string());
        assert_eq!(got.header("vary"), "accept-encoding");
    };
    check("/", "gzip, deflate, br", 1, "br");
    check("/", "gzip, deflate", 2, "gzip");
    check("/", "br;q=0.1, gzip;q=0.2", 2, "gzip");
    check("/", "deflate", 8, "");
    check("/assets/a-1.wasm", "gzip", 4, "");
    check("/icon.png", "br", 3, "");
    let two = get("/", &[("accept-encoding", "gzip"), ("accept-encoding", "br")]);
    assert_eq!(two.header("content-encoding"), "br");
    assert_eq!(get("/", &[("accept-encoding", "identity;q=0")]).status, 406);
}

#[test]
fn hashed_names_are_kept_for_ever_and_others_are_asked_for() {
    let hashed = get("/assets/a-1.wasm", &[]);
    assert_eq!(hashed.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(hashed.header("content-type"), "application/wasm");
    for path in ["/", "/sw.js", "/icon.png"] {
        assert_eq!(get(path, &[]).header("cache-control"), "no-cache", "{path}");
    }
}

#[test]
fn a_version_that_is_known_is_not_sent_again() {
    for accepted in ["br", "gzip", ""] {
        let tag = get("/", &[("accept-encoding", accepted)]).header("etag").to_owned();
        assert!(tag.len() > 16 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let got = get("/", &[("accept-encoding", accepted), ("if-none-match", &known)]);
            assert_eq!((got.status, got.length), (304, 0), "{known}");
            assert_eq!((got.header("etag"), got.header("content-type")), (tag.as_str(), ""));
            assert_eq!(got.header("cache-control"), "no-cache");
            assert_eq!(got.header("vary"), "accept-encoding");
        }
    }
    let brotli = get("/", &[("accept-encoding", "br")]).header("etag").to_owned();
    let gzip = get("/", &[("accept-encoding", "gzip"), ("if-none-match", &brotli)]);
    assert_eq!(gzip.status, 200, "another form is another version");
}

#[test]
fn head_is_get_without_the_body() {
    let got = ask(Method::HEAD, "/", &[("accept-encoding", "gzip")]).unwrap();
    assert_eq!((got.status, got.length, got.header("content-length")), (200, 0, "2"));
}

#[test]
fn every_file_carries_the_rules_of_the_page() {
    for path in ["/", "/assets/a-1.wasm", "/sw.js"] {
        let got = get(path, &[]);
        for (name, value) in [
            ("content-security-policy", "policy"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(got.header(name), value, "{path}");
        }
        assert!(got.header("permissions-policy").contains("camera=(self)"));
        assert_eq!(got.header("access-control-allow-origin"), "");
    }
}

#[test]
fn a_binary_without_the_page_says_so() {
    let page = Page::of(std::slice::from_ref(&STAND_IN));
    let answer = page.answer("/", &HeaderMap::new(), String::new).unwrap();
    assert_eq!(answer.into_response(&Method::GET).status(), 200);
    let text = std::str::from_utf8(STAND_IN.plain).unwrap();
    assert!(text.contains("cargo xtask web"));
}
