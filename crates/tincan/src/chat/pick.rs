//! The list from which a person picks whom to talk with.

use tincan_engine::ContactView;
use tincan_wire::UserId;

use crate::chat::input::{Entered, Input};
use crate::chat::screen::Screen;
use crate::contact_name::{self, Person};
use crate::failure::Failure;
use crate::people_text::{now, picked_line};

/// What was picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picked {
    Contact(UserId),
    NewInvite,
    Nobody,
}

/// Shows the contacts with numbers and reads one, or a name.
pub(crate) async fn pick(
    contacts: &[ContactView],
    screen: &mut Screen,
    input: &mut Input,
) -> Result<Picked, Failure> {
    if !screen.is_terminal() && contacts.len() == 1 {
        return Ok(Picked::Contact(contacts[0].id));
    }
    if !screen.is_terminal() {
        return Err(Failure::bad_input(
            "there are several contacts; say which: `tincan chat CONTACT`",
        ));
    }
    screen.notice("With whom?").await?;
    for (nth, contact) in contacts.iter().enumerate() {
        screen.notice(&format!("  {}  {}", nth + 1, picked_line(contact, now()))).await?;
    }
    screen.notice("  0  someone new: make an invite").await?;
    let people: Vec<Person> = contacts.iter().map(Person::from).collect();
    loop {
        let Entered::Line(line) = input.next().await else { return Ok(Picked::Nobody) };
        match choose(&line, &people) {
            Ok(picked) => return Ok(picked),
            Err(why) => screen.notice(&why).await?,
        }
    }
}

fn choose(line: &str, people: &[Person]) -> Result<Picked, String> {
    let line = line.trim();
    if matches!(line, "/quit" | "/q" | "/exit") {
        return Ok(Picked::Nobody);
    }
    match line.parse::<usize>() {
        Ok(0) => Ok(Picked::NewInvite),
        Ok(number) => people
            .get(number - 1)
            .map(|person| Picked::Contact(person.id))
            .ok_or_else(|| format!("the numbers go from 0 to {}", people.len())),
        Err(_) => contact_name::find(line, people)
            .map(Picked::Contact)
            .map_err(|failure| failure.line().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> Vec<Person> {
        ["Ada", "Bob"]
            .iter()
            .zip(1..)
            .map(|(name, seed)| Person {
                id: tincan_wire::Identity::from_seed([seed; 32]).user_id(),
                names: vec![(*name).to_owned()],
            })
            .collect()
    }

    #[test]
    fn a_number_or_a_name_picks() {
        let people = people();
        assert_eq!(choose(" 2 ", &people), Ok(Picked::Contact(people[1].id)));
        assert_eq!(choose("ada", &people), Ok(Picked::Contact(people[0].id)));
        assert_eq!(choose("0", &people), Ok(Picked::NewInvite));
        assert_eq!(choose("/quit", &people), Ok(Picked::Nobody));
    }

    #[test]
    fn what_picks_nobody_says_why() {
        assert!(choose("3", &people()).unwrap_err().contains("from 0 to 2"));
        assert!(choose("Eve", &people()).unwrap_err().contains("Eve"));
    }
}
