//! Each invariant can fail: what a broken connector or driver would do is shown to the referee, and it sees it.

use std::time::Duration;

use ilp_proto::ErrorCode;
use ilp_router::config::Timeouts;

use super::Spec;
use super::audit::{Account, Held, IDLE_PEER, compare, over};
use super::check::{At, Checker, Way, tick};
use super::clock::{MS, SECOND};
use super::faults::Faults;
use super::money::{Asset, Terms};
use super::run::Outcome;
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
fn invariant_1_an_answer_that_never_comes_is_seen_a_tick_after_its_deadline() {
    let mut checker = forwarded();
    checker.sweep(|_| Some(9 * SECOND + tick()));
    assert_eq!(checker.violation(), None);
    checker.sweep(|_| Some(9 * SECOND + tick() + 1));
    trips(&checker, 1, "there is none");
}

#[test]
fn invariant_1_an_answer_is_excused_when_its_link_was_disturbed() {
    let mut checker = forwarded();
    checker.disturb(IN);
    checker.sweep(|_| Some(60 * SECOND));
    assert_eq!(checker.violation(), None);
    assert_eq!(checker.stats.excused, 1);
}

#[test]
fn invariant_1_a_late_answer_is_seen() {
    let mut checker = forwarded();
    checker.said(at(IN, 9 * SECOND + tick() + 1), reject(1));
    trips(&checker, 1, "it came");
}

#[test]
fn invariant_1_a_second_answer_is_seen() {
    let mut checker = paid();
    checker.said(at(IN, SECOND), fulfill(1, NUMBER));
    checker.said(at(IN, SECOND), fulfill(1, NUMBER));
    trips(&checker, 1, "one too many");
}

#[test]
fn invariant_1_an_answer_in_time_that_is_ignored_is_seen_unless_the_link_closes() {
    for closes in [false, true] {
        let mut checker = forwarded();
        checker.heard(at(OUT, SECOND), fulfill(2, NUMBER), false);
        if closes {
            checker.usable(OUT, false);
        }
        checker.settle();
        assert_eq!(checker.violation().is_none(), closes);
    }
}

#[test]
fn invariant_2_a_fulfilment_with_a_wrong_preimage_is_seen() {
    let mut checker = paid();
    checker.said(at(IN, SECOND), fulfill(1, NUMBER + 1));
    trips(&checker, 2, "with its preimage");
}

#[test]
fn invariant_2_an_invented_fulfilment_is_seen() {
    let mut checker = forwarded();
    checker.said(at(IN, SECOND), fulfill(1, NUMBER));
    trips(&checker, 2, "only after one came from downstream");
}

#[test]
fn invariant_2_a_fulfilment_after_the_expiry_is_seen() {
    let mut checker = paid();
    checker.disturb(IN);
    checker.said(at(IN, 10 * SECOND), fulfill(1, NUMBER));
    trips(&checker, 2, "before it expires");
}

#[test]
fn invariant_2_a_fulfilment_that_came_late_counts_as_none() {
    let mut checker = forwarded();
    checker.heard(at(OUT, 9 * SECOND), fulfill(2, NUMBER), true);
    checker.said(at(IN, 9 * SECOND), fulfill(1, NUMBER));
    trips(&checker, 2, "only after one came from downstream");
}

#[test]
fn invariant_2_a_foreign_answer_that_is_taken_is_seen() {
    let mut checker = forwarded();
    checker.heard(at(OUT, SECOND), fulfill(3, NUMBER), true);
    trips(&checker, 2, "is not in flight");
}

#[test]
fn invariant_3_an_amount_that_grows_is_seen() {
    let mut checker = checker();
    checker.took(at(IN, 0), prepare(1, 100, 10_000), Way::Unknown);
    checker.said(at(OUT, 0), prepare(2, 101, 9_000));
    trips(&checker, 3, "at most 100 go on");
}

#[test]
fn invariant_3_an_expiry_without_a_margin_is_seen() {
    let mut checker = checker();
    checker.took(at(IN, 0), prepare(1, 100, 10_000), Way::Unknown);
    checker.said(at(OUT, 0), prepare(2, 100, 9_001));
    trips(&checker, 3, "1000 ms less");
}

