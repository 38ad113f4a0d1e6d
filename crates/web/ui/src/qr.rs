//! QR codes, drawn as one path.

use leptos::prelude::*;
use qrcode::{Color, EcLevel, QrCode};

/// The quiet zone that the standard asks for, in modules.
const QUIET: i32 = 4;

/// The code of `data`, dark on light in every theme; nothing if `data` is too long for one.
pub(crate) fn qr(data: &str, label: &'static str) -> AnyView {
    let Ok(code) = QrCode::with_error_correction_level(data, EcLevel::M) else {
        return ().into_any();
    };
    let width = code.width();
    let path = path(&code.into_colors(), width);
    let side = (width as i32 + 2 * QUIET).to_string();
    let from = (-QUIET).to_string();
    let view_box = [from.as_str(), &from, &side, &side].join(" ");
    view! {
        <svg class="qr" viewBox=view_box role="img" aria-label=label data-testid="qr">
            <path d=path></path>
        </svg>
    }
    .into_any()
}

/// One run of dark modules after the other, row by row.
fn path(colors: &[Color], width: usize) -> String {
    let mut path = String::new();
    for (y, row) in colors.chunks(width).enumerate() {
        let mut x = 0;
        while x < row.len() {
            let run = row[x..].iter().take_while(|color| **color == Color::Dark).count();
            if run > 0 {
                for part in [
                    "M",
                    &x.to_string(),
                    " ",
                    &y.to_string(),
                    "h",
                    &run.to_string(),
                    "v1h-",
                    &run.to_string(),
                    "z",
                ] {
                    path.push_str(part);
                }
            }
            x += run.max(1);
        }
    }
    path
}
