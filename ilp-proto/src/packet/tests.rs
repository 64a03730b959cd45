use std::{format, vec, vec::Vec};

use bytes::BytesMut;

use super::*;
use crate::{Addr, AddressError, ErrorCode, TimeError, Timestamp};

fn prepare() -> Prepare<'static> {
    Prepare {
        amount: 100,
        expires_at: Timestamp::from_millis(1_893_553_445_678),
        condition: Fulfillment([7; 32]).condition(),
        destination: Addr::new("g.bob").unwrap(),
        data: b"hi",
    }
}

fn reject() -> Reject<'static> {
    Reject {
        code: ErrorCode::F02_UNREACHABLE,
        triggered_by: Some(Addr::new("g.connector").unwrap()),
        message: b"no route",
        data: b"",
    }
}

fn bytes<'a>(packet: impl Into<Packet<'a>>) -> Vec<u8> {
    let packet = packet.into();
    let mut out = Vec::new();
    packet.encode(&mut out);
    assert_eq!(out.len(), packet.encoded_len());
    out
}

fn fault(bytes: &[u8]) -> DecodeError {
    Packet::parse(bytes).unwrap_err()
}

#[test]
fn the_first_byte_tells_the_type() {
    let fulfill = Fulfill {
        fulfillment: Fulfillment::ZERO,
        data: b"",
    };
    for (packet, kind) in [
        (Packet::from(prepare()), PacketType::Prepare),
        (Packet::from(fulfill), PacketType::Fulfill),
        (Packet::from(reject()), PacketType::Reject),
    ] {
        assert_eq!(packet.packet_type(), kind);
        let bytes = bytes(packet);
        assert_eq!(PacketType::peek(&bytes), Some(kind));
        assert_eq!(bytes[0], kind as u8);
        assert_eq!(Packet::parse(&bytes), Ok(packet));
    }
    assert_eq!(PacketType::peek(&[]), None);
    assert_eq!(PacketType::peek(&[11]), None);
}

#[test]
fn nothing_at_all_lacks_its_type() {
    let kind = DecodeErrorKind::Truncated {
        needed: 1,
        available: 0,
    };
    assert_eq!(
        fault(&[]),
        DecodeError {
            field: "type",
            kind,
            offset: 0
        }
    );
}

#[test]
fn a_packet_cut_off_anywhere_lacks_contents() {
    let long = Prepare {
        data: &[1; 300],
        ..prepare()
    };
    let fulfill = Fulfill {
        fulfillment: Fulfillment::ZERO,
        data: &[2; 200],
    };
    for bytes in [
        bytes(prepare()),
        bytes(long),
        bytes(fulfill),
        bytes(reject()),
    ] {
        for end in 1..bytes.len() {
            let error = fault(&bytes[..end]);
            assert!(
                matches!(error.kind, DecodeErrorKind::Truncated { .. }),
                "{end}: {error}"
            );
            assert_eq!(error.field, "contents");
            assert!(error.offset <= end);
        }
    }
}

#[test]
fn contents_cut_off_anywhere_lack_a_field() {
    let fulfill = Fulfill {
        fulfillment: Fulfillment::ZERO,
        data: b"abc",
    };
    let fields: [(_, &[&str]); 3] = [
        (
            bytes(prepare()),
            &[
                "amount",
                "expiresAt",
                "executionCondition",
                "destination",
                "data",
            ],
        ),
        (bytes(fulfill), &["fulfillment", "data"]),
        (bytes(reject()), &["code", "triggeredBy", "message", "data"]),
    ];
    for (bytes, fields) in fields {
        let mut named = Vec::new();
        for end in 2..bytes.len() {
            let mut cut = bytes[..end].to_vec();
            cut[1] = (end - 2) as u8;
            let error = fault(&cut);
            assert!(
                matches!(error.kind, DecodeErrorKind::Truncated { .. }),
                "{end}: {error}"
            );
            assert!((2..=end).contains(&error.offset), "{end}: {error}");
            named.push(error.field);
        }
        named.dedup();
        assert_eq!(named, fields);
    }
}

