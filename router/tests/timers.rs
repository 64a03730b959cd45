//! What packets that were answered in time leave behind: timers of which nobody notices anything.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

#[allow(dead_code, reason = "the benches use the rest")]
#[path = "../benches/bodies/mod.rs"]
mod bodies;

use bodies::connector::{Load, Node, Order};

/// The packets of this load expire 23 s after the origin of the clock and later, one each millisecond. The clock
/// begins at 1 s.
const LOAD: Load = Load {
    routes: 100,
    in_flight: 4_000,
    order: Order::Oldest,
    ..Load::TYPICAL
};

#[test]
fn a_node_whose_packets_were_all_answered_wakes_up_only_for_its_keepalive() {
    let mut node = Node::new(LOAD);
    node.answer_all_but(0);
    // past the deadlines of the handshakes, which are only found out to be void when they come
    node.wait(Duration::from_secs(12));
    assert_eq!(node.wait(Duration::from_secs(17)), 0);
}

#[test]
fn thousands_of_answered_packets_are_forgotten_in_short_turns_and_no_other_ends() {
    let mut node = Node::new(LOAD);
    node.answer_all_but(1_000);
    node.wait(Duration::from_secs(12));
    let calls = node.wait(Duration::from_millis(12_900));
    assert_eq!(calls, 3, "for 2,900 timers, 1,024 of them at a time");
    assert_eq!(node.in_flight(), 1_000);
}
