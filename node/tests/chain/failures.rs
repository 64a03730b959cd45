//! Nodes that stop, die and come back.

use std::time::{Duration, Instant};

use crate::chain::{Chain, Plan, within};
use crate::wallet::{Payment, Taken, Wallet, pay};

/// Packets that bob holds when something happens to B.
const HELD: u32 = 5;

/// How long they have.
const SHORT: Duration = Duration::from_millis(1500);

fn in_flight(chain: &Chain, expiry: Duration) -> (Wallet, Wallet, Vec<Taken>) {
    let (mut alice, mut bob) = chain.alice_and_bob();
    for number in 1..=HELD {
        alice.send(&Payment::new(number, "test.c.bob").expires_in(expiry));
    }
    let held = (0..HELD).map(|_| bob.take()).collect();
    (alice, bob, held)
}

/// Each packet that was in flight gets T01 from A, once.
fn all_unreachable(alice: &mut Wallet) {
    let mut answered = Vec::new();
    for _ in 0..HELD {
        let (number, outcome) = alice.answer();
        assert_eq!(outcome.short(), "T01 by test.a", "{outcome:?}");
        answered.push(number);
    }
    answered.sort_unstable();
    assert_eq!(answered, (1..=HELD).collect::<Vec<_>>());
    alice.nothing_else_came();
}

/// B comes back, bob answers what nobody waits for any more, and the chain works as before.
fn comes_back(chain: &mut Chain, mut alice: Wallet, mut bob: Wallet, held: Vec<Taken>) {
    chain.b.restart();
    chain.wait_up();
    for taken in held {
        bob.fulfill(taken, b"too late");
    }
    pay(&mut alice, &mut bob, &Payment::new(99, "test.c.bob"));
    alice.nothing_else_came();
}

#[test]
fn when_b_is_killed_with_packets_in_flight_a_answers_each_once_with_t01() {
    let mut chain = Chain::up();
    let (mut alice, bob, held) = in_flight(&chain, SHORT);
    chain.b.kill();
    all_unreachable(&mut alice);
    comes_back(&mut chain, alice, bob, held);
}

#[test]
fn when_b_is_stopped_with_packets_in_flight_a_answers_each_once_with_t01() {
    let mut plan = Plan::new();
    plan.b.set("shutdownTimeout", "50ms");
    let mut chain = plan.up();
    let (mut alice, bob, held) = in_flight(&chain, SHORT);
    assert_eq!(chain.b.stop().code(), Some(0));
    let last = chain.b.process.log.last().unwrap();
    assert_eq!(last["unanswered"], HELD);
    all_unreachable(&mut alice);
    comes_back(&mut chain, alice, bob, held);
}

#[test]
fn a_node_that_prefers_to_reject_does_not_wait_for_the_expiry() {
    let plan = Plan::new().set("inFlightOnDisconnect", "reject");
    let mut chain = plan.up();
    let (mut alice, bob, held) = in_flight(&chain, Duration::from_secs(60));
    let killed = Instant::now();
    chain.b.kill();
    all_unreachable(&mut alice);
    within(Duration::from_secs(10), killed);
    comes_back(&mut chain, alice, bob, held);
}

#[test]
fn a_dead_next_hop_is_answered_at_once_with_t01_by_the_hop_before_it() {
    let mut chain = Chain::up();
    let mut alice = chain.a.wallet("alice");
    chain.c.kill();
    chain.b.wait_event("btp_disconnected", "connector-c");
    alice.send(&Payment::new(1, "test.c.bob"));
    let outcome = alice.answer_to(1);
    assert_eq!(outcome.short(), "T01 by test.b");
    assert!(
        format!("{outcome:?}").contains("connector-c"),
        "{outcome:?}"
    );

    chain.b.kill();
    chain.a.wait_event("btp_disconnected", "connector-b");
    alice.send(&Payment::new(2, "test.c.bob"));
    let outcome = alice.answer_to(2);
    assert_eq!(outcome.short(), "T01 by test.a");
    assert!(
        format!("{outcome:?}").contains("connector-b"),
        "{outcome:?}"
    );
    alice.nothing_else_came();
}

#[test]
fn health_flips_when_c_dies_and_traffic_flows_again_when_it_is_back() {
    let mut chain = Chain::up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    pay(&mut alice, &mut bob, &Payment::new(1, "test.c.bob"));

    chain.c.kill();
    let health = chain.b.wait_health(503).json();
    assert_eq!(health["status"], "unhealthy");
    assert_eq!(
        health["criticalPeersDown"],
        serde_json::json!(["connector-c"])
    );
    assert_eq!(chain.a.health().status, 200, "A has lost nobody");
    alice.send(&Payment::new(2, "test.c.bob"));
    assert_eq!(alice.answer_to(2).short(), "T01 by test.b");

    chain.c.restart();
    chain.wait_up();
    let mut bob = chain.c.wallet("bob");
    pay(&mut alice, &mut bob, &Payment::new(3, "test.c.bob"));
    alice.nothing_else_came();
}

#[test]
fn answers_for_a_node_that_has_forgotten_the_question_are_logged_and_go_no_further() {
    // C owes B's next connection what B's last one asked for, but that B is another process.
    let mut chain = Chain::up();
    let (mut alice, mut bob, held) = in_flight(&chain, Duration::from_secs(3));
    chain.b.kill();
    chain.c.wait_event("btp_disconnect", "connector-b");
    for taken in held {
        bob.fulfill(taken, b"for nobody");
    }
    chain.b.restart();
    let wanted = |line: &serde_json::Value| {
        line["event"] == "late_answer" && line["peerId"] == "connector-c"
    };
    let late = chain.b.wait_lines(HELD as usize, wanted, "late answers");
    for line in late {
        assert_eq!(
            (&line["packetType"], &line["level"]),
            (&"FULFILL".into(), &"warn".into())
        );
    }
    all_unreachable(&mut alice);
    pay(&mut alice, &mut bob, &Payment::new(99, "test.c.bob"));
}
