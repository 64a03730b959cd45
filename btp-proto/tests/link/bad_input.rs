//! What a peer may send and should not.

use std::time::Duration;

use btp_proto::{BtpCode, Config, ConnectionEvent, Frame, Inbound, Protocol, Protocols, State};
use ilp_proto::DecodeErrorKind;

use crate::pair::*;

const JUNK: &[u8] = b"\x03junk";

#[test]
fn the_third_unreadable_frame_within_the_window_closes_either_role() {
    for client in [true, false] {
        let mut pair = Pair::open();
        for n in 1..=3 {
            pair.run(Duration::from_secs(20));
            let end = if client {
                &mut pair.client
            } else {
                &mut pair.server
            };
            end.receive(pair.now, JUNK);
            assert_eq!(end.got.len(), n);
            let open = end.link.state() == State::Open;
            assert_eq!(open, n < 3);
        }
        pair.settle();
        let end = if client { &pair.client } else { &pair.server };
        assert_eq!(end.closed(), Some((1002, "too many unreadable frames")));
        assert!(end.frames().is_empty(), "and none is answered");
        let why = "too many unreadable frames";
        assert_eq!(end.events, [ConnectionEvent::Closing { code: 1002, why }]);
    }
}

#[test]
fn unreadable_frames_far_apart_are_forgiven() {
    let mut pair = Pair::open();
    for _ in 0..20 {
        pair.run(Duration::from_millis(30_001));
        pair.server.receive(pair.now, JUNK);
    }
    assert_eq!(pair.server.got.len(), 20);
    assert_eq!(pair.server.link.state(), State::Open);
}

#[test]
fn the_reason_and_place_of_an_unreadable_frame_are_handed_up() {
    let mut pair = Pair::open();
    pair.server.receive(pair.now, JUNK);
    let [Got::Unreadable(error)] = pair.server.got[..] else {
        panic!()
    };
    assert_eq!(error.to_string(), "type at byte 0: type 3 is unknown");
}

#[test]
fn an_unreadable_frame_before_the_reply_to_auth_counts() {
    let mut pair = Pair::new();
    for _ in 0..3 {
        pair.client.receive(pair.now, JUNK);
    }
    assert_eq!(pair.client.link.state(), State::Closing);
    pair.settle();
    assert!(matches!(
        pair.client.events[0],
        ConnectionEvent::AuthFailed { code: None, .. }
    ));
}

#[test]
fn a_text_message_counts_as_unreadable() {
    let mut pair = Pair::open();
    for n in 1..=3 {
        let inbound = pair.server.link.handle_text(pair.now);
        let Inbound::Unreadable { error } = inbound else {
            panic!("{inbound:?}")
        };
        assert_eq!(error.to_string(), "opcode at byte 0: type 1 is unknown");
        assert_eq!(pair.server.link.state() == State::Open, n < 3);
    }
}

#[test]
fn a_message_past_the_limit_is_unreadable() {
    let mut pair = Pair::open_with(Config {
        max_message: 100,
        ..Config::default()
    });
    pair.server
        .receive(pair.now, &ilp_frame(message, 1, &[12; 86]));
    pair.server
        .receive(pair.now, &ilp_frame(message, 1, &[12; 87]));
    assert!(matches!(pair.server.got[0], Got::Request { .. }));
    let Got::Unreadable(error) = &pair.server.got[1] else {
        panic!()
    };
    assert_eq!(error.kind, DecodeErrorKind::TooLong { max: 100, len: 101 });
}

#[test]
fn what_can_be_read_but_not_accepted_gets_error_f00() {
    let protocols = Protocols::EMPTY;
    let other = [Protocol::text("chat", "hello")];
    let double = [
        Protocol::octets("ilp", PREPARE),
        Protocol::octets("ilp", FULFILL),
    ];
    for (frame, reason) in [
        (Frame::Message { id: 4, protocols }, "no ilp entry"),
        (
            Frame::Message {
                id: 4,
                protocols: Protocols::new(&other),
            },
            "no ilp entry",
        ),
        (
            Frame::Message {
                id: 4,
                protocols: Protocols::new(&double),
            },
            "an entry name occurs twice",
        ),
        (
            Frame::Transfer {
                id: 4,
                amount: 1,
                protocols,
            },
            "TRANSFER is not supported",
        ),
    ] {
        let mut pair = Pair::open();
        pair.server.receive(pair.now, &encode(&frame));
        assert_eq!(pair.server.got, [Got::Refused { id: 4, why: reason }]);
        pair.settle();
        let frames = pair.server.frames();
        let [Frame::Error { id: 4, error, .. }] = frames[..] else {
            panic!("{frames:?}")
        };
        assert_eq!(
            (error.code, error.name),
            (BtpCode::F00_NOT_ACCEPTED, "NotAcceptedError")
        );
        assert_eq!(error.data, reason.as_bytes());
        assert_eq!(
            error.triggered_at,
            refused_at(&pair),
            "on the calendar's clock"
        );
        assert_eq!(pair.server.link.state(), State::Open);
        assert_eq!(pair.client.got.len(), 1, "the other side hears of it");
    }
}

/// When the refusal was written: one way ago.
fn refused_at(pair: &Pair) -> ilp_proto::Timestamp {
    pair.now.wall.saturating_sub(pair.latency)
}

#[test]
fn an_answer_with_two_packets_is_dropped_without_a_word() {
    let mut pair = Pair::open();
    let id = pair.client.ask(1, PREPARE).unwrap();
    let double = [
        Protocol::octets("ilp", FULFILL),
        Protocol::octets("ilp", REJECT),
    ];
    let frame = Frame::Response {
        id: id.0,
        protocols: Protocols::new(&double),
    };
    pair.client.receive(pair.now, &encode(&frame));
    assert!(pair.client.got.is_empty());
    assert_eq!(pair.client.requests.len(), 1, "the request still waits");
}

#[test]
fn a_peer_that_earns_errors_and_reads_none_is_closed() {
    let mut pair = Pair::open();
    let bytes = encode(&Frame::Transfer {
        id: 4,
        amount: 1,
        protocols: Protocols::EMPTY,
    });
    let mut refused = 0;
    while pair.server.link.state() == State::Open {
        let inbound = pair.server.link.handle_message(pair.now, &bytes);
        assert!(matches!(inbound, Inbound::Refused { .. }));
        refused += 1;
        assert!(refused < 10_000, "the queue has no bound");
    }
    assert!(
        refused > 2_000,
        "one full read buffer of such frames is forgiven"
    );
    assert_eq!(
        pair.server.link.handle_message(pair.now, &bytes),
        Inbound::Nothing
    );
    pair.settle();
    assert_eq!(pair.server.closed().unwrap().0, 1008);
}
