use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::AddressError;

fn kind<T: core::fmt::Debug>(result: Result<T, DecodeError>) -> DecodeErrorKind {
    result.unwrap_err().kind
}

#[test]
fn integers_are_big_endian_and_follow_each_other() {
    let mut reader = Reader::new(&[1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 9]);
    assert_eq!(reader.u8("a"), Ok(1));
    assert_eq!(reader.u16("b"), Ok(2));
    assert_eq!(reader.u32("c"), Ok(3));
    assert_eq!(reader.u64("d"), Ok(4));
    assert_eq!(
        (reader.remaining(), reader.offset(), reader.rest()),
        (1, 15, &[9][..])
    );
    assert_eq!(reader.array::<1>("e"), Ok([9]));
}

#[test]
fn an_error_names_the_field_the_place_and_what_is_missing() {
    let mut reader = Reader::new(&[7, 1, 2]);
    reader.u8("first").unwrap();
    let error = reader.u32("second").unwrap_err();
    let kind = DecodeErrorKind::Truncated {
        needed: 4,
        available: 2,
    };
    assert_eq!(
        error,
        DecodeError {
            field: "second",
            kind,
            offset: 1
        }
    );
}

#[test]
fn each_integer_needs_all_of_its_bytes() {
    let mut reader = Reader::new(&[]);
    let truncated = |needed| DecodeErrorKind::Truncated {
        needed,
        available: 0,
    };
    assert_eq!(kind(reader.u8("x")), truncated(1));
    assert_eq!(kind(reader.u16("x")), truncated(2));
    assert_eq!(kind(reader.u64("x")), truncated(8));
    assert_eq!(kind(reader.array::<32>("x")), truncated(32));
    assert_eq!(kind(reader.take(5, "x")), truncated(5));
}

#[test]
fn a_length_without_its_last_byte_is_truncated() {
    for bytes in [
        &[0x81][..],
        &[0x82, 1],
        &[0x83, 1, 0],
        &[0x88, 1, 2, 3, 4, 5, 6, 7],
    ] {
        let size = bytes.len();
        let error = kind(Reader::new(bytes).length("x"));
        assert_eq!(
            error,
            DecodeErrorKind::Truncated {
                needed: size,
                available: size - 1
            }
        );
    }
}

#[test]
fn the_error_of_a_length_points_at_its_first_byte() {
    for (bytes, kind) in [
        (&[0, 0x80][..], DecodeErrorKind::LengthIndefinite),
        (&[0, 0x81, 5], DecodeErrorKind::LengthNotCanonical),
        (&[0, 0x82, 0, 200], DecodeErrorKind::LengthNotCanonical),
        (&[0, 0xff], DecodeErrorKind::LengthTooLong),
    ] {
        let mut reader = Reader::new(bytes);
        reader.u8("before").unwrap();
        assert_eq!(
            reader.var_octets("x"),
            Err(DecodeError {
                field: "x",
                kind,
                offset: 1
            })
        );
    }
}

#[test]
fn a_huge_claimed_length_is_truncation_and_nothing_else() {
    let bytes = [0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    let error = Reader::new(&bytes).var_octets("x").unwrap_err();
    let kind = DecodeErrorKind::Truncated {
        needed: usize::MAX,
        available: 1,
    };
    assert_eq!(
        error,
        DecodeError {
            field: "x",
            kind,
            offset: 9
        }
    );
}

#[test]
fn nested_fields_count_offsets_from_the_outermost_buffer() {
    let bytes = [9, 4, 2, 1, 7, 5, 8];
    let mut outer = Reader::new(&bytes);
    outer.u8("type").unwrap();
    let mut middle = outer.nested("contents").unwrap();
    assert_eq!(
        (middle.offset(), middle.remaining(), outer.offset()),
        (2, 4, 6)
    );
    let mut inner = middle.nested("inner").unwrap();
    assert_eq!((inner.offset(), inner.rest()), (3, &[1, 7][..]));
    inner.u16("number").unwrap();
    assert_eq!(inner.u8("more").unwrap_err().offset, 5);
    assert_eq!(middle.u8("last"), Ok(5));
    assert_eq!(outer.u8("behind"), Ok(8));
}

#[test]
fn an_address_error_points_at_the_very_byte() {
    let error = read_address(&mut Reader::new(b"\x05g.a b"), "source").unwrap_err();
    let kind = DecodeErrorKind::BadAddress(AddressError::BadByte { at: 3, byte: b' ' });
    assert_eq!(
        error,
        DecodeError {
            field: "source",
            kind,
            offset: 4
        }
    );
}

#[test]
fn the_length_of_a_length_is_what_is_written() {
    for n in [
        0,
        1,
        127,
        128,
        255,
        256,
        65_535,
        65_536,
        1 << 24,
        usize::MAX,
    ] {
        let mut out = Vec::new();
        put_length(&mut out, n);
        assert_eq!(out.len(), length_len(n), "{n}");
        let mut reader = Reader::new(&out);
        assert_eq!((reader.length("x"), reader.remaining()), (Ok(n as u64), 0));
    }
}

proptest! {
    #[test]
    fn octets_come_back_as_they_were_written(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            (65_530usize..65_540).prop_map(|n| vec![5; n]),
        ],
    ) {
        let mut out = Vec::new();
        put_var_octets(&mut out, &bytes);
        prop_assert_eq!(out.len(), var_octets_len(bytes.len()));
        let mut reader = Reader::new(&out);
        prop_assert_eq!(reader.var_octets("x"), Ok(&bytes[..]));
        prop_assert_eq!(reader.remaining(), 0);
    }

    #[test]
    fn numbers_come_back_as_they_were_written(value: u64, shift in 0..64u32) {
        let value = value >> shift;
        let mut out = Vec::new();
        put_var_uint(&mut out, value);
        prop_assert_eq!(out.len(), var_uint_len(value));
        prop_assert_eq!(Reader::new(&out).var_uint("x"), Ok(value));
    }

    #[test]
    fn there_is_one_way_to_write_a_length_or_a_number(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
        let mut reader = Reader::new(&bytes);
        if let Ok(Ok(length)) = reader.length("x").map(usize::try_from) {
            let mut out = Vec::new();
            put_length(&mut out, length);
            prop_assert_eq!(&out[..], &bytes[..reader.offset()]);
        }
        let mut reader = Reader::new(&bytes);
        if let Ok(number) = reader.var_uint("x") {
            let mut out = Vec::new();
            put_var_uint(&mut out, number);
            prop_assert_eq!(&out[..], &bytes[..reader.offset()]);
        }
    }
}
