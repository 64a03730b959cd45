//! Invariants 5, 6 and 7: bounds, silence and that a network comes together.

use super::super::audit::{Held, IDLE_PEER};
use super::*;

#[test]
fn invariant_5_more_than_a_bound_is_seen() {
    let mut world = network();
    let held = |is| {
        [Held {
            what: "links",
            is,
            most: 3,
        }]
    };
    world.within(1, &held(3));
    assert_eq!(world.checker.violation(), None);
    world.within(1, &held(4));
    assert_eq!(broken(&world.checker), Some(5));
}

#[test]
fn invariant_5_a_peer_that_keeps_memory_is_seen() {
    let mut world = network();
    let peers: usize = world.nodes.iter().map(|node| node.seats.len()).sum();
    world.check_memory(peers * IDLE_PEER);
    assert_eq!(world.checker.violation(), None);
    world.check_memory(peers * IDLE_PEER + 1);
    assert_eq!(broken(&world.checker), Some(5));
}

#[test]
fn invariant_6_a_deadline_that_stands_still_is_seen() {
    let mut checker = checker();
    let mut left = 100;
    checker.moves_on(9, || {
        left -= 1;
        left > 0
    });
    assert_eq!(checker.violation(), None);
    checker.moves_on(9, || true);
    trips(&checker, 6, "the deadline is later");
}

#[test]
fn invariant_6_an_idle_node_that_speaks_or_wakes_is_seen() {
    for (messages, controls, wakes) in [(1, 0, 0), (0, 25, 0), (0, 0, 36)] {
        let mut world = network();
        world.check_silence(0, 24, 24);
        world.check_wakes(0, 35, 3);
        assert_eq!(world.checker.violation(), None);
        world.check_silence(messages, controls, 24);
        world.check_wakes(0, wakes, 3);
        assert_eq!(broken(&world.checker), Some(6));
    }
}

#[test]
fn invariant_7_a_pair_that_does_not_come_together_is_seen() {
    let mut world = network();
    world.end_faults();
    // gone for good, and nobody is told
    world.nodes[3].connector = None;
    world.nodes[3].dark = true;
    let mut converged = None;
    assert!(!world.converge(&mut |_, _| {}, &mut converged));
    let violation = world.checker.violation().expect("a violation");
    assert_eq!(violation.invariant, 7, "{}", violation.what);
    assert!(violation.what.contains("n3"), "{}", violation.what);
}

#[test]
fn invariant_7_traffic_that_does_not_flow_is_seen() {
    let mut world = network();
    world.end_faults();
    // what it does not answer is lost
    world.wallets[2].up = false;
    assert!(!world.probe(&mut |_, _| {}));
    let violation = world.checker.violation().expect("a violation");
    assert_eq!(violation.invariant, 7, "{}", violation.what);
}
