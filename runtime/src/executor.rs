//! Tasks that stay on one worker as long as there is nobody to help it: an executor for adapters, whose threads see to sockets
//! and time between two polls ([`Seat::work`]).
//!
//! Each worker has a queue, and each task a *home*, the worker that polls it whenever it is woken. What a link's
//! state and its socket have in a core's cache stays there, and a task that is woken by another one of the same worker
//! costs no system call. (One queue for all, of which each worker takes the next task, wakes a second worker for each, and
//! has whatever two tasks share in both cores by turns.)
//!
//! - **Order**: a worker polls tasks in the order in which they were woken. A task that is woken while it is polled is polled
//!   again. No task is in a queue twice, so that queues are no longer than there are tasks.
//! - **Work is not left lying**: a worker that has nothing to do takes over a task that waits while its home polls
//!   another one, and is woken for that if it sleeps. Not if that one is the task's *partner*, by which it was woken most of late: the
//!   two ends of a conversation wait for each other anyway.
//! - **Moving**: what is taken over lives there from then on, but moves no more often than every 10 ms; until then it
//!   is a guest. Two tasks that wake hardly anybody but each other are *paired*: one follows the other. Any other task
//!   is polled by the worker that wakes it, if that one has nothing else to do and its home sleeps.
//! - **Fairness**: whatever waits is polled before any task again that has just been. Whose turn is how long is the tasks' own affair.
//! - **End**: when the executor is dropped so are all tasks, wherever they are. A panic of a task ends that task.

mod abode;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use async_task::Builder;
use atomic_waker::AtomicWaker;
use futures_lite::future;

use abode::{Abode, Polled};

use crate::turns;

/// How many milliseconds a task lives where it has come to, at least.
const SETTLED: u64 = 10;
/// How many of those that wait are looked at for one to take over.
const LOOKED_AT: usize = 8;
/// Polls of tasks that were woken, after which one that wants another turn gets it in any case; and how many may want one before it
/// is fewer. With hundreds of busy links there is always somebody who was just woken, and the others must not wait for
/// sixteen of those each.
const FRESH: (usize, usize) = (16, 4);

type Runnable = async_task::Runnable<Abode>;

thread_local! {
    static HERE: Cell<Option<Here>> = const { Cell::new(None) };
}

/// What this thread is at.
#[derive(Clone, Copy)]
struct Here {
    /// The address of its executor's shared part: there may be others in the process.
    executor: usize,
    worker: usize,
    /// The task that is polled.
    task: Option<Polled>,
}

/// Tasks, and the queues of so many workers. The tasks are dropped with it.
pub struct Executor {
    shared: Arc<Shared>,
}

struct Shared {
    workers: Box<[Worker]>,
    /// How many of them sleep.
    asleep: AtomicUsize,
    /// By which all tasks that have not ended can be reached.
    tasks: Mutex<BTreeMap<u64, Waker>>,
    last_id: AtomicU64,
    origin: Instant,
    /// [`SETTLED`], in milliseconds.
    settled: u64,
}

/// Aligned to cache lines, in the pairs that processors fetch them in.
#[derive(Default)]
#[repr(align(128))]
struct Worker {
    queue: Mutex<VecDeque<Runnable>>,
    /// The task that it polls, or 0.
    polls: AtomicU64,
    asleep: AtomicBool,
    waker: AtomicWaker,
}

impl Worker {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Runnable>> {
        // nothing under this lock panics but for want of memory
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Executor {
    /// For so many workers, one at least. Nothing is polled before they have taken their [seats](Self::seat).
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self::with(workers, SETTLED)
    }

