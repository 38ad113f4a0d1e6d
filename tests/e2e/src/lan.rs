//! Machines of their own on networks of their own: name spaces joined by virtual cables. Only
//! from within `Namespace::Network`.

use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

/// A machine: a network of its own in which processes can be started. Gone when dropped.
#[derive(Debug)]
pub struct Machine {
    holder: Child,
}

impl Machine {
    /// One that is connected to nothing.
    ///
    /// # Panics
    /// When there are no tools for it.
    pub fn new() -> Self {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "ip link set lo up && echo up && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare is there");
        let mut said = [0; 3];
        let output = holder.stdout.as_mut().expect("it is piped");
        std::io::Read::read_exact(output, &mut said).expect("it says that it is up");
        Self { holder }
    }

    /// What starts a program on it.
    pub fn wrapper(&self) -> Vec<String> {
        let net = format!("--net=/proc/{}/ns/net", self.holder.id());
        ["nsenter", &net].map(str::to_owned).to_vec()
    }

    /// Runs a command on it.
    ///
    /// # Panics
    /// When that fails.
    pub fn run(&self, words: &str) {
        let wrapper = self.wrapper();
        let mut command = Command::new(&wrapper[0]);
        done(command.args(&wrapper[1..]).args(words.split_whitespace()));
    }

    /// Plugs a cable between it, where it is called `name`, and this machine: `10.77.net.2` there
    /// and `10.77.net.1` here, which is where it finds everything else.
    ///
    /// # Panics
    /// When that fails.
    pub fn plug(&self, name: &str, net: u8) -> Ipv4Addr {
        let here = format!("to-{net}");
        run(&format!("ip link add {here} type veth peer name {name} netns {}", self.holder.id()));
        run(&format!("ip addr add 10.77.{net}.1/24 dev {here}"));
        run(&format!("ip link set {here} up"));
        self.run(&format!("ip addr add 10.77.{net}.2/24 dev {name}"));
        self.run(&format!("ip link set {name} up"));
        self.run(&format!("ip route add default via 10.77.{net}.1"));
        Ipv4Addr::new(10, 77, net, 2)
    }

    /// Pulls the cable with this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn unplug(&self, name: &str) {
        self.run(&format!("ip link del {name}"));
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Makes this machine one that passes on what its neighbours send each other.
///
/// # Panics
/// When that fails.
pub fn be_router() {
    run("ip link set lo up");
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("a network of our own");
}

/// Runs a command on this machine.
///
/// # Panics
/// When that fails.
pub fn run(words: &str) {
    let mut words = words.split_whitespace();
    done(Command::new(words.next().expect("a program")).args(words));
}

fn done(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}
