//! Makes a plan that fails small: leaves out actions, as long as it still fails.

use crate::plan::Plan;

/// A plan is run at most so often while it is made small.
const MAX_RUNS: usize = 3_000;

/// The smallest plan found of which `fails` still says so.
pub fn shrink(plan: &Plan, mut fails: impl FnMut(&Plan) -> bool) -> Plan {
    let mut best = plan.clone();
    let mut runs = 0;
    let mut fails = |plan: &Plan| {
        runs += 1;
        runs <= MAX_RUNS && fails(plan)
    };
    let mut chunk = best.actions.len().div_ceil(2).max(1);
    loop {
        let before = best.actions.len();
        leave_out(&mut best, chunk, &mut fails);
        if chunk == 1 && best.actions.len() == before {
            break;
        }
        chunk = chunk.div_ceil(2).max(1);
    }
    simplify_setting(&mut best, &mut fails);
    best
}

/// Leaves out `chunk` actions at a time, keeping the moment at which all faults stop.
fn leave_out(best: &mut Plan, chunk: usize, fails: &mut impl FnMut(&Plan) -> bool) {
    let mut at = best.actions.len();
    while at > 0 {
        let from = at.saturating_sub(chunk);
        let end = best.end_ms();
        let mut tried = best.clone();
        tried.actions.drain(from..at);
        tried.setting.tail_ms = end - tried.actions.last().map_or(0, |last| last.at);
        if fails(&tried) {
            *best = tried;
        }
        at = from;
    }
}

/// Clocks that are right, nobody who plays no part, no wait for nothing.
fn simplify_setting(best: &mut Plan, fails: &mut impl FnMut(&Plan) -> bool) {
    let changes: [fn(&mut Plan); 10] = [
        |plan| plan.setting.nodes.truncate(plan.people()),
        |plan| plan.setting.nodes.iter_mut().for_each(|node| node.off_ms = 0),
        |plan| plan.setting.nodes.iter_mut().for_each(|node| node.drift_ppm = 0),
        |plan| plan.setting.window = 8_192,
        |plan| plan.setting.sessions = 64,
        |plan| plan.setting.pause_bytes = 1 << 20,
        |plan| plan.setting.idle_secs = 600,
        |plan| plan.setting.replayed = false,
        |plan| plan.setting.goes_on = false,
        |plan| plan.setting.tail_ms = 1_000,
    ];
    for change in changes {
        let mut tried = best.clone();
        change(&mut tried);
        if tried != *best && fails(&tried) {
            *best = tried;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::draw;
    use crate::plan::{Action, Timed};

    #[test]
    fn what_does_not_matter_is_left_out() {
        let mut plan = draw(7);
        let block = Timed { at: 3, action: Action::Block { node: 1, who: 0 } };
        let leave = Timed { at: plan.end_ms(), action: Action::Leave { node: 0 } };
        plan.actions.insert(plan.actions.len() / 2, block.clone());
        plan.actions.push(leave.clone());
        let both = |plan: &Plan| plan.actions.contains(&block) && plan.actions.contains(&leave);
        let small = shrink(&plan, both);
        assert_eq!(small.actions, [block.clone(), leave.clone()]);
        assert_eq!(small.setting.tail_ms, 1_000);
        assert!(small.setting.nodes.iter().all(|node| node.off_ms == 0 && node.drift_ppm == 0));
    }
}
