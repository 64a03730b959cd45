//! A process that is stopped and goes on.

use std::time::Duration;

use crate::node::{Node, settings};

#[test]
fn a_node_that_was_frozen_answers_each_packet_once_and_none_too_late_as_fulfilled() {
    let node = Node::start(settings());
    let mut honest = node.honest();
    let short = Duration::from_millis(2_200);
    // Bob's fulfilment of the first comes in time, but to somebody who is asleep.
    honest.alice.prepare("test.bob", 1, short);
    let (first, _) = honest.bob.packet();
    node.process.signal("STOP");
    honest.bob.fulfill_as(first);
    // One that will be too old, and one that will not.
    honest.alice.prepare("test.bob", 2, short);
    honest.alice.prepare("test.bob", 3, Duration::from_secs(60));
    std::thread::sleep(short + Duration::from_millis(300));
    node.process.signal("CONT");

    // The third is the only one that bob sees; the order of the answers is free.
    honest.bob.fulfill();
    let mut outcomes = [(); 3].map(|()| honest.alice.outcome());
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["R00", "R00", "fulfilled"]);
    assert_eq!(node.metric(r#"ilp_account_balance{peer="alice"}"#), 3);
    assert_eq!(node.metric("ilp_in_flight_packets"), 0);
    honest.pay();
}
