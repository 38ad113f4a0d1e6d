//! Debian's Mosquitto on a free port of loopback, with one listener of any kind.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The user and the password of a broker that asks for them.
pub const LOGIN: (&str, &str) = ("ada", "correct horse");

/// How long Mosquitto may take to listen.
const START: Duration = Duration::from_secs(20);

/// How many ports are tried before it is said that Mosquitto does not start.
const PORTS_TRIED: u32 = 5;

/// Where Debian puts servers, which need not be in the search path.
const MORE_PLACES: [&str; 2] = ["/usr/sbin", "/usr/bin"];

/// What kind of listener it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// MQTT in a WebSocket.
    pub websocket: bool,
    /// Over TLS.
    pub tls: bool,
    /// For those with a password only.
    pub password: bool,
}

/// A running Mosquitto; ended when dropped.
#[derive(Debug)]
pub struct Mosquitto {
    child: Child,
    folder: TempDir,
    listener: Listener,
    port: u16,
    key: [u8; 32],
}

impl Mosquitto {
    /// Starts one.
    ///
    /// # Errors
    /// When it is not installed or does not come up, on any of the ports tried.
    pub fn start(listener: Listener) -> Result<Self> {
        // It cannot be told to choose a port itself, and one that was free may be another's by then.
        let mut attempt = Self::start_on_a_free_port(listener);
        for _ in 1..PORTS_TRIED {
            if attempt.is_ok() {
                break;
            }
            attempt = Self::start_on_a_free_port(listener);
        }
        attempt
    }

    fn start_on_a_free_port(listener: Listener) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let key = write_certificates(&folder)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.path().join("mosquitto.conf");
        fs::write(&config, config_text(listener, port, &folder))?;
        if listener.password {
            write_passwords(&folder)?;
        }
        let child = Command::new(program("mosquitto")?)
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log"))?)
            .spawn()
            .context("mosquitto does not start")?;
        let mut broker = Self { child, folder, listener, port, key };
        broker.wait_until_it_listens()?;
        Ok(broker)
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        let end = Instant::now() + START;
        loop {
            let ended = self.child.try_wait()?;
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            if let Some(status) = ended {
                bail!("mosquitto ended with {status}: {log}");
            }
            // Something else may listen where it could not: only its own word counts.
            if log.lines().any(|line| line.ends_with(" running")) {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("mosquitto does not listen: {log}");
            }
            // A file has no event to wait for.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its address for a node, with the given user and password.
    pub fn url(&self, login: Option<(&str, &str)>) -> String {
        let scheme = match (self.listener.websocket, self.listener.tls) {
            (false, false) => "mqtt",
            (false, true) => "mqtts",
            (true, false) => "ws",
            (true, true) => "wss",
        };
        let login =
            login.map(|(user, password)| format!("{user}:{}@", password.replace(' ', "%20")));
        format!("{scheme}://{}localhost:{}", login.unwrap_or_default(), self.port)
    }

    /// The authority that signed its certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// SHA-256 of its SubjectPublicKeyInfo.
    pub fn key(&self) -> [u8; 32] {
        self.key
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config_text(listener: Listener, port: u16, folder: &TempDir) -> String {
    let folder = folder.path().display();
    // As root it would become a user who cannot read our files; others do not become anyone.
    // Mosquitto 2.0 does not start with a WebSocket alone: it has a socket for plain MQTT too.
    let mut text = format!(
        "user root\npersistence false\nlistener 0 {folder}/mqtt.sock\nlistener {port} 127.0.0.1\n"
    );
    if listener.websocket {
        text.push_str("protocol websockets\n");
    }
    if listener.tls {
        text.push_str(&format!("certfile {folder}/server.pem\nkeyfile {folder}/server.key\n"));
    }
    if listener.password {
        text.push_str(&format!("allow_anonymous false\npassword_file {folder}/passwords\n"));
    } else {
        text.push_str("allow_anonymous true\n");
    }
    text
}

/// An authority of our own and a certificate of it for localhost.
fn write_certificates(folder: &TempDir) -> Result<[u8; 32]> {
    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?;
    let certificate = certificate.signed_by(&key, &authority)?;
    fs::write(folder.path().join("ca.pem"), authority.pem())?;
    fs::write(folder.path().join("server.pem"), certificate.pem())?;
    fs::write(folder.path().join("server.key"), key.serialize_pem())?;
    Ok(Sha256::digest(rcgen::PublicKeyData::subject_public_key_info(&key)).into())
}

fn write_passwords(folder: &TempDir) -> Result<()> {
    let (user, password) = LOGIN;
    let status = Command::new(program("mosquitto_passwd")?)
        .args(["-c", "-b"])
        .arg(folder.path().join("passwords"))
        .args([user, password])
        .status()?;
    if status.success() { Ok(()) } else { bail!("mosquitto_passwd failed") }
}

fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE_PLACES.map(PathBuf::from))
        .map(|place| place.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("{name} is not there; install Debian's package mosquitto"))
}
