//! Draws a plan from a seed: mostly two people and a handful of faults, now and then a crowd.

use crate::clock::MAX_DRIFT_PPM;
use crate::dice::Dice;
use crate::plan::{Action, Door, Flood, Machine, Plan, Refuses, Setting, Timed, Weather};

const DAY_MS: u64 = 24 * 3_600 * 1_000;
const YEAR_MS: i64 = 365 * DAY_MS as i64;

/// The plan of this seed.
#[must_use]
pub fn draw(seed: u64) -> Plan {
    let mut dice = Dice::new(seed, "plan");
    let setting = setting(seed, &mut dice);
    let count = setting.nodes.len();
    let mut actions = Vec::new();
    let mut at = dice.below(1_500);
    if !setting.friends {
        for guest in 1..count {
            actions.push(Timed { at, action: Action::Invite { node: guest - 1, guest } });
            at += dice.below(2_000);
        }
    }
    let length = 4 + dice.below(if count == 2 { 22 } else { 30 });
    let theme = theme(&mut dice, count);
    for _ in 0..length {
        let (action, more) = match dice.below(10) {
            0..5 => (deed(&mut dice, count), None),
            5..7 => (theme.fault(&mut dice), None),
            _ => fault(&mut dice, count),
        };
        actions.push(Timed { at, action });
        actions.extend(more.map(|action| Timed { at: at + 1, action }));
        at += 1 + pause(&mut dice);
    }
    Plan { setting, actions }
}

fn setting(seed: u64, dice: &mut Dice) -> Setting {
    let count = match dice.below(100) {
        0 => 5 + dice.below(4),
        1..4 => 4,
        4..12 => 3,
        _ => 2,
    };
    Setting {
        seed,
        nodes: (0..count).map(|_| machine(dice)).collect(),
        friends: !dice.chance(50),
        window: dice.pick(&[8_192, 8_192, 64, 8]),
        sessions: if count > 2 && dice.chance(300) { 1 + dice.below(2) as usize } else { 64 },
        idle_secs: dice.pick(&[600, 600, 600, 5, 20]),
        pause_bytes: dice.pick(&[1 << 20, 1 << 20, 64 << 10, 4 << 10]),
        tail_ms: pause(dice),
        replayed: dice.chance(60),
        goes_on: dice.chance(60),
    }
}

fn machine(dice: &mut Dice) -> Machine {
    let off_ms = match dice.below(8) {
        0 => -30 * YEAR_MS + dice.below(60 * YEAR_MS as u64) as i64,
        1 => -(dice.below(100 * DAY_MS) as i64),
        2 => dice.below(100 * DAY_MS) as i64,
        3 => dice.below(10_000) as i64 - 5_000,
        _ => 0,
    };
    let drift = dice.below(2 * MAX_DRIFT_PPM as u64) as i64 - MAX_DRIFT_PPM;
    Machine { off_ms, drift_ppm: if dice.chance(300) { drift } else { 0 } }
}

/// A span of time that may be anything from a moment to minutes.
fn pause(dice: &mut Dice) -> u64 {
    let end = dice.pick(&[2, 30, 30, 200, 200, 4_000, 4_000, 20_000, 60_000]);
    dice.below(end)
}

/// How long a fault lasts: some outlast every patience of the protocol.
fn span(dice: &mut Dice) -> u64 {
    let end = dice.pick(&[100, 2_000, 8_000, 8_000, 30_000, 30_000, 120_000, 420_000]);
    1 + dice.below(end)
}

fn two(dice: &mut Dice, count: usize) -> (usize, usize) {
    let a = dice.below(count as u64) as usize;
    let b = dice.below(count as u64 - 1) as usize;
    (a, if b >= a { b + 1 } else { b })
}

fn deed(dice: &mut Dice, count: usize) -> Action {
    let (node, other) = two(dice, count);
    match dice.below(100) {
        0..50 => {
            let many = if dice.chance(15) { 60 } else { dice.pick(&[1, 1, 1, 3, 5, 10]) };
            let bytes = dice.pick(&[0, 0, 0, 0, 0, 30, 100, 100, 2_000, 16_000]);
            Action::Send { from: node, to: other, count: 1 + dice.below(many), bytes }
        }
        50..62 => Action::Open { node, with: other },
        62..70 => Action::Close { node, with: other },
        70..80 => Action::Read { node, of: other },
        80..84 => Action::Type { node, to: other, on: dice.chance(700) },
        84..90 => Action::Cancel { node, to: other, back: dice.below(3) as usize },
        90..92 => Action::Block { node, who: other },
        92..94 => Action::Unblock { node, who: other },
        94..96 => Action::Leave { node },
        96..98 => Action::Return { node },
        _ => Action::Quit { node, ms: span(dice) },
    }
}

/// A fault that a run has again and again, since many bugs need the same one twice.
struct Theme {
    kind: u64,
    count: usize,
}

fn theme(dice: &mut Dice, count: usize) -> Theme {
    Theme { kind: dice.below(KINDS), count }
}

