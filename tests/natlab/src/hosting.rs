//! `docs/hosting-elsewhere.md`, done: its blocks of code are taken as they stand, with a secret
//! and a password in place of the words that it names for them.

use std::fs;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::hub::Hub;
use crate::kind::Kind;
use crate::lab::{Lab, Layout};
use crate::machine::system;
use crate::service::Service;

/// The words to be replaced.
const REPLACED: [(&str, &str); 2] = [("THE-SECRET", "north"), ("THE-PASSWORD", "correct-horse")];

/// Which further server is called what, as the laboratory's hosts file has it.
const RELAY: u8 = 0;
const BROKER: u8 = 1;

/// How long a server may take for an answer before it is asked again.
const ANSWER: Duration = Duration::from_millis(50);

/// The first bytes of a request for one's own address (RFC 8489 §5): type, length, cookie.
const BINDING: [u8; 8] = [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];

/// The document.
#[derive(Debug)]
pub struct Hosting {
    text: String,
}

impl Hosting {
    /// Reads it.
    ///
    /// # Errors
    /// When it is not where it was.
    pub fn read() -> Result<Self, String> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let path = folder.join("../../docs/hosting-elsewhere.md");
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self { text })
    }

    /// The laboratory with the machines that it speaks of.
    pub fn lab(a: Kind, b: Kind) -> Lab {
        Lab::laid(Layout { further: 2, ..Layout::of(a, b) })
    }

    /// The block of code that begins with this comment, without it.
    ///
    /// # Errors
    /// When there is none, or more than one.
    fn block(&self, title: &str) -> Result<String, String> {
        let first = format!("# {title}\n");
        let blocks = self.text.split("\n```").skip(1).step_by(2);
        let mut found = blocks.filter_map(|block| block.split_once('\n')?.1.strip_prefix(&first));
        match (found.next(), found.next()) {
            (Some(block), None) => {
                let replace = |text: String, (word, value): (&str, &str)| text.replace(word, value);
                Ok(REPLACED.into_iter().fold(block.to_owned(), replace))
            }
            _ => Err(format!("the document has not one block `# {title}`")),
        }
    }

    /// coturn with the documented configuration.
    ///
    /// # Errors
    /// What it says when it does not start.
    pub fn coturn(&self, lab: &Lab) -> Result<Service, String> {
        let (machine, address) = lab.further(RELAY);
        let folder = Service::folder("coturn")?;
        let config = folder.path().join("turnserver.conf");
        fs::write(&config, self.block("/etc/turnserver.conf")?).map_err(|e| e.to_string())?;
        let mut command = machine.command("turnserver");
        // Nothing but where it writes is the laboratory's.
        command.arg("-c").arg(&config).args(["--log-file", "stdout", "--simple-log"]);
        command.arg("--pidfile").arg(folder.path().join("pid"));
        command.arg("--userdb").arg(folder.path().join("users")).stdin(Stdio::null());
        let answers = || machine.enter(|| answers((address, 3478).into()));
        Service::start("coturn", &mut command, folder, answers)
    }

    /// Mosquitto with the documented configuration.
    ///
    /// # Errors
    /// What it says when it does not start.
    pub fn mosquitto(&self, lab: &Lab) -> Result<Service, String> {
        let (machine, address) = lab.further(BROKER);
        let folder = Service::folder("mosquitto")?;
        // Gone with the enclosure, and nobody else's.
        sh("mount -t tmpfs tmpfs /etc/mosquitto; mkdir /etc/mosquitto/conf.d")?;
        let write = |to: &str, text: String| fs::write(to, text).map_err(|e| format!("{to}: {e}"));
        let documented = "/etc/mosquitto/conf.d/tincan.conf";
        write(documented, self.block(documented)?)?;
        // Of the main file, which is the distribution's, what a laboratory must have else: where
        // there is only one user, nobody can become another or give anything away.
        let main = "/etc/mosquitto/mosquitto.conf";
        write(main, "user root\ninclude_dir /etc/mosquitto/conf.d\n".to_owned())?;
        let lines = self.block("at the broker")?;
        sh(&lines.replace("chown mosquitto", "chown root"))?;
        let mut command = machine.command("mosquitto");
        command.args(["-c", main]).stdin(Stdio::null());
        let listens = || machine.enter(|| TcpStream::connect((address, 1883)).is_ok());
        Service::start("mosquitto", &mut command, folder, listens)
    }

    /// A hub that sends its users to coturn.
    ///
    /// # Errors
    /// What it says when it does not start.
    pub fn hub_with_coturn(&self, lab: &Lab) -> Result<Hub, String> {
        self.hub(lab, "at the hub: coturn")
    }

    /// A hub beside Mosquitto.
    ///
    /// # Errors
    /// What it says when it does not start.
    pub fn hub_with_mosquitto(&self, lab: &Lab) -> Result<Hub, String> {
        self.hub(lab, "at the hub: Mosquitto")
    }

    fn hub(&self, lab: &Lab, title: &str) -> Result<Hub, String> {
        let folder = Service::folder("hub")?;
        let (mut before, mut flags) = (String::new(), None);
        for line in self.block(title)?.lines() {
            match line.strip_prefix("tincan hub ") {
                Some(words) => flags = Some(words.to_owned()),
                None => before += &format!("{line}\n"),
            }
        }
        sh(&format!("cd {}\n{before}", folder.path().display()))?;
        let flags = flags.ok_or_else(|| format!("`# {title}` starts no hub"))?;
        Hub::documented(lab, &words(&flags), folder)
    }

    /// The flags with which everybody meets at Mosquitto, but for the hub's.
    ///
    /// # Errors
    /// When the document's line names no broker, or another hub.
    pub fn flags_for_mosquitto(&self, hub: &Hub) -> Result<[String; 2], String> {
        let block = self.block("everybody")?;
        let words = words(&block);
        let after = |flag: &str| {
            let found = words.windows(2).find(|pair| pair[0] == flag).map(|pair| pair[1].clone());
            found.ok_or_else(|| format!("`# everybody` has no {flag}"))
        };
        match after("--hub")? {
            origin if origin == hub.place() => Ok(["--broker".to_owned(), after("--broker")?]),
            other => Err(format!("the hub is at {}, not {other}", hub.place())),
        }
    }
}

/// The words of a line that quotes none.
fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Runs lines outside of any machine.
fn sh(lines: &str) -> Result<(), String> {
    let output = system("sh").args(["-ec", lines]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{lines}: {errors}")) }
}

/// Whether a STUN server tells us our address.
fn answers(server: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(ANSWER))?;
        let mut request = [7; 20];
        request[..BINDING.len()].copy_from_slice(&BINDING);
        socket.send(&request)?;
        let mut answer = [0; 200];
        Ok(socket.recv(&mut answer)? > request.len())
    };
    ask().unwrap_or(false)
}

/// Whether there is a program of this name here.
pub fn is_installed(program: &str) -> bool {
    let mut which: Command = system("sh");
    which.args(["-c", "command -v \"$1\" > /dev/null", "sh", program]);
    which.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_what_is_run() {
        let hosting = Hosting::read().unwrap();
        let coturn = hosting.block("/etc/turnserver.conf").unwrap();
        assert!(coturn.contains("static-auth-secret=north\n"), "{coturn}");
        assert!(hosting.block("/etc/mosquitto/conf.d/tincan.conf").unwrap().contains("listener"));
        assert!(hosting.block("everybody").unwrap().contains("tincan:correct-horse@"));
        assert!(hosting.block("no such block").is_err());
    }
}
