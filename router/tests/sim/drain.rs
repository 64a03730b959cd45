//! Shutdowns under load: new packets are refused, old ones end, links are closed, and the driver is told that it may stop.

use super::clock::Time;
use super::world::World;

/// How a drain goes.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    since: Time,
    /// What the node says that it leaves unanswered.
    pub unanswered: usize,
    /// Answers that it owed when it closed the links on which they were due.
    pub left: usize,
    pub stopped: bool,
}

impl World {
    /// An operator shuts a node down.
    pub(super) fn shut_down(&mut self, node: u32) {
        let entry = &mut self.nodes[node as usize];
        let now = entry.clock.now(self.now);
        let Some(connector) = entry.connector.as_mut() else {
            return;
        };
        if entry.frozen || entry.drain.is_some() {
            return;
        }
        entry.drain = Some(Drain {
            since: self.now,
            unanswered: 0,
            left: 0,
            stopped: false,
        });
        self.reached.busy_drains += u64::from(connector.in_flight() > 0);
        connector.shutdown(now);
        self.touch(node);
    }

    /// A link of a node that drains is closed, in order: its answers went out before.
    pub(super) fn closes(&mut self, node: u32, seat: u32) {
        if let Some(drain) = &mut self.nodes[node as usize].drain
            && self.checker.books(seat).is_last()
        {
            drain.left += self.checker.owes(seat);
        }
    }

    /// Ends the process of a node that wants to stop.
    pub(super) fn stop_if_drained(&mut self, node: u32) {
        let drained = self.nodes[node as usize]
            .drain
            .filter(|drain| drain.stopped);
        let Some(Drain {
            since,
            unanswered,
            left,
            ..
        }) = drained
        else {
            return;
        };
        let took = self.now - since;
        self.check_drain(node, took, unanswered, left);
        self.reached.drains += 1;
        self.reached.cut_drains += u64::from(unanswered > 0);
        self.go_down(node, false);
    }

    /// Invariant 1, of a drain: it is over in time, and leaves no more unanswered than it says.
    pub fn check_drain(&mut self, node: u32, took: Time, unanswered: usize, left: usize) {
        let timeouts = &self.plan.timeouts;
        let most = (timeouts.shutdown + timeouts.close).as_nanos() as Time;
        // its clock may be slow
        let most = most + most / 1_000;
        if took > most {
            self.checker.fail(1, node, || {
                format!("a drain is over within {most} ns; it took {took}")
            });
        }
        let early = took < self.plan.timeouts.shutdown.as_nanos() as Time * 999 / 1_000;
        if early && unanswered > 0 {
            self.checker.fail(1, node, || {
                format!("a drain waits for packets in flight; with {unanswered} it was over after {took} ns")
            });
        }
        if left > unanswered {
            self.checker.fail(1, node, || {
                format!("a drain that leaves {unanswered} packets in flight leaves no other unanswered; {left} are")
            });
        }
    }
}
