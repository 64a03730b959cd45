//! Runs one case of what the benches measure, under callgrind: `instructions-probe CASE`. Without a case it lists them,
//! each with the number of packets (or calls) that `measured` is over. See `.ci/instructions`.

#[path = "../../../ilp-proto/benches/bodies/mod.rs"]
mod packets;

#[path = "../../../btp-proto/benches/bodies/mod.rs"]
mod links;

#[allow(dead_code, reason = "the benches use the rest")]
#[path = "../../../router/benches/bodies/mod.rs"]
mod bodies;

use bodies::connector::{Answer, Load, Node};
use bodies::{table, wheel};

const CALLS: usize = 2_000;

/// A body that one call of measures so many packets, made when it is wanted.
struct Case(&'static str, usize, fn() -> Box<dyn FnMut()>);

fn cases() -> Vec<Case> {
    vec![
        Case("packet-prepare", 1, || Box::new(packets::forward())),
        Case("packet-fulfillment", 1, || Box::new(packets::fulfills())),
        Case("frame-prepare", 1, || Box::new(links::forward())),
        Case("connection-exchange", 1, || Box::new(links::exchange())),
        Case("table-10", 1, || Box::new(table::lookup(10))),
        Case("table-10000", 1, || Box::new(table::lookup(10_000))),
        Case("wheel-512", 1, || Box::new(wheel::turnover(512))),
        Case("wheel-50000", 1, || Box::new(wheel::turnover(50_000))),
        Case("connector-fulfilled", 32, || node(Load::TYPICAL)),
        Case("connector-rejected", 32, || {
            let answer = Answer::Reject;
            node(Load {
                answer,
                ..Load::TYPICAL
            })
        }),
        Case("connector-one-at-a-time", 1, || {
            let (in_flight, batch) = (1, 1);
            node(Load {
                in_flight,
                batch,
                ..Load::TYPICAL
            })
        }),
        Case("connector-1000-peers", 32, || {
            let (in_flight, peers) = (5_000, 1_000);
            node(Load {
                in_flight,
                peers,
                ..Load::TYPICAL
            })
        }),
    ]
}

fn node(load: Load) -> Box<dyn FnMut()> {
    let mut node = Node::new(load);
    Box::new(move || node.turn())
}

/// All that callgrind counts: `--toggle-collect` names it.
#[inline(never)]
fn measured(body: &mut dyn FnMut(), calls: usize) {
    for _ in 0..calls {
        body();
    }
}

fn main() {
    let wanted = std::env::args().nth(1);
    for Case(name, packets, make) in cases() {
        let calls = CALLS / packets;
        if wanted.is_none() {
            println!("{name} {}", calls * packets);
        } else if wanted.as_deref() == Some(name) {
            let mut body = make();
            // until memory has grown to what it stays at; not through `measured`, which is counted
            for _ in 0..calls {
                body();
            }
            measured(&mut body, calls);
            return;
        }
    }
    assert!(wanted.is_none(), "there is no such case");
}
