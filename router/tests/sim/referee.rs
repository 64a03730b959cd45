//! Each invariant can fail: what a broken connector or driver would do is shown to the referee, and it sees it.

mod answers;
mod money;
mod nodes;
mod ways;

use ilp_proto::ErrorCode;
use ilp_router::config::Timeouts;

use super::Spec;
use super::check::{At, Checker, Way};
use super::clock::{MS, SECOND};
use super::faults::Faults;
use super::money::Terms;
use super::wire::{Seen, preimage};
use super::world::World;

const SECRET: u64 = 5;

const NUMBER: u64 = 77;

/// The node's side of its neighbours: packets come in at one and go out at the other.
const IN: u32 = 0;

const OUT: u32 = 2;

fn checker() -> Checker {
    let mut checker = Checker::new(SECRET, vec![Terms::default(); 4], &Timeouts::default());
    checker.usable(IN, true);
    checker.usable(OUT, true);
    checker
}

fn at(seat: u32, mono: u64) -> At {
    At {
        node: 9,
        seat,
        mono,
        wall: (mono / MS) as i64,
        draining: false,
    }
}

fn prepare(id: u32, amount: u64, expires: i64) -> Seen {
    Seen::Prepare {
        id,
        amount,
        expires,
        number: NUMBER,
    }
}

fn fulfill(id: u32, number: u64) -> Seen {
    Seen::Fulfill {
        id,
        preimage: preimage(SECRET, number),
    }
}

fn reject(id: u32) -> Seen {
    Seen::Reject {
        id,
        code: ErrorCode::T01_PEER_UNREACHABLE,
    }
}

/// A packet of 100 units that comes in under id 1 and expires after 10 s, and has gone on under id 2.
fn forwarded() -> Checker {
    let mut checker = checker();
    checker.took(at(IN, 0), prepare(1, 100, 10_000), Way::Unknown);
    checker.said(at(OUT, 0), prepare(2, 100, 9_000));
    assert_eq!(checker.violation(), None);
    checker
}

/// And was fulfilled in time by the next hop.
fn paid() -> Checker {
    let mut checker = forwarded();
    checker.heard(at(OUT, SECOND), fulfill(2, NUMBER), true);
    assert_eq!(checker.violation(), None);
    checker
}

#[track_caller]
fn broken(checker: &Checker) -> Option<u8> {
    Some(checker.violation()?.invariant)
}

fn trips(checker: &Checker, invariant: u8, what: &str) {
    let violation = checker.violation().expect("a violation");
    assert_eq!(
        (violation.invariant, violation.node),
        (invariant, 9),
        "{}",
        violation.what
    );
    assert!(violation.what.contains(what), "{}", violation.what);
}

#[test]
fn a_packet_that_ends_well_trips_nothing() {
    let mut checker = paid();
    checker.said(at(IN, SECOND), fulfill(1, NUMBER));
    checker.settle();
    checker.sweep(|_| Some(60 * SECOND));
    assert_eq!(checker.violation(), None);
    assert_eq!(checker.open(), (0, 0));
    assert_eq!(checker.stats.fulfilled, 1);
}

#[test]
fn a_violation_says_where_it_was_and_how_to_see_it_again() {
    let mut outcome = super::run(&spec(), &mut |_, _| {});
    assert_eq!(outcome.report(), None);
    let mut checker = forwarded();
    checker.sweep(|_| Some(60 * SECOND));
    outcome.violation = checker.violation().cloned();
    let report = outcome.report().expect("a report");
    for part in [
        "invariant 1",
        "n9",
        "seed 11",
        "expected an answer",
        "--seed 11 --nodes 6",
        "--faults none",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
}

fn spec() -> Spec {
    Spec {
        nodes: 6,
        packets: 20,
        faults: Faults::None,
        duration: SECOND,
        ..Spec::new(11)
    }
}

/// A small one, connected.
fn network() -> World {
    let mut world = World::new(&spec());
    assert!(world.connect(&mut |_, _| {}));
    world
}

/// What the referee makes of a packet of `amount` that comes in under id 1 and should go `way`.
fn taken(terms: [Terms; 2], amount: u64, way: Way) -> Checker {
    let [from, to] = terms;
    let terms = vec![from, Terms::default(), to, Terms::default()];
    let mut checker = Checker::new(SECRET, terms, &Timeouts::default());
    checker.usable(IN, true);
    checker.usable(OUT, true);
    checker.took(at(IN, 0), prepare(1, amount, 10_000), way);
    checker
}

const TO_OUT: Way = Way::To {
    seat: OUT,
    detour: false,
};

fn refuse(code: ErrorCode) -> Seen {
    Seen::Reject { id: 1, code }
}
