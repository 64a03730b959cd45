//! One run: connect, send while things go wrong, repair, converge, prove that traffic flows, be silent.

use std::collections::BTreeMap;

use super::Spec;
use super::audit::IDLE_PEER;
use super::check::{Checked, Violation};
use super::clock::{MS, SECOND, Time};
use super::heap;
use super::reach::Reached;
use super::trace::Hash;
use super::world::{Counts, World};

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Connect,
    Send,
    Converge,
    Probe,
    Idle,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub spec: Spec,
    pub violation: Option<Violation>,
    pub hash: Hash,
    /// When it ended.
    pub time: Time,
    pub edges: usize,
    pub counts: Counts,
    pub checked: Checked,
    pub reached: Reached,
    pub sent: u64,
    pub fulfilled: u64,
    pub rejected: u64,
    pub failed: u64,
    /// Of those that were fulfilled, on average.
    pub took: Time,
    pub codes: BTreeMap<String, u64>,
    /// After the last fault until every pair was connected.
    pub converged: Option<Time>,
    /// Bytes on the heap for each node and for each seat of a node, when all was over and idle; 0 without a counter.
    pub node_bytes: usize,
    pub peer_bytes: usize,
}

impl Outcome {
    /// What failed, and how to see it again.
    pub fn report(&self) -> Option<String> {
        let Violation {
            invariant,
            node,
            what,
        } = self.violation.as_ref()?;
        let (seconds, nanos) = (self.time / SECOND, self.time % SECOND);
        let command = self.spec.command();
        Some(format!(
            "invariant {invariant} does not hold at n{node}, {seconds}.{nanos:09} s, seed {}\n  expected {what}\n  again: {command}\n  more: --trace-node {node}, --trace-from {}",
            self.spec.seed,
            seconds.saturating_sub(1)
        ))
    }
}

/// Runs it; `progress` is told now and then how far it is.
pub fn run(spec: &Spec, progress: &mut dyn FnMut(Phase, &World)) -> Outcome {
    let before = heap::live();
    let mut world = World::new(spec);
    let mut converged = None;
    let mut held = 0;
    let good = world.connect(progress)
        && world.load(progress)
        && world.converge(progress, &mut converged)
        && world.probe(progress)
        && world.idle(progress);
    if good {
        held = heap::live().saturating_sub(before);
        world.check_memory(held);
    }
    let peers: usize = world.nodes.iter().map(|node| node.seats.len()).sum();
    let traffic = &world.traffic;
    Outcome {
        spec: spec.clone(),
        violation: world.checker.violation().cloned(),
        hash: world.hash,
        time: world.now,
        edges: world.plan.graph.edges.len(),
        counts: world.counts,
        checked: world.checker.stats,
        reached: world.reached,
        sent: traffic.sent,
        fulfilled: traffic.fulfilled,
        rejected: traffic.rejected,
        failed: traffic.failed,
        took: (traffic.took / u128::from(traffic.fulfilled.max(1))) as Time,
        codes: traffic.codes.clone(),
        converged,
        node_bytes: held / spec.nodes.max(1),
        peer_bytes: held / peers.max(1),
    }
}

type Progress<'a> = &'a mut dyn FnMut(Phase, &World);

impl World {
    fn steps(
        &mut self,
        phase: Phase,
        until: Time,
        step: Time,
        progress: Progress<'_>,
        mut done: impl FnMut(&Self) -> bool,
    ) -> bool {
        while self.now < until && !done(self) {
            progress(phase, self);
            if !self.run_until((self.now + step).min(until)) {
                return false;
            }
        }
        true
    }

    pub(super) fn connect(&mut self, progress: Progress<'_>) -> bool {
        // a node takes so many strangers at a time, the rest come again
        let all_up = |world: &Self| world.disconnected().is_none() && world.nameless().is_none();
        // an address comes down from parent to child, every 5 s a step if it is asked for too early
        self.steps(Phase::Connect, 120 * SECOND, SECOND / 2, progress, all_up)
            && self.expect_connected("120 s after the start")
    }

    fn expect_connected(&mut self, when: &str) -> bool {
        if let Some((node, seat)) = self.disconnected() {
            let other = match self.owner(seat ^ 1) {
                Ok(other) => format!("n{other}"),
                Err(_) => "its wallet".into(),
            };
            self.checker.fail(7, node, || {
                format!("every pair of neighbours is connected {when}; n{node} and {other} are not")
            });
            return false;
        }
        if let Some(node) = self.nameless() {
            self.checker.fail(7, node, || {
                format!("every node has its address {when}; n{node} has none")
            });
            return false;
        }
        true
    }

    pub(super) fn load(&mut self, progress: Progress<'_>) -> bool {
        self.begin_faults();
        self.send_up_to(self.spec.packets);
        let goal = self.spec.packets;
        let enough = |world: &Self| world.traffic.sent >= goal;
        let good = self.steps(Phase::Send, Time::MAX, SECOND / 4, progress, enough);
        self.end_faults();
        good && self.checker.violation().is_none()
    }