impl Theme {
    fn fault(&self, dice: &mut Dice) -> Action {
        fault_of(dice, self.count, self.kind)
    }
}

/// Faults that [`fault_of`] knows.
const KINDS: u64 = 14;

fn fault(dice: &mut Dice, count: usize) -> (Action, Option<Action>) {
    let node = dice.below(count as u64) as usize;
    match dice.below(1_000) {
        0..3 => flood(dice, node),
        3..5 => torrent(dice, count),
        5..25 => (impostor(dice, count), None),
        _ => {
            let kind = dice.below(KINDS);
            (fault_of(dice, count, kind), None)
        }
    }
}

fn fault_of(dice: &mut Dice, count: usize, kind: u64) -> Action {
    let (node, other) = two(dice, count);
    let ms = span(dice);
    match kind {
        0 | 1 => Action::Crash {
            node,
            after: dice.below(12) * dice.below(2),
            kept: dice.pick(&[0, 0, 1, 2, 5, 100]),
            ms: span(dice) / 4,
        },
        2 => Action::Weather { weather: weather(dice), ms },
        3 => broker(dice, node, count, ms),
        4 | 5 => wall(dice, (node, other), ms),
        6 => Action::Kill { a: node, b: other, told: dice.chance(500) },
        7 => Action::Stall { a: node, b: other, each_ms: dice.pick(&[50, 400, 3_000]), ms },
        8 => Action::Move { node, noticed: dice.chance(500) },
        9 => Action::SlowDisk {
            node,
            each_ms: dice.pick(&[20, 200, 800, 3_000]),
            ms: ms.min(20_000),
        },
        10 => {
            let refuses =
                dice.pick(&[Refuses::All, Refuses::Messages, Refuses::Half, Refuses::Pages]);
            Action::BadDisk { node, refuses, ms }
        }
        11 => Action::Sleep { node, ms: ms / 2 },
        12 => match dice.below(3) {
            0 => Action::Leap { node, by_ms: dice.pick(&[5_000, 120_000, 6 * 3_600_000]) },
            1 => Action::Leap { node, by_ms: dice.below(40 * DAY_MS) },
            _ => Action::Jump { node, by_ms: jump(dice) },
        },
        _ => Action::CutOff {
            node,
            forget: dice.chance(300),
            unheard_ms: dice.pick(&[0, 0, 1_000, 15_000]),
        },
    }
}

fn jump(dice: &mut Dice) -> i64 {
    let by = match dice.below(3) {
        0 => dice.below(20_000),
        1 => dice.below(60 * DAY_MS),
        _ => dice.below(10 * YEAR_MS as u64),
    } as i64;
    if dice.chance(500) { by } else { -by }
}

fn weather(dice: &mut Dice) -> Weather {
    let mut some = |most: u64| if dice.chance(400) { dice.below(most) } else { 0 };
    Weather {
        lost: some(400),
        twice: some(300),
        echoed: some(200),
        damaged: some(150),
        retained: some(100),
        moved: some(100),
        late_ms: some(900),
    }
}

fn broker(dice: &mut Dice, node: usize, count: usize, ms: u64) -> Action {
    let door = dice.pick(&[Door::Refuses, Door::Silent, Door::RefusesCredentials, Door::Open]);
    match dice.below(3) {
        0 => Action::CutOff { node, forget: true, unheard_ms: 0 },
        1 => Action::Split { side: 1 + dice.below((1 << count) - 2) as u8, ms },
        _ => Action::BrokerDown { door, forget: dice.chance(300), ms },
    }
}

fn wall(dice: &mut Dice, (a, b): (usize, usize), ms: u64) -> Action {
    let (there, back) = dice.pick(&[(true, true), (true, true), (true, false), (false, true)]);
    Action::Wall { a, b, there, back, breaks: dice.chance(500), ms }
}

fn impostor(dice: &mut Dice, count: usize) -> Action {
    let (node, to) = two(dice, count);
    Action::Impostor { node, to, ms: span(dice) }
}

/// More than a slow disk takes in, so that its node stops reading.
fn torrent(dice: &mut Dice, count: usize) -> (Action, Option<Action>) {
    let (from, to) = two(dice, count);
    let slow = Action::SlowDisk { node: to, each_ms: 3_000, ms: 10_000 };
    (slow, Some(Action::Send { from, to, count: 400, bytes: 16_000 }))
}

fn flood(dice: &mut Dice, node: usize) -> (Action, Option<Action>) {
    let with = dice.pick(&[
        Flood::Devices,
        Flood::Candidates,
        Flood::Offers,
        Flood::Gaps,
        Flood::Logs,
        Flood::Garbage,
    ]);
    let flood = |count| Action::Flood { node, with, count };
    match with {
        Flood::Offers => (Action::SlowDisk { node, each_ms: 3_000, ms: 3_000 }, Some(flood(700))),
        Flood::Devices | Flood::Candidates => (flood(200), None),
        Flood::Gaps | Flood::Logs | Flood::Garbage => (flood(3_000), None),
    }
}