#[test]
fn a_prepare_carries_32767_bytes_of_data_and_no_more() {
    let data = vec![0; MAX_DATA + 1];
    let most = bytes(Prepare {
        data: &data[1..],
        ..prepare()
    });
    assert!(Packet::parse(&most).is_ok());

    // One byte more, put together by hand as the encoder insists on the bound.
    let mut more = most;
    let (contents, data_at) = (4, 4 + 57 + 6);
    assert_eq!(more[data_at..data_at + 3], [0x82, 0x7f, 0xff]);
    more[data_at..data_at + 3].copy_from_slice(&[0x82, 0x80, 0x00]);
    more.push(0);
    let len = (more.len() - contents) as u16;
    more[2..4].copy_from_slice(&len.to_be_bytes());
    let kind = DecodeErrorKind::TooLong {
        max: MAX_DATA,
        len: MAX_DATA + 1,
    };
    assert_eq!(
        fault(&more),
        DecodeError {
            field: "data",
            kind,
            offset: data_at
        }
    );
}

#[test]
fn the_largest_packets_have_the_sizes_that_the_rfc_leads_to() {
    let address = format!("g.{}", "a".repeat(1021));
    let destination = Addr::new(&address).unwrap();
    let data = &vec![0; MAX_DATA][..];
    let largest = Prepare {
        destination,
        data,
        ..prepare()
    };
    assert_eq!(bytes(largest).len(), 33_857);
    assert_eq!(
        bytes(Fulfill {
            fulfillment: Fulfillment::ZERO,
            data
        })
        .len(),
        32_806
    );
    let message = &vec![b'm'; MAX_MESSAGE][..];
    let largest = Reject {
        triggered_by: Some(destination),
        message,
        data,
        ..reject()
    };
    assert_eq!(bytes(largest).len(), 41_997);
}

#[test]
fn answers_longer_than_their_bounds_are_still_answers() {
    let long = &vec![b'x'; 40_000][..];
    let fulfill = Packet::from(Fulfill {
        fulfillment: Fulfillment::ZERO,
        data: long,
    });
    assert_eq!(Packet::parse(&bytes(fulfill)), Ok(fulfill));
    let reject = Packet::from(Reject {
        message: long,
        data: long,
        ..reject()
    });
    assert_eq!(Packet::parse(&bytes(reject)), Ok(reject));
}

#[test]
fn a_bad_expiry_is_placed_to_the_byte() {
    let mut bytes = bytes(prepare());
    bytes[14..16].copy_from_slice(b"13");
    let error = fault(&bytes);
    let kind = DecodeErrorKind::BadTime(TimeError::Month(13));
    assert_eq!(
        error,
        DecodeError {
            field: "expiresAt",
            kind,
            offset: 14
        }
    );
    assert_eq!(
        format!("{error}"),
        "expiresAt at byte 14: month 13 is out of range, 01 to 12 are allowed"
    );
}

#[test]
fn a_bad_destination_is_placed_to_the_byte() {
    let mut bytes = bytes(prepare());
    assert_eq!(&bytes[60..65], b"g.bob");
    bytes[63] = b'!';
    let kind = DecodeErrorKind::BadAddress(AddressError::BadByte { at: 3, byte: b'!' });
    assert_eq!(
        fault(&bytes),
        DecodeError {
            field: "destination",
            kind,
            offset: 63
        }
    );
}

#[test]
fn a_whole_prepare_is_passed_on_as_the_encoder_would_write_it() {
    // around each length that a packet's envelope changes its form at
    for len in [0, 40, 50, 51, 100, 170, 180, 181, 300, 32_767] {
        let data = vec![7; len];
        let before = Prepare {
            data: &data,
            ..prepare()
        };
        let read = bytes(before);
        let (packet, whole) = Packet::parse_whole(&read).unwrap();
        assert_eq!(packet, Packet::from(before));
        let whole = whole.unwrap();
        assert_eq!(whole.encoded_len(), read.len());
        let after = Prepare {
            amount: 99,
            expires_at: Timestamp::from_millis(1_893_553_444_321),
            ..before
        };
        let mut out = BytesMut::new();
        whole.encode_with(after.amount, after.expires_at, &mut out);
        assert_eq!(out, bytes(after), "with {len} bytes of data");
    }
}

#[test]
fn a_prepare_with_bytes_that_are_not_read_is_not_whole() {
    let mut read = bytes(prepare());
    read.push(0);
    let (packet, whole) = Packet::parse_whole(&read).unwrap();
    assert_eq!(packet, Packet::from(prepare()));
    assert!(whole.is_none(), "a byte behind it");
    // now the same byte counts as contents
    read[1] += 1;
    let (packet, whole) = Packet::parse_whole(&read).unwrap();
    assert_eq!(packet, Packet::from(prepare()));
    assert!(whole.is_none(), "a byte behind its last field");
    assert!(Packet::parse_whole(&bytes(reject())).unwrap().1.is_none());
}

