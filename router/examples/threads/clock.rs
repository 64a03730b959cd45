//! The time, and how to wait for it.

use std::process;
use std::sync::{Condvar, MutexGuard, OnceLock};
use std::time::{Duration, Instant as StdInstant, SystemTime};

use ilp_proto::{Instant, Now, Timestamp};

use super::Node;

/// The time as a connector wants it: the monotonic part counts from the first call.
pub(crate) fn now() -> Now {
    static ORIGIN: OnceLock<StdInstant> = OnceLock::new();
    let elapsed = ORIGIN.get_or_init(StdInstant::now).elapsed();
    let unix = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Now {
        mono: Instant::ZERO + elapsed,
        wall: Timestamp::from_millis(0).saturating_add(unix),
    }
}

impl Node {
    /// The timer thread.
    pub(super) fn keep_time(&self) {
        let mut core = self.lock();
        while !core.stopped {
            let now = now();
            core.armed = core.connector.poll_timeout();
            match core.armed.map(|at| at.saturating_duration_since(now.mono)) {
                Some(Duration::ZERO) => {
                    core.connector.handle_timeout(now);
                    self.settle(&mut core);
                }
                left => core = sleep(&self.0.news, core, left),
            }
        }
    }
}

/// Lets go of the lock until somebody calls, or for `limit`; may end for no reason.
pub(super) fn sleep<'a, T>(
    bell: &Condvar,
    guard: MutexGuard<'a, T>,
    limit: Option<Duration>,
) -> MutexGuard<'a, T> {
    match limit {
        Some(limit) => bell
            .wait_timeout(guard, limit)
            .map_or_else(|_| process::abort(), |(guard, _)| guard),
        None => bell.wait(guard).unwrap_or_else(|_| process::abort()),
    }
}
