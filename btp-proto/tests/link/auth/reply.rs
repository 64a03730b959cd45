//! What a client makes of the reply.

use super::*;

/// The ERROR that a server refuses with.
fn refusal(name: &str, data: &[u8]) -> Vec<u8> {
    encode(&Frame::Error {
        id: AUTH_ID,
        error: BtpError {
            code: BtpCode::F00_NOT_ACCEPTED,
            name,
            triggered_at: Timestamp::from_millis(0),
            data,
        },
        protocols: Protocols::EMPTY,
    })
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
        let bytes = refusal("NoEntry", data);
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
fn a_server_that_repeats_the_secret_does_not_get_it_into_the_logs() {
    let echo = format!("no user has the token {SECRET}");
    let long = "x".repeat(250) + SECRET;
    for (name, data) in [("Error", echo.as_str()), (SECRET, ""), ("Error", &long)] {
        let mut link = client();
        let bytes = refusal(name, data.as_bytes());
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
