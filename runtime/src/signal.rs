//! How one task tells another that there is something to do.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;

/// Bits that others raise and one task takes.
///
/// Raising (cheap, fit for doing under a lock) and waking (which may run the scheduler) are two steps.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    bits: AtomicU8,
    waker: AtomicWaker,
}

impl Signal {
    /// There may be something to send.
    pub(crate) const WRITABLE: u8 = 1;
    /// The socket may be read again.
    pub(crate) const READABLE: u8 = 2;
    /// Anything else: look.
    pub(crate) const LOOK: u8 = 4;
    /// Stop at once. Stays raised for ever.
    pub(crate) const STOP: u8 = 8;

    /// Raises `bit`; true if it was down, so that the task must be woken.
    #[must_use]
    pub(crate) fn raise(&self, bit: u8) -> bool {
        self.bits.fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    /// Wakes the task.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Raises `bit` and wakes the task.
    pub(crate) fn send(&self, bit: u8) {
        if self.raise(bit) {
            self.wake();
        }
    }

    /// Makes `cx` the task to be woken; call it before [`take`](Self::take), or a wake is lost.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.waker.register(cx.waker());
    }

    /// What is raised; lowers all but [`STOP`](Self::STOP).
    pub(crate) fn take(&self) -> u8 {
        self.bits.fetch_and(Self::STOP, Ordering::AcqRel)
    }

    /// Lowers `bit`.
    pub(crate) fn lower(&self, bit: u8) {
        self.bits.fetch_and(!bit, Ordering::AcqRel);
    }

    /// Ends when [`STOP`](Self::STOP) is raised; takes nothing.
    pub(crate) async fn stopped(&self) {
        poll_fn(|cx| {
            self.register(cx);
            if self.bits.load(Ordering::Acquire) & Self::STOP == 0 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn a_second_raise_asks_for_no_second_wake() {
        let signal = Signal::default();
        assert!(signal.raise(Signal::WRITABLE));
        assert!(!signal.raise(Signal::WRITABLE));
        assert_eq!(signal.take(), Signal::WRITABLE);
        assert!(signal.raise(Signal::WRITABLE));
    }

    #[test]
    fn stop_stays() {
        let signal = Signal::default();
        signal.send(Signal::STOP);
        assert_eq!(signal.take(), Signal::STOP);
        assert_eq!(signal.take(), Signal::STOP);
    }

    #[test]
    fn a_stop_from_another_thread_ends_the_wait() {
        let signal = Arc::new(Signal::default());
        let other = Arc::clone(&signal);
        let thread = thread::spawn(move || other.send(Signal::STOP));
        futures_lite::future::block_on(signal.stopped());
        thread.join().unwrap();
    }
}
