use alloc::collections::BTreeMap;
use alloc::vec;
use core::time::Duration;

use proptest::prelude::*;

use super::*;

fn now() -> Now {
    Now {
        mono: Instant::from_nanos(5_000_000_000),
        wall: Timestamp::from_millis(1_000_000),
    }
}

fn after(millis: u64) -> Timestamp {
    now().wall.saturating_add(Duration::from_millis(millis))
}

#[test]
fn the_outgoing_packet_expires_a_margin_before_the_incoming_one() {
    let (times, outgoing) = times(now(), after(10_000), &Timeouts::default()).unwrap();
    assert_eq!(outgoing, after(9_000));
    assert_eq!(times.expires, now().mono + Duration::from_secs(9));
    assert_eq!(times.answer_by, now().mono + Duration::from_secs(10));
}

#[test]
fn no_packet_is_held_longer_than_the_longest_hold() {
    let (_, outgoing) = times(now(), after(86_400_000), &Timeouts::default()).unwrap();
    assert_eq!(outgoing, after(30_000));
}

#[test]
fn a_packet_without_time_is_late_and_one_without_margin_too() {
    let timeouts = Timeouts::default();
    assert_eq!(times(now(), now().wall, &timeouts), Err(Late::Expired));
    assert_eq!(times(now(), after(1), &timeouts), Err(Late::Margin));
    assert_eq!(times(now(), after(1_000), &timeouts), Err(Late::Margin));
    assert!(times(now(), after(1_001), &timeouts).is_ok());
}

#[test]
fn a_packet_in_flight_is_small() {
    // with 16 bytes in the wheel and about 16 among the peer's requests: the 160 bytes of the README
    assert_eq!(size_of::<Slot>(), 128);
}

const TICK: u64 = Wheel::TICK.as_nanos() as u64;

/// A time in ticks of the wheel.
fn at(ticks: u64) -> Instant {
    Instant::from_nanos(ticks * TICK)
}

fn flight(sent: Instant, expires: Instant) -> Flight {
    Flight {
        origin: Origin::Ildcp,
        to: PeerIndex(0),
        request: 0,
        epoch: 0,
        amount_in: 0,
        amount_out: 0,
        times: Times {
            expires,
            answer_by: expires,
        },
        sent,
        condition: Condition([0; 32]),
        packet: None,
    }
}

impl Forwarder {
    fn send(&mut self, sent: Instant, expires: Instant) -> FlightKey {
        let flight = flight(sent, expires);
        let key = self.vacant(flight.origin).unwrap();
        self.insert(key, flight);
        key
    }

    /// The deadlines of the flights that are over by `now`, and the stale timers that went off with them.
    fn drain(&mut self, now: Instant) -> (Vec<Instant>, usize) {
        let (mut over, mut stale) = (vec![], 0);
        while let Some(alarm) = self.expire(now) {
            match alarm {
                Alarm::Over(flight) => over.push(flight.times.expires),
                Alarm::Stale => stale += 1,
            }
        }
        (over, stale)
    }
}

impl Forwarder {
    fn send_for(&mut self, peer: u32) -> FlightKey {
        let flight = Flight {
            origin: of(peer),
            ..flight(at(0), at(10))
        };
        let key = self.vacant(flight.origin).unwrap();
        self.insert(key, flight);
        key
    }
}

/// Where a packet of this peer comes from.
fn of(peer: u32) -> Origin {
    Origin::Peer {
        peer: PeerIndex(peer),
        request: 0,
    }
}

#[test]
fn a_place_goes_back_to_whose_packet_was_in_it() {
    let mut forwarder = Forwarder::new(8, at(0));
    let (first, second) = (forwarder.send_for(1), forwarder.send_for(2));
    forwarder.remove(first);
    forwarder.remove(second);
    assert_eq!(forwarder.send_for(1), first);
    assert_eq!(forwarder.send_for(2), second);
}

#[test]
fn places_that_others_have_left_are_taken_when_there_are_no_more() {
    let mut forwarder = Forwarder::new(2, at(0));
    let places = [forwarder.send_for(1), forwarder.send_for(1)];
    assert_eq!(forwarder.vacant(of(2)), None);
    for key in places {
        forwarder.remove(key);
    }
    let others = [forwarder.send_for(2), forwarder.send_for(3)];
    assert!(others.iter().all(|key| places.contains(key)));
    assert_ne!(others[0], others[1]);
    assert_eq!(forwarder.vacant(of(1)), None);
}

