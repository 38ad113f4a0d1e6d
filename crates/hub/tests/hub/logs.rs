//! What a hub writes into its log about people.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tincan_hub::LOG_DIRECTIVES;
use tincan_mqtt::Refusal;
use tincan_wire::Leaf;
use tracing_subscriber::EnvFilter;

use crate::client::{ALL_WAYS, Client};
use crate::user::User;
use crate::{http, hub_with};

/// Runs through admission, refusal, a dropped publish and HTTP, and returns the log.
///
/// A test's runtime has one thread, so a subscriber of this thread sees everything.
async fn log(log_ids: bool) -> String {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let filter = EnvFilter::new(format!("trace,{LOG_DIRECTIVES}"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let hub = hub_with(|config| config.log_ids = log_ids).await;
    let (alice, bob) = (User::new(1), User::new(2));
    for way in ALL_WAYS {
        let mut client = Client::by(way, &alice, &hub).await;
        client.subscribe(&bob.topic(Leaf::Offer));
        client.publish("user/x/offer", "nowhere").await;
        client.publish(&bob.topic(Leaf::Offer), "said in secret").await;
        client.disconnect().await;
        let refusal = Client::refusal(way, alice.credentials("guess"), &hub).await;
        assert_eq!(refusal, Refusal::BadCredentials);
    }
    http::get(hub.addresses().http, "/config.json").await;
    hub.shutdown().await;
    buffer.text()
}

#[tokio::test]
async fn the_log_names_nobody_by_default() {
    let (log, alice) = (log(false).await, User::new(1));
    for needed in ["client admitted", "client refused", "publish dropped", "access_form"] {
        assert!(log.contains(needed), "{needed} is missing in:\n{log}");
    }
    let id = alice.id();
    for forbidden in [&id.to_string(), &id.short(), &alice.client_id, "127.0.0.1", "secret"] {
        assert!(!log.contains(forbidden), "{forbidden} is in:\n{log}");
    }
}

#[tokio::test]
async fn the_log_names_people_if_asked_to() {
    let log = log(true).await;
    assert!(log.contains(&User::new(1).id().short()), "{log}");
    assert!(log.contains("127.0.0.1") && !log.contains("secret"), "{log}");
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
