//! Those who have had their turn and want another, while others have had none yet.
//!
//! An executor with one queue for everything lets a message that has just arrived wait for all those who are at work on
//! hundreds. tokio keeps apart what it hears from sockets; executors that do not can do the same with what is kept here.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// For how many long turns one brief turn keeps them shorter, and all brief turns together: whoever sends a packet now and
/// then changes little for those who send thousands; some thousands a second keep them short.
const SHORTENED: (u32, u32) = (16, 1_024);

thread_local! {
    static KEPT: RefCell<Option<VecDeque<Waker>>> = const { RefCell::new(None) };
    /// Long turns that are yet to be shorter.
    static SHORT: Cell<u32> = const { Cell::new(0) };
}

/// Whether long turns on this thread shall be shorter, because others have brief ones.
pub(crate) fn are_short() -> bool {
    SHORT.get() > 0
}

/// A turn took as long as one may.
pub(crate) fn was_long() {
    SHORT.set(SHORT.get().saturating_sub(1));
}

/// A turn was so brief that whoever had it waits mostly for others.
pub(crate) fn was_brief() {
    SHORT.set((SHORT.get() + SHORTENED.0).min(SHORTENED.1));
}

/// For a worker thread of an executor: from here on, tasks that want another turn are not woken but kept until
/// [`next`] gives them out.
pub fn keep() {
    KEPT.with_borrow_mut(|kept| _ = kept.get_or_insert_default());
}

/// Of those that this thread keeps, who has waited longest. Wake it soon; at the latest when nothing else is to be done.
#[must_use]
pub fn next() -> Option<Waker> {
    KEPT.with_borrow_mut(|kept| kept.as_mut()?.pop_front())
}

/// Whether this thread keeps anybody: whoever wants more than one turn has had a long one.
#[must_use]
pub fn wanted() -> bool {
    kept() > 0
}

/// How many turns this thread keeps. Somebody who was woken and polled meanwhile, and wants yet another one, counts twice.
pub(crate) fn kept() -> usize {
    KEPT.with_borrow(|kept| kept.as_ref().map_or(0, VecDeque::len))
}

/// Asks for another turn.
pub(crate) fn another(waker: &Waker) {
    let wake_now = KEPT.with_borrow_mut(|kept| match kept {
        Some(kept) => {
            kept.push_back(waker.clone());
            false
        }
        None => true,
    });
    if wake_now {
        waker.wake_by_ref();
    }
}

/// Lets others have their turn. For tasks that have done as much at once as one should, and have more to do.
pub async fn pass() {
    let mut passed = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        another(cx.waker());
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_wants_another_turn_is_kept_only_where_somebody_gives_it_out() {
        let count = Arc::<Count>::default();
        let waker = Waker::from(Arc::clone(&count));
        another(&waker);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(next().is_none());
        keep();
        assert!(!wanted());
        another(&waker);
        assert!(wanted());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        next().unwrap().wake();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        assert!(!wanted());
        assert!(next().is_none());
    }

    #[test]
    fn a_brief_turn_keeps_so_many_long_ones_short() {
        assert!(!are_short());
        was_brief();
        for _ in 0..SHORTENED.0 {
            assert!(are_short());
            was_long();
        }
        assert!(!are_short());
        for _ in 0..SHORTENED.1 {
            was_brief();
        }
        for _ in 0..SHORTENED.1 {
            assert!(are_short());
            was_long();
        }
        assert!(!are_short());
    }
}
