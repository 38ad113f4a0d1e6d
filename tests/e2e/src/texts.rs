//! What people say: several scripts, both directions, emoji, from one byte to 16 KiB.

/// The longest message that there may be, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;

const PIECES: [&str; 10] = [
    "See you at eight. ",
    "Добрый вечер, как дела? ",
    "你好，今天天气很好。",
    "שלום, מה שלומך? ",
    "مرحبا كيف حالك؟ ",
    "नमस्ते, आप कैसे हैं? ",
    "👩‍👩‍👧‍👦🏳️‍🌈🇺🇳 👍🏽 ",
    "Ünïcödé ñandú — “quoted” \\ \"escaped\" \u{7}\t",
    "こんにちは、元気ですか？",
    "line\nbreak\r\nand\u{2028}more ",
];

/// The sizes that come again and again; most of what people say is short.
const SIZES: [usize; 16] = [1, 2, 7, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500, 1_200, 4_000];

/// The `nth` text: always the same for the same number.
pub fn text(nth: usize) -> String {
    let size = if nth % 100 == 99 { MAX_BYTES } else { SIZES[nth % SIZES.len()] };
    if size == 1 {
        return char::from(b'a' + u8::try_from(nth % 26).unwrap_or_default()).to_string();
    }
    let mut text = format!("{nth} ");
    text.truncate(size);
    for piece in PIECES.iter().cycle().skip(nth % PIECES.len()) {
        if text.len() >= size {
            break;
        }
        text.extend(piece.chars().take_while({
            let mut left = size - text.len();
            move |c| {
                let fits = c.len_utf8() <= left;
                left = left.saturating_sub(c.len_utf8());
                fits
            }
        }));
        if size - text.len() < 4 {
            text.push_str(&"."[..1].repeat(size - text.len()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_every_size_from_one_byte_to_the_longest() {
        let sizes: Vec<usize> = (0..10_000).map(|nth| text(nth).len()).collect();
        assert_eq!(sizes.iter().min(), Some(&1));
        assert_eq!(sizes.iter().max(), Some(&MAX_BYTES));
    }
}
