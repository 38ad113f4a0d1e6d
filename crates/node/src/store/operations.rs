//! Each operation of a transaction, as SQL. All are idempotent.

use rusqlite::{Connection, OptionalExtension as _, params};
use tincan_engine::store::{IssuedInvite, Op, Present, Replay, Request, Stored, StoredPrekey};
use tincan_engine::{Contact, MessageView};
use tincan_wire::{LogId, MessageId, UserId};

use super::columns::{Column as _, integer, kind_columns, read_optional, sender_rank};
use super::fault::Fault;
use super::message_row;
use super::positions::{Log, Positions, Writer};

/// Carries operations out on the writer's connection, inside a transaction that it has begun.
#[derive(Debug)]
pub(super) struct Operations {
    me: UserId,
    lg: LogId,
    pub(super) positions: Positions,
}

impl Operations {
    /// For the installation of this user and log.
    pub(super) fn new(me: UserId, lg: LogId) -> Self {
        Self { me, lg, positions: Positions::default() }
    }

    /// Does one operation; what the engine must hear of goes into `stored`.
    ///
    /// Positions are changed in memory only: [`Positions::write`] them before the commit.
    pub(super) fn apply(
        &mut self,
        connection: &Connection,
        op: &Op,
        stored: &mut Stored,
    ) -> Result<(), Fault> {
        match op {
            Op::SaveEpoch(epoch) => save_epoch(connection, *epoch),
            Op::SaveName(name) => {
                run(connection, "UPDATE installation SET name = ?1", params![name.to_column()])
            }
            Op::SaveContact(contact) => save_contact(connection, contact),
            Op::SaveRequest(request) => save_request(connection, request),
            Op::RemoveRequest(from) => {
                run(connection, "DELETE FROM requests WHERE sender = ?1", params![from.to_column()])
            }
            Op::SaveInvite(invite) => save_invite(connection, invite),
            Op::RemoveInvite(token) => {
                run(connection, "DELETE FROM invites WHERE token = ?1", params![token.to_column()])
            }
            Op::SavePrekey(prekey) => save_prekey(connection, prekey),
            Op::RemovePrekey(id) => {
                run(connection, "DELETE FROM prekeys WHERE id = ?1", params![id.to_column()])
            }
            Op::SaveReplay(replay) => save_replay(connection, replay),
            Op::RemoveReplays { from, upto } => run(
                connection,
                "DELETE FROM replays WHERE sender = ?1 AND ep <= ?2",
                params![from.to_column(), integer(*upto, "an epoch")?],
            ),
            Op::Append(message) => {
                stored.present.extend(self.append(connection, message)?);
                Ok(())
            }
            Op::AddHave { contact, lg, s } => {
                self.log(connection, *contact, Writer::Contact, *lg)?.add_held(s);
                Ok(())
            }
            Op::AddAcked { contact, s } => {
                self.log(connection, *contact, Writer::Us, self.lg)?.add_held(s);
                Ok(())
            }
            Op::SavePeerRead { contact, to } => {
                integer(*to, "a read position")?;
                self.log(connection, *contact, Writer::Us, self.lg)?.read_to(*to);
                Ok(())
            }
            Op::SaveRead { contact, lg, to } => {
                integer(*to, "a read position")?;
                self.log(connection, *contact, Writer::Contact, *lg)?.read_to(*to);
                Ok(())
            }
            Op::Fail { contact, ids } => self.fail(connection, *contact, ids),
        }
    }

    fn log(
        &mut self,
        connection: &Connection,
        contact: UserId,
        writer: Writer,
        lg: LogId,
    ) -> Result<&mut Log, Fault> {
        let conversation = self.positions.conversation(connection, contact)?;
        self.positions.log(connection, conversation, writer, lg)
    }

    fn append(
        &mut self,
        connection: &Connection,
        message: &MessageView,
    ) -> Result<Option<Present>, Fault> {
        let writer = if message.outgoing { Writer::Us } else { Writer::Contact };
        let conversation = self.positions.conversation(connection, message.contact)?;
        let log = self.positions.log(connection, conversation, writer, message.lg)?.key;
        let sender = self.sender(message.contact, message.outgoing);
        let (kind, target) = kind_columns(&message.kind);
        let sql = "INSERT INTO messages \
                   (conversation, log, sender, id, s, h, timestamp, kind, target, failed, content) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10) \
                   ON CONFLICT (id, conversation, sender) DO NOTHING";
        let written = connection.prepare_cached(sql)?.execute(params![
            conversation,
            log,
            sender,
            message.id.to_column(),
            integer(message.s, "the position of a message")?,
            integer(message.h, "the place of a message")?,
            integer(message.timestamp, "the time of a message")?,
            kind,
            target.map(|target| target.to_column()),
            message.content,
        ])?;
        if written > 0 {
            return Ok(None);
        }
        let same = is_same(connection, conversation, sender, message)?;
        Ok(Some(Present { contact: message.contact, id: message.id, same }))
    }

