//! The engine against its model: a plan of the simulated world that is made of the input.

use tincan_sim::plan::{Action, Door, Flood, Machine, Plan, Refuses, Setting, Timed, Weather};
use tincan_sim::run;

/// At most so many actions of an input are taken: a run shall last milliseconds.
const MAX_ACTIONS: usize = 16;

/// Bytes of an action: what, who, when, and four that say more.
pub const ACTION_BYTES: usize = 7;

/// Bytes of the setting, before the actions.
pub const SETTING_BYTES: usize = 8;

/// What an action's first byte says.
pub mod deed {
    #![expect(missing_docs, reason = "each is called as its action in `tincan_sim::plan`")]
    pub const SEND: u8 = 0;
    pub const READ: u8 = 1;
    pub const OPEN: u8 = 2;
    pub const CLOSE: u8 = 3;
    pub const TYPE: u8 = 4;
    pub const CANCEL: u8 = 5;
    pub const BLOCK: u8 = 6;
    pub const UNBLOCK: u8 = 7;
    pub const LEAVE: u8 = 8;
    pub const RETURN: u8 = 9;
    pub const QUIT: u8 = 10;
    pub const CRASH: u8 = 11;
    pub const SLEEP: u8 = 12;
    pub const JUMP: u8 = 13;
    pub const LEAP: u8 = 14;
    pub const SLOW_DISK: u8 = 15;
    pub const BAD_DISK: u8 = 16;
    pub const WEATHER: u8 = 17;
    pub const BROKER_DOWN: u8 = 18;
    pub const CUT_OFF: u8 = 19;
    pub const SPLIT: u8 = 20;
    pub const WALL: u8 = 21;
    pub const KILL: u8 = 22;
    pub const STALL: u8 = 23;
    pub const MOVE: u8 = 24;
    pub const IMPOSTOR: u8 = 25;
    pub const FLOOD: u8 = 26;
    /// How many there are.
    pub const COUNT: u8 = 27;
}

/// Lives a plan through; every invariant of the architecture holds at each of its steps.
pub fn engine(data: &[u8]) {
    let plan = plan(data);
    if let Some(breach) = run(&plan, false).breach {
        let text = plan.print().unwrap_or_default();
        let trace = run(&plan, true).trace.join("\n");
        panic!("{breach}\n\nthe plan, for `cargo xtask sim --plan FILE`:\n{text}\n{trace}");
    }
}

/// The plan that an input stands for; whatever is missing of it is zero. Its numbers are those
/// that the simulation draws, only smaller.
pub fn plan(data: &[u8]) -> Plan {
    let (head, rest) = data.split_at(data.len().min(SETTING_BYTES));
    let setting = setting(padded(head));
    let (people, mut at) = (setting.nodes.len(), 0);
    let mut actions = Vec::new();
    if !setting.friends {
        for guest in 1..people {
            actions.push(Timed { at, action: Action::Invite { node: guest - 1, guest } });
            at += 500;
        }
    }
    for bytes in rest.chunks(ACTION_BYTES).take(MAX_ACTIONS) {
        let [what, who, when, more @ ..] = padded::<ACTION_BYTES>(bytes);
        at += 1 + span_ms(when);
        actions.push(Timed { at, action: action(what, who, more, people) });
    }
    Plan { setting, actions }
}

fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut all = [0; N];
    all.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    all
}

/// From no time to minutes: two bits for the unit, six for how many.
fn span_ms(byte: u8) -> u64 {
    pick(byte >> 6, &[1, 40, 500, 4_000]) * u64::from(byte & 63)
}

fn pick<T: Copy>(byte: u8, of: &[T]) -> T {
    of[usize::from(byte) % of.len()]
}

fn flag(byte: u8, bit: u8) -> bool {
    byte >> bit & 1 == 1
}

fn setting([seed_high, seed_low, flags, clocks, window, sessions, idle, tail]: [u8; 8]) -> Setting {
    let people = if flag(flags, 0) { 3 } else { 2 };
    let machine = |node: u8| {
        let wrong = |bit| flag(clocks, 2 * node + bit);
        let off_ms = if wrong(0) { i64::from(tail) * 86_400_000 - 10_000_000_000 } else { 0 };
        let drift_ppm = if wrong(1) { i64::from(idle) * 100 - 12_800 } else { 0 };
        Machine { off_ms, drift_ppm }
    };
    Setting {
        seed: u64::from(u16::from_be_bytes([seed_high, seed_low])),
        nodes: (0..people).map(machine).collect(),
        friends: !flag(flags, 1),
        window: pick(window, &[8_192, 64, 8]),
        sessions: if people > 2 { pick(sessions, &[64, 1, 2]) } else { 64 },
        idle_secs: pick(idle, &[600, 20, 5]),
        pause_bytes: pick(window >> 4, &[1 << 20, 64 << 10, 4 << 10]),
        tail_ms: span_ms(tail),
        replayed: flag(flags, 2),
        goes_on: flag(flags, 3),
    }
}

