//! A bounded buffer between those who log and the one thread that writes.
//!
//! Nobody who logs ever waits for a terminal: a line that does not fit is dropped and counted. Lines
//! of WARN and ERROR have a reserve of their own, so that a flood of the others cannot push them out.

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How much waits to be written, in bytes. What the writer has taken comes on top: twice as much at worst.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// For all lines.
    pub(crate) ordinary: usize,
    /// On top, for WARN and ERROR.
    pub(crate) reserve: usize,
    /// Of one line.
    pub(crate) line: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            ordinary: 1 << 20,
            reserve: 256 << 10,
            line: 64 << 10,
        }
    }
}

/// Lines that were not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// DEBUG and INFO that did not fit.
    pub(crate) ordinary: u64,
    /// WARN and ERROR that did not fit the reserve either.
    pub(crate) severe: u64,
    /// Those that the stream did not take.
    pub(crate) unwritable: u64,
}

/// The buffer. One thread runs [`Queue::drain_into`].
pub(crate) struct Queue {
    bounds: Bounds,
    state: Mutex<State>,
    filled: Condvar,
    emptied: Condvar,
    ordinary: AtomicU64,
    severe: AtomicU64,
    unwritable: AtomicU64,
}

#[derive(Default)]
struct State {
    pending: Vec<u8>,
    writing: bool,
    /// Dropped since the last report.
    unreported: Dropped,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            state: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            ordinary: AtomicU64::new(0),
            severe: AtomicU64::new(0),
            unwritable: AtomicU64::new(0),
        }
    }

    /// Takes a line, which ends in a line feed, or counts it as dropped. Never waits for the writer.
    pub(crate) fn push(&self, severe: bool, line: &[u8]) {
        let mut state = self.lock();
        let room = self.bounds.ordinary + if severe { self.bounds.reserve } else { 0 };
        if line.len() > self.bounds.line || state.pending.len() + line.len() > room {
            if severe {
                state.unreported.severe += 1;
                self.severe.fetch_add(1, Ordering::Relaxed);
            } else {
                state.unreported.ordinary += 1;
                self.ordinary.fetch_add(1, Ordering::Relaxed);
            }
            return;
        }
        // The writer sleeps only when there was nothing.
        let wake = state.pending.is_empty();
        state.pending.extend_from_slice(line);
        drop(state);
        if wake {
            self.filled.notify_one();
        }
    }

    /// All that was dropped since the start.
    pub(crate) fn dropped(&self) -> Dropped {
        Dropped {
            ordinary: self.ordinary.load(Ordering::Relaxed),
            severe: self.severe.load(Ordering::Relaxed),
            unwritable: self.unwritable.load(Ordering::Relaxed),
        }
    }

    /// Waits until all is written that was pushed before, or `patience` is over. False if it is not.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        while state.writing || !state.pending.is_empty() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return false;
            };
            let woken = self.emptied.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Lets [`Queue::drain_into`] return once it has written what is there.
    #[cfg(test)]
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// Writes what is pushed, for ever. `report` makes a line of what was dropped, as soon as there is room again.
    ///
    /// A stream that fails loses what was to be written, which is counted; the next lines try again.
    pub(crate) fn drain_into(&self, mut out: impl Write, report: impl Fn(&mut Vec<u8>, Dropped)) {
        let mut chunk = Vec::new();
        loop {
            let mut state = self.lock();
            while state.pending.is_empty() {
                if state.closed {
                    return;
                }
                let woken = self.filled.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut chunk, &mut state.pending);
            let unreported = std::mem::take(&mut state.unreported);
            state.writing = true;
            drop(state);

            if unreported != Dropped::default() {
                report(&mut chunk, unreported);
            }
            let written = write_patiently(&mut out, &chunk);
            let lost = chunk[written..]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count() as u64;
            chunk.clear();

            let mut state = self.lock();
            state.writing = false;
            if lost > 0 {
                state.unreported.unwritable += lost;
                self.unwritable.fetch_add(lost, Ordering::Relaxed);
            }
            drop(state);
            self.emptied.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all of `bytes`, also to a stream that somebody has made non-blocking. Returns how many went out.
fn write_patiently(out: &mut impl Write, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        match out.write(&bytes[written..]) {
            Ok(0) => return written,
            Ok(n) => written += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(_) => return written,
        }
    }
    let _ = out.flush();
    written
}
