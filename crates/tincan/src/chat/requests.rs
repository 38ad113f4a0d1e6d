//! Answering requests from within a chat.

use tincan_engine::Command;
use tincan_wire::UserId;

use crate::contact_name::{self, Person};
use crate::failure::Failure;
use crate::session::Session;

/// Accepts or declines the request of the named, or of the only one who asks.
pub(crate) async fn answer(
    session: &Session,
    who: Option<String>,
    accept: bool,
) -> Result<UserId, Failure> {
    let requests = session.requests().await?;
    let people: Vec<Person> = requests.iter().map(Person::from).collect();
    let contact = match (who, people.as_slice()) {
        (_, []) => return Err(Failure::failed("no request waits for an answer")),
        (None, [person]) => person.id,
        (None, _) => {
            return Err(Failure::bad_input("several people ask: say whose, as in /accept NAME"));
        }
        (Some(who), people) => contact_name::find(&who, people)?,
    };
    session
        .command(match accept {
            true => Command::AcceptContact { contact },
            false => Command::DeclineContact { contact },
        })
        .await?;
    Ok(contact)
}