#[test]
fn invariant_3_a_packet_that_nobody_asked_for_is_seen() {
    let mut checker = checker();
    checker.said(at(OUT, 0), prepare(2, 100, 9_000));
    trips(&checker, 3, "has none");
}

#[test]
fn invariant_3_paying_without_being_paid_is_seen() {
    let mut checker = paid();
    checker.said(at(IN, SECOND), reject(1));
    trips(&checker, 3, "it was rejected");
}

#[test]
fn invariant_3_books_that_differ_from_the_referees_are_seen() {
    let books = Account {
        receivable: 5,
        payable: 4,
    };
    assert_eq!(compare(books, books), None);
    assert!(
        compare(
            books,
            Account {
                payable: 5,
                ..books
            }
        )
        .is_some()
    );

    // in a real network: the referee is told of a payment that no connector had
    let mut world = network();
    let from = world.at(0, world.nodes[0].seats[0]);
    let to = world.at(0, world.nodes[0].seats[1]);
    let expires = from.wall + 10_000;
    world
        .checker
        .took(from, prepare(1, 100, expires), Way::Unknown);
    world.checker.said(to, prepare(2, 100, expires - 1_000));
    let secret = world.secret();
    let paid = Seen::Fulfill {
        id: 2,
        preimage: preimage(secret, NUMBER),
    };
    world.checker.heard(to, paid, true);
    world.audit(0);
    let violation = world.checker.violation().expect("a violation");
    assert_eq!(violation.invariant, 3, "{}", violation.what);
}

#[test]
fn invariant_4_an_id_that_is_used_twice_is_seen() {
    let mut checker = forwarded();
    checker.took(
        at(IN, SECOND),
        Seen::Prepare {
            id: 5,
            amount: 1,
            expires: 10_000,
            number: 78,
        },
        Way::Unknown,
    );
    checker.said(
        at(OUT, SECOND),
        Seen::Prepare {
            id: 2,
            amount: 1,
            expires: 9_000,
            number: 78,
        },
    );
    trips(&checker, 4, "in flight");
}

#[test]
fn invariant_4_what_is_left_in_an_idle_network_is_seen() {
    let mut world = network();
    world.audit_idle();
    assert_eq!(world.checker.violation(), None);
    let at = world.at(0, world.nodes[0].seats[0]);
    world
        .checker
        .took(at, prepare(1, 100, at.wall + 10_000), Way::Unknown);
    world.audit_idle();
    assert_eq!(
        world
            .checker
            .violation()
            .map(|violation| violation.invariant),
        Some(4)
    );
}

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
    assert_eq!(
        world
            .checker
            .violation()
            .map(|violation| violation.invariant),
        Some(5)
    );
}

