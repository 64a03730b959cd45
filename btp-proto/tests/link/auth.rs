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

mod early;
mod first_frame;
mod reply;

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
