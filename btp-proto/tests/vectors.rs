//! Frames as other implementations send them, from `tests/vectors/*.json`.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use btp_proto::{
    BtpCode, BtpError, Config, Connection, ContentType, Frame, Inbound, Protocol, Protocols, State,
};
use bytes::BytesMut;
use ilp_proto::{DecodeErrorKind, Instant, Now, Timestamp};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Readable {
    about: String,
    bytes: String,
    message: Option<Message>,
    response: Option<Message>,
    transfer: Option<Transfer>,
    error: Option<Error>,
    /// Whether the frame is what we would have written.
    #[serde(default = "yes")]
    canonical: bool,
    /// What an open connection makes of it, where that is the point.
    link: Option<String>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    id: u32,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    id: u32,
    amount: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Error {
    id: u32,
    code: String,
    name: String,
    triggered_at: String,
    data: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    r#type: u8,
    data: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unreadable {
    about: String,
    bytes: String,
    field: String,
    fault: String,
    at: usize,
}

fn readable() -> Vec<Readable> {
    serde_json::from_str(include_str!("vectors/frames.json")).unwrap()
}

fn unreadable() -> Vec<Unreadable> {
    serde_json::from_str(include_str!("vectors/unreadable.json")).unwrap()
}

/// Calls `check` with the frame that a vector describes.
fn described(vector: &Readable, check: impl FnOnce(Frame<'_>)) {
    let entries = match (
        &vector.message,
        &vector.response,
        &vector.transfer,
        &vector.error,
    ) {
        (Some(frame), None, None, None) | (None, Some(frame), None, None) => &frame.entries,
        (None, None, Some(frame), None) => &frame.entries,
        (None, None, None, Some(frame)) => &frame.entries,
        _ => panic!("{}: exactly one frame must be described", vector.about),
    };
    let data: Vec<_> = entries
        .iter()
        .map(|entry| hex::decode(&entry.data).unwrap())
        .collect();
    let entries: Vec<_> = entries
        .iter()
        .zip(&data)
        .map(|(entry, data)| Protocol {
            name: &entry.name,
            content_type: ContentType::from(entry.r#type),
            data,
        })
        .collect();
    let protocols = Protocols::new(&entries);
    if let Some(Message { id, .. }) = vector.message {
        check(Frame::Message { id, protocols });
    } else if let Some(Message { id, .. }) = vector.response {
        check(Frame::Response { id, protocols });
    } else if let Some(Transfer { id, amount, .. }) = &vector.transfer {
        let (id, amount) = (*id, amount.parse().unwrap());
        check(Frame::Transfer {
            id,
            amount,
            protocols,
        });
    } else if let Some(error) = &vector.error {
        // The description has the RFC 3339 form: strip it down to what the parser takes.
        let time = error.triggered_at.replace(['-', ':', 'T'], "");
        let data = hex::decode(&error.data).unwrap();
        check(Frame::Error {
            id: error.id,
            error: BtpError {
                code: BtpCode::new(error.code.as_bytes().try_into().unwrap()).unwrap(),
                name: &error.name,
                triggered_at: Timestamp::parse_generalized(time.as_bytes()).unwrap(),
                data: &data,
            },
            protocols,
        });
    }
}

/// A server connection that has let its peer in.
fn open_connection() -> Connection {
    let auth = "06000000011c0102046175746800000a617574685f746f6b656e0106736563726574";
    let auth = hex::decode(auth).unwrap();
    let mut link = Connection::server(
        Arc::new(Config::default()),
        Instant::from_nanos(10_000_000_000),
        Instant::ZERO,
    );
    assert!(matches!(
        link.handle_message(Now::default(), &auth),
        Inbound::Auth { .. }
    ));
    link.accept_auth(Now::default());
    let _ = link.poll_transmit(Instant::ZERO, None, &mut BytesMut::new());
    assert_eq!(link.state(), State::Open);
    link
}

#[test]
fn frames_of_other_implementations_are_read_as_they_were_meant() {
    for vector in readable() {
        let bytes = hex::decode(&vector.bytes).unwrap();
        let frame =
            Frame::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", vector.about));
        described(&vector, |expected| {
            assert_eq!(frame, expected, "{}", vector.about)
        });
    }
}

#[test]
fn a_canonical_frame_is_written_as_it_was_read() {
    for vector in readable() {
        let bytes = hex::decode(&vector.bytes).unwrap();
        let frame = Frame::parse(&bytes).unwrap();
        let mut out = Vec::new();
        frame.encode(&mut out);
        assert_eq!(out.len(), frame.encoded_len(), "{}", vector.about);
        assert_eq!(out == bytes, vector.canonical, "{}", vector.about);
        assert_eq!(Frame::parse(&out).unwrap(), frame, "{}", vector.about);
        described(&vector, |described| {
            let mut written = Vec::new();
            described.encode(&mut written);
            assert_eq!(written, out, "{}", vector.about);
            assert_eq!(described.encoded_len(), out.len(), "{}", vector.about);
        });
    }
}

#[test]
fn an_open_connection_takes_each_frame_for_what_it_is() {
    let mut seen = 0;
    for vector in readable() {
        let Some(expected) = &vector.link else {
            continue;
        };
        let bytes = hex::decode(&vector.bytes).unwrap();
        let inbound = open_connection().handle_message(Now::default(), &bytes);
        let found = match inbound {
            Inbound::Request { .. } => "request",
            Inbound::Answer { .. } => "answer",
            Inbound::Refused { .. } => "refused",
            other => panic!("{}: {other:?}", vector.about),
        };
        assert_eq!(found, expected, "{}", vector.about);
        seen += 1;
    }
    assert!(seen >= 6, "the fixture marks the frames that matter");
}

#[test]
fn what_is_no_frame_is_refused_with_field_reason_and_place() {
    for vector in unreadable() {
        let bytes = hex::decode(&vector.bytes).unwrap();
        let error = Frame::parse(&bytes).unwrap_err();
        let fault = match error.kind {
            DecodeErrorKind::Truncated { .. } => "truncated",
            DecodeErrorKind::LengthNotCanonical => "length not canonical",
            DecodeErrorKind::LengthIndefinite => "length indefinite",
            DecodeErrorKind::LengthTooLong => "length too long",
            DecodeErrorKind::NumberNotCanonical => "number not canonical",
            DecodeErrorKind::UnknownType(_) => "unknown type",
            DecodeErrorKind::BadTime(_) => "bad time",
            DecodeErrorKind::NotAscii => "not ascii",
            other => panic!("{}: {other}", vector.about),
        };
        let found = (error.field, fault, error.offset);
        let expected = (vector.field.as_str(), vector.fault.as_str(), vector.at);
        assert_eq!(found, expected, "{}", vector.about);
    }
}

#[test]
fn what_is_no_frame_is_not_answered() {
    for vector in unreadable() {
        let bytes = hex::decode(&vector.bytes).unwrap();
        let mut link = open_connection();
        let inbound = link.handle_message(Now::default(), &bytes);
        assert!(
            matches!(inbound, Inbound::Unreadable { .. }),
            "{}",
            vector.about
        );
        assert_eq!(
            link.poll_transmit(Instant::ZERO, None, &mut BytesMut::new()),
            None
        );
        assert_eq!(link.state(), State::Open);
    }
}
