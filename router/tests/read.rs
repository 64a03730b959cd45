//! What one read brought, handed over at once.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "the benches use the rest")]
#[path = "../benches/bodies/mod.rs"]
mod bodies;

use bodies::connector::{Answer, Hand, Load, Node};

/// So many that the connector fetches the flights of all answers before it handles the first.
const IN_FLIGHT: usize = 5_000;

#[test]
fn a_read_at_once_does_what_its_messages_do_one_by_one() {
    for answer in [Answer::Fulfill, Answer::Reject] {
        // as many messages as are looked at together, fewer, and more
        for (peers, batch) in [(2, 32), (10, 32), (2, 100)] {
            let load = Load {
                routes: 100,
                in_flight: IN_FLIGHT,
                peers,
                batch,
                answer,
                ..Load::TYPICAL
            };
            let mut at_once = Node::new(load);
            let mut one_by_one = Node::new(Load {
                hand: Hand::OneByOne,
                ..load
            });
            for turn in 0..200 {
                at_once.turn();
                one_by_one.turn();
                assert_eq!(at_once.sent(), one_by_one.sent(), "in turn {turn}");
            }
            assert_eq!(at_once.in_flight(), IN_FLIGHT);
            assert_eq!(at_once.answers_out(), one_by_one.answers_out());
        }
    }
}
