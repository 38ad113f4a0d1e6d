//! A hub with a certificate of its own: people meet at it over TLS, and are told what is wrong
//! with its files.

use rcgen::date_time_ymd;
use tempfile::TempDir;
use tincan_e2e::{Authority, HubProcess, NodeProcess, Process, befriend, object, tincan};
use tincan_node::wire::Invite;

/// An authority and what it has issued for 127.0.0.1.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        authority.issue("127.0.0.1", folder.path(), |_| {});
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// What a hub is told of them.
    fn flags(&self) -> [String; 6] {
        let (cert, key) = (self.path("fullchain.pem"), self.path("privkey.pem"));
        let port = ["--turns-port".into(), "0".into()];
        let [flag, zero] = port;
        ["--tls-cert".into(), cert, "--tls-key".into(), key, flag, zero]
    }

    fn hub(&self) -> HubProcess {
        let flags = self.flags();
        HubProcess::start_with("127.0.0.1", &flags.each_ref().map(String::as_str))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_meet_at_a_hub_over_tls_and_its_invites_say_so() {
    let files = Files::new();
    let mut hub = files.hub();
    assert!(hub.origin().starts_with("https://127.0.0.1:"), "{}", hub.origin());
    let flags = ["--hub", hub.origin(), "--ca-file", &files.path("ca.pem")].map(str::to_owned);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let ada = NodeProcess::start("Ada", &flags).await;
    let bob = NodeProcess::start("Bob", &flags).await;
    befriend(&ada, &bob).await;
    assert_eq!(ada.run(&["send", "Bob", "hello"]).output, ["✓ delivered to Bob"]);
    let link = &ada.run(&["invite"]).output;
    let link = link.iter().find(|line| line.starts_with("https://")).expect("a link");
    assert_eq!(link.parse::<Invite>().unwrap().hub.as_deref(), Some(hub.origin()));
    drop((ada, bob));
    let ended = hub.stop();
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
}

#[test]
fn a_hub_with_a_certificate_says_where_its_relay_over_tls_is() {
    let files = Files::new();
    let mut command = tincan(&["hub", "--json", "--bind", "127.0.0.1", "--port", "0"]);
    command.args(["--mqtt-port", "0", "--ws-port", "0", "--stun-port", "0"]).args(files.flags());
    let mut hub = Process::start(&mut command);
    let said = hub.wait_for("its addresses", |line| Some(object(line)));
    assert_eq!(said["origin"], format!("https://{}", said["http"].as_str().unwrap()));
    let turns = said["turns"].as_str().unwrap();
    assert!(turns.strip_prefix("127.0.0.1:").is_some_and(|port| port != "0"), "{turns}");
    hub.terminate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_forgets_the_s_is_told() {
    let files = Files::new();
    let hub = files.hub();
    let origin = hub.origin().replace("https://", "http://");
    let home = TempDir::new().unwrap();
    let someone = TempDir::new().unwrap();
    let id = Process::run(tincan(&["id"]).arg("--home").arg(someone.path())).output[0].clone();
    let mut command = tincan(&["--hub", &origin]);
    command.arg("--home").arg(home.path()).args(["contact", "add", &id, "--timeout", "2s"]);
    let added = Process::run(&mut command);
    let told = format!("{origin} speaks TLS; write https:// in place of http://");
    assert!(added.errors.contains(&told), "{added:?}");
}

#[test]
fn a_key_of_another_certificate_keeps_the_hub_from_opening() {
    let [files, others] = [Files::new(), Files::new()];
    let (cert, key) = (files.path("fullchain.pem"), others.path("privkey.pem"));
    let words = ["hub", "--bind", "127.0.0.1", "--tls-cert", &cert, "--tls-key", &key];
    let ended = Process::run(&mut tincan(&words));
    assert_eq!((ended.code, ended.output.len()), (Some(2), 0), "{ended:?}");
    let told = format!(
        "tincan: the key in {key} is not that of the first certificate in {cert}; name the two \
         files that were issued together, and let the hub's own certificate come first\n"
    );
    assert_eq!(ended.errors, told);
}

#[test]
fn a_certificate_that_has_expired_is_told_and_the_hub_opens() {
    let files = Files::new();
    Authority::new().issue("127.0.0.1", files.folder.path(), |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    let ended = files.hub().stop();
    let told = "tincan: the certificate expired ";
    assert!(ended.errors.starts_with(told) && ended.errors.contains(" days ago: nobody trusts it"));
    assert_eq!(ended.code, Some(0));
}
