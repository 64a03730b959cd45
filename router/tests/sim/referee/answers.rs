//! Invariants 1 and 2: each packet has one answer, in time, and none is invented.

use ilp_router::config::Relation;

use super::super::check::tick;
use super::*;

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
fn invariant_1_an_address_is_told_at_once_or_on_a_later_link_until_the_question_expires() {
    let expires = 60_000;
    let child = Terms {
        relation: Relation::Child,
        ..Terms::default()
    };
    let told = Seen::Fulfill {
        id: 3,
        preimage: [0; 32],
    };
    for (disturbed, mono, good) in [
        (false, 0, true),
        (false, SECOND, false),
        (true, 50 * SECOND, true),
        (true, 61 * SECOND, false),
    ] {
        let mut checker = Checker::new(SECRET, vec![child; 4], &Timeouts::default());
        checker.usable(IN, true);
        checker.took(at(IN, 0), Seen::Ask { id: 3, expires }, Way::Unknown);
        if disturbed {
            checker.disturb(IN);
        }
        checker.sweep(|_| Some(mono));
        checker.said(at(IN, mono), told);
        let violation = checker.violation();
        assert_eq!(violation.is_none(), good, "{mono}: {violation:?}");
    }
}

#[test]
fn invariant_1_a_late_answer_is_seen() {
    let mut checker = forwarded();
    checker.said(at(IN, 9 * SECOND + tick() + 1), reject(1));
    trips(&checker, 1, "it came");
}

#[test]
fn invariant_1_an_answer_that_is_ignored_among_others_is_seen_unless_the_link_closes() {
    for closes in [false, true] {
        let mut checker = forwarded();
        let answers = [fulfill(2, NUMBER), reject(9)];
        checker.heard_at_once(at(OUT, SECOND), answers.into_iter(), 0, closes);
        if closes {
            checker.usable(OUT, false);
        }
        checker.settle();
        assert_eq!(checker.violation().is_none(), closes);
    }
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
fn invariant_2_a_foreign_answer_that_is_taken_among_others_is_seen() {
    for (ended, lost, good) in [(1, false, true), (2, true, true), (2, false, false)] {
        let mut checker = forwarded();
        let answers = [fulfill(2, NUMBER), fulfill(3, NUMBER)];
        checker.heard_at_once(at(OUT, SECOND), answers.into_iter(), ended, lost);
        checker.settle();
        assert_eq!(checker.violation().is_none(), good, "{ended} {lost}");
        assert_eq!(checker.books(OUT).payable, 100);
    }
}

#[test]
fn an_answer_that_is_late_may_end_its_flight_among_others_or_not() {
    for ended in [0, 1] {
        let mut checker = forwarded();
        let answers = [reject(9), fulfill(2, NUMBER)];
        checker.heard_at_once(at(OUT, 9 * SECOND), answers.into_iter(), ended, false);
        checker.settle();
        assert_eq!(checker.violation(), None);
        assert_eq!(checker.books(OUT).payable, 0);
    }
}

#[test]
fn invariant_2_a_foreign_answer_that_is_taken_is_seen() {
    let mut checker = forwarded();
    checker.heard(at(OUT, SECOND), fulfill(3, NUMBER), true);
    trips(&checker, 2, "is not in flight");
}
