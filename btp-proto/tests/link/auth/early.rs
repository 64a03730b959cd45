//! Frames that do not wait for the answer to auth.

use super::*;

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
