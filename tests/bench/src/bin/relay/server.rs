//! The two servers as processes on one core: the hub and coturn.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;
use tincan_bench::Target;
use tincan_hub::{Config, Hub, Limits, RelayConfig};
use tincan_relay::{Credential, Secret};

use crate::pinned;

/// The word with which this program is the hub.
pub(crate) const HUB: &str = "hub";

/// What passwords are made from, on both sides.
const SECRET: &str = "north";

/// How long credentials are good. coturn takes none for what is decades away.
const LIFE: Duration = Duration::from_secs(24 * 3600);

/// How long a server may take to start.
const START: Duration = Duration::from_secs(10);

/// More than anybody here asks for.
const PLENTY: u32 = 1_000_000;

/// Where Debian puts servers, which need not be in the search path.
const MORE_PLACES: [&str; 2] = ["/usr/bin", "/usr/sbin"];

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours.
    Hub,
    /// What it is measured against.
    Coturn,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hub => "the hub's relay",
            Self::Coturn => "coturn",
        }
    }

    /// Ours has one.
    pub(crate) fn target(self, target: Target) -> Target {
        match self {
            Self::Hub => target,
            Self::Coturn => Target::None,
        }
    }
}

/// A running server, alone on its core but for the other one; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Server {
    /// Starts one and waits until it listens. The caller goes to another core afterwards.
    pub(crate) fn start(kind: Kind) -> Result<Self> {
        pinned::to_core(pinned::SERVERS)?;
        let folder = tempfile::tempdir()?;
        let (process, address) = match kind {
            Kind::Hub => start_hub()?,
            Kind::Coturn => start_coturn(&folder)?,
        };
        Ok(Self { kind, process, address, _folder: folder })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it takes datagrams.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A credential of a user with this number.
    pub(crate) fn credential(user: usize) -> Credential {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let expiry = (now + LIFE).as_secs();
        Credential::issue(&Secret::new(SECRET), expiry, &format!("{user:024}"))
    }

    /// What it holds in memory now.
    pub(crate) fn resident_bytes(&self) -> Result<usize> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().strip_suffix("kB"));
        Ok(number.context("/proc tells no VmRSS")?.trim().parse::<usize>()? * 1024)
    }

    /// How long it has been running on a core so far, in user and kernel mode.
    pub(crate) fn busy(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name, which may hold anything, ends with the last parenthesis; proc(5) counts from 1.
        let (_, after) = stat.rsplit_once(')').context("/proc tells no name")?;
        let ticks: u64 =
            after.split_whitespace().skip(11).take(2).flat_map(str::parse::<u64>).sum();
        let a_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs_f64(ticks as f64 / a_second as f64))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start_hub() -> Result<(Child, SocketAddr)> {
    let mut process = Command::new(std::env::current_exe()?)
        .arg(HUB)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("this program again")?;
    let output = process.stdout.take().context("its output is piped")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    Ok((process, line.trim().parse().context("the hub tells where it is")?))
}

/// A hub that prints where its relay is, until it is killed. As `tincan hub` runs it: on as many
/// threads as it may have cores.
pub(crate) fn be_hub() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let relay = RelayConfig {
            secret: Some(SECRET.to_owned()),
            allow_private_peers: true,
            ..RelayConfig::default()
        };
        let limits = Limits {
            stun_answers_per_second: PLENTY,
            allocations: PLENTY as usize,
            allocations_per_user: PLENTY,
            allocations_per_address: PLENTY,
            relay_bytes_per_second_and_user: u64::MAX,
            relay_bytes_per_second_and_address: u64::MAX,
            ..Limits::default()
        };
        let config = Config { relay, limits, ..Config::on(Ipv4Addr::LOCALHOST.into()) };
        let hub = Hub::start(config).await?;
        let mut out = std::io::stdout();
        writeln!(out, "{}", hub.addresses().stun)?;
        out.flush()?;
        std::future::pending::<Result<()>>().await
    })
}

fn start_coturn(folder: &TempDir) -> Result<(Child, SocketAddr)> {
    // It cannot be told to choose a port itself.
    let address = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let config = folder.path().join("turnserver.conf");
    let at = folder.path().display();
    // One thread for the one core; nothing that the hub does not do, either.
    let text = format!(
        "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nlistening-port={}\nrelay-threads=1\n\
         lt-cred-mech\nuse-auth-secret\nstatic-auth-secret={SECRET}\nrealm=tincan\n\
         allow-loopback-peers\nno-cli\nno-tls\nno-dtls\n\
         log-file={at}/log\nsimple-log\npidfile={at}/pid\nuserdb={at}/users\n",
        address.port()
    );
    fs::write(&config, text)?;
    let mut process = Command::new(coturn()?)
        .arg("-c")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(File::create(folder.path().join("output"))?)
        .stderr(Stdio::null())
        .spawn()
        .context("coturn does not start")?;
    if let Err(error) = until_it_answers(&mut process, address) {
        let _ = process.kill();
        let _ = process.wait();
        let said = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        bail!("coturn: {error}: {said}");
    }
    Ok((process, address))
}

/// Asks for our own address until that is told.
fn until_it_answers(process: &mut Child, address: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    let binding = tincan_relay::request::binding(tincan_relay::message::Transaction([7; 12]));
    let (binding, end) = (binding.finish(), Instant::now() + START);
    loop {
        // As long as nobody listens, the kernel says so.
        let asked = socket.send(&binding).and_then(|_| socket.recv(&mut [0; 1500]));
        if asked.is_ok() {
            return Ok(());
        }
        ensure!(process.try_wait()?.is_none(), "it has ended");
        ensure!(Instant::now() < end, "it does not answer");
    }
}

fn coturn() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE_PLACES.map(PathBuf::from))
        .map(|place| place.join("turnserver"))
        .find(|file| file.is_file())
        .context("turnserver is not there; install Debian's package coturn")
}
