//! Where a laboratory may be built: name spaces of our own, for networks, mounts and processes.
//! Everything in them ends with the program that entered, however that ends.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};

use crate::machine::system;
use crate::plan::hosts;

/// Set inside.
const INSIDE: &str = "TINCAN_NATLAB_INSIDE";

/// Names of its machines, and the hosts file in which the hub is found, are its own. Who asks a
/// name server all the same is refused at once, rather than left to wait for one outside. The shell
/// stays, as the first process: a program that is that hears no Ctrl-C. Whoever
/// is killed while it watches over this lets go of a pipe, which ends everything here.
const PREPARE: &str = r#"
    mount -t tmpfs tmpfs /run
    printf '%s' "$HOSTS" > /run/hosts
    mount --bind /run/hosts /etc/hosts
    echo nameserver 127.0.0.1 > /run/resolv.conf
    if [ -e /etc/resolv.conf ]; then mount --bind /run/resolv.conf /etc/resolv.conf; fi
    ip link set lo up
    if [ -n "$WATCHED" ]; then
        exec 3<&0
        ( cat <&3 > /dev/null; kill -9 -1 ) &
    fi
    "$@" || exit $?"#;

/// What a laboratory needs of the kernel, tried once.
const TRIAL: &str = "
    ip netns add trial
    ip link add trial-a type veth peer name trial-b netns trial
    nsenter --net=/run/netns/trial sh -ec 'echo 1 > /proc/sys/net/ipv4/ip_forward'
    nsenter --net=/run/netns/trial nft 'table ip trial {
        chain c { type nat hook postrouting priority srcnat
            masquerade fully-random
        }
        chain d { type filter hook forward priority 0
            meta l4proto udp numgen random mod 100 < 1 drop
        }
    }'
    ip netns del trial";

/// Programs that it takes, with their packages in Debian.
const PROGRAMS: [(&str, &str); 4] =
    [("ip", "iproute2"), ("nft", "nftables"), ("unshare", "util-linux"), ("nsenter", "util-linux")];

/// Ways in: with the rights that we have, or as root of a user name space.
const WAYS: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];

/// A way into name spaces of our own.
#[derive(Clone, Copy, Debug)]
pub struct Enclosure {
    flags: &'static [&'static str],
}

impl Enclosure {
    /// Whether this program is in one already.
    pub fn is_here() -> bool {
        std::env::var_os(INSIDE).is_some()
    }

    /// Finds one.
    ///
    /// # Errors
    /// Why this machine allows none, and what to do.
    pub fn find() -> Result<Self, String> {
        for (program, package) in PROGRAMS {
            if let Err(error) = system(program).arg("--version").output() {
                return Err(format!("there is no {program} ({error}); install {package}"));
            }
        }
        let mut reasons = Vec::new();
        for flags in WAYS {
            let way = Self { flags };
            match way.command("sh", ["-ec", TRIAL]).output() {
                Ok(Output { status, .. }) if status.success() => return Ok(way),
                Ok(output) => reasons.push(first_line(&output.stderr)),
                Err(error) => reasons.push(error.to_string()),
            }
        }
        Err(format!(
            "this machine lets us make no networks: with our own rights: {}; in a user name space: \
             {}. Run it as root, or allow user name spaces (sysctl kernel.unprivileged_userns_clone=1, \
             kernel.apparmor_restrict_unprivileged_userns=0), or give the container --privileged",
            reasons[0], reasons[1]
        ))
    }

    /// How it is entered, for a person.
    pub fn name(self) -> &'static str {
        if self.flags.is_empty() { "with our own rights" } else { "in a user name space" }
    }

    /// A command that runs inside one that is made for it.
    pub fn command<S: AsRef<OsStr>>(
        self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = system("unshare");
        command
            .args(self.flags)
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
            .args(["sh", "-ec", PREPARE, "natlab"])
            .arg(program)
            .args(arguments)
            .env("HOSTS", hosts())
            .env(INSIDE, "1");
        command
    }

    /// True in a test that runs inside one. Else the test of this name is run once more as such
    /// a one, and there is nothing more to do: on a machine that allows none, that is said loudly.
    ///
    /// # Panics
    /// When the test fails inside.
    pub fn is_free_for(test: &str) -> bool {
        if Self::is_here() {
            return true;
        }
        match Self::find() {
            Ok(way) => {
                let program = std::env::current_exe().expect("a test knows where it is");
                let words = ["--exact", test, "--nocapture", "--test-threads=1"];
                let output = watched(way.command(program, words)).expect("it ran a moment ago");
                let text = String::from_utf8_lossy(&output.stdout);
                let errors = String::from_utf8_lossy(&output.stderr);
                let passed = output.status.success() && text.contains("1 passed");
                assert!(passed, "{text}\n{errors}");
                for line in text.lines().filter_map(|line| line.split_once("SKIPPED: ")) {
                    skipped(line.1);
                }
            }
            Err(why) => skipped(&format!("{test}: {why}")),
        }
        false
    }

    /// Runs this program once more inside one, with these arguments; gives its exit code.
    ///
    /// # Errors
    /// As [`Enclosure::find`].
    pub fn rerun(arguments: &[OsString]) -> Result<i32, String> {
        let way = Self::find()?;
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let status = way.command(program, arguments).status();
        status.map(|status| status.code().unwrap_or(1)).map_err(|error| error.to_string())
    }
}

/// Runs a command that ends when we do.
fn watched(mut command: Command) -> io::Result<Output> {
    command.env("WATCHED", "1").stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let held = child.stdin.take();
    let output = child.wait_with_output();
    drop(held);
    output
}

/// Says that something was not tried, past the harness, which holds output back, and on stdout
/// for whoever counts there.
fn skipped(what: &str) {
    let line = format!("\nSKIPPED: {}\n", what.replace('\n', " "));
    // Where nobody listens there is nobody to tell.
    let _ = std::io::stderr().write_all(line.as_bytes());
    let _ = std::io::stdout().write_all(line.as_bytes());
}

fn first_line(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("no reason given")
        .to_owned()
}
