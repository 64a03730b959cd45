//! How a connection ends.

use std::time::Duration;

use btp_proto::{BtpCode, SendError, State};

use crate::pair::*;

#[test]
fn a_close_comes_behind_the_answers() {
    let mut pair = Pair::open();
    pair.server.answer(1, FULFILL);
    pair.server.link.respond_empty(2);
    pair.server.link.close(1000, "shutting down");
    assert_eq!(pair.server.link.state(), State::Closing);
    pair.settle();
    let sent: Vec<_> = pair.server.sent.iter().map(|(_, wire)| wire).collect();
    assert!(matches!(
        sent[..],
        [
            Wire::Binary(_),
            Wire::Binary(_),
            Wire::Close(1000, "shutting down")
        ]
    ));
    assert_eq!(pair.server.link.state(), State::Closed);
    assert!(pair.server.events.is_empty(), "the caller knows");
}

#[test]
fn the_first_close_counts() {
    let mut pair = Pair::open();
    pair.server.link.close(1000, "first");
    pair.server.link.close(1008, "second");
    pair.settle();
    pair.server.link.close(1008, "third");
    pair.settle();
    assert_eq!(pair.server.closed(), Some((1000, "first")));
    assert_eq!(pair.server.sent.len(), 1);
}

#[test]
fn requests_that_never_left_are_named_after_a_close() {
    let mut pair = Pair::open();
    let sent = pair.client.ask(0, PREPARE).unwrap();
    pair.settle();
    let unsent = [1, 2, 3].map(|cookie| pair.client.ask(cookie, PREPARE).unwrap().0);
    pair.client.link.close(1000, "bye");
    pair.settle();
    assert_eq!(pair.client.link.unsent_requests().next(), Some(unsent[0]));
    assert_eq!(
        pair.client.link.unsent_requests().collect::<Vec<_>>(),
        unsent[1..]
    );
    assert_eq!(pair.client.link.unsent_requests().next(), None);
    assert_eq!(pair.client.frames().len(), 1);
    assert_eq!(pair.client.frames()[0].id(), sent.0);
    assert_eq!(pair.client.ask(4, PREPARE), Err(SendError::NotOpen));
}

#[test]
fn an_answer_that_crosses_the_close_is_still_taken() {
    let mut pair = Pair::open();
    pair.server.reply = Some(FULFILL);
    pair.client.ask(1, PREPARE).unwrap();
    pair.client.ask(2, PREPARE).unwrap();
    pair.run(Duration::from_millis(1));
    pair.client.link.close(1000, "bye");
    pair.settle();
    assert_eq!(pair.client.link.state(), State::Closed);
    let answer = |cookie| Got::Answer {
        cookie: Some(cookie),
        ilp: FULFILL.to_vec(),
    };
    assert_eq!(pair.client.got, [answer(1), answer(2)]);
}

#[test]
fn a_request_that_crosses_the_close_can_be_answered_elsewhere() {
    let mut pair = Pair::open();
    pair.client.ask(1, PREPARE).unwrap();
    pair.run(Duration::from_millis(1));
    pair.server.link.close(1000, "another link won");
    pair.settle();
    let [Got::Request { id, .. }] = pair.server.got[..] else {
        panic!()
    };
    pair.server.answer(id, FULFILL);
    pair.settle();
    assert_eq!(pair.server.answers.len(), 1, "nothing follows a close");
    let mut winner = Pair::open();
    std::mem::swap(&mut winner.server.answers, &mut pair.server.answers);
    std::mem::swap(&mut winner.client.requests, &mut pair.client.requests);
    winner.settle();
    assert_eq!(
        winner.client.got,
        [Got::Answer {
            cookie: Some(1),
            ilp: FULFILL.to_vec()
        }]
    );
}

#[test]
fn a_close_after_misbehaviour_leaves_the_answers_for_another_link() {
    let mut pair = Pair::open();
    pair.server.answer(1, FULFILL);
    for _ in 0..3 {
        pair.server.receive(pair.now, b"junk");
    }
    pair.server
        .receive(pair.now, &ilp_frame(message, 9, PREPARE));
    assert_eq!(pair.server.got.len(), 3, "such a peer is not listened to");
    pair.settle();
    assert_eq!(pair.server.answers.len(), 1);
    assert_eq!(pair.server.sent.len(), 1);
}

#[test]
fn a_connection_closed_before_auth_says_nothing_but_that() {
    let mut pair = Pair::new();
    pair.client.link.close(1000, "never mind");
    pair.settle();
    assert_eq!(pair.client.sent.len(), 1, "the secret is not sent any more");
    assert_eq!(pair.client.closed(), Some((1000, "never mind")));
    assert_eq!(pair.client.link.poll_timeout(), None);
    pair.client
        .receive(pair.now, &ilp_frame(message, 1, PREPARE));
    assert!(pair.client.got.is_empty());
}

#[test]
fn nothing_is_queued_after_the_close_went_out() {
    let mut pair = Pair::open();
    pair.server.link.close(1000, "bye");
    pair.settle();
    let (now, code) = (pair.now, BtpCode::F00_NOT_ACCEPTED);
    pair.server
        .link
        .respond_error(1, now, code, "NotAcceptedError", "");
    pair.server.link.respond_empty(1);
    pair.server.link.handle_timeout(now);
    assert!(!pair.server.link.has_output(Some(&pair.server.answers)));
}

#[test]
fn junk_that_crosses_a_close_does_not_change_it() {
    let mut pair = Pair::open();
    pair.server.link.close(1000, "bye");
    for _ in 0..5 {
        pair.server.receive(pair.now, b"junk");
    }
    pair.settle();
    assert_eq!(pair.server.closed(), Some((1000, "bye")));
    assert!(pair.server.events.is_empty());
}