    fn fail(
        &mut self,
        connection: &Connection,
        contact: UserId,
        ids: &[MessageId],
    ) -> Result<(), Fault> {
        let Some(conversation) = self.positions.find_conversation(connection, contact)? else {
            return Ok(());
        };
        let sender = self.sender(contact, true);
        let sql = "UPDATE messages SET failed = 1 \
                   WHERE id = ?1 AND conversation = ?2 AND sender = ?3 AND failed = 0";
        ids.iter()
            .try_for_each(|id| run(connection, sql, params![id.to_column(), conversation, sender]))
    }

    fn sender(&self, contact: UserId, outgoing: bool) -> u8 {
        if outgoing { sender_rank(&self.me, &contact) } else { sender_rank(&contact, &self.me) }
    }
}

fn run(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<(), Fault> {
    connection.prepare_cached(sql)?.execute(params)?;
    Ok(())
}

fn is_same(
    connection: &Connection,
    conversation: i64,
    sender: u8,
    message: &MessageView,
) -> Result<bool, Fault> {
    let sql = "SELECT kind, target, content FROM messages \
               WHERE id = ?1 AND conversation = ?2 AND sender = ?3";
    connection
        .prepare_cached(sql)?
        .query_row(params![message.id.to_column(), conversation, sender], |row| {
            Ok((|| {
                let kind = message_row::kind(row.get(0)?, read_optional(row, 1)?)?;
                let content: String = row.get(2)?;
                Ok(kind == message.kind && content == message.content)
            })())
        })
        .optional()?
        .unwrap_or(Ok(false))
}

fn save_epoch(connection: &Connection, epoch: u64) -> Result<(), Fault> {
    let sql = "UPDATE installation SET epoch = max(epoch, ?1)";
    run(connection, sql, params![integer(epoch, "the epoch")?])
}

fn save_contact(connection: &Connection, contact: &Contact) -> Result<(), Fault> {
    let (prekey, prekey_at) = match &contact.prekey {
        Some((prekey, at)) => (Some(prekey), Some(integer(at.as_millis(), "a time")?)),
        None => (None, None),
    };
    let asked = contact.asked.map(|at| integer(at.as_millis(), "a time")).transpose()?;
    run(
        connection,
        "INSERT OR REPLACE INTO contacts \
         (id, status, name, nickname, verified, prekey_id, prekey, prekey_at, token, asked, \
          read_receipts, added, relay_only) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            contact.id.to_column(),
            contact.status.to_column(),
            contact.name.to_column(),
            contact.nickname.as_ref().map(|name| name.to_column()),
            contact.verified,
            prekey.map(|prekey| prekey.id.to_column()),
            prekey.map(|prekey| prekey.key.to_column()),
            prekey_at,
            contact.token.map(|token| token.to_column()),
            asked,
            contact.read_receipts,
            integer(contact.added.as_millis(), "a time")?,
            contact.relay_only,
        ],
    )
}

fn save_request(connection: &Connection, request: &Request) -> Result<(), Fault> {
    run(
        connection,
        "INSERT OR REPLACE INTO requests (sender, name, prekey_id, prekey, at, declined) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            request.from.to_column(),
            request.name.to_column(),
            request.pk.id.to_column(),
            request.pk.key.to_column(),
            integer(request.at.as_millis(), "a time")?,
            request.declined,
        ],
    )
}

fn save_invite(connection: &Connection, invite: &IssuedInvite) -> Result<(), Fault> {
    run(
        connection,
        "INSERT OR REPLACE INTO invites (token, uses, expiry) VALUES (?1, ?2, ?3)",
        params![
            invite.token.to_column(),
            invite.uses,
            integer(invite.expiry.as_millis(), "a time")?
        ],
    )
}

fn save_prekey(connection: &Connection, prekey: &StoredPrekey) -> Result<(), Fault> {
    run(
        connection,
        "INSERT OR REPLACE INTO prekeys (id, secret, made) VALUES (?1, ?2, ?3)",
        params![
            prekey.id.to_column(),
            prekey.bytes.to_column(),
            integer(prekey.made.as_millis(), "a time")?
        ],
    )
}

/// The pair (`ep`, `seq`) must rise (protocol §4): a lower one is never kept.
fn save_replay(connection: &Connection, replay: &Replay) -> Result<(), Fault> {
    run(
        connection,
        "INSERT INTO replays (sender, dev, leaf, ep, seq) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (sender, dev, leaf) DO UPDATE SET ep = excluded.ep, seq = excluded.seq \
         WHERE (excluded.ep, excluded.seq) > (replays.ep, replays.seq)",
        params![
            replay.from.to_column(),
            replay.dev.to_column(),
            replay.leaf.to_column(),
            integer(replay.ep, "an epoch")?,
            integer(replay.seq, "a sequence number")?,
        ],
    )
}
