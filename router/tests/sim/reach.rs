//! What a run came to: a feature that is simulated and silently never happens proves nothing.

use super::check::Checked;

/// How often things happened that only some runs come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Nodes that learned their address from their parent: at their start, or after a new one.
    pub learned: u64,
    /// The same by a node that had been started before.
    pub learned_again: u64,
    /// Wallets that were told their address, the right one.
    pub told: u64,
    /// Packets in flight on a link that was lost, and rejected at once.
    pub given_up: u64,
    /// Drains that ended in order.
    pub drains: u64,
    /// Drains that began with packets in flight.
    pub busy_drains: u64,
    /// Drains that ended with packets in flight.
    pub cut_drains: u64,
    /// Links that a node closed since the other side did not read.
    pub stalled: u64,
    /// Reads of several messages that were handed over at once, and those with PREPAREs and FULFILLs among them.
    pub reads: u64,
    pub mixed_reads: u64,
}

impl Reached {
    /// All of it by name, with what the referee counted.
    pub fn each(&self, checked: &Checked) -> [(&'static str, u64); 17] {
        [
            ("detours", checked.detours),
            ("addressesLearned", self.learned),
            ("addressesLearnedAgain", self.learned_again),
            ("addressesTold", self.told),
            ("givenUpOnLoss", self.given_up),
            ("drains", self.drains),
            ("drainsWithPackets", self.busy_drains),
            ("drainsCutShort", self.cut_drains),
            ("refusedByDrain", checked.drained),
            ("stalled", self.stalled),
            ("readsOfSeveral", self.reads),
            ("readsOfBothKinds", self.mixed_reads),
            ("converted", checked.converted),
            ("noRate", checked.no_rate),
            ("tooSmall", checked.too_small),
            ("tooLarge", checked.too_large),
            ("overBalance", checked.over_balance),
        ]
    }
}
