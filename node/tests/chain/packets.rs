//! What becomes of a packet when all nodes are well.

use std::time::{Duration, Instant};

use crate::chain::{Chain, Plan, within};
use crate::wallet::{Outcome, Payment, pay};

#[test]
fn the_links_are_up_within_five_seconds_and_a_fulfillment_comes_back() {
    let started = Instant::now();
    let chain = Chain::up();
    within(Duration::from_secs(5), started);
    for node in [&chain.a, &chain.b, &chain.c] {
        let health = node.health();
        let answer = health.json();
        assert_eq!((health.status, &answer["status"]), (200, &"healthy".into()));
    }
    let (mut alice, mut bob) = chain.alice_and_bob();
    pay(&mut alice, &mut bob, &Payment::new(1, "test.c.bob"));
    pay(&mut bob, &mut alice, &Payment::new(2, "test.a.alice"));
}

#[test]
fn an_unknown_destination_is_rejected_by_the_hop_that_does_not_know_it() {
    let chain = Chain::up();
    let mut alice = chain.a.wallet("alice");
    for (number, to, by) in [
        (1, "test.nowhere", "test.a"),
        (2, "test.b.nobody", "test.b"),
        (3, "test.c.nobody", "test.c"),
    ] {
        alice.send(&Payment::new(number, to));
        assert_eq!(alice.answer_to(number).short(), format!("F02 by {by}"));
    }
    alice.nothing_else_came();
}

#[test]
fn an_expired_packet_is_not_forwarded() {
    let mut chain = Chain::up();
    let mut alice = chain.a.wallet("alice");
    let payment = Payment::new(1, "test.c.bob").expired_since(Duration::from_secs(1));
    alice.send(&payment);
    assert_eq!(alice.answer_to(1).short(), "R00 by test.a");
    alice.nothing_else_came();
    drop(alice);
    assert!(chain.a.stop().success());
    assert_eq!(chain.a.process.all("packet_received").len(), 2);
    assert!(chain.a.process.all("packet_forwarded").is_empty());
}

#[test]
fn a_packet_with_too_little_time_is_rejected_by_the_hop_that_needs_more() {
    // Each hop keeps far more than the one before, so that it does not matter how fast the machine is.
    let mut plan = Plan::new();
    plan.b.set("expiryMargin", "5s");
    plan.c.set("expiryMargin", "25s");
    let chain = plan.up();
    let (mut alice, _bob) = chain.alice_and_bob();
    for (number, left, answer) in [
        (1, Duration::from_millis(90), "R02 by test.a"),
        (2, Duration::from_secs(4), "R02 by test.b"),
        (3, Duration::from_secs(20), "R02 by test.c"),
    ] {
        alice.send(&Payment::new(number, "test.c.bob").expires_in(left));
        let outcome = alice.answer_to(number).short();
        // 90 ms may well be over when the packet arrives.
        let late = number == 1 && outcome == "R00 by test.a";
        assert!(outcome == answer || late, "{number}: {outcome}");
    }
    alice.nothing_else_came();
}

#[test]
fn a_packet_that_the_receiver_holds_too_long_is_timed_out_by_the_last_hop() {
    let mut plan = Plan::new();
    plan.c.set("expiryMargin", "1s");
    let chain = plan.up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    alice.send(&Payment::new(1, "test.c.bob").expires_in(Duration::from_secs(2)));
    let held = bob.take();
    assert_eq!(alice.answer_to(1).short(), "R00 by test.c");
    bob.fulfill(held, b"too late");
    pay(&mut alice, &mut bob, &Payment::new(2, "test.c.bob"));
    alice.nothing_else_came();
}

#[test]
fn fifty_packets_each_way_in_flight_at_once_are_not_mixed_up() {
    const COUNT: u32 = 50;
    let chain = Chain::up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    let mut carol = chain.c.wallet("carol");
    for number in 1..=COUNT {
        alice.send(&Payment::new(number, "test.c.bob"));
        // Of the same numbers, so that only the link tells them apart.
        carol.send(&Payment::new(number, "test.a.alice"));
    }
    // All are in flight before the first is answered. Bob answers in a mixed order, alice in reverse.
    let mut at_bob: Vec<_> = (0..COUNT).map(|_| bob.take()).collect();
    at_bob.sort_by_key(|taken| (taken.number * 7) % COUNT);
    let mut at_alice: Vec<_> = (0..COUNT).map(|_| alice.take()).collect();
    at_alice.reverse();
    let text = |number: u32, from: &str| format!("{number} from {from}");
    for (taken, other) in at_bob.into_iter().zip(at_alice) {
        assert_eq!(taken.amount, 1_000_000 + u64::from(taken.number));
        let said = text(taken.number, "bob");
        if taken.number.is_multiple_of(3) {
            bob.reject(taken, "test.c.bob", &said);
        } else {
            bob.fulfill(taken, said.as_bytes());
        }
        alice.fulfill(other, text(other.number, "alice").as_bytes());
    }
    let mut answered: Vec<_> = (0..COUNT).map(|_| alice.answer()).collect();
    answered.sort_by_key(|(number, _)| *number);
    for (expected, (number, outcome)) in (1..=COUNT).zip(answered) {
        assert_eq!(number, expected, "each is answered once");
        let said = text(number, "bob");
        let wanted = if number.is_multiple_of(3) {
            Outcome::Rejected {
                code: "F99".into(),
                by: "test.c.bob".into(),
                message: said,
            }
        } else {
            Outcome::Fulfilled { data: said.into() }
        };
        assert_eq!(outcome, wanted);
    }
    for _ in 0..COUNT {
        let (number, outcome) = carol.answer();
        let data = text(number, "alice").into();
        assert_eq!(outcome, Outcome::Fulfilled { data });
    }
    alice.nothing_else_came();
    carol.nothing_else_came();
}
