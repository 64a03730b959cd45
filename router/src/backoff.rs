//! The retry schedule of a peer that we dial.

use core::time::Duration;

use crate::config::Retry;
use crate::random::Random;

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Dial again after this long; it will be try number `attempt`.
    Retry { attempt: u32, delay: Duration },
    /// A round of `attempts` tries is over: dial again after this long, from the start.
    Pause { attempts: u32, pause: Duration },
}

/// Counts failures: `initial`, doubled up to `max`, for `tries` times, then a pause, for ever.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    retry: Retry,
    /// Failures in this round.
    round: u32,
    /// Failures since the last success.
    failures: u32,
    /// Links in a row that were taken from us by somebody else with our id.
    displaced: u32,
}

impl Backoff {
    pub(crate) const fn new(retry: Retry) -> Self {
        Self {
            retry,
            round: 0,
            failures: 0,
            displaced: 0,
        }
    }

    /// Failures since the last success.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) const fn succeeded(&mut self) {
        self.round = 0;
        self.failures = 0;
    }

    /// A try failed.
    pub(crate) fn failed(&mut self, random: &mut Random) -> Next {
        self.failures = self.failures.saturating_add(1);
        self.next(random)
    }

    /// A link that worked went down: the schedule begins, but nothing has failed yet.
    pub(crate) fn lost(&mut self, random: &mut Random) -> Next {
        self.succeeded();
        self.displaced = 0;
        self.next(random)
    }

    /// A link that worked for `lived` was given to somebody else with our id. Whoever takes it back at once loses it at
    /// once, for ever, so the delays grow although each try succeeds; until a link has lived for twice the longest.
    pub(crate) fn displaced(&mut self, random: &mut Random, lived: Duration) -> Next {
        let before = self.displaced;
        let next = self.lost(random);
        if lived < self.retry.max.saturating_mul(2) {
            self.displaced = before.saturating_add(1);
            self.round = before.min(self.retry.tries.saturating_sub(1));
            return self.next(random);
        }
        next
    }

    fn next(&mut self, random: &mut Random) -> Next {
        if self.round >= self.retry.tries {
            self.round = 0;
            return Next::Pause {
                attempts: self.retry.tries,
                pause: self.retry.pause,
            };
        }
        let doubled = 1u32
            .checked_shl(self.round)
            .and_then(|factor| self.retry.initial.checked_mul(factor));
        let delay = doubled.unwrap_or(self.retry.max).min(self.retry.max);
        self.round += 1;
        Next::Retry {
            attempt: self.round,
            delay: self.shorten(delay, random),
        }
    }

    /// Takes up to `jitter` percent off, so that peers that were lost together do not come back together.
    fn shorten(&self, delay: Duration, random: &mut Random) -> Duration {
        let percent = u64::from(self.retry.jitter.min(100));
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let most = nanos / 100 * percent;
        Duration::from_nanos(nanos - random.below(most.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn seconds(next: Next) -> i64 {
        match next {
            Next::Retry { delay, .. } => i64::try_from(delay.as_secs()).unwrap(),
            Next::Pause { pause, .. } => -i64::try_from(pause.as_secs()).unwrap(),
        }
    }

    #[test]
    fn five_tries_then_a_minute_then_again() {
        let mut random = Random::new(1);
        let mut backoff = Backoff::new(Retry {
            jitter: 0,
            ..Retry::default()
        });
        let delays: Vec<_> = (0..8)
            .map(|_| seconds(backoff.failed(&mut random)))
            .collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, -60, 1, 2]);
        assert_eq!(backoff.failures(), 8);
    }

    #[test]
    fn a_success_starts_the_schedule_anew() {
        let mut random = Random::new(1);
        let mut backoff = Backoff::new(Retry {
            jitter: 0,
            ..Retry::default()
        });
        backoff.failed(&mut random);
        backoff.failed(&mut random);
        assert_eq!(seconds(backoff.lost(&mut random)), 1);
        assert_eq!(backoff.failures(), 0);
    }

    #[test]
    fn a_link_that_is_taken_from_us_again_and_again_is_taken_back_more_and_more_slowly() {
        let mut random = Random::new(1);
        let mut backoff = Backoff::new(Retry {
            jitter: 0,
            ..Retry::default()
        });
        let short = Duration::from_secs(3);
        let delays: Vec<_> = (0..7)
            .map(|_| {
                backoff.succeeded();
                seconds(backoff.displaced(&mut random, short))
            })
            .collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 16, 16]);
        let long = Duration::from_secs(32);
        assert_eq!(seconds(backoff.displaced(&mut random, long)), 1);
        assert_eq!(seconds(backoff.displaced(&mut random, short)), 1);
        assert_eq!(seconds(backoff.displaced(&mut random, short)), 2);
        assert_eq!(seconds(backoff.lost(&mut random)), 1, "another reason");
        assert_eq!(seconds(backoff.displaced(&mut random, short)), 1);
    }

    #[test]
    fn the_longest_delay_that_there_is_does_not_overflow() {
        let mut backoff = Backoff::new(Retry {
            initial: Duration::from_secs(1),
            max: Duration::MAX,
            jitter: 0,
            ..Retry::default()
        });
        let short = Duration::from_secs(3);
        assert_eq!(seconds(backoff.displaced(&mut Random::new(1), short)), 1);
    }

    #[test]
    fn jitter_only_shortens_and_by_no_more_than_it_may() {
        let mut random = Random::new(7);
        for _ in 0..1_000 {
            let mut backoff = Backoff::new(Retry::default());
            let Next::Retry { delay, .. } = backoff.failed(&mut random) else {
                panic!("the first failure pauses")
            };
            assert!(
                delay <= Duration::from_secs(1) && delay >= Duration::from_millis(800),
                "{delay:?}"
            );
        }
    }
}