#[test]
fn a_stale_timer_ends_no_flight() {
    let mut forwarder = Forwarder::new(8, at(0));
    let kept = forwarder.send(at(0), at(50));
    let key = forwarder.send(at(0), at(10));
    assert!(forwarder.remove(key).is_some());
    assert_eq!(forwarder.drain(at(10)), (vec![], 1));
    assert_eq!(forwarder.len(), 1);
    assert!(forwarder.remove(kept).is_some());
}

#[test]
fn a_place_that_is_used_again_expires_with_its_new_flight_when_that_is_later() {
    let mut forwarder = Forwarder::new(8, at(0));
    let key = forwarder.send(at(0), at(10));
    forwarder.remove(key);
    assert_eq!(forwarder.send(at(5), at(30)), key);
    assert_eq!(forwarder.drain(at(29)), (vec![], 1));
    assert_eq!(forwarder.next_deadline(), Some(at(30)));
    assert_eq!(forwarder.drain(at(30)), (vec![at(30)], 0));
}

#[test]
fn a_place_that_is_used_again_expires_with_its_new_flight_when_that_is_earlier() {
    let mut forwarder = Forwarder::new(8, at(0));
    let key = forwarder.send(at(0), at(30));
    forwarder.remove(key);
    assert_eq!(forwarder.send(at(5), at(10)), key);
    assert_eq!(forwarder.next_deadline(), Some(at(10)));
    assert_eq!(forwarder.drain(at(10)), (vec![at(10)], 0));
    assert_eq!(forwarder.drain(at(100)), (vec![], 0), "the timer was moved");
}

#[test]
fn a_place_whose_timer_has_gone_off_gets_a_new_one() {
    let mut forwarder = Forwarder::new(8, at(0));
    let _other = forwarder.send(at(0), at(90));
    let key = forwarder.send(at(0), at(10));
    forwarder.remove(key);
    assert_eq!(forwarder.drain(at(10)), (vec![], 1));
    assert_eq!(forwarder.send(at(10), at(40)), key);
    assert_eq!(forwarder.drain(at(40)), (vec![at(40)], 0));
}

#[test]
fn where_nothing_is_in_flight_there_is_no_deadline() {
    let mut forwarder = Forwarder::new(8, at(0));
    let keys = [10, 20, 30].map(|ticks| forwarder.send(at(0), at(ticks)));
    assert_eq!(forwarder.next_deadline(), Some(at(10)));
    for key in keys {
        forwarder.remove(key);
    }
    assert_eq!(forwarder.next_deadline(), None);
}

#[test]
fn what_an_answered_packet_leaves_wakes_once() {
    let mut forwarder = Forwarder::new(8, at(0));
    let _kept = forwarder.send(at(0), at(50));
    for key in [10; 5].map(|ticks| forwarder.send(at(0), at(ticks))) {
        forwarder.remove(key);
    }
    assert_eq!(forwarder.next_deadline(), Some(at(10)));
    assert_eq!(forwarder.drain(at(10)), (vec![], 5));
    assert_eq!(forwarder.next_deadline(), Some(at(50)));
}

#[test]
fn each_call_looks_at_one_timer() {
    let mut forwarder = Forwarder::new(1 << 16, at(0));
    let _kept = forwarder.send(at(0), at(50));
    let keys: Vec<_> = (0..5_000).map(|_| forwarder.send(at(0), at(10))).collect();
    for key in keys {
        forwarder.remove(key);
    }
    for left in (0..5_000).rev() {
        assert!(matches!(forwarder.expire(at(10)), Some(Alarm::Stale)));
        assert_eq!(forwarder.wheel.len(), left + 1);
    }
    assert!(forwarder.expire(at(10)).is_none());
}

#[test]
fn after_a_long_pause_no_stale_timer_is_left() {
    let mut forwarder = Forwarder::new(1 << 16, at(0));
    let keys: Vec<_> = (0..5_000).map(|_| forwarder.send(at(0), at(10))).collect();
    for key in keys {
        forwarder.remove(key);
    }
    forwarder.send(at(9_000), at(9_010));
    assert_eq!(forwarder.next_deadline(), Some(at(9_010)));
    assert_eq!(forwarder.drain(at(9_010)), (vec![at(9_010)], 0));
}

#[test]
fn a_packet_that_comes_in_a_pause_leaves_the_timers_that_are_ahead() {
    let mut forwarder = Forwarder::new(8, at(0));
    let early = forwarder.send(at(0), at(10));
    let late = forwarder.send(at(0), at(40));
    forwarder.remove(early);
    forwarder.remove(late);
    // the place of the late one, whose timer is still set for 40
    assert_eq!(forwarder.send(at(20), at(45)), late);
    assert_eq!(forwarder.drain(at(44)), (vec![], 2));
    assert_eq!(forwarder.drain(at(45)), (vec![at(45)], 0));
}

