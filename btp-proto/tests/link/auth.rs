//! Who gets in, who does not, and how they learn.

use std::sync::Arc;
use std::time::Duration;

use btp_proto::{
    BtpCode, BtpError, Config, Connection, ConnectionEvent, Frame, Inbound, Protocol, Protocols,
    State, Transmit,
};
use bytes::BytesMut;
use ilp_proto::{Instant, Now, Timestamp};

use crate::pair::*;

/// A server that waits for its first frame.
fn server() -> Connection {
    let deadline = Instant::from_nanos(10_000_000_000);
    Connection::server(Arc::new(Config::default()), deadline, Instant::ZERO)
}

fn client() -> Connection {
    let credentials = credentials(None, SECRET);
    let mut client = Connection::client(
        Arc::new(Config::default()),
        &credentials,
        Instant::ZERO,
        AUTH_ID,
    );
    let _ = client.poll_transmit(Instant::ZERO, None, &mut BytesMut::new());
    client
}

/// Everything that a connection wants to say right now.
fn drain(link: &mut Connection) -> (Vec<Vec<u8>>, Option<u16>) {
    let mut messages = Vec::new();
    let mut out = BytesMut::new();
    while let Some(transmit) = link.poll_transmit(Instant::ZERO, None, &mut out) {
        match transmit {
            Transmit::Binary { .. } => messages.push(out.split().to_vec()),
            Transmit::Close { code, .. } => return (messages, Some(code)),
            Transmit::Ping => panic!("nobody pings here"),
        }
    }
    (messages, None)
}