#[test]
fn a_prepare_needs_a_destination() {
    let mut bytes = bytes(prepare());
    bytes.drain(60..65);
    bytes[59] = 0;
    bytes[1] -= 5;
    let kind = DecodeErrorKind::BadAddress(AddressError::Empty);
    assert_eq!(
        fault(&bytes),
        DecodeError {
            field: "destination",
            kind,
            offset: 60
        }
    );
}

#[test]
fn the_name_of_a_node_is_no_address_in_a_reject() {
    let error = fault(b"\x0e\x0dF02\x07my-node\x00\x00");
    let kind = DecodeErrorKind::BadAddress(AddressError::UnknownScheme);
    assert_eq!(
        error,
        DecodeError {
            field: "triggeredBy",
            kind,
            offset: 6
        }
    );
}

#[test]
fn a_reject_may_name_nobody_and_have_a_message_that_is_no_text() {
    let odd = Packet::from(Reject {
        triggered_by: None,
        message: b"\xff\xfe",
        ..reject()
    });
    assert_eq!(Packet::parse(&bytes(odd)), Ok(odd));
}

#[test]
fn an_expiry_out_of_range_is_written_as_the_nearer_end() {
    let bytes = bytes(Prepare {
        expires_at: Timestamp::from_millis(i64::MAX),
        ..prepare()
    });
    let Ok(Packet::Prepare(read)) = Packet::parse(&bytes) else {
        panic!()
    };
    assert_eq!(read.expires_at, Timestamp::LATEST);
}

#[test]
fn a_fulfillment_fulfils_the_condition_that_is_its_hash() {
    assert_eq!(Fulfillment::ZERO.condition(), Condition::OF_ZERO);
    assert!(Fulfillment::ZERO.fulfills(&Condition::OF_ZERO));
    assert!(!Fulfillment([1; 32]).fulfills(&Condition::OF_ZERO));
}

#[test]
fn packets_debug_as_one_short_line_without_secrets() {
    let fulfill = Fulfill {
        fulfillment: Fulfillment([0xab; 32]),
        data: b"abc",
    };
    let nobody = Reject {
        triggered_by: None,
        message: b"tab\t\xff",
        ..reject()
    };
    let chatty = Reject {
        message: &[b'm'; 5000],
        ..reject()
    };
    assert_eq!(
        format!("{:?}", prepare()),
        "Prepare(100 to g.bob by 2030-01-02T03:04:05.678Z, 2 bytes of data)"
    );
    assert_eq!(format!("{fulfill:?}"), "Fulfill(3 bytes of data)");
    assert_eq!(format!("{:?}", fulfill.fulfillment), "Fulfillment(..)");
    assert_eq!(format!("{:?}", Condition::OF_ZERO), "Condition(66687aad..)");
    assert_eq!(
        format!("{:?}", reject()),
        "Reject(F02 by g.connector, \"no route\", 0 bytes of data)"
    );
    assert_eq!(
        format!("{nobody:?}"),
        "Reject(F02 by nobody, \"tab\\t\\xff\", 0 bytes of data)"
    );
    assert!(format!("{chatty:?}").len() < 150);
}

#[test]
fn errors_read_as_sentences() {
    use DecodeErrorKind::*;
    for (kind, said) in [
        (
            Truncated {
                needed: 32,
                available: 7,
            },
            "32 bytes needed, 7 left",
        ),
        (
            Truncated {
                needed: 1,
                available: 0,
            },
            "1 byte needed, 0 left",
        ),
        (LengthNotCanonical, "the length is not in its shortest form"),
        (
            LengthIndefinite,
            "the length has the indefinite form, which is not allowed",
        ),
        (LengthTooLong, "the length takes more than 8 bytes"),
        (NumberNotCanonical, "the number is not in its shortest form"),
        (
            NumberTooLong { len: 9 },
            "the number takes 9 bytes, more than 8",
        ),
        (UnknownType(99), "type 99 is unknown"),
        (
            TooLong { max: 5, len: 6 },
            "6 bytes are too long, 5 are allowed",
        ),
        (NotAscii, "the text is not ASCII"),
        (NotUtf8, "the text is not UTF-8"),
        (BadAddress(AddressError::Empty), "the address is empty"),
        (
            BadTime(TimeError::Hour(24)),
            "hour 24 is out of range, 00 to 23 are allowed",
        ),
    ] {
        let error = DecodeError {
            field: "data",
            kind,
            offset: 3,
        };
        assert_eq!(format!("{error}"), format!("data at byte 3: {said}"));
    }
}
