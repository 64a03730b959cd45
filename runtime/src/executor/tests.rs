#![allow(clippy::unwrap_used)]

use super::abode::FAITHFUL;
use super::*;

const FOR_EVER: u64 = 3_600_000;

/// A task that tells on which worker it is polled, wakes another one, and waits to be woken.
#[derive(Clone, Default)]
struct Bell {
    waker: Arc<AtomicWaker>,
    polled_by: Arc<Mutex<Vec<usize>>>,
}

impl Bell {
    async fn ring(self, other: Option<Self>) {
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            let here = HERE.get().unwrap();
            self.polled_by.lock().unwrap().push(here.worker);
            if let Some(other) = &other {
                other.waker.wake();
            }
            Poll::<()>::Pending
        })
        .await;
    }

    fn last(&self) -> Option<usize> {
        self.polled_by.lock().unwrap().last().copied()
    }
}

/// A bell that worker `worker` has polled once.
fn bell_at(executor: &Executor, worker: usize) -> Bell {
    let bell = Bell::default();
    let seat = executor.seat(worker);
    executor.spawn(bell.clone().ring(None));
    assert!(seat.try_tick());
    assert!(!seat.try_tick());
    bell
}

/// Lets a worker fall asleep.
fn sleep(executor: &Executor, worker: usize) {
    let seat = executor.seat(worker);
    assert!(seat.find(&Context::from_waker(Waker::noop())).is_pending());
}

/// What a worker that has nothing to do takes over while worker 0 polls `polled`.
fn taken_over(executor: &Executor, polled: u64) -> Option<Runnable> {
    let polls = &executor.shared.workers[0].polls;
    polls.store(polled, Ordering::SeqCst);
    let taken = executor.seat(1).take_over();
    polls.store(0, Ordering::SeqCst);
    taken
}

#[test]
fn a_task_is_polled_where_it_lives_whoever_wakes_it() {
    let executor = Executor::with(2, FOR_EVER);
    let bell = bell_at(&executor, 1);
    for _ in 0..3 {
        bell.waker.wake();
        assert!(!executor.seat(0).try_tick());
        assert!(executor.seat(1).try_tick());
    }
    assert_eq!(*bell.polled_by.lock().unwrap(), [1, 1, 1, 1]);
}