fn action(what: u8, who: u8, [x, y, z, w]: [u8; 4], people: usize) -> Action {
    let node = usize::from(who & 15) % people;
    let other = (node + 1 + usize::from(who >> 4) % (people - 1)) % people;
    let ms = 1 + span_ms(w);
    match what % deed::COUNT {
        deed::SEND => {
            let bytes = pick(y, &[0, 30, 100, 2_000, 16_000]);
            Action::Send { from: node, to: other, count: 1 + u64::from(x % 8), bytes }
        }
        deed::READ => Action::Read { node, of: other },
        deed::OPEN => Action::Open { node, with: other },
        deed::CLOSE => Action::Close { node, with: other },
        deed::TYPE => Action::Type { node, to: other, on: flag(x, 0) },
        deed::CANCEL => Action::Cancel { node, to: other, back: usize::from(x % 4) },
        deed::BLOCK => Action::Block { node, who: other },
        deed::UNBLOCK => Action::Unblock { node, who: other },
        deed::LEAVE => Action::Leave { node },
        deed::RETURN => Action::Return { node },
        deed::QUIT => Action::Quit { node, ms },
        deed::CRASH => {
            Action::Crash { node, after: u64::from(x % 64), kept: usize::from(y % 8), ms }
        }
        deed::SLEEP => Action::Sleep { node, ms },
        deed::JUMP => {
            let by = i64::from(x) * pick(y, &[100, 60_000, 20_000_000, 1_000_000_000]);
            Action::Jump { node, by_ms: if flag(z, 0) { by } else { -by } }
        }
        deed::LEAP => {
            Action::Leap { node, by_ms: u64::from(x) * pick(y, &[100, 60_000, 13_000_000]) }
        }
        deed::SLOW_DISK => {
            Action::SlowDisk { node, each_ms: 1 + 12 * u64::from(x), ms: ms.min(20_000) }
        }
        deed::BAD_DISK => {
            let refuses =
                pick(x, &[Refuses::All, Refuses::Messages, Refuses::Half, Refuses::Pages]);
            Action::BadDisk { node, refuses, ms }
        }
        deed::WEATHER => Action::Weather { weather: weather(who, x, y, z), ms },
        deed::BROKER_DOWN => {
            let doors = [Door::Refuses, Door::Silent, Door::RefusesCredentials, Door::Open];
            Action::BrokerDown { door: pick(x, &doors), forget: flag(y, 0), ms }
        }
        deed::CUT_OFF => {
            let unheard_ms = pick(y, &[0, 1_000, 15_000]);
            Action::CutOff { node, forget: flag(x, 0), unheard_ms }
        }
        deed::SPLIT => Action::Split { side: 1 + x % if people > 2 { 6 } else { 2 }, ms },
        deed::WALL => {
            let (there, back) = pick(x, &[(true, true), (true, false), (false, true)]);
            Action::Wall { a: node, b: other, there, back, breaks: flag(y, 0), ms }
        }
        deed::KILL => Action::Kill { a: node, b: other, told: flag(x, 0) },
        deed::STALL => Action::Stall { a: node, b: other, each_ms: 12 * u64::from(x), ms },
        deed::MOVE => Action::Move { node, noticed: flag(x, 0) },
        deed::IMPOSTOR => Action::Impostor { node, to: other, ms },
        _ => {
            let floods = [
                Flood::Devices,
                Flood::Candidates,
                Flood::Offers,
                Flood::Gaps,
                Flood::Logs,
                Flood::Garbage,
            ];
            Action::Flood { node, with: pick(x, &floods), count: usize::from(y % 32) }
        }
    }
}

/// One byte says which of them there are, the others how much.
fn weather(which: u8, x: u8, y: u8, z: u8) -> Weather {
    let some = |bit, amount: u8, most: u64| {
        if flag(which, bit) { u64::from(amount) * most / 255 } else { 0 }
    };
    Weather {
        lost: some(0, x, 400),
        twice: some(1, y, 300),
        echoed: some(2, z, 200),
        damaged: some(3, x, 150),
        retained: some(4, y, 100),
        moved: some(5, z, 100),
        late_ms: some(6, x, 900),
    }
}
