//! Licence expressions as crates write them (SPDX, with the old `/` for `OR`).

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec::IntoIter;

/// Whether the expression can be met with the allowed licences alone. One that cannot be read is
/// not allowed.
pub(crate) fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
    let mut reader = Reader { words: words.into_iter().peekable(), allowed };
    reader.either() == Some(true) && reader.words.peek().is_none()
}

struct Reader<'a> {
    words: Peekable<IntoIter<String>>,
    allowed: &'a BTreeSet<String>,
}

impl Reader<'_> {
    fn either(&mut self) -> Option<bool> {
        let mut met = self.both()?;
        while self.eat("OR") {
            met |= self.both()?;
        }
        Some(met)
    }

    fn both(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.eat("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.eat("(") {
            let met = self.either()?;
            return self.eat(")").then_some(met);
        }
        let mut name = self.words.next()?;
        if self.eat("WITH") {
            name = format!("{name} WITH {}", self.words.next()?);
        }
        Some(self.allowed.contains(&name))
    }

    fn eat(&mut self, word: &str) -> bool {
        self.words.next_if(|next| next == word).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str, expected: bool) {
        let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        assert_eq!(is_allowed(expression, &allowed.into()), expected, "{expression}");
    }

    #[test]
    fn one_of_several_is_enough_and_all_of_both_are_needed() {
        check("MIT", true);
        check("GPL-3.0", false);
        check("GPL-3.0 OR MIT", true);
        check("MIT/Apache-2.0", true);
        check("MIT AND OpenSSL", false);
        check("ISC AND (MIT OR GPL-3.0)", true);
        check("Apache-2.0 WITH LLVM-exception", true);
        check("Apache-2.0", false);
    }

    #[test]
    fn what_cannot_be_read_is_not_allowed() {
        for expression in ["", "(MIT", "MIT)", "MIT OR", "MIT MIT"] {
            check(expression, false);
        }
    }
}
