//! What happens to a network: a condition that lasts, or an event under a live conversation.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use crate::hub::{Hub, RelayHub};
use crate::impairment::{Cut, Loss};
use crate::kind::{Kind, Nat};
use crate::lab::{Lab, Layout};
use crate::meeting::{Apart, Meeting};
use crate::path::Reported;
use crate::plan::Side;
use crate::service::Service;
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
    pub const ALL: [Self; 8] = [
        Self::Silence(Duration::from_secs(1)),
        Self::Silence(Duration::from_secs(30)),
        Self::Unplugged(Duration::from_secs(1)),
        Self::Unplugged(Duration::from_secs(30)),
        Self::Forgotten,
        Self::Renumbered,
        Self::Walk,
        Self::RelayKilled,
    ];

    /// Plays it between hosts behind such routers; what happens to a relay, between hosts that
    /// need one.
    pub fn play(self, nat: Nat, condition: Condition) -> Figure {
        let nat = if self == Self::RelayKilled { Nat::Symmetric } else { nat };
        let what = format!("{}, {condition}: {self}", nat.name());
        let took = catch_unwind(AssertUnwindSafe(|| self.measure(Kind::of(nat), condition)))
            .unwrap_or_else(|_| Err(Apart("the laboratory failed; see above".to_owned())))
            .map_err(|Apart(words)| words);
        let target = match self {
            Self::Walk => Some(NEW_NETWORK),
            Self::RelayKilled => Some(NEW_RELAY),
            Self::Silence(_) | Self::Unplugged(_) | Self::Forgotten | Self::Renumbered => None,
        };
        Figure { what, took, target }
    }

    fn measure(self, kind: Kind, condition: Condition) -> Result<Duration, Apart> {
        if self == Self::RelayKilled {
            return relay_killed(kind, condition);
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
            // It is no deed to a network.
            Self::RelayKilled => {}
        }
    }
}

/// How many relays the hub names.
const RELAYS: u8 = 2;

/// Of several relays that take the hub's credentials, the one between the two is killed.
fn relay_killed(kind: Kind, condition: Condition) -> Result<Duration, Apart> {
    let lab = Lab::laid(Layout { further: RELAYS, ..Layout::of(kind, kind) });
    let folder = Service::folder("secret")?;
    let secret = folder.path().join("secret");
    fs::write(&secret, "north\n").map_err(|error| Apart(error.to_string()))?;
    let mut relays = Vec::new();
    let mut flags = vec!["--relay-secret-file".to_owned(), secret.display().to_string()];
    for nth in 0..RELAYS {
        let (_, address) = lab.further(nth);
        relays.push((RelayHub::start(&lab, nth, &secret)?, address));
        flags.extend(["--relay-url".to_owned(), format!("turn:{address}:3478")]);
    }
    let _bad = condition.impose(&lab);
    let mut meeting = Meeting::at(Hub::with(&lab, &flags)?, &lab)?;
    meeting.open(PATIENCE)?;
    meeting.exchange("before", PATIENCE)?;
    thread::sleep(SETTLED);
    let used = relay_of(&meeting)?;
    let between = relays.iter_mut().find(|(_, address)| *address == used);
    let (relay, _) = between.ok_or_else(|| Apart(format!("there is no relay at {used}")))?;
    relay.kill()?;
    let killed = Instant::now();
    meeting.exchange("after", PATIENCE)?;
    let took = killed.elapsed();
    match relay_of(&meeting)? {
        now if now == used => Err(Apart(format!("they still report the relay at {used}"))),
        _ => Ok(took),
    }
}

/// The relay that the first host reports, its own before the other's.
fn relay_of(meeting: &Meeting) -> Result<IpAddr, Apart> {
    let reported = Reported::of(&meeting.node(Side::A).peer());
    let relay = reported.as_ref().and_then(Reported::relay);
    relay.ok_or_else(|| Apart(format!("no relay is reported: {reported:?}")))
}
