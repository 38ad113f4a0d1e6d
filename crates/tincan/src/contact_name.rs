//! Whom a person means: a contact by nickname, name, id or the beginning of an id.

use tincan_engine::{ContactView, RequestView};
use tincan_wire::UserId;

use crate::failure::Failure;
use crate::screen_text::one_line;

/// The least number of characters of an id that may stand for it, `tin1` included: fewer are
/// shared by everyone.
const MIN_PREFIX: usize = 6;

/// Someone who can be meant: a contact or a requester.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) names: Vec<String>,
}

impl From<&ContactView> for Person {
    fn from(contact: &ContactView) -> Self {
        let nickname = contact.nickname.iter().map(ToString::to_string);
        let names = nickname.chain([contact.name.to_string()]).filter(|name| !name.is_empty());
        Self { id: contact.id, names: names.collect() }
    }
}

impl From<&RequestView> for Person {
    fn from(request: &RequestView) -> Self {
        let names = Some(request.name.to_string()).filter(|name| !name.is_empty());
        Self { id: request.id, names: names.into_iter().collect() }
    }
}

impl Person {
    /// The first of their names and the short form of their id.
    fn show(&self) -> String {
        match self.names.first() {
            Some(name) => format!("{} ({})", one_line(name), self.id),
            None => self.id.to_string(),
        }
    }
}

/// Finds who is meant by `words`: a whole id, then exactly a name, then a name in other
/// letter case, then the beginning of an id. The first kind with a match decides.
pub(crate) fn find(words: &str, people: &[Person]) -> Result<UserId, Failure> {
    let words = words.trim();
    if let Ok(id) = words.parse::<UserId>() {
        return Ok(id);
    }
    let folded = words.to_lowercase();
    let kinds: [&dyn Fn(&Person) -> bool; 3] = [
        &|person| person.names.iter().any(|name| name == words),
        &|person| person.names.iter().any(|name| name.to_lowercase() == folded),
        &|person| words.len() >= MIN_PREFIX && person.id.to_string().starts_with(words),
    ];
    for kind in kinds {
        let found: Vec<&Person> = people.iter().filter(|person| kind(person)).collect();
        match found.as_slice() {
            [] => {}
            [person] => return Ok(person.id),
            several => return Err(ambiguous(words, several)),
        }
    }
    Err(Failure::bad_input(unknown(words, people)))
}

fn ambiguous(words: &str, several: &[&Person]) -> Failure {
    let shown: Vec<String> = several.iter().map(|person| person.show()).collect();
    Failure::bad_input(format!(
        "`{words}` may be {}; say which by the id or by more of it",
        shown.join(" or ")
    ))
}

fn unknown(words: &str, people: &[Person]) -> String {
    if looks_like_id(words) {
        return match words.parse::<UserId>() {
            Err(error) => format!("`{words}` is neither a contact nor a whole id: {error}"),
            Ok(id) => format!("`{id}` is nobody we know"),
        };
    }
    if people.is_empty() {
        return format!(
            "no contact is called `{words}`: there are none yet; add one with \
             `tincan contact add INVITE`"
        );
    }
    format!("no contact is called `{words}`; `tincan contact list` shows who there is")
}

fn looks_like_id(words: &str) -> bool {
    words.len() >= MIN_PREFIX && words.to_lowercase().starts_with("tin1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(seed: u8, names: &[&str]) -> Person {
        let id = tincan_wire::Identity::from_seed([seed; 32]).user_id();
        Person { id, names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn people() -> Vec<Person> {
        vec![person(1, &["Mum", "Ada"]), person(2, &["Bob"]), person(3, &["bob"]), person(4, &[])]
    }

    fn check(words: &str, expected: Result<u8, &str>) {
        match (find(words, &people()), expected) {
            (Ok(id), Ok(seed)) => assert_eq!(id, person(seed, &[]).id, "{words}"),
            (Err(Failure::BadInput(why)), Err(part)) => assert!(why.contains(part), "{why}"),
            (found, _) => panic!("{words}: {found:?}"),
        }
    }

    #[test]
    fn nicknames_and_names_are_found() {
        check("Mum", Ok(1));
        check("Ada", Ok(1));
        check("ada", Ok(1));
    }

    #[test]
    fn exact_letter_case_decides_first() {
        check("Bob", Ok(2));
        check("bob", Ok(3));
    }

    #[test]
    fn what_fits_several_lists_them() {
        check("BOB", Err("say which by the id"));
    }

    #[test]
    fn an_id_and_its_beginning_are_found() {
        let id = person(4, &[]).id.to_string();
        check(&id, Ok(4));
        check(&id[..12], Ok(4));
    }

    #[test]
    fn nobody_says_what_to_do() {
        check("Eve", Err("tincan contact list"));
        check("tin1qqqqqqqqqqqqqq", Err("neither a contact nor a whole id"));
    }
}