    pub(super) fn converge(
        &mut self,
        progress: Progress<'_>,
        converged: &mut Option<Time>,
    ) -> bool {
        let start = self.now;
        let bound = self.plan.retry_bound().as_nanos() as Time;
        let mut up = None;
        let good = self.steps(Phase::Converge, start + bound, SECOND, progress, |world| {
            up = match world.disconnected().is_none() && world.nameless().is_none() {
                true => up.or(Some(world.now - start)),
                false => None,
            };
            false
        });
        *converged = up;
        good && self.expect_connected("within the retry bound after the last fault")
    }

    /// Invariant 7, its second half: traffic flows, between so many pairs.
    pub(super) fn probe(&mut self, progress: Progress<'_>) -> bool {
        self.give_up(self.now);
        let (fulfilled, rejected) = (self.traffic.fulfilled, self.traffic.codes.clone());
        let nodes = self.nodes.len() as u32;
        // small limits leave no room for all of them at once
        let rough = self.spec.faults.is_on();
        let (most, gap) = if rough {
            (200, SECOND / 10)
        } else {
            (1_000, 0)
        };
        let count = nodes.min(most);
        let mut sent = 0;
        for probe in 0..count {
            let from = (u64::from(probe) * u64::from(nodes) / u64::from(count)) as u32;
            let near = u64::from(nodes.min(15)) - 1;
            let to = (from + 1 + self.noise.below(near) as u32) % nodes;
            let code = |node| self.plan.asset_of_wallet(node).code;
            let trades = code(from) == "USD" && code(to) == "USD";
            if to != from && trades && self.plan.is_within_reach(from, to) {
                let amount = self.probe_amount(from);
                self.pay(from, to, 30 * SECOND, amount, false);
                sent += 1;
            }
            if gap > 0 && !self.run_until(self.now + gap) {
                return false;
            }
        }
        let until = self.now + 30 * SECOND;
        if !self.steps(Phase::Probe, until, SECOND, progress, |world| {
            world.traffic.open() == 0
        }) {
            return false;
        }
        let good = self.traffic.fulfilled - fulfilled;
        if good < sent {
            let codes = &self.traffic.codes;
            let new: Vec<_> = codes
                .iter()
                .filter(|(code, count)| rejected.get(*code) != Some(count))
                .map(|(code, _)| code.clone())
                .collect();
            self.checker.fail(7, 0, || format!("{sent} of {sent} packets are fulfilled once all is well; {good} were (rejects: {new:?})"));
        }
        good >= sent
    }

    /// Invariant 6, its second half: an idle node is silent, but for keepalive. And invariant 4: nothing is left.
    pub(super) fn idle(&mut self, progress: Progress<'_>) -> bool {
        // what took part in the probe may still answer a ping
        if !self.steps(Phase::Idle, self.now + 5 * SECOND, SECOND, progress, |_| {
            false
        }) {
            return false;
        }
        self.sweep_records();
        self.audit_idle();
        let (messages, controls) = (self.counts.messages, self.counts.controls);
        let wakes: Vec<u64> = self.nodes.iter().map(|node| node.wakes).collect();
        let window = 65 * SECOND;
        if !self.steps(Phase::Idle, self.now + window, SECOND, progress, |_| false) {
            return false;
        }
        let ends: u64 = self.nodes.iter().map(|node| node.seats.len() as u64).sum();
        let spoken = self.counts.messages - messages;
        self.check_silence(spoken, self.counts.controls - controls, 6 * ends);
        for (node, before) in wakes.into_iter().enumerate() {
            let (now, peers) = (self.nodes[node].wakes, self.nodes[node].seats.len() as u64);
            self.check_wakes(node as u32, now - before, peers);
        }
        self.sweep_records();
        self.audit_idle();
        self.checker.violation().is_none()
    }

    /// In 65 s each end of a link sends up to three pings and three pongs.
    pub fn check_silence(&mut self, messages: u64, controls: u64, most: u64) {
        if messages > 0 || controls > most {
            self.checker.fail(6, 0, || format!("idle nodes send no messages and at most {most} pings and pongs in 65 s; they sent {messages} and {controls}"));
        }
    }

    /// A link's timer fires when a ping is due and when its answer is, and a little for what has been lazy.
    pub fn check_wakes(&mut self, node: u32, wakes: u64, peers: u64) {
        let most = 10 * peers + 5;
        if wakes > most {
            self.checker.fail(6, node, || format!("an idle node with {peers} peers wakes at most {most} times in 65 s; it woke {wakes} times"));
        }
    }

    pub fn check_memory(&mut self, held: usize) {
        let peers: usize = self.nodes.iter().map(|node| node.seats.len()).sum();
        let most = peers * IDLE_PEER;
        if held > most {
            self.checker.fail(5, 0, || {
                format!(
                    "at most {IDLE_PEER} bytes for an idle peer, {most} in all; they hold {held}"
                )
            });
        }
    }
}
