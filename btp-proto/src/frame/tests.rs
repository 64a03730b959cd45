use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use ilp_proto::Timestamp;
use proptest::prelude::*;

use super::*;

fn encoded(frame: &Frame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(&mut out);
    assert_eq!(out.len(), frame.encoded_len());
    out
}

fn message<'a>(entries: &'a [Protocol<'a>]) -> Frame<'a> {
    Frame::Message {
        id: 1,
        protocols: Protocols::new(entries),
    }
}

#[test]
fn a_frame_around_a_packet_is_what_the_general_encoder_writes() {
    for len in [
        0, 1, 100, 111, 112, 113, 118, 119, 120, 127, 128, 240, 255, 256, 65_000, 65_525, 65_526,
        65_535, 65_536, 70_000,
    ] {
        let ilp = vec![7; len];
        let entries = [Protocol::octets(ILP, &ilp)];
        let protocols = Protocols::new(&entries);
        for (carrier, frame) in [
            (
                Carrier::Message,
                Frame::Message {
                    id: 0xdead_beef,
                    protocols,
                },
            ),
            (
                Carrier::Response,
                Frame::Response {
                    id: 0xdead_beef,
                    protocols,
                },
            ),
        ] {
            let mut out = BytesMut::new();
            put_ilp_frame(&mut out, carrier, 0xdead_beef, len);
            out.put_slice(&ilp);
            assert_eq!(out.len(), ilp_frame_len(len));
            assert_eq!(out, encoded(&frame));
            assert_eq!(peek_id(&out), Some(0xdead_beef));
        }
    }
}

#[test]
fn only_a_response_with_its_whole_id_answers_a_request() {
    let entries = [Protocol::octets("ilp", b"x")];
    let protocols = Protocols::new(&entries);
    let id = 0x0102_0304;
    let response = encoded(&Frame::Response { id, protocols });
    for len in 0..=response.len() {
        let seen = peek_response(&response[..len]);
        assert_eq!(seen, (len >= HEADER).then_some(id), "of {len} bytes");
    }
    let message = encoded(&Frame::Message { id, protocols });
    assert_eq!(peek_response(&message), None);
}

#[test]
fn a_name_that_occurs_twice_is_found_wherever_it_is() {
    for count in [2, 3, 16, 17, 200] {
        let mut names: Vec<String> = (0..count).map(|n| format!("name-{n}")).collect();
        let entries = |names: &[String]| -> Vec<u8> {
            let list: Vec<_> = names
                .iter()
                .map(|name| Protocol::octets(name, b""))
                .collect();
            encoded(&message(&list))
        };
        let unique = entries(&names);
        assert_eq!(Frame::parse(&unique).unwrap().protocols().duplicate(), None);
        names[count - 1] = names[0].clone();
        let double = entries(&names);
        let frame = Frame::parse(&double).unwrap();
        assert_eq!(frame.protocols().duplicate(), Some("name-0"), "of {count}");
    }
    assert_eq!(Protocols::EMPTY.duplicate(), None);
}

#[test]
fn entries_are_found_by_name_and_place() {
    let list = [
        Protocol::text("a", "first"),
        Protocol::octets("b", b"second"),
        Protocol {
            name: "a",
            content_type: ContentType::Json,
            data: b"{}",
        },
    ];
    let bytes = encoded(&message(&list));
    let written = Protocols::new(&list);
    let read = Frame::parse(&bytes).unwrap().protocols();
    for protocols in [written, read] {
        assert_eq!((protocols.len(), protocols.is_empty()), (3, false));
        assert_eq!(protocols.first(), Some(list[0]));
        assert_eq!(protocols.get("a"), Some(list[0]), "the first of that name");
        assert_eq!(protocols.get("b"), Some(list[1]));
        assert_eq!(protocols.get("c"), None);
        assert_eq!(protocols.iter().len(), 3);
        assert_eq!(protocols.into_iter().collect::<Vec<_>>(), list);
    }
    assert_eq!(written, read);
    assert!(Protocols::EMPTY.is_empty());
}

#[test]
fn debug_shows_lengths_and_never_data() {
    let list = [Protocol::text("auth_token", "hunter2")];
    let error = BtpError {
        code: BtpCode::F00_NOT_ACCEPTED,
        name: "NotAcceptedError",
        triggered_at: Timestamp::from_millis(0),
        data: b"hunter2",
    };
    let frame = Frame::Error {
        id: 1,
        error,
        protocols: Protocols::new(&list),
    };
    let shown = format!("{frame:?} {:?}", frame.protocols().iter());
    assert!(
        shown.contains("auth_token") && shown.contains("7 bytes"),
        "{shown}"
    );
    assert!(shown.contains("\"F00\""), "{shown}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("104"),
        "{shown}"
    );
}

#[test]
fn content_types_are_equal_by_their_value() {
    for value in 0..=255 {
        assert_eq!(u8::from(ContentType::from(value)), value);
        assert_eq!(ContentType::from(value), ContentType::Other(value));
    }
}

#[test]
fn codes_are_an_open_set_with_known_names() {
    assert_eq!(BtpCode::new(*b"F00"), Some(BtpCode::F00_NOT_ACCEPTED));
    assert_eq!(BtpCode::new([0xff, b'0', b'0']), None);
    assert_eq!(format!("{}", BtpCode::T00_UNREACHABLE), "T00");
    assert_eq!(BtpCode::F01_INVALID_FIELDS.as_bytes(), b"F01");
    let known: Vec<_> = (0..=9)
        .filter_map(|n| BtpCode::new([b'F', b'0', b'0' + n])?.name())
        .collect();
    assert_eq!(known.len(), 8, "F02 and F09 do not exist");
    assert_eq!(BtpCode::T00_UNREACHABLE.name(), Some("UnreachableError"));
    assert_eq!(BtpCode::new(*b"L13").unwrap().name(), None);
}

#[test]
fn times_are_written_with_three_digits() {
    let error = BtpError {
        code: BtpCode::F00_NOT_ACCEPTED,
        name: "",
        triggered_at: Timestamp::from_millis(1_514_132_072_000),
        data: b"",
    };
    let bytes = encoded(&Frame::Error {
        id: 1,
        error,
        protocols: Protocols::EMPTY,
    });
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("20171224161432.000Z"), "{text:?}");
}

