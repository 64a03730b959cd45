//! Random scripts against a chain of three connectors: whatever happens, each packet has one end and the books balance.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use ilp_proto::ErrorCode;
use net::{Ending, Net, Policy, chain};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Send {
        count: u8,
        amount: u16,
        expiry_ms: u16,
    },
    Run {
        ms: u16,
    },
    Receiver(u8),
    Release,
    /// Breaks the link between two connectors; both notice.
    Cut {
        second: bool,
    },
    /// Pulls the cable between them; nobody notices until the keepalive does.
    Pull {
        second: bool,
    },
    Stuck {
        second: bool,
        stuck: bool,
    },
    StepWall {
        seconds: i16,
    },
    Garbage {
        second: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1..20u8, any::<u16>(), 0..40_000u16).prop_map(|(count, amount, expiry_ms)| Op::Send { count, amount, expiry_ms }),
        4 => (0..8_000u16).prop_map(|ms| Op::Run { ms }),
        2 => (0..5u8).prop_map(Op::Receiver),
        2 => Just(Op::Release),
        1 => any::<bool>().prop_map(|second| Op::Cut { second }),
        1 => any::<bool>().prop_map(|second| Op::Pull { second }),
        1 => any::<(bool, bool)>().prop_map(|(second, stuck)| Op::Stuck { second, stuck }),
        1 => any::<i16>().prop_map(|seconds| Op::StepWall { seconds }),
        1 => any::<bool>().prop_map(|second| Op::Garbage { second }),
    ]
}

fn between(second: bool) -> (&'static str, &'static str) {
    if second { ("b", "c") } else { ("a", "b") }
}

fn apply(net: &mut Net, op: &Op, sent: &mut Vec<u64>) {
    let now = net.now();
    match *op {
        Op::Send {
            count,
            amount,
            expiry_ms,
        } => {
            let expiry = Duration::from_millis(expiry_ms.into());
            for _ in 0..count {
                sent.push(
                    net.app("sender")
                        .send(now, "test.c.receiver", amount.into(), expiry),
                );
            }
        }
        Op::Run { ms } => net.run(Duration::from_millis(ms.into())),
        Op::Receiver(policy) => {
            net.app("receiver").policy = match policy {
                0 => Policy::Hold,
                1 => Policy::Lie,
                2 => Policy::Reject(ErrorCode::F99_APPLICATION_ERROR),
                3 => Policy::Garbage,
                _ => Policy::Fulfill,
            };
        }
        Op::Release => net.app("receiver").release(now),
        Op::Cut { second } | Op::Pull { second } => {
            let (one, other) = between(second);
            for pipe in net.pipes_between(one, other) {
                if matches!(op, Op::Cut { .. }) {
                    net.cut(pipe)
                } else {
                    net.pull(pipe)
                }
            }
        }
        Op::Stuck { second, stuck } => {
            let (one, other) = between(second);
            for pipe in net.pipes_between(one, other) {
                net.set_stuck(pipe, one, stuck);
            }
        }
        Op::StepWall { seconds } => net.step_wall(i64::from(seconds) * 1_000),
        Op::Garbage { second } => {
            let (one, other) = between(second);
            for pipe in net.pipes_between(one, other) {
                net.inject(pipe, one, Some(b"\x01garbage"));
            }
        }
    }
}

fn balance(net: &Net, node: &str, peer: &str) -> i128 {
    let view = net
        .node(node)
        .peers()
        .find(|view| view.config.id.as_str() == peer)
        .unwrap();
    view.account.balance()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn each_packet_has_one_end_and_the_books_balance(ops in prop::collection::vec(op(), 1..40)) {
        let mut net = chain();
        let mut sent = Vec::new();
        for op in &ops {
            apply(&mut net, op, &mut sent);
        }
        // the storm is over: all that is held expires, dead links are found out, live ones are made
        for second in [false, true] {
            let (one, other) = between(second);
            for pipe in net.pipes_between(one, other) {
                net.set_stuck(pipe, one, false);
            }
        }
        net.run(Duration::from_secs(300));
        let mut fulfilled = 0;
        for &number in &sent {
            let ending = net.app("sender").ending(number);
            prop_assert!(ending.is_some(), "PREPARE {number} has no answer");
            if let Some(Ending::Fulfilled { .. }) = ending {
                fulfilled += 1;
            }
        }
        for (name, node) in net.nodes() {
            prop_assert_eq!(node.in_flight(), 0, "{} has packets in flight", name);
            for view in node.peers() {
                prop_assert_eq!((view.in_flight_in, view.in_flight_out), (0, 0), "{}: {}", name, view.config.id);
                prop_assert_eq!((view.account.held_incoming(), view.account.held_outgoing()), (0, 0));
            }
            // what a connector owes its next hop it is owed by the one before
            let owed: i128 = node.peers().map(|view| view.account.balance()).sum();
            prop_assert_eq!(owed, 0, "the books of {} do not balance", name);
        }
        let at_sender = net.node("a").peers().find(|view| view.config.id.as_str() == "sender").unwrap();
        prop_assert_eq!(at_sender.counters.fulfills_out, fulfilled, "fulfilled as the sender sees it");
        // a hop may lose a fulfilment that comes too late upstream, never invent one
        prop_assert!(balance(&net, "a", "sender") <= balance(&net, "b", "a"));
        prop_assert!(balance(&net, "b", "a") <= balance(&net, "c", "b"));
        prop_assert!(net.connected("a", "b") && net.connected("b", "c"), "the network has healed");
    }
}
