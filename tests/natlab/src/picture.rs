//! The matrix as a picture.

use std::fmt::Write as _;

use crate::kind::{Kind, Nat};
use crate::matrix::{Matrix, Row};
use crate::pair::{Expect, SQUARE, pairs};

const CELL: (usize, usize) = (92, 34);
const LABEL: usize = 250;
const TOP: usize = 40;

/// Colours that are told apart by people who see no red or green, too.
const DIRECT: &str = "#0072b2";
const RELAY: &str = "#e69f00";
const FAILED: &str = "#b00020";
const NOT_RUN: &str = "#9e9e9e";

/// Draws the square table, and below it the pairs outside of it.
pub fn svg(matrix: &Matrix) -> String {
    let others = pairs().into_iter().filter(|pair| !is_in_square(pair.a, pair.b));
    let others: Vec<&Row> = others.filter_map(|pair| matrix.row(pair.a, pair.b)).collect();
    let (width, row) = (LABEL + SQUARE.len() * CELL.0 + 10, CELL.1);
    let height = TOP + (SQUARE.len() + others.len().div_ceil(2) + 2) * row;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>Which kinds of routers let two nodes connect, and how soon</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (nth, nat) in SQUARE.into_iter().enumerate() {
        let middle = LABEL + nth * CELL.0 + CELL.0 / 2;
        label(&mut text, middle, TOP - 12, "middle", nat.name());
        label(&mut text, LABEL - 8, TOP + nth * row + 21, "end", nat.name());
        for (other, b) in SQUARE.into_iter().enumerate().skip(nth) {
            let found = matrix.row(Kind::of(nat), Kind::of(b));
            cell(&mut text, LABEL + other * CELL.0, TOP + nth * row, found);
        }
    }
    for (nth, other) in others.iter().enumerate() {
        let x = LABEL + (nth % 2) * (CELL.0 + LABEL);
        let y = TOP + (SQUARE.len() + 1 + nth / 2) * row;
        label(&mut text, x - 8, y + 21, "end", &other.pair.to_string());
        cell(&mut text, x, y, Some(other));
    }
    text.push_str("</svg>\n");
    text
}

fn is_in_square(a: Kind, b: Kind) -> bool {
    let plain = |kind: Kind| !kind.v6 && SQUARE.contains(&kind.nat) && kind.nat != Nat::Same;
    plain(a) && plain(b)
}

fn label(text: &mut String, x: usize, y: usize, anchor: &str, words: &str) {
    let _ = writeln!(text, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>");
}

fn cell(text: &mut String, x: usize, y: usize, row: Option<&Row>) {
    let (colour, words) = match row {
        None => (NOT_RUN, "–".to_owned()),
        Some(row) if row.not_run.is_some() => (NOT_RUN, "not run".to_owned()),
        Some(row) if !row.wrong.is_empty() => (FAILED, "failed".to_owned()),
        Some(row) => {
            let (colour, word) = match row.pair.expect {
                Expect::Direct => (DIRECT, "direct"),
                Expect::Relay => (RELAY, "relay"),
            };
            let median = row.median().map_or(0, |median| median.as_millis());
            (colour, format!("{word} {median} ms"))
        }
    };
    let (width, height) = (CELL.0 - 4, CELL.1 - 4);
    let _ = writeln!(
        text,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"4\" fill=\"{colour}\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#fff\">{words}</text>",
        x + width / 2,
        y + 19,
    );
}