#[test]
fn tasks_are_polled_in_the_order_in_which_they_were_woken() {
    let executor = Executor::with(1, FOR_EVER);
    let order = Arc::<Mutex<Vec<u32>>>::default();
    for task in 0..5 {
        let order = Arc::clone(&order);
        executor.spawn(async move { order.lock().unwrap().push(task) });
    }
    let seat = executor.seat(0);
    while seat.try_tick() {}
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_task_that_is_woken_while_it_is_polled_is_polled_again() {
    let executor = Executor::with(1, FOR_EVER);
    let done = Arc::<AtomicBool>::default();
    let tell = Arc::clone(&done);
    executor.spawn(async move {
        future::yield_now().await;
        tell.store(true, Ordering::Relaxed);
    });
    let seat = executor.seat(0);
    assert!(seat.try_tick());
    assert!(!done.load(Ordering::Relaxed));
    assert!(seat.try_tick());
    assert!(done.load(Ordering::Relaxed));
    assert!(!seat.try_tick());
}

#[test]
fn an_idle_worker_takes_over_what_waits_for_another() {
    let executor = Executor::with(2, 0);
    let bell = bell_at(&executor, 0);
    bell.waker.wake();
    let taken = taken_over(&executor, 99).unwrap();
    assert!(!executor.seat(0).try_tick());
    executor.seat(1).poll(taken);
    assert_eq!(bell.last(), Some(1));
    // and lives there now
    bell.waker.wake();
    assert!(!executor.seat(0).try_tick());
    assert!(executor.seat(1).try_tick());
}

#[test]
fn what_has_just_moved_is_only_a_guest() {
    let executor = Executor::with(2, FOR_EVER);
    let bell = bell_at(&executor, 0);
    bell.waker.wake();
    let taken = taken_over(&executor, 99).unwrap();
    executor.seat(1).poll(taken);
    assert_eq!(bell.last(), Some(1));
    bell.waker.wake();
    assert!(executor.seat(0).try_tick());
}

#[test]
fn what_its_home_is_about_to_poll_is_not_taken_over() {
    let executor = Executor::with(2, 0);
    bell_at(&executor, 0).waker.wake();
    assert!(taken_over(&executor, 0).is_none());
}

#[test]
fn what_waits_for_its_partner_is_not_taken_over() {
    let executor = Executor::with(2, 0);
    let woken = bell_at(&executor, 0);
    let waking = Bell::default();
    let seat = executor.seat(0);
    executor.spawn(waking.ring(Some(woken)));
    let id = executor.shared.last_id.load(Ordering::Relaxed);
    assert!(seat.try_tick());
    assert!(taken_over(&executor, id).is_none());
    assert!(taken_over(&executor, 99).is_some());
}

#[test]
fn two_that_wake_nobody_but_each_other_come_to_live_together() {
    let executor = Executor::with(2, FOR_EVER);
    let (one, other) = (Bell::default(), Bell::default());
    for (worker, own, other) in [(0, &one, &other), (1, &other, &one)] {
        let _seat = executor.seat(worker);
        executor.spawn(own.clone().ring(Some(other.clone())));
    }
    let faithful = usize::try_from(FAITHFUL.1).unwrap();
    for _ in 0..2 * faithful {
        executor.seat(0).try_tick();
        executor.seat(1).try_tick();
    }
    assert_eq!(one.last(), other.last());
    let apart = [0, 1].map(|worker| executor.seat(worker).try_tick());
    assert_ne!(apart[0], apart[1]);
}

#[test]
fn a_worker_keeps_what_it_wakes_while_its_home_sleeps() {
    let executor = Executor::with(2, 0);
    let (bell, other) = (bell_at(&executor, 1), bell_at(&executor, 1));
    sleep(&executor, 1);
    let sleeps = || executor.shared.workers[1].asleep.load(Ordering::SeqCst);
    let seat = executor.seat(0);
    bell.waker.wake();
    assert!(sleeps());
    // one is enough
    other.waker.wake();
    assert!(!sleeps());
    assert!(seat.try_tick());
    assert!(!seat.try_tick());
    assert_eq!(bell.last(), Some(0));
}

#[test]
fn who_finds_two_tasks_on_its_way_to_sleep_wakes_another_worker_for_one() {
    let executor = Executor::with(2, FOR_EVER);
    let bells = [bell_at(&executor, 0), bell_at(&executor, 0)];
    sleep(&executor, 1);
    for bell in bells {
        bell.waker.wake();
    }
    // as it is when they come just before its last look
    let workers = &executor.shared.workers;
    workers[0].asleep.store(true, Ordering::SeqCst);
    executor.shared.asleep.store(2, Ordering::SeqCst);
    assert!(executor.seat(0).next().is_some());
    assert!(!workers[1].asleep.load(Ordering::SeqCst));
    assert_eq!(executor.shared.asleep.load(Ordering::SeqCst), 0);
}

#[test]
fn no_task_outlives_the_executor() {
    let held = Arc::new(());
    let executor = Executor::with(2, FOR_EVER);
    let asleep = bell_at(&executor, 1);
    let seat = executor.seat(0);
    for woken in [true, false] {
        let (held, stays) = (Arc::clone(&held), woken.then(|| asleep.clone()));
        executor.spawn(async move {
            future::pending::<()>().await;
            drop((held, stays));
        });
        // one was polled, one was not
        assert!(!woken || seat.try_tick());
    }
    drop(seat);
    drop(executor);
    assert_eq!(Arc::strong_count(&held), 1);
    assert_eq!(Arc::strong_count(&asleep.polled_by), 1);
    // whoever still has a waker may use it
    asleep.waker.wake();
}

#[test]
fn a_task_that_has_ended_is_forgotten() {
    let executor = Executor::with(1, FOR_EVER);
    executor.spawn(async {});
    executor.spawn(async { panic!("on purpose") });
    let seat = executor.seat(0);
    assert_eq!(executor.shared.tasks().len(), 2);
    while seat.try_tick() {}
    assert_eq!(executor.shared.tasks().len(), 0);
}

/// How many turns each of so many tasks got that always want another one, while worker 0 polled `polls` times and somebody
/// else was always woken just now.
fn turns_of(tasks: usize, polls: usize) -> Vec<usize> {
    let executor = Executor::with(1, FOR_EVER);
    let turns: Vec<_> = (0..tasks).map(|_| Arc::<AtomicUsize>::default()).collect();
    for count in &turns {
        let count = Arc::clone(count);
        executor.spawn(async move {
            loop {
                count.fetch_add(1, Ordering::Relaxed);
                turns::pass().await;
            }
        });
    }
    executor.spawn(async {
        loop {
            future::yield_now().await;
        }
    });
    // one look, and so one poll of this, for each task that is polled
    let mut work = Box::pin(executor.seat(0).work::<(), _>(1, future::yield_now));
    let cx = &mut Context::from_waker(Waker::noop());
    for _ in 0..polls {
        assert!(work.as_mut().poll(cx).is_pending());
    }
    turns
        .iter()
        .map(|count| count.load(Ordering::Relaxed))
        .collect()
}

#[test]
fn those_who_were_woken_go_before_a_few_who_want_another_turn() {
    let (most, few) = FRESH;
    let turns = turns_of(few, 1_000).into_iter().sum::<usize>();
    assert!(
        (1_000 / most / 2..=1_000 / most * 2).contains(&turns),
        "{turns}"
    );
}

#[test]
fn of_many_who_want_another_turn_none_waits_for_long() {
    // had they to wait for sixteen others each it would be two turns or three
    let turns = turns_of(100, 2_000);
    assert!(turns.iter().all(|&turns| turns >= 6), "{turns:?}");
}
