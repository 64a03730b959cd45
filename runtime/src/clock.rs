//! The one clock.

use std::sync::OnceLock;
use std::time::{Instant as StdInstant, SystemTime, UNIX_EPOCH};

use ilp_proto::{Instant, Now, Timestamp};

/// The time as the protocol crates want it.
///
/// The monotonic part counts from the first look at the clock in this process, so that all nodes and
/// clients of a process agree; the wall-clock part is the system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// What time it is.
    #[must_use]
    pub fn now() -> Now {
        static ORIGIN: OnceLock<StdInstant> = OnceLock::new();
        let elapsed = ORIGIN.get_or_init(StdInstant::now).elapsed();
        // 2^64 ns are 584 years of one process
        let mono = Instant::from_nanos(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX));
        Now {
            mono,
            wall: Timestamp::from_millis(unix_millis(SystemTime::now())),
        }
    }
}

/// Milliseconds since 1970, negative before; clamped to what fits.
fn unix_millis(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_clock_does_not_go_backwards() {
        let first = Clock::now();
        let second = Clock::now();
        assert!(first.mono <= second.mono);
    }

    #[test]
    fn a_system_clock_before_1970_is_negative() {
        assert_eq!(
            unix_millis(UNIX_EPOCH - Duration::from_millis(1_500)),
            -1_500
        );
        assert_eq!(
            unix_millis(UNIX_EPOCH + Duration::from_millis(1_500)),
            1_500
        );
    }
}