fn auth(entries: &[Protocol<'_>]) -> Vec<u8> {
    encode(&Frame::Message {
        id: 5,
        protocols: Protocols::new(entries),
    })
}

#[test]
fn a_good_secret_opens_both_ends() {
    let mut pair = Pair::new();
    pair.settle();
    assert_eq!(pair.client.link.state(), State::Open);
    assert_eq!(pair.server.link.state(), State::Open);
    assert_eq!(pair.client.events, [ConnectionEvent::AuthAccepted]);
    let Got::Auth { username, token } = &pair.server.got[0] else {
        panic!()
    };
    assert_eq!(
        (username.as_deref(), token.as_str()),
        (Some("alice"), SECRET)
    );
    assert_eq!(
        pair.server.frames(),
        [Frame::Response {
            id: AUTH_ID,
            protocols: Protocols::EMPTY
        }]
    );
}

#[test]
fn the_auth_frame_has_the_bytes_that_known_clients_send() {
    for (name, token, expected) in [
        (
            Some("alice"),
            "secret",
            "0600000001310103046175746800000d617574685f757365726e616d650105616c6963650a617574685f746f6b656e0106736563726574",
        ),
        (
            None,
            "secret",
            "06000000011c0102046175746800000a617574685f746f6b656e0106736563726574",
        ),
        (
            None,
            "",
            "0600000001160102046175746800000a617574685f746f6b656e0100",
        ),
    ] {
        let cfg = Arc::new(Config::default());
        let mut link = Connection::client(cfg, &credentials(name, token), Instant::ZERO, 1);
        let (messages, _) = drain(&mut link);
        assert_eq!(messages.len(), 1);
        assert_eq!(hex::encode(&messages[0]), expected);
    }
}

#[test]
fn a_wrong_secret_gets_error_f00_and_a_close() {
    let mut pair = Pair::with(Config::default(), &credentials(Some("alice"), "guess"));
    pair.settle();
    let frames = pair.server.frames();
    let [
        Frame::Error {
            id: AUTH_ID,
            error,
            protocols,
        },
    ] = frames[..]
    else {
        panic!("{frames:?}")
    };
    assert_eq!(
        (error.code, error.name),
        (BtpCode::F00_NOT_ACCEPTED, "NotAcceptedError")
    );
    assert_eq!(error.data, b"wrong secret");
    assert!(protocols.is_empty());
    assert!(error.triggered_at >= Timestamp::from_millis(1_800_000_000_000));
    assert_eq!(pair.server.closed(), Some((1008, "authentication refused")));
    let [
        ConnectionEvent::AuthFailed { reason, code },
        ConnectionEvent::Closing { code: 1000, .. },
    ] = &pair.client.events[..]
    else {
        panic!("{:?}", pair.client.events)
    };
    assert_eq!(
        (reason.as_str(), *code),
        ("wrong secret", Some(BtpCode::F00_NOT_ACCEPTED))
    );
    assert_eq!(pair.client.link.state(), State::Closed);
}

#[test]
fn the_decision_may_take_its_time() {
    let mut pair = Pair::new();
    pair.decide = false;
    pair.run(Duration::from_secs(2));
    assert_eq!(pair.server.link.state(), State::AuthPending);
    assert!(pair.server.sent.is_empty());
    pair.accept();
    pair.settle();
    assert_eq!(pair.client.link.state(), State::Open);
}

#[test]
fn an_auth_frame_without_a_token_is_refused() {
    for (entries, reason) in [
        (
            &[Protocol::octets("auth", b"")][..],
            "auth_token is missing",
        ),
        (
            &[
                Protocol::text("auth_token", "x"),
                Protocol::octets("auth", b""),
            ],
            "the first entry of the first frame must be auth",
        ),
        (
            &[
                Protocol::octets("auth", b""),
                Protocol::octets("auth_token", b"\xff"),
            ],
            "auth_token is not UTF-8",
        ),
        (
            &[
                Protocol::octets("auth", b""),
                Protocol::octets("auth_username", b"\xff"),
                Protocol::text("auth_token", "x"),
            ],
            "auth_username is not UTF-8",
        ),
        (
            &[
                Protocol::octets("auth", b""),
                Protocol::text("auth_token", "x"),
                Protocol::text("auth_token", "y"),
            ],
            "an entry name occurs twice",
        ),
        (&[], "the first entry of the first frame must be auth"),
        (
            &[Protocol::octets("ilp", PREPARE)],
            "the first entry of the first frame must be auth",
        ),
    ] {
        let mut link = server();
        let bytes = auth(entries);
        let inbound = link.handle_message(Now::default(), &bytes);
        assert_eq!(inbound, Inbound::Refused { id: 5, why: reason });
        let (messages, code) = drain(&mut link);
        let Frame::Error { id: 5, error, .. } = Frame::parse(&messages[0]).unwrap() else {
            panic!()
        };
        assert_eq!(error.data, reason.as_bytes());
        assert_eq!((messages.len(), code), (1, Some(1008)));
    }
}

#[test]
fn any_other_first_frame_is_answered_with_its_id_and_a_close() {
    let error = BtpError {
        code: BtpCode::T00_UNREACHABLE,
        name: "x",
        triggered_at: Timestamp::from_millis(0),
        data: b"",
    };
    let protocols = Protocols::EMPTY;
    for frame in [
        Frame::Response { id: 9, protocols },
        Frame::Transfer {
            id: 9,
            amount: 1,
            protocols,
        },
        Frame::Error {
            id: 9,
            error,
            protocols,
        },
    ] {
        let mut link = server();
        let bytes = encode(&frame);
        let why = "the first frame must be a MESSAGE with auth";
        let inbound = link.handle_message(Now::default(), &bytes);
        assert_eq!(inbound, Inbound::Refused { id: 9, why });
        let (messages, code) = drain(&mut link);
        assert!(matches!(
            Frame::parse(&messages[0]).unwrap(),
            Frame::Error { id: 9, .. }
        ));
        assert_eq!(code, Some(1008));
        let closing = ConnectionEvent::Closing { code: 1008, why };
        assert_eq!(link.poll_event(), Some(closing));
    }
}

#[test]
fn an_unreadable_first_frame_closes_without_an_answer() {
    let mut link = server();
    let inbound = link.handle_message(Now::default(), b"hello");
    assert!(matches!(inbound, Inbound::Unreadable { .. }));
    assert_eq!(drain(&mut link), (vec![], Some(1002)));
}

#[test]
fn a_text_message_first_closes_without_an_answer() {
    let mut link = server();
    assert!(matches!(
        link.handle_text(Now::default()),
        Inbound::Unreadable { .. }
    ));
    assert_eq!(drain(&mut link), (vec![], Some(1003)));
    assert_eq!(link.handle_text(Now::default()), Inbound::Nothing);
}

#[test]
fn an_empty_user_name_is_none_and_an_empty_token_is_one() {
    let mut link = server();
    let bytes = auth(&[
        Protocol::octets("auth", b""),
        Protocol::text("auth_username", ""),
        Protocol::text("auth_token", ""),
        Protocol::text("flavour", "further entries are allowed"),
    ]);
    let inbound = link.handle_message(Now::default(), &bytes);
    assert_eq!(
        inbound,
        Inbound::Auth {
            id: 5,
            username: None,
            token: ""
        }
    );
    assert_eq!(link.state(), State::AuthPending);
}

#[test]
fn tokens_stay_out_of_debug() {
    let mut link = server();
    let bytes = auth(&[
        Protocol::octets("auth", b""),
        Protocol::text("auth_username", "alice"),
        Protocol::text("auth_token", SECRET),
    ]);
    let inbound = link.handle_message(Now::default(), &bytes);
    let shown = format!("{inbound:?}");
    assert!(
        shown.contains("alice") && !shown.contains(SECRET),
        "{shown}"
    );
    assert!(!format!("{link:?} {:?}", Frame::parse(&bytes)).contains(SECRET));
    let cfg = Arc::new(Config::default());
    let credentials = credentials(None, SECRET);
    let unsent = Connection::client(cfg, &credentials, Instant::ZERO, 1);
    assert!(!format!("{unsent:?} {credentials:?}").contains(SECRET));
}

#[test]
fn a_client_that_says_nothing_is_closed_at_the_deadline() {
    let mut pair = Pair::new();
    pair.client.mute = true;
    pair.run(Duration::from_secs(9));
    assert_eq!(pair.server.link.state(), State::AwaitAuth);
    pair.run(Duration::from_secs(1));
    assert_eq!(
        pair.server.closed(),
        Some((1008, "authentication took too long"))
    );
    assert!(
        pair.server.frames().is_empty(),
        "there is no id to answer to"
    );
}

#[test]
fn a_decision_that_takes_too_long_is_told_and_closed() {
    let mut pair = Pair::new();
    pair.decide = false;
    pair.run(Duration::from_secs(10));
    let frames = pair.server.frames();
    assert!(
        matches!(frames[..], [Frame::Error { id: AUTH_ID, .. }]),
        "{frames:?}"
    );
    assert_eq!(
        pair.server.closed(),
        Some((1008, "authentication took too long"))
    );
    pair.server.link.accept_auth(pair.now);
    assert_eq!(pair.server.link.state(), State::Closed, "too late");
}

#[test]
fn a_server_that_does_not_reply_is_left_at_the_auth_timeout() {
    let mut pair = Pair::new();
    pair.server.mute = true;
    pair.run(Duration::from_secs(5));
    assert_eq!(
        pair.client.closed(),
        Some((1008, "authentication took too long"))
    );
    assert_eq!(
        pair.client.events,
        [
            ConnectionEvent::AuthFailed {
                reason: "authentication took too long".into(),
                code: None
            },
            ConnectionEvent::Closing {
                code: 1008,
                why: "authentication took too long"
            },
        ]
    );
}

#[test]
fn a_late_auth_frame_finds_the_door_closed() {
    let mut pair = Pair::new();
    pair.latency = Duration::from_secs(11);
    pair.run(Duration::from_secs(30));
    assert!(pair.server.got.is_empty());
    assert_eq!(pair.server.link.state(), State::Closed);
}

#[test]
fn a_second_auth_frame_is_refused() {
    let mut pair = Pair::open();
    let again = auth(&[
        Protocol::octets("auth", b""),
        Protocol::text("auth_token", SECRET),
    ]);
    pair.server.receive(pair.now, &again);
    assert_eq!(
        pair.server.got,
        [Got::Refused {
            id: 5,
            why: "already authenticated"
        }]
    );
    pair.settle();
    assert_eq!(pair.server.link.state(), State::Open);
    assert!(matches!(
        pair.server.frames()[..],
        [Frame::Error { id: 5, .. }]
    ));
}

#[test]
fn frames_pipelined_behind_auth_wait_for_the_decision_in_order() {
    let mut pair = Pair::new();
    pair.decide = false;
    pair.settle();
    pair.server.take_got();
    for id in 0..3 {
        let bytes = ilp_frame(message, id, PREPARE);
        pair.server.receive(pair.now, &bytes);
    }
    assert!(pair.server.got.is_empty() && pair.server.link.poll_pending().is_none());
    pair.accept();
    let expected: Vec<_> = (0..3)
        .map(|id| Got::Request {
            id,
            ilp: PREPARE.to_vec(),
        })
        .collect();
    assert_eq!(pair.server.got, expected);
}

#[test]
fn frames_pipelined_behind_a_refused_auth_are_forgotten() {
    let mut pair = Pair::new();
    pair.decide = false;
    pair.settle();
    pair.server
        .receive(pair.now, &ilp_frame(message, 1, PREPARE));
    pair.server.link.refuse_auth(pair.now, "no");
    assert!(pair.server.link.poll_pending().is_none());
    pair.server
        .receive(pair.now, &ilp_frame(message, 2, PREPARE));
    assert_eq!(
        pair.server.got.len(),
        1,
        "only the auth itself was handed up"
    );
}

#[test]
fn too_much_behind_auth_is_refused() {
    let small = ilp_frame(message, 1, PREPARE);
    let large = ilp_frame(message, 1, &vec![12; 40_000]);
    for (bytes, fits) in [(small, 64), (large, 1)] {
        let mut pair = Pair::new();
        pair.decide = false;
        pair.settle();
        for _ in 0..fits {
            pair.server.receive(pair.now, &bytes);
            assert_eq!(pair.server.link.state(), State::AuthPending);
        }
        pair.server.receive(pair.now, &bytes);
        pair.settle();
        assert!(matches!(
            pair.server.frames()[..],
            [Frame::Error { id: AUTH_ID, .. }]
        ));
        assert_eq!(
            pair.server.closed(),
            Some((1008, "too many frames before authentication"))
        );
    }
}

#[test]
fn a_client_keeps_what_comes_before_the_reply() {
    let mut link = client();
    let now = Now::default();
    let early = ilp_frame(message, 4, PREPARE);
    assert_eq!(link.handle_message(now, &early), Inbound::Nothing);
    assert!(link.poll_pending().is_none());
    let reply = encode(&Frame::Response {
        id: AUTH_ID,
        protocols: Protocols::EMPTY,
    });
    assert_eq!(link.handle_message(now, &reply), Inbound::Nothing);
    assert_eq!(link.poll_event(), Some(ConnectionEvent::AuthAccepted));
    let kept = link.poll_pending().unwrap();
    assert_eq!(
        link.handle_message(now, &kept),
        Inbound::Request {
            id: 4,
            ilp: PREPARE
        }
    );
    assert!(link.poll_pending().is_none());
}

#[test]
fn a_client_that_is_flooded_before_the_reply_gives_up() {
    let mut link = client();
    let early = ilp_frame(message, 4, PREPARE);
    for _ in 0..65 {
        assert_eq!(
            link.handle_message(Now::default(), &early),
            Inbound::Nothing
        );
    }
    assert_eq!(drain(&mut link), (vec![], Some(1008)));
    assert!(matches!(
        link.poll_event(),
        Some(ConnectionEvent::AuthFailed { code: None, .. })
    ));
}

#[test]
fn a_reply_with_another_id_is_not_the_reply() {
    let mut link = client();
    let other = encode(&Frame::Response {
        id: AUTH_ID + 1,
        protocols: Protocols::EMPTY,
    });
    assert_eq!(
        link.handle_message(Now::default(), &other),
        Inbound::Nothing
    );
    assert_eq!(link.state(), State::AwaitReply);
}

#[test]
fn a_long_or_empty_refusal_becomes_a_short_reason() {
    let long = "ä".repeat(1000);
    let invalid = [0xff; 1000];
    for (data, expected) in [
        (long.as_bytes(), "ä".repeat(128)),
        (&invalid, "\u{fffd}".repeat(85)),
        (b"", String::from("NoEntry")),
    ] {
        let mut link = client();
        let error = BtpError {
            code: BtpCode::F00_NOT_ACCEPTED,
            name: "NoEntry",
            triggered_at: Timestamp::from_millis(0),
            data,
        };
        let protocols = Protocols::EMPTY;
        let bytes = encode(&Frame::Error {
            id: AUTH_ID,
            error,
            protocols,
        });
        assert_eq!(
            link.handle_message(Now::default(), &bytes),
            Inbound::Nothing
        );
        let Some(ConnectionEvent::AuthFailed { reason, .. }) = link.poll_event() else {
            panic!()
        };
        assert!(reason.len() <= 256);
        assert_eq!(reason, expected);
    }
}

#[test]
fn decisions_that_nobody_asked_for_change_nothing() {
    let mut link = server();
    link.accept_auth(Now::default());
    link.refuse_auth(Now::default(), "no");
    assert_eq!(link.state(), State::AwaitAuth);
    let mut link = client();
    link.accept_auth(Now::default());
    assert_eq!(link.state(), State::AwaitReply);
    assert_eq!(drain(&mut link), (vec![], None));
}

#[test]
fn nothing_leaks_before_the_peer_is_let_in() {
    let mut pair = Pair::new();
    pair.decide = false;
    pair.server.answer(3, FULFILL);
    pair.settle();
    assert!(pair.server.sent.is_empty());
    assert_eq!(
        pair.server.ask(1, PREPARE),
        Err(btp_proto::SendError::NotOpen)
    );
    pair.accept();
    pair.settle();
    assert_eq!(
        pair.server.frames().len(),
        2,
        "the reply, then the answer that was owed"
    );
}

#[test]
fn a_server_that_repeats_the_secret_does_not_get_it_into_the_logs() {
    let echo = format!("no user has the token {SECRET}");
    let long = "x".repeat(250) + SECRET;
    for (name, data) in [("Error", echo.as_str()), (SECRET, ""), ("Error", &long)] {
        let mut link = client();
        let error = BtpError {
            code: BtpCode::F00_NOT_ACCEPTED,
            name,
            triggered_at: Timestamp::from_millis(0),
            data: data.as_bytes(),
        };
        let protocols = Protocols::EMPTY;
        let bytes = encode(&Frame::Error {
            id: AUTH_ID,
            error,
            protocols,
        });
        assert_eq!(
            link.handle_message(Now::default(), &bytes),
            Inbound::Nothing
        );
        let event = link.poll_event().unwrap();
        let ConnectionEvent::AuthFailed { reason, .. } = &event else {
            panic!()
        };
        assert_eq!(
            reason,
            "the server repeats our secret, its reason is withheld"
        );
    }
}