#[test]
fn a_count_that_promises_the_moon_costs_nothing() {
    // 2^64 - 1 entries, of which there are some hundreds.
    let mut data = vec![8];
    data.extend([0xff; 8]);
    data.extend([0; 300 * 3]);
    let mut bytes = vec![MESSAGE, 0, 0, 0, 1];
    oer::put_var_octets(&mut bytes, &data);
    let error = Frame::parse(&bytes).unwrap_err();
    assert_eq!((error.field, error.offset), ("protocolName", bytes.len()));
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{0,8}", "[\\x00-\\x7f]{0,200}"]
}

type OwnedEntry = (String, u8, Vec<u8>);

fn entries() -> impl Strategy<Value = Vec<OwnedEntry>> {
    let data = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        prop::collection::vec(any::<u8>(), 120..140),
        prop::collection::vec(any::<u8>(), 250..260),
    ];
    prop::collection::vec((names(), any::<u8>(), data), 0..6)
}

fn borrow(entries: &[OwnedEntry]) -> Vec<Protocol<'_>> {
    entries
        .iter()
        .map(|(name, content_type, data)| Protocol {
            name,
            content_type: (*content_type).into(),
            data,
        })
        .collect()
}

/// Calls `check` with a frame of each kind.
fn each_kind(
    id: u32,
    amount: u64,
    error: BtpError<'_>,
    protocols: Protocols<'_>,
    mut check: impl FnMut(Frame<'_>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    check(Frame::Message { id, protocols })?;
    check(Frame::Response { id, protocols })?;
    check(Frame::Transfer {
        id,
        amount,
        protocols,
    })?;
    check(Frame::Error {
        id,
        error,
        protocols,
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        id: u32,
        amount: u64,
        list in entries(),
        code in "[\\x00-\\x7f]{3}",
        name in names(),
        millis in 0i64..4_000_000_000_000,
        data in prop::collection::vec(any::<u8>(), 0..300),
        trailing in prop::collection::vec(any::<u8>(), 0..5),
    ) {
        let list = borrow(&list);
        let error = BtpError {
            code: BtpCode::new(code.as_bytes().try_into().unwrap()).unwrap(),
            name: &name,
            triggered_at: Timestamp::from_millis(millis),
            data: &data,
        };
        each_kind(id, amount, error, Protocols::new(&list), |frame| {
            let bytes = encoded(&frame);
            let read = Frame::parse(&bytes).unwrap();
            prop_assert_eq!(read, frame);
            prop_assert_eq!(read.id(), id);
            prop_assert_eq!(&encoded(&read), &bytes);
            let mut longer = bytes.clone();
            longer.extend(&trailing);
            prop_assert_eq!(Frame::parse(&longer).unwrap(), frame, "bytes behind it are ignored");
            for end in 0..bytes.len() {
                prop_assert!(Frame::parse(&bytes[..end]).is_err(), "cut at {}", end);
            }
            Ok(())
        })?;
    }

    #[test]
    fn random_bytes_never_panic_and_only_canonical_ones_are_read(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(frame) = Frame::parse(&bytes) {
            let again = encoded(&frame);
            prop_assert!(again.len() <= bytes.len() + 5, "a time may grow, and a length with it");
            prop_assert_eq!(Frame::parse(&again).unwrap(), frame);
        }
    }

    #[test]
    fn a_changed_byte_never_panics(
        list in entries(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let list = borrow(&list);
        let mut bytes = encoded(&message(&list));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(frame) = Frame::parse(&bytes) {
            let protocols = frame.protocols();
            prop_assert_eq!(protocols.iter().count(), protocols.len());
            let _ = protocols.duplicate();
        }
    }

    #[test]
    fn the_short_way_to_an_ilp_entry_sees_what_the_long_way_sees(
        ilp in prop::collection::vec(any::<u8>(), 0..700),
        id: u32,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2),
        behind in prop::option::of(any::<u8>()),
    ) {
        let entry = [Protocol::octets("ilp", &ilp)];
        let frame = Frame::Message { id, protocols: Protocols::new(&entry) };
        let mut bytes = encoded(&frame);
        prop_assert_eq!(peek_ilp(&bytes), Some((Carrier::Message, id, &ilp[..])));
        for (at, byte) in &changes {
            // the header is where a change matters
            let at = at.index(bytes.len().min(20));
            bytes[at] = *byte;
        }
        bytes.extend(behind);
        if let Some((carrier, id, ilp)) = peek_ilp(&bytes) {
            let frame = Frame::parse_any(&bytes).unwrap();
            prop_assert_eq!(Frame::parse(&bytes).unwrap(), frame);
            let protocols = frame.protocols();
            prop_assert_eq!((frame.id(), protocols.len()), (id, 1));
            prop_assert_eq!(protocols.get("ilp"), Some(Protocol::octets("ilp", ilp)));
            prop_assert_eq!(carrier == Carrier::Message, matches!(frame, Frame::Message { .. }));
            prop_assert_eq!(encoded(&frame), bytes, "only the canonical form is taken");
        }
    }
}
