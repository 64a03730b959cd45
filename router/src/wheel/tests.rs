use alloc::{collections::BTreeSet, vec, vec::Vec};
use core::iter;

use proptest::prelude::*;

use super::*;

const TICK: u64 = 1 << TICK_BITS;
/// The first deadline that a wheel at zero has no slot for.
const HORIZON: u64 = SLOTS as u64 * TICK;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn drain(wheel: &mut Wheel, now: u64) -> Vec<u32> {
    let mut keys: Vec<_> = iter::from_fn(|| wheel.expire(at(now))).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_timer_fires_at_the_end_of_its_tick_and_not_before() {
    let mut wheel = Wheel::new(at(0));
    wheel.insert(7, at(TICK + 1));
    assert_eq!(wheel.next_deadline(), Some(at(2 * TICK)));
    assert_eq!(wheel.expire(at(2 * TICK - 1)), None);
    assert_eq!(wheel.expire(at(2 * TICK)), Some(7));
    assert_eq!(wheel.expire(at(2 * TICK)), None);
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn a_deadline_on_a_tick_fires_exactly_then() {
    let mut wheel = Wheel::new(at(0));
    wheel.insert(0, at(3 * TICK));
    assert_eq!(wheel.expire(at(3 * TICK - 1)), None);
    assert_eq!(wheel.expire(at(3 * TICK)), Some(0));
}

#[test]
fn a_removed_timer_never_fires() {
    let mut wheel = Wheel::new(at(0));
    for key in 0..4 {
        wheel.insert(key, at(TICK));
    }
    assert!(wheel.remove(1));
    assert!(!wheel.remove(1));
    assert!(wheel.remove(3));
    assert!(!wheel.remove(1000));
    assert_eq!(wheel.len(), 2);
    assert_eq!(drain(&mut wheel, TICK), vec![0, 2]);
    assert!(wheel.is_empty());
}

#[test]
fn inserting_again_moves_the_timer() {
    let mut wheel = Wheel::new(at(0));
    wheel.insert(1, at(TICK));
    wheel.insert(1, at(9 * TICK));
    assert_eq!(wheel.len(), 1);
    assert_eq!(wheel.expire(at(8 * TICK)), None);
    assert_eq!(wheel.expire(at(9 * TICK)), Some(1));
}

#[test]
fn a_deadline_in_the_past_fires_at_the_next_call() {
    let mut wheel = Wheel::new(at(100 * TICK));
    wheel.insert(1, at(0));
    assert_eq!(wheel.next_deadline(), Some(at(100 * TICK)));
    assert_eq!(wheel.expire(at(100 * TICK)), Some(1));
    wheel.insert(2, at(50 * TICK));
    assert_eq!(wheel.expire(at(100 * TICK)), Some(2));
}

#[test]
fn the_caller_may_stop_in_the_middle() {
    let mut wheel = Wheel::new(at(0));
    for key in 0..10 {
        wheel.insert(key, at(u64::from(key) * TICK));
    }
    let now = at(4 * TICK);
    assert_eq!(wheel.expire(now), Some(0));
    assert_eq!(wheel.expire(now), Some(1));
    assert!(wheel.next_deadline() <= Some(now));
    assert_eq!(drain(&mut wheel, 4 * TICK), vec![2, 3, 4]);
    assert_eq!(wheel.next_deadline(), Some(at(5 * TICK)));
}

#[test]
fn slots_go_round() {
    let mut wheel = Wheel::new(at(0));
    for turn in 0..3 * SLOTS as u64 {
        wheel.insert(0, at((turn + 5) * TICK));
        assert_eq!(wheel.expire(at((turn + 4) * TICK)), None);
        assert_eq!(wheel.next_deadline(), Some(at((turn + 5) * TICK)));
        assert_eq!(wheel.expire(at((turn + 5) * TICK)), Some(0));
    }
}

#[test]
fn a_deadline_beyond_the_horizon_is_parked_and_fires_in_its_time() {
    let mut wheel = Wheel::new(at(0));
    wheel.insert(1, at(3 * HORIZON + 5));
    let mut wakeups = 0;
    while wheel.next_deadline() < Some(at(3 * HORIZON + 5)) {
        let now = wheel.next_deadline().unwrap();
        assert_eq!(wheel.expire(now), None);
        assert!(wheel.next_deadline() > Some(now));
        wakeups += 1;
    }
    assert_eq!(wakeups, 3);
    assert_eq!(wheel.expire(at(3 * HORIZON + TICK)), Some(1));
}

#[test]
fn a_parked_timer_can_be_removed_at_any_moment() {
    let mut wheel = Wheel::new(at(0));
    for key in 0..4 {
        wheel.insert(key, at(10 * HORIZON));
    }
    wheel.insert(9, at(HORIZON - TICK));
    assert_eq!(wheel.expire(at(HORIZON)), Some(9));
    assert!(
        wheel.next_deadline() <= Some(at(HORIZON)),
        "not drained yet"
    );
    for key in 0..4 {
        assert!(wheel.remove(key));
    }
    assert_eq!(wheel.expire(at(HORIZON)), None);
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn a_parked_timer_that_came_round_in_an_unfinished_turn_is_not_forgotten() {
    let mut wheel = Wheel::new(at(0));
    let last = HORIZON - TICK;
    wheel.insert(0, at(last));
    wheel.insert(1, at(HORIZON));
    assert_eq!(wheel.expire(at(last)), Some(0));
    assert_eq!(wheel.expire(at(HORIZON)), Some(1));
    assert_eq!(wheel.expire(at(HORIZON)), None);
}

#[test]
fn a_clock_that_leaps_ahead_costs_one_move_per_timer() {
    let mut wheel = Wheel::new(at(0));
    wheel.insert(0, at(u64::MAX));
    wheel.insert(1, at(5));
    // A loop of one turn at a time would be at it for minutes.
    let now = u64::MAX - 10 * HORIZON;
    assert_eq!(wheel.expire(at(now)), Some(1));
    assert_eq!(wheel.expire(at(now)), None);
    assert!(wheel.next_deadline() > Some(at(now)));
}

#[test]
fn the_end_of_time_is_no_trouble() {
    let mut wheel = Wheel::new(at(u64::MAX - TICK));
    wheel.insert(0, at(u64::MAX));
    wheel.insert(1, at(0));
    assert_eq!(wheel.expire(at(u64::MAX)), Some(1));
    assert_eq!(wheel.expire(at(u64::MAX)), None);
    assert_eq!(wheel.next_deadline(), Some(at(u64::MAX)));
}

#[test]
fn time_going_backwards_is_harmless() {
    let mut wheel = Wheel::new(at(100 * TICK));
    wheel.insert(0, at(101 * TICK));
    assert_eq!(wheel.expire(at(0)), None);
    assert_eq!(wheel.expire(at(101 * TICK)), Some(0));
    assert_eq!(wheel.expire(at(0)), None);
    wheel.insert(1, at(102 * TICK));
    assert_eq!(wheel.expire(at(101 * TICK)), None);
    assert_eq!(wheel.expire(at(102 * TICK)), Some(1));
}

#[test]
fn a_wheel_that_is_reset_has_no_timers_and_stands_at_the_present() {
    let mut wheel = Wheel::new(at(0));
    for key in 0..100 {
        wheel.insert(key, at(u64::from(key) * TICK));
    }
    wheel.insert(7, at(3 * HORIZON));
    assert_eq!(wheel.expire(at(TICK)), Some(0));
    wheel.reset(at(5 * HORIZON));
    assert!(wheel.is_empty());
    assert_eq!(wheel.next_deadline(), None);
    assert!(!wheel.remove(7));
    let last = 6 * HORIZON - TICK;
    wheel.insert(7, at(last));
    assert_eq!(wheel.next_deadline(), Some(at(last)), "not parked");
    assert_eq!(wheel.expire(at(last - TICK)), None);
    assert_eq!(wheel.expire(at(last)), Some(7));
}

#[test]
fn a_reset_to_a_time_long_gone_is_one_to_the_latest_seen() {
    let mut wheel = Wheel::new(at(100 * TICK));
    wheel.insert(0, at(90 * TICK));
    wheel.reset(at(0));
    wheel.insert(0, at(101 * TICK));
    assert_eq!(wheel.expire(at(0)), None);
    assert_eq!(wheel.next_deadline(), Some(at(101 * TICK)));
}

#[test]
fn nothing_is_allocated_before_the_first_timer() {
    let wheel = Wheel::new(at(0));
    assert_eq!((wheel.timers.capacity(), wheel.heads.capacity()), (0, 0));
}

#[derive(Clone, Debug)]
enum Op {
    /// Sets a timer this long from now, or ago.
    Insert(u32, i64),
    Remove(u32),
    /// Lets time pass, then takes at most so many keys.
    Expire(u64, usize),
    /// Jumps to the next deadline and takes everything.
    Jump,
    /// Calls with a time long gone.
    Backwards(u64),
    Reset,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let far = 3 * HORIZON as i64;
    let delay = prop_oneof![
        4 => -3..3i64,
        4 => -2 * TICK as i64..40 * TICK as i64,
        2 => -far..far,
        1 => Just(HORIZON as i64),
        1 => Just(HORIZON as i64 - TICK as i64),
    ];
    let pass = prop_oneof![0..3 * TICK, 0..3 * HORIZON, 0..60 * HORIZON];
    let op = prop_oneof![
        6 => (0..40u32, delay).prop_map(|(key, delay)| Op::Insert(key, delay)),
        2 => (0..40u32).prop_map(Op::Remove),
        2 => (pass, 0..60usize).prop_map(|(pass, most)| Op::Expire(pass, most)),
        2 => Just(Op::Jump),
        1 => (0..2 * HORIZON).prop_map(Op::Backwards),
        1 => Just(Op::Reset),
    ];
    prop::collection::vec(op, 1..120)
}

/// The obvious implementation, and the check that the wheel agrees with it.
struct Model {
    timers: BTreeSet<(u64, u32)>,
    now: u64,
    /// The latest time that the wheel was told of.
    seen: u64,
}

impl Model {
    fn remove(&mut self, key: u32) -> Option<u64> {
        let found = self.timers.iter().copied().find(|t| t.1 == key)?;
        self.timers.remove(&found);
        Some(found.0)
    }

    fn expire(&mut self, wheel: &mut Wheel, now: u64, most: usize) {
        for _ in 0..most {
            self.seen = self.seen.max(now);
            let Some(key) = wheel.expire(at(now)) else {
                self.check_drained(wheel);
                return;
            };
            let deadline = self.remove(key).expect("fired once, and not when removed");
            assert!(deadline <= self.seen, "early");
        }
    }

    fn check_drained(&self, wheel: &Wheel) {
        let next = wheel.next_deadline().map(Instant::as_nanos);
        assert_eq!(next.is_none(), self.timers.is_empty());
        assert!(next.is_none_or(|next| next > self.seen));
        if let Some((first, _)) = self.timers.first() {
            assert!(first + TICK > self.seen, "late by more than a tick");
            assert!(
                next < Some(first + TICK),
                "would be late by more than a tick"
            );
        }
    }
}

proptest! {
    #[test]
    fn each_timer_fires_once_never_early_and_at_most_a_tick_late(
        start in 0..100 * HORIZON, ops in ops(),
    ) {
        let mut wheel = Wheel::new(at(start));
        let mut model = Model { timers: BTreeSet::new(), now: start, seen: start };
        for op in ops {
            match op {
                Op::Insert(key, delay) => {
                    let deadline = model.now.saturating_add_signed(delay);
                    model.remove(key);
                    model.timers.insert((deadline, key));
                    wheel.insert(key, at(deadline));
                }
                Op::Remove(key) => {
                    prop_assert_eq!(wheel.remove(key), model.remove(key).is_some());
                }
                Op::Expire(pass, most) => {
                    model.now += pass;
                    model.expire(&mut wheel, model.now, most);
                }
                Op::Jump => {
                    let next = wheel.next_deadline().map_or(0, Instant::as_nanos);
                    model.now = model.now.max(next);
                    model.expire(&mut wheel, model.now, usize::MAX);
                }
                Op::Backwards(by) => {
                    let then = model.now.saturating_sub(by);
                    model.expire(&mut wheel, then, usize::MAX);
                }
                Op::Reset => {
                    model.timers.clear();
                    model.seen = model.seen.max(model.now);
                    wheel.reset(at(model.now));
                }
            }
            prop_assert_eq!(wheel.len(), model.timers.len());
        }
        model.now += 10 * HORIZON;
        model.expire(&mut wheel, model.now, usize::MAX);
        prop_assert!(wheel.is_empty() && model.timers.is_empty());
    }
}