#[test]
fn invariant_5_a_peer_that_keeps_memory_is_seen() {
    let mut world = network();
    let peers: usize = world.nodes.iter().map(|node| node.seats.len()).sum();
    world.check_memory(peers * IDLE_PEER);
    assert_eq!(world.checker.violation(), None);
    world.check_memory(peers * IDLE_PEER + 1);
    assert_eq!(
        world
            .checker
            .violation()
            .map(|violation| violation.invariant),
        Some(5)
    );
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
        assert_eq!(
            world
                .checker
                .violation()
                .map(|violation| violation.invariant),
            Some(6)
        );
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

#[test]
fn invariant_1_a_packet_that_is_taken_during_a_drain_is_seen() {
    let during = At {
        draining: true,
        ..at(IN, 0)
    };
    let mut good = checker();
    good.took(during, prepare(1, 100, 10_000), Way::Unknown);
    let mut bad = checker();
    bad.took(during, prepare(1, 100, 10_000), Way::Unknown);
    good.said(at(IN, 0), refuse(ErrorCode::T03_CONNECTOR_BUSY));
    assert_eq!((good.violation(), good.stats.drained), (None, 1));
    bad.said(at(OUT, 0), prepare(2, 100, 9_000));
    trips(&bad, 1, "during a drain");
}

#[test]
fn invariant_1_a_drain_that_is_too_long_or_too_short_or_leaves_more_than_it_says_is_seen() {
    for (took, says, left, good) in [
        (9 * SECOND, 2, 2, true),
        (10 * SECOND, 2, 2, false),
        (9 * SECOND, 2, 3, false),
        (7 * SECOND, 2, 2, false),
        (SECOND, 0, 0, true),
    ] {
        let mut world = network();
        world.check_drain(1, took, says, left);
        let violation = world.checker.violation();
        assert_eq!(violation.is_none(), good, "{violation:?}");
        assert!(violation.is_none_or(|violation| violation.invariant == 1));
    }
}

#[test]
fn invariant_1_answers_that_are_owed_when_a_link_closes_are_counted() {
    let mut checker = forwarded();
    assert_eq!((checker.owes(IN), checker.owes(OUT)), (1, 0));
    assert_eq!((checker.awaits(OUT, 0), checker.awaits(IN, 0)), (1, 0));
    checker.said(at(IN, SECOND), reject(1));
    assert_eq!(checker.owes(IN), 0);
}

#[test]
fn invariant_3_an_amount_is_checked_in_the_asset_of_each_side() {
    let fine = Terms {
        asset: Asset {
            code: "USD",
            scale: 12,
        },
        ..Terms::default()
    };
    let euro = Terms {
        asset: Asset {
            code: "EUR",
            scale: 9,
        },
        ..Terms::default()
    };
    for (to, amount, good) in [
        (fine, 100_000, true),
        (fine, 100, false),
        (euro, 100, false),
    ] {
        let mut checker = taken([Terms::default(), to], 100, TO_OUT);
        checker.said(at(OUT, 0), prepare(2, amount, 9_000));
        assert_eq!(checker.violation().is_none(), good, "{to:?} {amount}");
        assert_eq!(checker.stats.converted, u64::from(good));
    }
}

#[test]
fn invariant_3_a_balance_above_its_limit_is_seen() {
    for (limit, good) in [(100, true), (99, false)] {
        let from = Terms {
            max_balance: Some(limit),
            ..Terms::default()
        };
        let mut checker = taken([from, Terms::default()], 100, TO_OUT);
        checker.said(at(OUT, 0), prepare(2, 100, 9_000));
        assert_eq!(checker.violation().is_none(), good);
        assert_eq!(over(Some(limit), 100).is_none(), good);
    }
    assert_eq!(over(None, i128::MAX), None);
}

#[test]
fn invariant_3_an_address_that_is_not_the_right_one_is_seen() {
    let mut world = network();
    world.plan.graph.address[1] = "test.other".into();
    world.audit(1);
    let violation = world.checker.violation().expect("a violation");
    assert!(violation.what.contains("test.other"), "{}", violation.what);
}

#[test]
fn invariant_8_a_way_that_is_not_the_best_is_seen() {
    for way in [
        Way::Nowhere,
        Way::To {
            seat: IN,
            detour: false,
        },
    ] {
        let mut checker = taken([Terms::default(); 2], 100, way);
        checker.said(at(OUT, 0), prepare(2, 100, 9_000));
        trips(&checker, 8, "it went to seat 2");
    }
    let detour = Way::To {
        seat: OUT,
        detour: true,
    };
    let mut checker = taken([Terms::default(); 2], 100, detour);
    checker.said(at(OUT, 0), prepare(2, 100, 9_000));
    assert_eq!((checker.violation(), checker.stats.detours), (None, 1));
}

#[test]
fn invariant_8_a_packet_that_goes_in_circles_is_seen() {
    let mut checker = taken([Terms::default(); 2], 100, TO_OUT);
    checker.said(at(OUT, 0), prepare(2, 100, 9_000));
    checker.took(at(OUT, 0), prepare(3, 100, 8_000), TO_OUT);
    trips(&checker, 8, "it comes again");
}

#[test]
fn invariant_8_a_refusal_for_what_is_not_the_case_is_seen() {
    for code in [
        ErrorCode::T01_PEER_UNREACHABLE,
        ErrorCode::T04_INSUFFICIENT_LIQUIDITY,
        ErrorCode::R01_INSUFFICIENT_SOURCE_AMOUNT,
        ErrorCode::F08_AMOUNT_TOO_LARGE,
    ] {
        let mut checker = taken([Terms::default(); 2], 100, TO_OUT);
        checker.said(at(IN, 0), refuse(code));
        trips(&checker, 8, "is refused");
    }
    let mut checker = taken([Terms::default(); 2], 100, Way::Nowhere);
    checker.said(at(IN, 0), refuse(ErrorCode::T01_PEER_UNREACHABLE));
    assert_eq!(checker.violation(), None);
}
