//! Virtual time, and what the clocks of the nodes make of it.

use ilp_proto::{Instant, Now, Timestamp};

/// Nanoseconds of virtual time since the run began: what a referee with a perfect clock sees.
pub type Time = u64;

pub const MS: Time = 1_000_000;
pub const SECOND: Time = 1_000 * MS;

/// When virtual time begins; 2026-11-21.
pub const EPOCH: i64 = 1_795_219_200_000;

/// The clocks of one node: a monotonic one that runs a little fast or slow, and a wall clock that may be set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// By how many millionths the monotonic clock is fast.
    pub drift: i32,
    /// By how many milliseconds the wall clock is ahead.
    pub ahead: i64,
}

impl Clock {
    pub fn mono(self, time: Time) -> u64 {
        let drift = i128::from(time) * i128::from(self.drift) / 1_000_000;
        (i128::from(time) + drift) as u64
    }

    pub fn now(self, time: Time) -> Now {
        Now {
            mono: Instant::from_nanos(self.mono(time)),
            wall: Timestamp::from_millis(wall(time) + self.ahead),
        }
    }

    /// The first moment at which the monotonic clock shows `mono` or more.
    pub fn when(self, mono: Instant) -> Time {
        let shown = u128::from(mono.as_nanos());
        let speed = (1_000_000 + i64::from(self.drift)) as u128;
        let mut time = (shown * 1_000_000 / speed).saturating_sub(2) as Time;
        while self.mono(time) < mono.as_nanos() && time < Time::MAX {
            time += 1;
        }
        time
    }
}

/// The right wall-clock time.
pub const fn wall(time: Time) -> i64 {
    EPOCH + (time / MS) as i64
}

#[test]
fn a_deadline_is_met_at_the_first_moment_that_a_drifting_clock_shows_it() {
    for drift in [-200, -1, 0, 1, 200] {
        let clock = Clock { drift, ahead: 0 };
        for shown in [0, 1, 7, 999_999, 1_000_001, 300 * SECOND + 12_345] {
            let time = clock.when(Instant::from_nanos(shown));
            assert!(clock.mono(time) >= shown, "{drift} {shown}");
            assert!(time == 0 || clock.mono(time - 1) < shown, "{drift} {shown}");
        }
    }
}
