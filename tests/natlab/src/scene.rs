//! What happens to a network: a condition that lasts, or an event under a live conversation.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::hub::{Hub, RelayHub};
use crate::impairment::{Cut, Loss};
use crate::kind::{Kind, Nat};
use crate::lab::{Lab, Layout};
use crate::meeting::{Apart, Meeting};
use crate::path::Reported;
use crate::plan::Side;
use crate::service::Service;
use crate::talk::Talk;
use crate::visitor::Browser;
use crate::wire::Wire;

/// How long a conversation may take to go on.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long two have been connected when something happens: nobody opens a chat just then.
const SETTLED: Duration = Duration::from_secs(2);

/// What a change of network may cost.
const NEW_NETWORK: Duration = Duration::from_millis(1_500);

/// What a change of relay may cost, from the moment at which one is killed.
const NEW_RELAY: Duration = Duration::from_secs(3);

/// A network as it is all the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// The round trip between the hosts; half of it between each and the server.
    pub round_trip: Duration,
    /// So many of a hundred packets between the first host and the world are lost.
    pub loss_percent: u32,
}

impl Condition {
    /// Makes it so, until what is returned is dropped.
    pub fn impose<'a>(&self, lab: &'a Lab) -> (Vec<Wire>, Option<Loss<'a>>) {
        // Each host's wire is passed twice in a round trip.
        self.impose_with(lab, &[Side::A, Side::B], self.round_trip / 4)
    }

    /// The same with all of the delay on the second host's side, so that the first one's cables
    /// can be pulled.
    fn impose_far<'a>(&self, lab: &'a Lab) -> (Vec<Wire>, Option<Loss<'a>>) {
        self.impose_with(lab, &[Side::B], self.round_trip / 2)
    }

    fn impose_with<'a>(
        &self,
        lab: &'a Lab,
        sides: &[Side],
        delay: Duration,
    ) -> (Vec<Wire>, Option<Loss<'a>>) {
        let sides = sides.iter().filter(|_| !delay.is_zero());
        let wires = sides.map(|side| Wire::lay(lab, *side, delay, Duration::ZERO)).collect();
        let loss = (self.loss_percent > 0).then(|| Loss::of(lab, Side::A, self.loss_percent));
        (wires, loss)
    }
}

impl Condition {
    /// What opening may take on it, where somebody has said so: the share of all runs that must
    /// be within the time.
    pub(crate) fn target(&self) -> Option<(f64, Duration)> {
        match (self.round_trip.as_millis(), self.loss_percent) {
            (50, 0) => Some((0.5, Duration::from_millis(500))),
            (50, 5) => Some((0.95, Duration::from_millis(2_500))),
            _ => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { round_trip, loss_percent } = self;
        match (round_trip.is_zero(), loss_percent) {
            (true, 0) => f.write_str("as is"),
            (false, 0) => write!(f, "{} ms", round_trip.as_millis()),
            (true, loss) => write!(f, "{loss} % loss"),
            (false, loss) => write!(f, "{} ms, {loss} % loss", round_trip.as_millis()),
        }
    }
}

/// Something that happens to the first host, or to the relay, while two talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Nothing passes for a while, and nobody is told.
    Silence(Duration),
    /// The cable is out for a while.
    Unplugged(Duration),
    /// The router forgets its mappings.
    Forgotten,
    /// The router gets another outside address.
    Renumbered,
    /// The host goes from one LAN to another.
    Walk,
    /// The relay between two is killed; the hub names another one, too.
    RelayKilled,
    /// The same, where it is the relay of a page.
    PageRelayKilled(Browser),
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence(time) => write!(f, "nothing passes for {} s", time.as_secs()),
            Self::Unplugged(time) => write!(f, "the cable is out for {} s", time.as_secs()),
            Self::Forgotten => f.write_str("the router forgets its mappings"),
            Self::Renumbered => f.write_str("the router gets another address"),
            Self::Walk => f.write_str("the host goes to another LAN"),
            Self::RelayKilled => f.write_str("the relay is killed, and there is another"),
            Self::PageRelayKilled(browser) => {
                write!(f, "the relay of a page in {browser} is killed, and there is another")
            }
        }
    }
}

/// How long something took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What.
    pub what: String,
    /// From the end of what happened to one message's being delivered each way; or why not.
    pub took: Result<Duration, String>,
    /// What it may take, where somebody has said so.
    pub target: Option<Duration>,
}

