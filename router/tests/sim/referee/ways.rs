//! Invariant 8: which way packets take, and for what they are refused.

use super::*;

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