#[derive(Clone, Debug)]
enum Op {
    /// Sends packets that expire so many nanoseconds from now.
    Send(u64, usize),
    /// Answers one of those in flight.
    Answer(usize),
    /// Answers all of them.
    AnswerAll,
    /// Lets time pass, then looks at no more timers than this.
    Pass(u64, usize),
    /// Jumps to the next deadline and looks at all timers that have come.
    Jump,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let hold = prop_oneof![1..3 * TICK, 1..100 * TICK, 1..10_000 * TICK];
    let time = prop_oneof![0..3 * TICK, 0..100 * TICK, 0..20_000 * TICK];
    let op = prop_oneof![
        6 => (hold, 1..4_usize).prop_map(|(hold, count)| Op::Send(hold, count)),
        6 => (0..100_usize).prop_map(Op::Answer),
        1 => Just(Op::AnswerAll),
        3 => (time, 0..40_usize).prop_map(|(time, most)| Op::Pass(time, most)),
        2 => Just(Op::Jump),
    ];
    prop::collection::vec(op, 1..150)
}

/// The obvious implementation, and the check that the forwarder agrees with it.
struct Model {
    forwarder: Forwarder,
    /// The deadlines of all flights, by key.
    flights: BTreeMap<u32, Instant>,
    now: Instant,
}

impl Model {
    fn answer(&mut self, key: u32) {
        let expires = self.flights.remove(&key);
        let flight = self.forwarder.remove(FlightKey::new(key as usize).unwrap());
        assert_eq!(flight.map(|flight| flight.times.expires), expires);
    }

    fn expire(&mut self, most: usize) {
        for _ in 0..most {
            match self.forwarder.expire(self.now) {
                Some(Alarm::Stale) => {}
                Some(Alarm::Over(flight)) => {
                    let key = flight.request;
                    assert_eq!(self.flights.remove(&key), Some(flight.times.expires));
                    assert!(flight.times.expires <= self.now, "early");
                }
                None => {
                    let next = self.forwarder.next_deadline();
                    assert!(next.is_none_or(|next| next > self.now));
                    for &expires in self.flights.values() {
                        assert!(expires + Wheel::TICK > self.now, "late");
                    }
                    return;
                }
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.forwarder.len(), self.flights.len());
        assert!(self.forwarder.wheel.len() <= self.forwarder.slots.len());
        let next = self.forwarder.next_deadline();
        match self.flights.values().min() {
            None => assert_eq!(next, None),
            Some(&first) => assert!(next.unwrap() < first + Wheel::TICK, "would be late"),
        }
    }
}

proptest! {
    #[test]
    fn each_flight_expires_once_never_early_and_at_most_a_tick_late(
        start in 0..100_000 * TICK, ops in ops(),
    ) {
        let now = Instant::from_nanos(start);
        let mut model = Model {
            forwarder: Forwarder::new(64, now),
            flights: BTreeMap::new(),
            now,
        };
        for op in ops {
            match op {
                Op::Send(hold, count) => for _ in 0..count {
                    let origin = of(model.flights.len() as u32 / 3);
                    let Some(key) = model.forwarder.vacant(origin) else { break };
                    let expires = model.now + Duration::from_nanos(hold);
                    let request = key.index();
                    let flight = Flight { origin, request, ..flight(model.now, expires) };
                    model.forwarder.insert(key, flight);
                    prop_assert!(model.flights.insert(key.index(), expires).is_none());
                },
                Op::Answer(which) => {
                    if let Some(&key) = model.flights.keys().cycle().nth(which) {
                        model.answer(key);
                    }
                }
                Op::AnswerAll => while let Some((&key, _)) = model.flights.first_key_value() {
                    model.answer(key);
                },
                Op::Pass(time, most) => {
                    model.now += Duration::from_nanos(time);
                    model.expire(most);
                }
                Op::Jump => {
                    if let Some(next) = model.forwarder.next_deadline() {
                        model.now = model.now.max(next);
                        model.expire(usize::MAX);
                    }
                }
            }
            model.check();
        }
        model.now += Duration::from_secs(1_000);
        model.expire(usize::MAX);
        prop_assert!(model.flights.is_empty());
        prop_assert!(model.forwarder.wheel.is_empty());
    }
}