impl Figure {
    /// Whether it took longer than it may.
    pub fn is_missed(&self) -> bool {
        let took = self.took.as_ref().ok();
        took.zip(self.target).is_some_and(|(took, target)| *took > target)
    }
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Silence(Duration::from_secs(1)),
        Self::Silence(Duration::from_secs(30)),
        Self::Unplugged(Duration::from_secs(1)),
        Self::Unplugged(Duration::from_secs(30)),
        Self::Forgotten,
        Self::Renumbered,
        Self::Walk,
        Self::RelayKilled,
        Self::PageRelayKilled(Browser::Chromium),
        Self::PageRelayKilled(Browser::Firefox),
    ];

    /// Plays it between hosts behind such routers; what happens to a relay, between hosts that
    /// need one.
    pub fn play(self, nat: Nat, condition: Condition) -> Figure {
        let nat = if self.is_of_relay() { Nat::Symmetric } else { nat };
        let what = format!("{}, {condition}: {self}", nat.name());
        let took = catch_unwind(AssertUnwindSafe(|| self.measure(Kind::of(nat), condition)))
            .unwrap_or_else(|_| Err(Apart("the laboratory failed; see above".to_owned())))
            .map_err(|Apart(words)| words);
        let target = match self {
            Self::Walk => Some(NEW_NETWORK),
            Self::RelayKilled => Some(NEW_RELAY),
            Self::Silence(_)
            | Self::Unplugged(_)
            | Self::Forgotten
            | Self::Renumbered
            | Self::PageRelayKilled(_) => None,
        };
        Figure { what, took, target }
    }

    fn measure(self, kind: Kind, condition: Condition) -> Result<Duration, Apart> {
        match self {
            Self::RelayKilled => return relay_killed(kind, condition),
            Self::PageRelayKilled(browser) => return page_relay_killed(browser, kind, condition),
            _ => {}
        }
        let second = Some(Kind::of(Nat::PortRestricted));
        let lab = Lab::laid(Layout { second, ..Layout::of(kind, kind) });
        let _bad = condition.impose_far(&lab);
        let mut meeting = Meeting::arrange(&lab)?;
        meeting.open(PATIENCE)?;
        meeting.exchange("before", PATIENCE)?;
        thread::sleep(SETTLED);
        self.happen(&lab);
        let over = Instant::now();
        meeting.exchange("after", PATIENCE).map(|_| over.elapsed())
    }

    fn happen(self, lab: &Lab) {
        match self {
            Self::Silence(time) => {
                let _cut = Cut::silent(lab, Side::A);
                thread::sleep(time);
            }
            Self::Unplugged(time) => {
                let _cut = Cut::cable(lab, Side::A);
                thread::sleep(time);
            }
            Self::Forgotten => lab.forget_mappings(Side::A),
            Self::Renumbered => lab.renumber(Side::A),
            Self::Walk => lab.walk(),
            // These are no deeds to a network.
            Self::RelayKilled | Self::PageRelayKilled(_) => {}
        }
    }

    fn is_of_relay(self) -> bool {
        matches!(self, Self::RelayKilled | Self::PageRelayKilled(_))
    }
}

/// How many relays the hub names.
const RELAYS: u8 = 2;

/// Several relays that take the credentials of one hub, each on a server of its own.
struct Relays {
    _secret: TempDir,
    relays: Vec<(RelayHub, IpAddr)>,
    /// What the hub must be started with.
    flags: Vec<String>,
}

impl Relays {
    fn start(lab: &Lab) -> Result<Self, String> {
        let folder = Service::folder("secret")?;
        let secret = folder.path().join("secret");
        fs::write(&secret, "north\n").map_err(|error| error.to_string())?;
        let mut relays = Vec::new();
        let mut flags = vec!["--relay-secret-file".to_owned(), secret.display().to_string()];
        for nth in 0..RELAYS {
            let (_, address) = lab.further(nth);
            relays.push((RelayHub::start(lab, nth, &secret)?, address));
            flags.extend(["--relay-url".to_owned(), format!("turn:{address}:3478")]);
        }
        Ok(Self { _secret: folder, relays, flags })
    }

    fn kill(&mut self, used: IpAddr) -> Result<Instant, String> {
        let between = self.relays.iter_mut().find(|(_, address)| *address == used);
        let (relay, _) = between.ok_or_else(|| format!("there is no relay at {used}"))?;
        relay.kill()?;
        Ok(Instant::now())
    }
}

/// The one between the two is killed.
fn relay_killed(kind: Kind, condition: Condition) -> Result<Duration, Apart> {
    let lab = Lab::laid(Layout { further: RELAYS, ..Layout::of(kind, kind) });
    let mut relays = Relays::start(&lab)?;
    let _bad = condition.impose(&lab);
    let mut meeting = Meeting::at(Hub::with(&lab, &relays.flags)?, &lab)?;
    meeting.open(PATIENCE)?;
    meeting.exchange("before", PATIENCE)?;
    thread::sleep(SETTLED);
    let used = relay_of(&meeting)?;
    let killed = relays.kill(used)?;
    meeting.exchange("after", PATIENCE)?;
    let took = killed.elapsed();
    match relay_of(&meeting)? {
        now if now == used => Err(Apart(format!("they still report the relay at {used}"))),
        _ => Ok(took),
    }
}

/// How often a page may have found the node's relay before its own.
const MAX_OTHERS: usize = 8;

/// The page's own relay is killed, as soon as one is between it and a node.
fn page_relay_killed(
    browser: Browser,
    kind: Kind,
    condition: Condition,
) -> Result<Duration, Apart> {
    browser.find()?;
    for _ in 0..MAX_OTHERS {
        let lab = Lab::laid(Layout { further: RELAYS, ..Layout::of(kind, kind) });
        let mut relays = Relays::start(&lab)?;
        let _bad = condition.impose(&lab);
        let mut talk = Talk::first(&lab, browser, Hub::with(&lab, &relays.flags)?)?;
        talk.open_by_invite()?;
        talk.exchange("before")?;
        thread::sleep(SETTLED);
        let Some(reported) = talk.reported().filter(|path| path.remote == "relay") else {
            continue;
        };
        let used = reported.remote_address.ip();
        let killed = relays.kill(used)?;
        talk.exchange("after")?;
        let took = killed.elapsed();
        return match talk.reported() {
            Some(now) if now.remote_address.ip() == used => {
                Err(Apart(format!("the relay at {used} is still reported")))
            }
            _ => Ok(took),
        };
    }
    Err(Apart("the page's own relay was never between them".to_owned()))
}

/// The relay that the first host reports, its own before the other's.
fn relay_of(meeting: &Meeting) -> Result<IpAddr, Apart> {
    let reported = Reported::of(&meeting.node(Side::A).peer());
    let relay = reported.as_ref().and_then(Reported::relay);
    relay.ok_or_else(|| Apart(format!("no relay is reported: {reported:?}")))
}
