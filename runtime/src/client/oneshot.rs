//! One value from one task to another.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The two ends. The receiver ends with `None` if the sender is dropped without sending.
pub(super) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let slot = Arc::new(Mutex::new(Slot {
        state: State::Waiting(None),
    }));
    (Sender(Arc::clone(&slot)), Receiver(slot))
}

struct Slot<T> {
    state: State<T>,
}

enum State<T> {
    Waiting(Option<Waker>),
    Sent(Option<T>),
}

fn lock<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    // no code of others runs under this lock but `Waker::clone`
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct Sender<T>(Arc<Mutex<Slot<T>>>);

impl<T> Sender<T> {
    pub(super) fn send(self, value: T) {
        self.finish(Some(value));
    }

    fn finish(&self, value: Option<T>) {
        let mut slot = lock(&self.0);
        if let State::Waiting(waker) = &mut slot.state {
            let waker = waker.take();
            slot.state = State::Sent(value);
            drop(slot);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.finish(None);
    }
}

pub(super) struct Receiver<T>(Arc<Mutex<Slot<T>>>);

impl<T> Future for Receiver<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = lock(&self.0);
        match &mut slot.state {
            State::Sent(value) => Poll::Ready(value.take()),
            State::Waiting(waker) => {
                let old = waker.replace(cx.waker().clone());
                // dropping a waker may run code of others
                drop(slot);
                drop(old);
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_once, zip};

    use super::*;

    #[test]
    fn the_receiver_gets_what_is_sent() {
        let (sender, receiver) = channel();
        let (value, ()) = block_on(zip(receiver, async { sender.send(7) }));
        assert_eq!(value, Some(7));
    }

    #[test]
    fn a_dropped_sender_is_noticed() {
        let (sender, mut receiver) = channel::<u8>();
        assert_eq!(block_on(poll_once(&mut receiver)), None);
        drop(sender);
        assert_eq!(block_on(receiver), None);
    }
}
