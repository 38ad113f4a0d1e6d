//! What the page may do in a browser.

/// What browsers let the page do beside showing itself. `broker` is the origin of the hub's own
/// WebSocket port; `https:` and `wss:` are for other hubs, which a person can choose.
///
/// Nothing runs or is styled that is not a file of the page, so a name or a message that gets
/// into the document as markup stays without effect.
pub(super) fn content_security(broker: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data: blob:; connect-src 'self' {broker} https: wss:; \
         manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// Features of browsers: the page scans an invite with the camera, copies one, and needs nothing
/// else. What not every browser knows is left out: they complain.
pub(super) const PERMISSIONS: &str = "camera=(self), autoplay=(self), clipboard-write=(self), \
    accelerometer=(), clipboard-read=(), display-capture=(), \
    encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), \
    local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), \
    publickey-credentials-create=(), publickey-credentials-get=(), screen-wake-lock=(), \
    serial=(), storage-access=(), usb=(), window-management=(), xr-spatial-tracking=()";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_inline_is_allowed_and_nothing_from_elsewhere() {
        let policy = content_security("ws://hub.example:8083");
        assert!(policy.contains("connect-src 'self' ws://hub.example:8083 https: wss:;"));
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
        for directive in ["script-src", "style-src", "worker-src", "manifest-src"] {
            let (_, rest) = policy.split_once(directive).unwrap();
            let sources = rest.split(';').next().unwrap();
            assert!(!sources.contains("http") && !sources.contains('*'), "{directive}{sources}");
        }
    }
}
