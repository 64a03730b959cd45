//! The lock that all links of a node take for each of their turns, which are some 20 µs long when there is much to do.

#[cfg(test)]
mod tests;

use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LockResult, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

/// How long somebody waits with its core, at most: about as long as the longest turns. To fall asleep and to be woken
/// again takes more of two cores than the wait for nearly all turns does, and leaves one of them idle meanwhile.
const PATIENCE: Duration = Duration::from_micros(50);
/// Pauses of a processor between two looks, about 0.2 µs: each look takes the lock's cache line from whoever holds it.
const PAUSES: u32 = 10;

/// A mutex where one of those who wait does so with its core for a moment, and sleeps only then. All others sleep at
/// once, so that however many they are, they cost one core at most.
///
/// The value is best aligned to cache lines: whoever waits awake keeps taking that of the mutex itself.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    value: Mutex<T>,
    /// Somebody is waiting awake.
    awake: AtomicBool,
    patience: Duration,
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        // on one core nobody could release what is waited for
        let alone = thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
        let patience = if alone { Duration::ZERO } else { PATIENCE };
        Self::with_patience(value, patience)
    }

    fn with_patience(value: T, patience: Duration) -> Self {
        Self {
            value: Mutex::new(value),
            awake: AtomicBool::new(false),
            patience,
        }
    }

    /// As [`Mutex::lock`].
    #[inline]
    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.look()
            .or_else(|| self.wait_awake())
            .unwrap_or_else(|| self.value.lock())
    }

    /// `None` while somebody else holds it.
    #[inline]
    fn look(&self) -> Option<LockResult<MutexGuard<'_, T>>> {
        match self.value.try_lock() {
            Ok(guard) => Some(Ok(guard)),
            Err(TryLockError::Poisoned(poisoned)) => Some(Err(poisoned)),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// `None` if that takes too long, or somebody else does it already.
    #[cold]
    fn wait_awake(&self) -> Option<LockResult<MutexGuard<'_, T>>> {
        if self.patience.is_zero() || self.awake.swap(true, Ordering::Relaxed) {
            return None;
        }
        let began = Instant::now();
        let got = loop {
            for _ in 0..PAUSES {
                hint::spin_loop();
            }
            let got = self.look();
            if got.is_some() || began.elapsed() >= self.patience {
                break got;
            }
        };
        self.awake.store(false, Ordering::Relaxed);
        got
    }
}
