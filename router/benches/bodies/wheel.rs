//! The timers of packets in flight.

use std::hint::black_box;
use std::time::Duration;

use ilp_proto::Instant;
use ilp_router::Wheel;

use super::Random;

/// What one packet asks of the wheel while `timers` others are set: a look at the next deadline, one timer dropped (its
/// packet was answered), one set.
pub(crate) fn turnover(timers: usize) -> impl FnMut() {
    let mut now = Instant::from_nanos(1_000_000_000);
    let mut wheel = Wheel::new(now);
    let mut random = Random(1);
    let hold = |random: &mut Random| Duration::from_millis(5_000 + random.below(25_000) as u64);
    for key in 0..timers {
        wheel.insert(key as u32, now + hold(&mut random));
    }
    move || {
        now += Duration::from_nanos(200);
        while let Some(key) = wheel.expire(now) {
            wheel.insert(key, now + hold(&mut random));
        }
        let key = random.below(timers) as u32;
        assert!(wheel.remove(key));
        wheel.insert(key, now + hold(&mut random));
        black_box(wheel.next_deadline());
    }
}
