//! What the first frame must be.

use super::*;

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
