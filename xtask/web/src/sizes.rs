//! The table of sizes.

use crate::bundle::Bundle;
use crate::compression::Forms;

/// Everything the first load transfers may have so many bytes with brotli.
const FIRST_LOAD_BYTES: usize = 250_000;

pub(crate) fn print(bundle: &Bundle) {
    println!("| file | bytes | gzip | brotli |\n|---|---:|---:|---:|");
    let mut sum = [0; 3];
    for (path, forms) in &bundle.files {
        let sizes = sizes(forms);
        let first = bundle.first_load.contains(path);
        if first {
            sum = [0, 1, 2].map(|n| sum[n] + sizes[n]);
        }
        row(&format!("{path}{}", if first { "" } else { " (later)" }), sizes);
    }
    row("the first load", sum);
    if sum[2] > FIRST_LOAD_BYTES {
        println!("That is more than {FIRST_LOAD_BYTES} bytes.");
    }
}

/// Plain, and as sent to who takes gzip or brotli.
fn sizes(forms: &Forms) -> [usize; 3] {
    let plain = forms.plain.len();
    let size = |form: &Option<Vec<u8>>| form.as_ref().map_or(plain, Vec::len);
    [plain, size(&forms.gzip), size(&forms.brotli)]
}

fn row(title: &str, sizes: [usize; 3]) {
    let [plain, gzip, brotli] = sizes.map(|size| format!("{:.1} KB", size as f64 / 1000.0));
    println!("| {title} | {plain} | {gzip} | {brotli} |");
}
