//! Invariants 3 and 4: amounts, balances and ids.

use super::super::audit::{Account, compare, over};
use super::super::money::Asset;
use super::*;

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
    assert_eq!(broken(&world.checker), Some(4));
}
