use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

const FOR_EVER: Duration = Duration::from_secs(3_600);

/// Ends when somebody waits awake.
fn wait_for_one(lock: &Lock<u32>) {
    while !lock.awake.load(Ordering::Relaxed) {
        thread::yield_now();
    }
}

#[test]
fn one_at_a_time_changes_the_value() {
    let lock = Lock::with_patience(0, Duration::from_micros(5));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    *lock.lock().unwrap() += 1;
                }
            });
        }
    });
    assert_eq!(*lock.lock().unwrap(), 20_000);
    assert!(!lock.awake.load(Ordering::Relaxed), "nobody waits any more");
}

#[test]
fn who_waits_awake_gets_it_as_soon_as_it_is_released() {
    let lock = Lock::with_patience(0, FOR_EVER);
    let mut held = lock.lock().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| *lock.wait_awake().unwrap().unwrap());
        wait_for_one(&lock);
        *held = 7;
        drop(held);
        assert_eq!(waiter.join().unwrap(), 7);
    });
    assert!(!lock.awake.load(Ordering::Relaxed));
}

#[test]
fn patience_ends() {
    let lock = Lock::with_patience(0, Duration::from_micros(5));
    let held = lock.lock().unwrap();
    assert!(lock.wait_awake().is_none());
    assert!(!lock.awake.load(Ordering::Relaxed), "others may try now");
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| *lock.lock().unwrap());
        drop(held);
        assert_eq!(sleeper.join().unwrap(), 0);
    });
}

#[test]
fn only_one_waits_awake() {
    let lock = Lock::with_patience(0, FOR_EVER);
    let held = lock.lock().unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| lock.wait_awake().is_some());
        wait_for_one(&lock);
        // else this would take an hour
        assert!(lock.wait_awake().is_none());
        drop(held);
        assert!(first.join().unwrap());
    });
}

#[test]
fn who_waits_awake_learns_that_the_holder_panicked() {
    let lock = Lock::with_patience(0, FOR_EVER);
    thread::scope(|scope| {
        let held = lock.lock().unwrap();
        let waiter = scope.spawn(|| lock.wait_awake().unwrap().is_err());
        wait_for_one(&lock);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _held = held;
            panic!("as it should");
        }));
        assert!(panicked.is_err());
        assert!(waiter.join().unwrap());
    });
    assert!(lock.lock().is_err());
}
