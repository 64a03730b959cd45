//! What is done for strangers: one step of one of them at a time.
//!
//! Hundreds of connections that have not said yet whose they are can have something to read at the same moment. Were
//! each a task of its own, a peer's packet that comes a moment later would wait for all of them. So they are one task
//! together: it does one step for one of them, and then others have their turn.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use atomic_waker::AtomicWaker;

use crate::turns;

/// All that happens to one stranger. It must not panic.
pub(crate) type Guest = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where strangers come in. Once it is dropped, and the last of them has gone, the [`Reception`] ends.
pub(crate) struct Door(Arc<Hall>);

/// A future that polls its guests, one whenever it is polled itself: in the order in which they were woken.
pub(crate) struct Reception {
    guests: BTreeMap<u64, (Guest, Arc<Bell>)>,
    hall: Arc<Hall>,
}

/// What both know. No guest is dropped under its lock, nor polled.
#[derive(Default)]
struct Hall {
    state: Mutex<State>,
    /// Wakes the reception; it is there only while that has nothing to do.
    reception: AtomicWaker,
}

#[derive(Default)]
struct State {
    last: u64,
    /// Those that the reception has not seen yet.
    arrived: Vec<(u64, Guest)>,
    /// Who wants to be polled: each is in here once at most.
    woken: VecDeque<u64>,
    closed: bool,
}

impl Hall {
    fn lock(&self) -> MutexGuard<'_, State> {
        // nothing under this lock panics but for want of memory
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By which a guest is woken.
struct Bell {
    guest: u64,
    rung: AtomicBool,
    hall: Arc<Hall>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.hall.lock().woken.push_back(self.guest);
            self.hall.reception.wake();
        }
    }
}

/// A door and what is behind it.
pub(crate) fn open() -> (Door, Reception) {
    let hall = Arc::<Hall>::default();
    let reception = Reception {
        guests: BTreeMap::new(),
        hall: Arc::clone(&hall),
    };
    (Door(hall), reception)
}

impl Door {
    pub(crate) fn enter(&self, guest: Guest) {
        let mut state = self.0.lock();
        state.last += 1;
        let id = state.last;
        state.arrived.push((id, guest));
        state.woken.push_back(id);
        drop(state);
        self.0.reception.wake();
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.reception.wake();
    }
}

/// What the reception finds when it looks.
enum Look {
    /// This one's step is next.
    Woken(u64),
    /// The same, but one has had its step already.
    More,
    Nobody,
    Closed,
}

impl Reception {
    fn look(&mut self, served: bool) -> Look {
        let mut state = self.hall.lock();
        for (id, guest) in state.arrived.drain(..) {
            let bell = Bell {
                guest: id,
                // it is among the woken
                rung: AtomicBool::new(true),
                hall: Arc::clone(&self.hall),
            };
            self.guests.insert(id, (guest, Arc::new(bell)));
        }
        if served && !state.woken.is_empty() {
            return Look::More;
        }
        match state.woken.pop_front() {
            Some(id) => Look::Woken(id),
            None if state.closed && self.guests.is_empty() => Look::Closed,
            None => Look::Nobody,
        }
    }

    /// False if there is no such guest any more.
    fn serve(&mut self, id: u64) -> bool {
        let Some((guest, bell)) = self.guests.get_mut(&id) else {
            return false;
        };
        // whoever rings while it is polled wants to be polled again
        bell.rung.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(bell));
        if guest
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
        {
            self.guests.remove(&id);
        }
        true
    }
}

impl Future for Reception {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let (mut served, mut waits) = (false, false);
        loop {
            match this.look(served) {
                Look::Closed => return Poll::Ready(()),
                Look::Nobody if waits => return Poll::Pending,
                Look::Nobody => {
                    // and once more, or a bell might go unheard
                    this.hall.reception.register(cx.waker());
                    waits = true;
                }
                Look::More => {
                    turns::another(cx.waker());
                    return Poll::Pending;
                }
                Look::Woken(id) => served = this.serve(id),
            }
        }
    }
}
