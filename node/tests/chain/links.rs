//! Links that break, freeze or meet another while all three nodes live.

use std::cell::OnceCell;
use std::time::Duration;

use crate::chain::{Chain, Node, Plan};
use crate::client::get;
use crate::proxy::Proxy;
use crate::wallet::{Payment, pay};

/// A chain whose link between B and C goes through a proxy.
fn with_proxy(plan: Plan) -> (Chain, Proxy) {
    let proxy = OnceCell::new();
    let mut chain = plan.start_with(|c| proxy.get_or_init(|| Proxy::to(c)).address);
    chain.wait_up();
    (chain, proxy.into_inner().unwrap())
}

#[test]
fn answers_that_a_broken_link_keeps_back_arrive_over_the_next() {
    const COUNT: u32 = 5;
    let (mut chain, proxy) = with_proxy(Plan::new());
    let (mut alice, mut bob) = chain.alice_and_bob();
    for number in 1..=COUNT {
        alice.send(&Payment::new(number, "test.c.bob"));
    }
    let held: Vec<_> = (0..COUNT).map(|_| bob.take()).collect();
    proxy.cut();
    chain.b.wait_event("btp_disconnected", "connector-c");
    chain.c.wait_event("btp_disconnect", "connector-b");
    alice.send(&Payment::new(90, "test.c.bob"));
    let meanwhile = alice.answer_to(90).short();
    assert_eq!(meanwhile, "T01 by test.b", "new packets do not wait");
    for taken in held {
        bob.fulfill(taken, b"while nobody could hear it");
    }
    bob.nothing_else_came();

    proxy.mend();
    let mut answered: Vec<_> = (0..COUNT)
        .map(|_| {
            let (number, outcome) = alice.answer();
            assert_eq!(outcome.code(), "fulfilled", "{outcome:?}");
            number
        })
        .collect();
    answered.sort_unstable();
    assert_eq!(answered, (1..=COUNT).collect::<Vec<_>>());
    chain.wait_up();
    pay(&mut alice, &mut bob, &Payment::new(91, "test.c.bob"));
    alice.nothing_else_came();
}

#[test]
fn a_node_that_freezes_is_noticed_and_taken_back_when_it_thaws() {
    let mut plan = Plan::new();
    plan.b.set("keepaliveInterval", "200ms");
    plan.b.set("keepaliveTimeout", "200ms");
    let mut chain = plan.up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    chain.c.process.signal("STOP");
    alice.send(&Payment::new(1, "test.c.bob").expires_in(Duration::from_millis(1500)));
    chain.b.wait_event("btp_pong_timeout", "connector-c");
    chain.b.wait_event("btp_disconnected", "connector-c");
    chain.b.wait_health(503);
    assert_eq!(alice.answer_to(1).short(), "T01 by test.b");

    chain.c.process.signal("CONT");
    chain.b.wait_connected("connector-c", 2);
    chain.wait_up();
    alice.send(&Payment::new(2, "test.c.bob"));
    // C may have passed on the first one before it froze.
    let taken = [bob.take()].into_iter().find(|taken| taken.number == 2);
    let taken = taken.unwrap_or_else(|| bob.take());
    bob.fulfill(taken, b"");
    assert_eq!(alice.answer_to(2).code(), "fulfilled");
    alice.nothing_else_came();
}

#[test]
fn neighbours_that_both_dial_agree_on_one_link() {
    let mut plan = Plan::new().with_ports();
    plan.b.replace(
        "  - id: connector-a\n",
        &format!("  - id: connector-a\n    url: ws://{}\n", plan.a.address()),
    );
    plan.c.replace(
        "  - id: connector-b\n",
        &format!("  - id: connector-b\n    url: ws://{}\n", plan.b.address()),
    );
    let Plan { a, b, c, .. } = plan;
    let mut chain = Chain {
        c: Node::start(c),
        b: Node::start(b),
        a: Node::start(a),
    };
    chain.wait_up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    for number in 1..=20 {
        pay(&mut alice, &mut bob, &Payment::new(number, "test.c.bob"));
        pay(&mut bob, &mut alice, &Payment::new(number, "test.a.alice"));
    }
    // Both ends hold the same one of the two: what one has dialled the other has accepted.
    for ((near, far_id), (far, near_id)) in [
        ((&chain.a, "connector-b"), (&chain.b, "connector-a")),
        ((&chain.b, "connector-c"), (&chain.c, "connector-b")),
    ] {
        let directions = [direction(near, far_id), direction(far, near_id)];
        assert!(
            directions.contains(&"dialed".into()) && directions.contains(&"accepted".into()),
            "{directions:?}"
        );
    }
}

fn direction(node: &Node, peer: &str) -> String {
    let peers = get(node.http, "/peers").json();
    let peers = peers["peers"].as_array().unwrap();
    let peer = peers.iter().find(|entry| entry["id"] == peer).unwrap();
    peer["direction"].as_str().unwrap().to_owned()
}
