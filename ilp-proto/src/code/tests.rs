use std::{collections::BTreeSet, format, string::ToString};

use super::*;

#[test]
fn the_listed_codes_have_the_names_of_the_rfc() {
    let names = [
        ("F00", "Bad Request"),
        ("F01", "Invalid Packet"),
        ("F02", "Unreachable"),
        ("F03", "Invalid Amount"),
        ("F04", "Insufficient Destination Amount"),
        ("F05", "Wrong Condition"),
        ("F06", "Unexpected Payment"),
        ("F07", "Cannot Receive"),
        ("F08", "Amount Too Large"),
        ("F99", "Application Error"),
        ("T00", "Internal Error"),
        ("T01", "Peer Unreachable"),
        ("T02", "Peer Busy"),
        ("T03", "Connector Busy"),
        ("T04", "Insufficient Liquidity"),
        ("T05", "Rate Limited"),
        ("T99", "Application Error"),
        ("R00", "Transfer Timed Out"),
        ("R01", "Insufficient Source Amount"),
        ("R02", "Insufficient Timeout"),
        ("R99", "Application Error"),
    ];
    assert_eq!(ErrorCode::ALL.len(), names.len());
    for (code, (text, name)) in ErrorCode::ALL.iter().zip(names) {
        assert_eq!((code.as_str(), code.name()), (text, Some(name)));
    }
    assert_eq!(
        ErrorCode::ALL.iter().collect::<BTreeSet<_>>().len(),
        names.len()
    );
}

#[test]
fn the_first_letter_says_whether_to_try_again() {
    assert_eq!(ErrorCode::F99_APPLICATION_ERROR.class(), ErrorClass::Final);
    assert_eq!(ErrorCode::T00_INTERNAL_ERROR.class(), ErrorClass::Temporary);
    assert_eq!(
        ErrorCode::R02_INSUFFICIENT_TIMEOUT.class(),
        ErrorClass::Relative
    );
    assert_eq!(
        ErrorCode::new(*b"f00").unwrap().class(),
        ErrorClass::Unknown
    );
}

#[test]
fn an_unlisted_code_is_a_code_without_a_name() {
    let code = ErrorCode::new(*b"F09").unwrap();
    assert_eq!((code.to_string().as_str(), code.name()), ("F09", None));
    assert_eq!(code.as_bytes(), b"F09");
}

#[test]
fn bytes_above_127_are_no_code() {
    assert_eq!(ErrorCode::new([b'F', b'0', 0x80]), None);
    assert!(ErrorCode::new([0x7f; 3]).is_some());
}

#[test]
fn a_code_prints_safely_whatever_a_peer_put_into_it() {
    let code = ErrorCode::new(*b"F\n\x1b").unwrap();
    assert_eq!(code.to_string(), "F\\n\\u{1b}");
    assert_eq!(
        format!("{:?}", ErrorCode::F02_UNREACHABLE),
        "ErrorCode(F02)"
    );
}

#[test]
fn the_amounts_of_an_f08_take_16_bytes() {
    let amounts = AmountTooLarge {
        received: 1000,
        maximum: 500,
    };
    let data = amounts.to_bytes();
    assert_eq!(AmountTooLarge::parse(&data), Ok(amounts));
    let error = AmountTooLarge::parse(&data[..15]).unwrap_err();
    assert_eq!((error.field, error.offset), ("maximumAmount", 8));
}
