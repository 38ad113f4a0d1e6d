//! A hub behind TLS: whose certificate is trusted, and what is said of one that is not.

use std::fs;

use tempfile::TempDir;
use tincan_e2e::{
    Authority, HubProcess, NodeProcess, PATIENCE, Process, TlsDoor, befriend, tincan,
};

/// A hub behind TLS, and the authority that its people trust.
struct SecureHub {
    folder: TempDir,
    authority: Authority,
    door: TlsDoor,
    _hub: HubProcess,
}

impl SecureHub {
    async fn start() -> Self {
        let hub = HubProcess::start();
        let authority = Authority::new();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let behind = hub.origin().strip_prefix("http://").expect("this hub ends no TLS itself");
        let door = TlsDoor::open(behind, authority.certify("127.0.0.1")).await;
        Self { folder, authority, door, _hub: hub }
    }

    /// How people get there: both the site and the broker stand behind the one door.
    fn flags(&self) -> [String; 4] {
        let hub = format!("https://{}", self.door.address());
        let ca_file = self.folder.path().join("ca.pem").display().to_string();
        ["--hub".into(), hub, "--ca-file".into(), ca_file]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_certificate_is_named_and_what_waits_goes_out_when_the_right_one_is_back() {
    let hub = SecureHub::start().await;
    let flags = hub.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let ada = NodeProcess::start("Ada", &flags).await;
    let mut bob = NodeProcess::start("Bob", &flags).await;
    befriend(&ada, &bob).await;
    assert_eq!(ada.run(&["send", "Bob", "hello"]).output, ["✓ delivered to Bob"]);
    assert_eq!(bob.run(&["send", "Ada", "hello too"]).output, ["✓ delivered to Ada"]);

    let stranger = Authority::new().certify("127.0.0.1");
    let other_name = hub.authority.certify("hub.example.org");
    for (certificate, reason) in [
        (
            stranger,
            "the certificate of 127.0.0.1 is signed by nobody this machine trusts; name its CA \
             with `ca_file`, or pin its key",
        ),
        (other_name, "the certificate shown by 127.0.0.1 is for another name; check the address"),
    ] {
        bob.stop();
        hub.door.show(certificate);
        bob.start_again_with(&flags).await;
        for node in [&ada, &bob] {
            let link = node.status_line(|line| line.contains("certificate"));
            let start = format!("link      not connected: {reason}; next attempt in ");
            let wait = link.strip_prefix(&start).unwrap_or_else(|| panic!("{link}"));
            assert!(wait.ends_with(" s") || wait.ends_with(" ms"), "{link}");
        }
        let sent = ada.run(&["send", "Bob", reason, "--timeout", "3s"]);
        assert_eq!(sent.code, Some(1), "{sent:?}");
        assert_eq!(sent.output, ["· in the outbox for Bob"]);
        let kept = "it is kept and goes out when a later `tincan` gets through";
        assert_eq!(sent.errors, format!("tincan: not connected: {reason}; {kept}\n"));
        let contact = ada.status_line(|line| line.starts_with("contact"));
        assert!(contact.contains("Bob  ") && contact.ends_with(", 1 waiting"), "{contact}");

        hub.door.show(hub.authority.certify("127.0.0.1"));
        ada.until_delivered(PATIENCE).await;
        let heard = bob.history(ada.id()).await;
        assert_eq!(heard.last().expect("it is there").content, reason);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_by_itself_names_the_wrong_certificate_in_one_line() {
    let hub = SecureHub::start().await;
    hub.door.show(Authority::new().certify("127.0.0.1"));
    let home = TempDir::new().unwrap();
    let flags = hub.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let someone = TempDir::new().unwrap();
    let id = Process::run(tincan(&["id"]).arg("--home").arg(someone.path())).output[0].clone();
    let mut command = tincan(&flags);
    command.arg("--home").arg(home.path()).args(["contact", "add", &id, "--timeout", "2s"]);
    let added = Process::run(&mut command);
    assert_eq!(added.code, Some(1), "{added:?}");
    assert_eq!(added.output, [""; 0]);
    assert_eq!(
        added.errors,
        "tincan: not connected: the certificate of 127.0.0.1 is signed by nobody this machine \
         trusts; name its CA with `ca_file`, or pin its key; it is kept and goes out when a later \
         `tincan` gets through\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_of_the_system_is_trusted_without_a_word() {
    let hub = SecureHub::start().await;
    let [flags @ .., _, ca_file] = hub.flags();
    let [home, someone] = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let id = Process::run(tincan(&["id"]).arg("--home").arg(someone.path())).output[0].clone();
    // The variable by which systems say where their authorities are (openssl-env(7)).
    for (roots, code) in [("/dev/null", 1), (ca_file.as_str(), 0)] {
        let mut command = tincan(&[]);
        command.args(&flags).arg("--home").arg(home.path()).env("SSL_CERT_FILE", roots);
        command.args(["contact", "add", &id, "--timeout", "2s"]);
        let added = Process::run(&mut command);
        assert_eq!(added.code, Some(code), "{roots}: {added:?}");
        assert_eq!(added.errors.contains("signed by nobody"), code == 1, "{added:?}");
    }
}
