//! What the commands of a chat do.

use serde_json::json;
use tincan_engine::{Answer, Command, Query, Reply};

use crate::Outcome;
use crate::chat::conversation::Conversation;
use crate::chat::invitation::show_invite;
use crate::chat::requests::answer;
use crate::chat::slash::{Help, Slash};
use crate::clock_text::ClockText;
use crate::commands::{last_messages, number_lines};
use crate::failure::Failure;
use crate::people_text::{
    broker_line, ending_line, history_line, now, peer_line, title, traffic_line,
};
use crate::screen_text::one_line;
use crate::settings::display_name;

/// What `/search` shows at most: a screen full.
const MAX_FOUND: usize = 20;

impl Conversation<'_> {
    /// Does what a slash command says.
    pub(super) async fn do_it(&mut self, slash: Slash) -> Outcome {
        match slash {
            Slash::Help => self.screen.notice(&Help.to_string()).await,
            // The caller leaves before it comes here.
            Slash::Quit => Ok(()),
            Slash::Verify(verified) => self.verify(verified).await,
            Slash::Accept(who) => self.answered(who, true).await,
            Slash::Decline(who) => self.answered(who, false).await,
            Slash::Path => self.path().await,
            Slash::Status => self.status().await,
            Slash::History(count) => {
                for message in last_messages(self.session, self.contact.id, count).await? {
                    self.show(&message).await?;
                }
                Ok(())
            }
            Slash::Search(words) => self.search(words).await,
            Slash::Nick(name) => self.nick(name).await,
            Slash::Invite => show_invite(self.session, self.screen).await,
            Slash::Cancel => self.cancel().await,
            Slash::Connect => self.session.command(Command::Connect).await.map(drop),
        }
    }

    async fn verify(&mut self, verified: Option<bool>) -> Outcome {
        let contact = self.contact.id;
        if let Some(verified) = verified {
            self.session.command(Command::VerifyContact { contact, verified }).await?;
            self.contact.verified = verified;
        }
        let reply = self.session.command(Command::GetSafetyNumber { contact }).await?;
        let Reply::SafetyNumber { number } = reply else {
            return Err(Failure::failed("no safety number came"));
        };
        let name = title(&self.contact);
        self.screen
            .value(&json!({ "safety_number": number, "verified": self.contact.verified }))?;
        self.screen.notice(&number_lines(&number.to_string())).await?;
        let state = match self.contact.verified {
            true => format!("{name} is verified; /verify undo takes it back."),
            false => format!("Compare this with what {name} sees; if it is equal: /verify equal"),
        };
        self.screen.notice(&state).await
    }

    async fn answered(&mut self, who: Option<String>, accept: bool) -> Outcome {
        let contact = answer(self.session, who, accept).await?;
        let word = if accept { "accepted" } else { "declined" };
        let whom = self.names.of_id(contact);
        self.screen.notice(&format!("── {word}: {whom}")).await
    }

    async fn path(&mut self) -> Outcome {
        let status = self.session.status().await?;
        let found = status.contacts.iter().find(|contact| contact.id == self.contact.id);
        let peer = &found.unwrap_or(&self.contact).peer;
        let mut text = peer_line(peer, now());
        for line in [traffic_line(peer, now()), ending_line(peer, now())].into_iter().flatten() {
            text.push_str(&format!("\n{line}"));
        }
        if let Some(path) = &peer.path {
            let (ours, theirs) = (one_line(&path.local_address), one_line(&path.remote_address));
            text.push_str(&format!("\n{ours} to {theirs}"));
        }
        self.screen.value(&json!({ "path": peer.path }))?;
        self.screen.notice(&text).await
    }

    async fn status(&mut self) -> Outcome {
        let status = self.session.status().await?;
        self.screen.value(&status)?;
        let found = status.contacts.iter().find(|contact| contact.id == self.contact.id);
        let contact = found.unwrap_or(&self.contact);
        let text = format!(
            "hub: {}\n{}: {}\noutbox: {} not delivered",
            broker_line(&status.broker, now()),
            title(contact),
            peer_line(&contact.peer, now()),
            contact.waiting
        );
        self.screen.notice(&text).await
    }

    async fn search(&mut self, words: String) -> Outcome {
        let query = Query::Search { text: words, contact: Some(self.contact.id), limit: MAX_FOUND };
        let Answer::Messages { messages, .. } = self.session.query(query).await? else {
            return Err(Failure::failed("the node answered another question"));
        };
        if messages.is_empty() {
            return self.screen.notice("nothing found").await;
        }
        let (name, clock) = (title(&self.contact), ClockText::of_this_machine());
        for message in messages.iter().rev() {
            self.screen.value(message)?;
            self.screen.notice(&history_line(message, &name, &clock)).await?;
        }
        Ok(())
    }

    async fn nick(&mut self, name: Option<String>) -> Outcome {
        let nickname = name.as_deref().map(display_name).transpose()?;
        let contact = self.contact.id;
        self.session
            .command(Command::RenameContact { contact, nickname: nickname.clone() })
            .await?;
        self.contact.nickname = nickname;
        let called = title(&self.contact);
        self.screen.notice(&format!("── called {called} from now on")).await
    }

    async fn cancel(&mut self) -> Outcome {
        let Some(id) = self.waiting.last().copied() else {
            return Err(Failure::failed("nothing of yours waits for delivery"));
        };
        self.session
            .command(Command::CancelMessage { contact: self.contact.id, id })
            .await
            .map(drop)
    }
}
