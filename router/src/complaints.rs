//! How often we complain about what others can do to us as often as they like.

use core::time::Duration;

use ilp_proto::Instant;

/// Allows so many complaints at once, and then one in every so often.
#[derive(Clone, Debug)]
pub(crate) struct Complaints {
    burst: u32,
    every: Duration,
    /// How many are allowed now.
    left: u32,
    /// When `left` was last made more.
    since: Instant,
}

impl Complaints {
    /// About one peer: 64 at once, and four a second.
    pub(crate) const fn of_peer(now: Instant) -> Self {
        Self::new(64, Duration::from_millis(250), now)
    }

    /// About all whom we do not know: 256 at once, and 16 a second.
    pub(crate) const fn of_strangers(now: Instant) -> Self {
        Self::new(256, Duration::from_micros(62_500), now)
    }

    const fn new(burst: u32, every: Duration, now: Instant) -> Self {
        Self {
            burst,
            every,
            left: burst,
            since: now,
        }
    }

    /// Whether one more is allowed; if so, it is used.
    pub(crate) fn allow(&mut self, now: Instant) -> bool {
        let every = self.every.as_nanos();
        let earned = now.saturating_duration_since(self.since).as_nanos() / every;
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        if earned >= self.burst - self.left {
            self.left = self.burst;
            self.since = now;
        } else {
            self.left += earned;
            self.since += self.every * earned;
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }

    /// When the next will be allowed, after one was not.
    pub(crate) fn next(&self) -> Instant {
        self.since + self.every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_they_are_few() {
        let mut complaints = Complaints::of_peer(Instant::ZERO);
        let mut now = Instant::ZERO;
        let mut count = 0;
        for _ in 0..10_000 {
            now += Duration::from_millis(1);
            count += u32::from(complaints.allow(now));
        }
        // the clock of the refill starts with the first
        assert_eq!(count, 64 + 39);
        now += Duration::from_secs(100);
        let all = (0..100).filter(|_| complaints.allow(now)).count();
        assert_eq!(all, 64);
    }

    #[test]
    fn the_next_is_allowed_when_it_is_said_to_be() {
        let mut complaints = Complaints::of_peer(Instant::ZERO);
        let now = Instant::ZERO + Duration::from_millis(900);
        while complaints.allow(now) {}
        let next = complaints.next();
        assert!(next > now);
        let before = Instant::from_nanos(next.as_nanos() - 1);
        assert!(!complaints.allow(before) && complaints.allow(next));
    }

    #[test]
    fn those_at_their_own_pace_are_all_allowed() {
        let mut complaints = Complaints::of_peer(Instant::ZERO);
        let mut now = Instant::ZERO;
        for _ in 0..1_000 {
            now += Duration::from_millis(250);
            assert!(complaints.allow(now));
        }
    }
}
