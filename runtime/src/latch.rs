//! A value that is set once and that any number of tasks may wait for.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Set once; everybody who waits gets a clone.
#[derive(Debug)]
pub(crate) struct Latch<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    waiting: BTreeMap<u64, Waker>,
    next: u64,
}

impl<T> Default for Latch<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                value: None,
                waiting: BTreeMap::new(),
                next: 0,
            }),
        }
    }
}

impl<T: Clone> Latch<T> {
    /// Sets the value unless it is set already, and wakes all who wait.
    pub(crate) fn set(&self, value: T) {
        let waiting = {
            let mut state = self.lock();
            if state.value.is_some() {
                return;
            }
            state.value = Some(value);
            std::mem::take(&mut state.waiting)
        };
        for waker in waiting.into_values() {
            waker.wake();
        }
    }

    /// The value, if it is set.
    pub(crate) fn get(&self) -> Option<T> {
        self.lock().value.clone()
    }

    /// Ends when the value is set.
    pub(crate) fn wait(&self) -> Wait<'_, T> {
        let mut state = self.lock();
        state.next += 1;
        Wait {
            latch: self,
            id: state.next,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // no code of others runs under this lock but `T::clone` and `Waker::clone`, and a half-done clone changes nothing
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The future of [`Latch::wait`].
#[derive(Debug)]
pub(crate) struct Wait<'a, T: Clone> {
    latch: &'a Latch<T>,
    id: u64,
}

impl<T: Clone> Future for Wait<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut state = self.latch.lock();
        if let Some(value) = &state.value {
            return Poll::Ready(value.clone());
        }
        let old = state.waiting.insert(self.id, cx.waker().clone());
        // dropping a waker may run code of others
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl<T: Clone> Drop for Wait<'_, T> {
    fn drop(&mut self) {
        let old = self.latch.lock().waiting.remove(&self.id);
        drop(old);
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future;

    use super::*;

    #[test]
    fn everybody_who_waits_gets_the_first_value() {
        let latch = Latch::default();
        let (one, two, ()) = future::block_on(async {
            let both = future::zip(latch.wait(), latch.wait());
            let ((one, two), set) = future::zip(both, async {
                latch.set(7);
                latch.set(8);
            })
            .await;
            (one, two, set)
        });
        assert_eq!((one, two, latch.get()), (7, 7, Some(7)));
    }

    #[test]
    fn a_wait_given_up_leaves_nothing_behind() {
        let latch = Latch::<u8>::default();
        future::block_on(async {
            assert_eq!(future::poll_once(latch.wait()).await, None);
        });
        assert!(latch.lock().waiting.is_empty());
    }
}
