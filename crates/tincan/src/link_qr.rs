//! A link as a QR code in the terminal: two rows of modules in one row of half blocks.

use std::io::IsTerminal;

use qrcode::render::unicode;
use qrcode::{EcLevel, QrCode};

/// Columns that we take a terminal to have when it does not say.
const DEFAULT_COLUMNS: usize = 80;

/// The code, if stdout is a terminal that can show it: wide enough and told to be UTF-8.
pub(crate) fn qr_for_terminal(text: &str) -> Option<String> {
    if !std::io::stdout().is_terminal() || !speaks_utf8() {
        return None;
    }
    let code = qr(text)?;
    let width = code.lines().map(|line| line.chars().count()).max()?;
    (width <= columns()).then_some(code)
}

/// The code as text, light modules as blocks so that it scans on a dark terminal; `None` if
/// the text is too long for one.
pub(crate) fn qr(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let blocks = code
        .render::<unicode::Dense1x2>()
        .dark_color(unicode::Dense1x2::Light)
        .light_color(unicode::Dense1x2::Dark)
        .build();
    Some(blocks)
}

fn speaks_utf8() -> bool {
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return false;
    }
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

fn columns() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(DEFAULT_COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_becomes_a_square_of_half_blocks() {
        let code = qr("http://127.0.0.1:8080/#abc").expect("short text fits");
        let widths: Vec<usize> = code.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]));
        assert!(widths[0].abs_diff(code.lines().count() * 2) <= 1);
    }

    #[test]
    fn what_is_too_long_has_no_code() {
        assert_eq!(qr(&"x".repeat(4_000)), None);
    }
}
