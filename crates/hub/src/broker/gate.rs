//! What stands between one client and the MQTT engine: it asks the authority and carries the
//! answer out in the engine's terms.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use mqtt5::broker::auth::{AuthProvider, AuthResult};
use mqtt5::broker::events::{BrokerEventHandler, ClientPublishEvent, PublishAction};
use mqtt5::broker::storage::{DynamicStorage, StorageBackend as _};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::packet::publish::PublishPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use tincan_wire::UserId;

use super::engine::SessionCount;
use crate::access::{AccessError, Claimed, PublishDenied};
use crate::authority::Authority;
use crate::limits::Bucket;

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The longest a client that publishes too fast is held back for one message. At any sensible
/// rate the wait is far below this.
const MAX_WAIT_MS: u64 = 5_000;

/// The gate of one connection. The engine gets one for each, as its authentication and as its
/// event handler.
pub(super) struct Gate {
    authority: Arc<Authority>,
    storage: Arc<DynamicStorage>,
    sessions: Arc<SessionCount>,
    address: IpAddr,
    /// Who it is, once admitted.
    user: OnceLock<UserId>,
    bucket: Mutex<Bucket>,
}

impl Gate {
    pub(super) fn new(
        authority: Arc<Authority>,
        storage: Arc<DynamicStorage>,
        sessions: Arc<SessionCount>,
        address: SocketAddr,
    ) -> Self {
        let bucket = Bucket::full(authority.publish_rate(), authority.clock().now_ms());
        let (user, bucket, address) = (OnceLock::new(), Mutex::new(bucket), address.ip());
        Self { authority, storage, sessions, address, user, bucket }
    }

    async fn admit(&self, connect: &ConnectPacket) -> AuthResult {
        let user = match self.authority.admit(self.address, claimed(connect)) {
            Ok(user) => user,
            Err(error) => return AuthResult::fail(refusal_code(error)),
        };
        // Nothing of the protocol uses wills, and the engine would publish one past the gate.
        if connect.will.is_some() {
            return AuthResult::fail(ReasonCode::NotAuthorized);
        }
        let stored = self.storage.get_session(&connect.client_id).await.ok().flatten();
        match stored {
            // The engine would hand one user's session to another who asks for a clean start.
            Some(session) if session.user_id != Some(user.to_string()) => {
                tracing::info!(reason = "client_id_of_other", "client refused");
                AuthResult::fail(ReasonCode::NotAuthorized)
            }
            None if !self.sessions.take() => {
                tracing::warn!(reason = "sessions", "client refused");
                AuthResult::fail(ReasonCode::ServerBusy)
            }
            _ => {
                let name = user.to_string();
                // One CONNECT per connection; a second would have been a protocol error.
                let _first = self.user.set(user);
                AuthResult::success_with_user(name)
            }
        }
    }

    async fn judge(&self, event: ClientPublishEvent) -> PublishAction {
        let Some(user) = self.user.get() else { return PublishAction::Handled };
        let judged = match self.slow_down().await {
            Ok(()) => self.authority.judge_publish(user, self.address, &event.topic, event.retain),
            Err(denied) => Err(denied),
        };
        match judged {
            Ok(topic) => PublishAction::Transform(cleaned(&event, topic.leaf.expiry_secs())),
            // Acknowledged and dropped: the engine's other answers are in the shape of MQTT 5 even
            // for a 3.1.1 client, and an acknowledgement promises nothing (protocol §2).
            Err(denied) => {
                let user = self.authority.log().id(user.short());
                tracing::info!(reason = denied.reason(), %user, "publish dropped");
                PublishAction::Handled
            }
        }
    }

    /// Waits until the client's rate allows another publish. Nothing more is read from it in the
    /// meantime, so TCP holds it back.
    async fn slow_down(&self) -> Result<(), PublishDenied> {
        loop {
            let now_ms = self.authority.clock().now_ms();
            let taken = {
                let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
                bucket.take(self.authority.publish_rate(), now_ms)
            };
            match taken {
                Ok(()) => return Ok(()),
                Err(wait_ms) if wait_ms > MAX_WAIT_MS => return Err(PublishDenied::Rate),
                Err(wait_ms) => tokio::time::sleep(Duration::from_millis(wait_ms)).await,
            }
        }
    }
}

/// The message as a recipient gets it: without the properties that name the sender's client id,
/// which the engine adds, and without any that the sender chose. The expiry is that of the leaf
/// (protocol §2), whatever the sender or its version of MQTT said.
fn cleaned(event: &ClientPublishEvent, expiry_secs: u32) -> PublishPacket {
    let mut packet = PublishPacket::new(&*event.topic, event.payload.clone(), event.qos);
    packet.packet_id = event.packet_id;
    packet.properties.set_message_expiry_interval(expiry_secs);
    packet
}

/// What a CONNECT says of its sender.
pub(crate) fn claimed(connect: &ConnectPacket) -> Claimed<'_> {
    Claimed {
        client_id: &connect.client_id,
        username: connect.username.as_deref(),
        password: connect.password.as_deref(),
    }
}

fn refusal_code(error: AccessError) -> ReasonCode {
    match error {
        AccessError::ClientId => ReasonCode::ClientIdentifierNotValid,
        error if error.is_about_credentials() => ReasonCode::BadUsernameOrPassword,
        _ => ReasonCode::NotAuthorized,
    }
}

impl AuthProvider for Gate {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        _address: SocketAddr,
    ) -> Answer<'a, mqtt5::Result<AuthResult>> {
        Box::pin(async move { Ok(self.admit(connect).await) })
    }

    /// Yes, because a no would be answered wrongly to 3.1.1; [`Gate::judge`] follows.
    fn authorize_publish<'a>(
        &'a self,
        _client_id: &str,
        _user: Option<&'a str>,
        _topic: &'a str,
    ) -> Answer<'a, bool> {
        Box::pin(async { true })
    }

    fn authorize_subscribe<'a>(
        &'a self,
        _client_id: &str,
        _user: Option<&'a str>,
        filter: &'a str,
    ) -> Answer<'a, bool> {
        let user = self.user.get();
        let allowed = user.is_some_and(|user| self.authority.may_subscribe(user, filter));
        Box::pin(async move { allowed })
    }
}

impl BrokerEventHandler for Gate {
    fn on_client_publish<'a>(&'a self, event: ClientPublishEvent) -> Answer<'a, PublishAction> {
        Box::pin(self.judge(event))
    }
}
