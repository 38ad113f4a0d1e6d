//! The site's answers.

use serde_json::json;
use tincan_wire::{AccessClaims, AccessToken};

use crate::client::Client;
use crate::http::{get, request};
use crate::user::User;
use crate::{hub, hub_with};

#[tokio::test]
async fn challenge_names_the_hub_and_differs_each_time() {
    let hub = hub_with(|config| config.name = "the team".into()).await;
    let address = hub.addresses().http;
    let (one, two) = (get(address, "/challenge").await, get(address, "/challenge").await);
    assert_eq!((one.status, &one.json()["aud"]), (200, &json!("the team")));
    assert_eq!(one.json()["expires_in"], 300);
    assert_ne!(one.json()["nonce"], two.json()["nonce"]);
    assert!(one.head.contains("cache-control: no-store"), "{}", one.head);
    assert!(one.head.contains("access-control-allow-origin: *"));
}

#[tokio::test]
async fn config_leads_a_client_to_every_part() {
    let hub = hub().await;
    let a = hub.addresses();
    let told = get(a.http, "/config.json").await.json();
    let second = told["stunProbes"][0].as_str().unwrap().rsplit_once(':').unwrap().1;
    assert_ne!(second, a.stun.port().to_string());
    let config = |host: &str| {
        json!({
            "name": "tincan",
            "brokers": [
                format!("mqtt://{host}:{}", a.mqtt.port()),
                format!("ws://{host}:{}/mqtt", a.websocket.port()),
                format!("ws://{host}:{}/mqtt", a.http.port()),
            ],
            "web": ["/mqtt", format!("ws://{host}:{}/mqtt", a.websocket.port())],
            "stun": [format!("stun:{host}:{}", a.stun.port())],
            "stunProbes": [format!("stun:{host}:{second}")],
        })
    };
    assert_eq!(told, config("127.0.0.1"));
    let named = request(a.http, "GET", "/config.json", &["Host: hub.example:80"]).await;
    assert_eq!(named.json(), config("hub.example"));
    let strange = request(a.http, "GET", "/config.json", &["Host: <b>"]).await;
    assert!(strange.status == 400 || strange.json() == config("127.0.0.1"), "{strange:?}");
}

#[tokio::test]
async fn a_public_host_is_named_to_everybody() {
    let hub = hub_with(|config| config.public_host = Some("chat.example".into())).await;
    let reply = get(hub.addresses().http, "/config.json").await;
    assert!(reply.json()["brokers"][0].as_str().unwrap().starts_with("mqtt://chat.example:"));
}

#[tokio::test]
async fn health_counts_connections() {
    let hub = hub().await;
    let _client = Client::of(&User::new(1), &hub).await;
    let health = get(hub.addresses().http, "/health").await.json();
    assert_eq!((&health["status"], &health["connections"]), (&json!("ok"), &json!(1)));
    assert!(health["uptime"].is_u64());
}

#[tokio::test]
async fn the_page_says_what_this_is() {
    let hub = hub().await;
    let reply = get(hub.addresses().http, "/").await;
    assert!(reply.status == 200 && reply.body.contains("Tincan"));
    assert!(reply.head.contains("content-type: text/html"));
}

#[tokio::test]
async fn ice_needs_a_good_token() {
    let (hub, user) = (hub().await, User::new(1));
    let address = hub.addresses().http;
    let authorization = format!("Authorization: Bearer {}", user.token(&hub).await);
    let reply = request(address, "POST", "/ice", &[&authorization]).await;
    let stun = format!("stun:127.0.0.1:{}", hub.addresses().stun.port());
    let ice = reply.json();
    assert_eq!((&ice["iceServers"][0], &ice["ttl"]), (&json!({"urls": [stun]}), &json!(3600)));

    let check = async |headers: &[&str], error: &str| {
        let reply = request(address, "POST", "/ice", headers).await;
        assert_eq!((reply.status, &reply.json()["error"]), (401, &json!(error)));
        assert!(reply.json()["message"].as_str().unwrap().len() > 20);
        assert!(reply.head.contains("www-authenticate: bearer"));
    };
    check(&[], "access_no_token").await;
    check(&["Authorization: Basic eDp5"], "access_no_token").await;
    check(&["Authorization: Bearer nonsense"], "access_form").await;
    let claims = AccessClaims { aud: "another".into(), ..user.claims(&hub).await };
    let token = AccessToken::issue(&user.identity(), &claims);
    check(&[&format!("Authorization: Bearer {token}")], "access_audience").await;
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let hub = hub().await;
    let address = hub.addresses().http;
    assert_eq!(get(address, "/nothing").await.status, 404);
    assert_eq!(get(address, "/ice").await.status, 405);
    assert_eq!(request(address, "POST", "/challenge", &["Content-Length: 0"]).await.status, 405);
    let head = request(address, "HEAD", "/health", &[]).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_page_of_another_origin_may_send_a_token() {
    let hub = hub().await;
    let address = hub.addresses().http;
    let preflight = request(address, "OPTIONS", "/ice", &["Origin: https://x.example"]).await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.head.contains("access-control-allow-headers: authorization"));
}
