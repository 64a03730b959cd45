//! When the supervisor looks at the time: not for each of thousands of links by itself.

use std::time::Duration;

use ilp_proto::Instant;

/// What is due within so long of a round waits for the next one. A node with 10,000 idle peers has 667 deadlines a second, one
/// to ping and one to see an answer for each, and each round costs several system calls and often another thread's wake. The
/// deadlines are for what takes seconds; packets have theirs in ticks of 16.8 ms anyway, and whether an answer came in time
/// is not decided here.
const REST: Duration = Duration::from_millis(16);

/// The last round.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rounds {
    made: Option<Instant>,
}

impl Rounds {
    /// All that was due at `now` was seen to, or as much as one round may.
    pub(crate) fn made(&mut self, now: Instant) {
        self.made = Some(now);
    }

    /// When to make the next one, if something is due at `deadline`.
    pub(crate) fn next(self, deadline: Instant, now: Instant) -> Instant {
        if deadline <= now {
            // the last one was full
            return deadline;
        }
        self.made.map_or(deadline, |made| deadline.max(made + REST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn what_is_due_after_a_rest_is_done_when_it_is_due() {
        let mut rounds = Rounds::default();
        assert_eq!(rounds.next(at(1_000), at(999)), at(1_000));
        rounds.made(at(1_000));
        assert_eq!(rounds.next(at(1_016), at(1_000)), at(1_016));
        assert_eq!(rounds.next(at(31_000), at(1_000)), at(31_000));
    }

    #[test]
    fn what_is_due_within_the_rest_waits_for_its_end() {
        let mut rounds = Rounds::default();
        rounds.made(at(1_000));
        assert_eq!(rounds.next(at(1_001), at(1_000)), at(1_016));
        // whatever else made the supervisor look meanwhile
        assert_eq!(rounds.next(at(1_011), at(1_010)), at(1_016));
    }

    #[test]
    fn what_one_round_has_left_undone_is_done_at_once() {
        let mut rounds = Rounds::default();
        rounds.made(at(1_000));
        assert_eq!(rounds.next(at(1_000), at(1_000)), at(1_000));
    }
}
