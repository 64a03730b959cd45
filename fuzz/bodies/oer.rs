//! OER: what is read is what is written again, nothing is allocated, and no offset leaves the input.

use ilp_proto::oer::{self, Reader};
use ilp_proto::{AmountTooLarge, DecodeError, IldcpResponse, Timestamp};

use super::gauge::without_allocating;
use super::script::Script;

pub(crate) fn run(input: &[u8]) {
    each_item_alone(input);
    items_in_a_row(input);
    times(input);
    data_of_packets(input);
}

/// Reads an item from the front, and asserts that writing it gives the bytes that it was read from.
fn round<'a, T>(
    input: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    write: impl FnOnce(&T, &mut Vec<u8>) -> usize,
) {
    let mut reader = Reader::new(input);
    match without_allocating(|| read(&mut reader)) {
        Ok(value) => {
            assert_eq!(reader.offset() + reader.remaining(), input.len());
            assert_eq!(reader.rest(), &input[reader.offset()..]);
            let mut out = Vec::new();
            let announced = write(&value, &mut out);
            assert_eq!(out.len(), announced, "not as long as announced");
            assert_eq!(out, input[..reader.offset()], "it is written otherwise");
        }
        Err(error) => assert!(error.offset <= input.len(), "{error}"),
    }
}

fn each_item_alone(input: &[u8]) {
    let fixed = |value: &[u8], out: &mut Vec<u8>| {
        out.extend_from_slice(value);
        value.len()
    };
    round(input, |r| r.u8("f"), |v, out| fixed(&v.to_be_bytes(), out));
    round(input, |r| r.u16("f"), |v, out| fixed(&v.to_be_bytes(), out));
    round(input, |r| r.u32("f"), |v, out| fixed(&v.to_be_bytes(), out));
    round(input, |r| r.u64("f"), |v, out| fixed(&v.to_be_bytes(), out));
    round(input, |r| r.array::<17>("f"), |v, out| fixed(v, out));
    round(
        input,
        |r| r.length("f"),
        |&v, out| {
            let v = usize::try_from(v).unwrap();
            oer::put_length(out, v);
            oer::length_len(v)
        },
    );
    round(
        input,
        |r| r.var_octets("f"),
        |v, out| {
            oer::put_var_octets(out, v);
            oer::var_octets_len(v.len())
        },
    );
    round(
        input,
        |r| r.var_uint("f"),
        |&v, out| {
            oer::put_var_uint(out, v);
            oer::var_uint_len(v)
        },
    );
    round(
        input,
        |r| oer::read_address(r, "f"),
        |v, out| {
            oer::put_var_octets(out, v.as_bytes());
            oer::var_octets_len(v.as_bytes().len())
        },
    );
}

/// Items one behind the other, also within each other: offsets go on counting from the start.
fn items_in_a_row(input: &[u8]) {
    let (how, wire) = input.split_at(input.len().min(8));
    let mut how = Script::new(how);
    let mut reader = Reader::new(wire);
    while !how.is_over() {
        let before = reader;
        let read = match how.below(6) {
            0 => reader.u8("f").map(|_| ()),
            1 => reader.length("f").map(|_| ()),
            2 => reader.var_octets("f").map(|_| ()),
            3 => reader.var_uint("f").map(|_| ()),
            4 => reader.take(how.below(256), "f").map(|_| ()),
            _ => reader.nested("f").map(|inner| {
                let end = inner.offset() + inner.remaining();
                assert_eq!(end, reader.offset(), "the outer reader goes on behind");
                assert_eq!(inner.rest(), &wire[inner.offset()..end]);
                if how.flag() {
                    reader = inner;
                }
            }),
        };
        match read {
            Ok(()) => assert!(reader.offset() >= before.offset()),
            Err(error) => {
                assert!(
                    (before.offset()..=wire.len()).contains(&error.offset),
                    "{error}"
                );
                break;
            }
        }
        let end = reader.offset() + reader.remaining();
        assert_eq!(reader.rest(), &wire[reader.offset()..end]);
    }
}

fn times(input: &[u8]) {
    if let Some(digits) = input.first_chunk::<17>() {
        match Timestamp::parse_interledger(digits) {
            Ok(time) => {
                assert_eq!(time.write_interledger(), *digits);
                assert!((Timestamp::EARLIEST..=Timestamp::LATEST).contains(&time));
            }
            Err(error) => assert!(error.offset() < 17, "{error}"),
        }
    }
    match Timestamp::parse_generalized(input) {
        Ok(time) => {
            let written = time.write_generalized();
            assert_eq!(Timestamp::parse_generalized(&written), Ok(time));
            // what is left out of the fraction is zeros
            let (given, z) = input.split_at(input.len() - 1);
            assert_eq!(z, b"Z");
            assert!(written.starts_with(given));
            assert!(
                written[given.len()..18]
                    .iter()
                    .all(|b| matches!(b, b'0' | b'.'))
            );
        }
        Err(error) => assert!(error.offset() <= input.len(), "{error}"),
    }
    if let Some(millis) = input.first_chunk() {
        let time = Timestamp::from_millis(i64::from_be_bytes(*millis));
        let within = time.clamp(Timestamp::EARLIEST, Timestamp::LATEST);
        let written = time.write_interledger();
        assert_eq!(Timestamp::parse_interledger(&written), Ok(within));
        let _ = time.to_string();
    }
}

fn data_of_packets(input: &[u8]) {
    if let Ok(amounts) = AmountTooLarge::parse(input) {
        assert_eq!(amounts.to_bytes(), input[..16]);
    }
    match without_allocating(|| IldcpResponse::parse(input)) {
        Ok(response) => {
            let mut out = Vec::new();
            response.encode(&mut out);
            assert_eq!(out.len(), response.encoded_len());
            assert!(input.starts_with(&out), "it is written otherwise");
        }
        Err(error) => assert!(error.offset <= input.len(), "{error}"),
    }
}