    fn with(workers: usize, settled: u64) -> Self {
        let shared = Shared {
            workers: (0..workers).map(|_| Worker::default()).collect(),
            asleep: AtomicUsize::new(0),
            tasks: Mutex::default(),
            last_id: AtomicU64::new(0),
            origin: Instant::now(),
            settled,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Runs `future` beside all others until it ends. Its home is the worker that spawns it, or the first one.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let shared = &self.shared;
        let home = shared.here().map_or(0, |here| here.worker);
        let id = shared.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let abode = Abode::new(id, home, shared.now());
        let (ends, schedules) = (Arc::clone(shared), Arc::clone(shared));
        // beside it, not around it: futures that others are moved into keep room for both
        let future = future::or(future, Entry { shared: ends, id });
        let (task, handle) = Builder::new()
            .propagate_panic(true)
            .metadata(abode)
            .spawn(|_| future, move |task| schedules.schedule(task));
        shared.tasks().insert(id, task.waker());
        task.schedule();
        // it tells its end by itself
        handle.detach();
    }

    /// For the thread that is worker number `worker`, from 0, which keeps it as long as it polls tasks.
    ///
    /// # Panics
    /// When there is no such worker.
    #[must_use]
    pub fn seat(&self, worker: usize) -> Seat {
        let shared = Arc::clone(&self.shared);
        assert!(worker < shared.workers.len(), "no worker {worker}");
        HERE.set(Some(Here {
            executor: shared.address(),
            worker,
            task: None,
        }));
        Seat { shared, worker }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        let tasks = std::mem::take(&mut *self.shared.tasks());
        // whatever was not in a queue is now
        for waker in tasks.into_values() {
            waker.wake();
        }
        for worker in &self.shared.workers {
            loop {
                let task = worker.queue().pop_front();
                if task.is_none() {
                    break;
                }
            }
        }
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("workers", &self.shared.workers.len())
            .finish_non_exhaustive()
    }
}

/// A task's place among those that can be reached. Never ready.
struct Entry {
    shared: Arc<Shared>,
    id: u64,
}

impl Future for Entry {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let waker = self.shared.tasks().remove(&self.id);
        drop(waker);
    }
}

impl Shared {
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<u64, Waker>> {
        // as with the queues
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of which worker of ours this is the thread.
    fn here(&self) -> Option<Here> {
        HERE.get().filter(|here| here.executor == self.address())
    }

    fn now(&self) -> u64 {
        // more than an u64 can hold does not occur
        self.origin.elapsed().as_millis() as u64
    }

    /// A task was woken.
    fn schedule(&self, task: Runnable) {
        let abode = task.metadata();
        let here = self.here();
        if let Some(other) = here.and_then(|here| here.task)
            && other.id != abode.id
        {
            abode.woken_by(other);
        }
        let mut home = abode.home();
        if let Some(here) = here
            && here.worker != home
            && !abode.is_paired()
            && self.workers[home].asleep.load(Ordering::Relaxed)
            && self.workers[here.worker].queue().is_empty()
        {
            home = here.worker;
            abode.settle(home, self.now(), self.settled);
        }
        let partner = abode.partner();
        let worker = &self.workers[home];
        let mut queue = worker.queue();
        queue.push_back(task);
        let first = queue.len() == 1;
        drop(queue);
        let ours = here.is_some_and(|here| here.worker == home && here.task.is_some());
        if !ours && self.wake(worker) {
            return;
        }
        let polls = worker.polls.load(Ordering::SeqCst);
        if polls != 0 && polls != partner && !(ours && first) {
            self.help();
        }
    }

    /// False if it is awake.
    fn wake(&self, worker: &Worker) -> bool {
        let sleeps = worker.asleep.load(Ordering::SeqCst) && self.rise(worker);
        if sleeps {
            worker.waker.wake();
        }
        sleeps
    }

    fn rise(&self, worker: &Worker) -> bool {
        let slept = worker.asleep.swap(false, Ordering::SeqCst);
        if slept {
            self.asleep.fetch_sub(1, Ordering::SeqCst);
        }
        slept
    }

    /// Wakes a worker that sleeps, if there is one, for what waits for another.
    fn help(&self) {
        if self.asleep.load(Ordering::SeqCst) > 0 {
            let _ = self.workers.iter().any(|worker| self.wake(worker));
        }
    }
}

/// The worker whose thread this is, of whatever executor.
#[must_use]
pub fn worker() -> Option<usize> {
    HERE.get().map(|here| here.worker)
}

/// One worker's, which must stay on its thread.
pub struct Seat {
    shared: Arc<Shared>,
    worker: usize,
}

impl Seat {
    /// Polls tasks for ever, and takes a `look` at the sockets after `unseen` of them, or after each while somebody wants more
    /// than one turn. What `look` returns is awaited, and so is whatever else there is to be done when there are no tasks: the
    /// thread sees to sockets and time when it is told that this future is pending.
    ///
    /// Executors for polls of microseconds look after 61 or 200; one of ours may work through hundreds of somebody's messages,
    /// and a peer that has just sent one would wait for all of these. For the same reason those who want another turn wait
    /// until the others have had theirs, or 16 of them, or fewer of them if many wait: one, if more than 64 do.
    pub async fn work<T, F: Future<Output = ()>>(self, unseen: usize, look: impl Fn() -> F) -> T {
        turns::keep();
        let (mut fresh, mut polls) = (0, 0);
        loop {
            if fresh < patience(turns::kept()) && self.try_tick() {
                fresh += 1;
            } else {
                fresh = 0;
                match turns::next() {
                    Some(waker) => {
                        waker.wake();
                        // only what is in a queue can be taken over
                        if self.others_sleep()
                            && let Some(waker) = turns::next()
                        {
                            waker.wake();
                        }
                        // there was a look just now: another one would find nothing
                        if polls == 0 {
                            continue;
                        }
                        // it had a whole turn before: what has come meanwhile goes first
                        polls = unseen;
                    }
                    // waiting is seeing to IO
                    None => {
                        self.tick().await;
                        polls = 0;
                    }
                }
            }
            polls += 1;
            if polls >= unseen || turns::wanted() {
                polls = 0;
                look().await;
            }
        }
    }

    fn own(&self) -> &Worker {
        &self.shared.workers[self.worker]
    }

    /// Polls a task of this worker, if one was woken.
    fn try_tick(&self) -> bool {
        self.next().map(|task| self.poll(task)).is_some()
    }

    /// Polls a task, be it another worker's, as soon as there is one.
    async fn tick(&self) {
        let task = poll_fn(|cx| self.find(cx)).await;
        self.poll(task);
    }

    /// Whether another worker could be of help.
    fn others_sleep(&self) -> bool {
        self.shared.asleep.load(Ordering::Relaxed) > 0
    }

    fn find(&self, cx: &Context<'_>) -> Poll<Runnable> {
        let own = self.own();
        let look = || self.next().or_else(|| self.take_over());
        let mut found = look();
        if found.is_none() {
            own.waker.register(cx.waker());
            if !own.asleep.swap(true, Ordering::SeqCst) {
                self.shared.asleep.fetch_add(1, Ordering::SeqCst);
            }
            // and once more, or what came meanwhile would be left lying
            found = look();
        }
        found.map_or(Poll::Pending, |task| {
            self.shared.rise(own);
            Poll::Ready(task)
        })
    }

    /// The next one of this worker's own.
    fn next(&self) -> Option<Runnable> {
        let own = self.own();
        let mut queue = own.queue();
        let task = queue.pop_front()?;
        let id = task.metadata().id;
        own.polls.store(id, Ordering::SeqCst);
        let help = self.others_sleep() && strange(&queue, id).is_some();
        drop(queue);
        if help {
            // it may be counted among those that sleep, on its way there, and is the one that needs help
            self.shared.rise(own);
            self.shared.help();
        }
        Some(task)
    }

    /// One that waits for another worker.
    fn take_over(&self) -> Option<Runnable> {
        let workers = &self.shared.workers;
        let others = (1..workers.len()).map(|step| &workers[(self.worker + step) % workers.len()]);
        for other in others {
            let polls = other.polls.load(Ordering::SeqCst);
            if polls == 0 {
                continue;
            }
            let mut queue = other.queue();
            let taken = strange(&queue, polls).and_then(|at| queue.remove(at));
            drop(queue);
            if let Some(task) = taken {
                task.metadata()
                    .settle(self.worker, self.shared.now(), self.shared.settled);
                self.own().polls.store(task.metadata().id, Ordering::SeqCst);
                return Some(task);
            }
        }
        None
    }

    fn poll(&self, task: Runnable) {
        let here = Here {
            executor: self.shared.address(),
            worker: self.worker,
            task: Some(task.metadata().polled()),
        };
        HERE.set(Some(here));
        // a panic is caught in there
        task.run();
        HERE.set(Some(Here { task: None, ..here }));
        self.own().polls.store(0, Ordering::SeqCst);
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        HERE.set(None);
    }
}

/// After how many polls of tasks that were woken one of so many that want another turn gets it.
fn patience(kept: usize) -> usize {
    let (most, few) = FRESH;
    (most * few / kept.max(1)).clamp(1, most)
}

/// The first of those that wait that is no partner of the task that is polled.
fn strange(queue: &VecDeque<Runnable>, polled: u64) -> Option<usize> {
    let mut looked_at = queue.iter().take(LOOKED_AT);
    looked_at.position(|task| task.metadata().partner() != polled)
}
