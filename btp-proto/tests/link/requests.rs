//! Requests and answers between two open ends.

use btp_proto::{BtpCode, Config, Frame, Protocol, Protocols, SendError, ilp_frame_len};
use bytes::BufMut;

use crate::pair::*;

#[test]
fn a_request_finds_its_answer_in_both_directions() {
    let mut pair = Pair::open();
    pair.server.reply = Some(FULFILL);
    pair.client.reply = Some(REJECT);
    pair.client.ask(1, PREPARE).unwrap();
    pair.server.ask(2, PREPARE).unwrap();
    pair.settle();
    let answer = |cookie, ilp: &[u8]| Got::Answer {
        cookie: Some(cookie),
        ilp: ilp.to_vec(),
    };
    assert!(pair.client.got.contains(&answer(1, FULFILL)));
    assert!(pair.server.got.contains(&answer(2, REJECT)));
    assert!(pair.client.requests.is_empty() && pair.server.requests.is_empty());
}

#[test]
fn many_requests_in_flight_are_not_mixed_up() {
    let mut pair = Pair::open();
    for cookie in 0..50 {
        pair.client.ask(cookie, &[12, cookie as u8]).unwrap();
    }
    pair.settle();
    let mut asked = pair.server.take_got();
    asked.reverse();
    for got in asked {
        let Got::Request { id, ilp } = got else {
            panic!()
        };
        pair.server.answer(id, &[13, ilp[1]]);
    }
    pair.settle();
    let expected: Vec<_> = (0..50)
        .rev()
        .map(|n| Got::Answer {
            cookie: Some(n),
            ilp: vec![13, n as u8],
        })
        .collect();
    assert_eq!(pair.client.got, expected);
}

#[test]
fn a_second_answer_to_one_request_finds_nobody() {
    let mut pair = Pair::open();
    let id = pair.client.ask(1, PREPARE).unwrap();
    for _ in 0..2 {
        pair.server.answer(id.0, FULFILL);
    }
    pair.settle();
    let cookies: Vec<_> = pair
        .client
        .got
        .iter()
        .map(|got| match got {
            Got::Answer { cookie, .. } => *cookie,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(cookies, [Some(1), None]);
    assert!(pair.client.sent.len() == 1, "and is not answered");
}

#[test]
fn a_late_answer_is_dropped() {
    let mut pair = Pair::open();
    let id = pair.client.ask(1, PREPARE).unwrap();
    pair.settle();
    assert_eq!(pair.client.requests.take(id.0), Some(1), "given up");
    let next = pair.client.ask(2, PREPARE).unwrap();
    pair.server.answer(id.0, FULFILL);
    pair.settle();
    assert_eq!(
        pair.client.got,
        [Got::Answer {
            cookie: None,
            ilp: FULFILL.to_vec()
        }]
    );
    assert_eq!(pair.client.requests.get(next.0), Some(&2));
}

#[test]
fn an_answer_for_an_id_that_was_never_ours_is_dropped() {
    let mut pair = Pair::open();
    pair.client.ask(1, PREPARE).unwrap();
    pair.client
        .receive(pair.now, &ilp_frame(response, 0, FULFILL));
    pair.client
        .receive(pair.now, &ilp_frame(response, u32::MAX, FULFILL));
    assert!(
        pair.client
            .got
            .iter()
            .all(|got| matches!(got, Got::Answer { cookie: None, .. }))
    );
    assert_eq!(pair.client.requests.len(), 1);
}

#[test]
fn one_id_asked_twice_is_two_requests() {
    let mut pair = Pair::open();
    pair.server.reply = Some(FULFILL);
    for _ in 0..2 {
        pair.server
            .receive(pair.now, &ilp_frame(message, 6, PREPARE));
    }
    assert_eq!(pair.server.got.len(), 2);
    pair.settle();
    assert_eq!(pair.server.frames().len(), 2, "each gets its answer");
}

#[test]
fn both_ends_may_use_one_id_at_a_time() {
    let mut pair = Pair::open();
    let id = pair.client.ask(1, PREPARE).unwrap();
    pair.client
        .receive(pair.now, &ilp_frame(message, id.0, PREPARE));
    assert_eq!(
        pair.client.got,
        [Got::Request {
            id: id.0,
            ilp: PREPARE.to_vec()
        }]
    );
    assert_eq!(pair.client.requests.len(), 1);
}

#[test]
fn a_peer_that_swaps_message_and_response_is_understood() {
    let mut pair = Pair::open();
    let id = pair.client.ask(1, PREPARE).unwrap();
    pair.settle();
    pair.client.sent.clear();
    pair.client.reply = Some(REJECT);
    pair.client
        .receive(pair.now, &ilp_frame(message, id.0, FULFILL));
    pair.client
        .receive(pair.now, &ilp_frame(response, 9, PREPARE));
    assert_eq!(
        pair.client.got,
        [
            Got::Answer {
                cookie: Some(1),
                ilp: FULFILL.to_vec()
            },
            Got::Request {
                id: 9,
                ilp: PREPARE.to_vec()
            },
        ]
    );
    pair.settle();
    let frames = pair.client.frames();
    assert!(
        matches!(frames[..], [Frame::Response { id: 9, .. }]),
        "{frames:?}"
    );
}

#[test]
fn a_reject_in_a_message_is_never_answered() {
    let mut pair = Pair::open();
    pair.client
        .receive(pair.now, &ilp_frame(message, 1, REJECT));
    pair.settle();
    assert_eq!(
        pair.client.got,
        [Got::Answer {
            cookie: None,
            ilp: REJECT.to_vec()
        }]
    );
    assert!(pair.client.sent.is_empty());
}

#[test]
fn ilp_that_is_nothing_known_is_a_request_in_a_message_and_an_answer_in_a_response() {
    let mut pair = Pair::open();
    for ilp in [&b""[..], b"\x00", b"\xff\xff", b"junk"] {
        pair.client.receive(pair.now, &ilp_frame(message, 1, ilp));
        pair.client.receive(pair.now, &ilp_frame(response, 2, ilp));
        assert_eq!(
            pair.client.take_got(),
            [
                Got::Request {
                    id: 1,
                    ilp: ilp.to_vec()
                },
                Got::Answer {
                    cookie: None,
                    ilp: ilp.to_vec()
                },
            ]
        );
    }
}

#[test]
fn ilp_is_found_behind_other_entries_and_with_any_content_type() {
    let mut pair = Pair::open();
    let entries = [
        Protocol::text("note", "hi"),
        Protocol {
            ..Protocol::text("ilp", "\x0c")
        },
    ];
    let frame = Frame::Message {
        id: 1,
        protocols: Protocols::new(&entries),
    };
    pair.client.receive(pair.now, &encode(&frame));
    assert_eq!(
        pair.client.got,
        [Got::Request {
            id: 1,
            ilp: vec![12]
        }]
    );
}

#[test]
fn a_btp_error_fails_the_request() {
    let mut pair = Pair::open();
    let id = pair.client.ask(1, PREPARE).unwrap();
    pair.settle();
    let (now, code) = (pair.now, BtpCode::T00_UNREACHABLE);
    pair.server
        .link
        .respond_error(id.0, now, code, "UnreachableError", "not today");
    pair.settle();
    assert_eq!(
        pair.client.got,
        [Got::Failed {
            cookie: Some(1),
            code: *b"T00",
            name: "UnreachableError".into(),
            data: "not today".into(),
        }]
    );
    assert!(format!("{:?}", pair.client.link).contains("Open"));
}

#[test]
fn a_response_without_ilp_fails_the_request() {
    let mut pair = Pair::open();
    let id = pair.client.ask(1, PREPARE).unwrap();
    pair.settle();
    pair.server.link.respond_empty(id.0);
    pair.settle();
    let [
        Got::Failed {
            cookie: Some(1),
            code,
            name,
            ..
        },
    ] = &pair.client.got[..]
    else {
        panic!()
    };
    assert_eq!((code, name.as_str()), (b"F00", "no ilp"));
}

#[test]
fn long_error_text_is_cut_between_characters() {
    let mut pair = Pair::open();
    let text = "x".to_string() + &"ä".repeat(1000);
    let (now, code) = (pair.now, BtpCode::F00_NOT_ACCEPTED);
    pair.server
        .link
        .respond_error(1, now, code, "NotAcceptedError", &text);
    pair.settle();
    let [Got::Failed { data, .. }] = &pair.client.got[..] else {
        panic!()
    };
    assert_eq!(data.len(), 1023);
    assert!(text.starts_with(data));
}

#[test]
fn a_full_buffer_refuses_the_next_request_and_calls_nobody() {
    let room = 2 * ilp_frame_len(100);
    let mut pair = Pair::open_with(Config {
        max_send_buffer: room,
        ..Config::default()
    });
    let ilp = [12; 100];
    assert!(pair.client.ask(1, &ilp).is_ok());
    assert!(pair.client.ask(2, &ilp).is_ok());
    let id = pair.client.requests.insert(3).unwrap();
    let refused = pair.client.link.request(
        ilp_proto::Instant::ZERO,
        ilp_proto::Instant::MAX,
        id,
        1,
        |_| panic!("there is no room"),
    );
    assert_eq!(refused, Err(SendError::BufferFull));
    assert_eq!(refused.unwrap_err().to_string(), "the send buffer is full");
    pair.settle();
    assert!(
        pair.client
            .link
            .request(
                ilp_proto::Instant::ZERO,
                ilp_proto::Instant::MAX,
                id,
                1,
                |out| out.put_u8(12)
            )
            .is_ok(),
        "there is again"
    );
    pair.settle();
    assert_eq!(pair.server.got.len(), 3);
}

#[test]
fn control_goes_before_answers_and_answers_before_requests() {
    let mut pair = Pair::open();
    pair.client.ask(1, PREPARE).unwrap();
    pair.client.answer(2, FULFILL);
    pair.client.link.respond_empty(3);
    pair.settle();
    let ids: Vec<_> = pair.client.frames().iter().map(Frame::id).collect();
    assert_eq!(ids[..2], [3, 2]);
    assert!(matches!(pair.client.frames()[2], Frame::Message { .. }));
}

#[test]
fn an_answer_that_was_due_when_the_link_died_goes_out_on_the_next() {
    let mut first = Pair::open();
    let id = first.client.ask(1, PREPARE).unwrap();
    first.settle();
    first.server.answer(id.0, FULFILL);
    let mut second = Pair::open();
    std::mem::swap(&mut second.server.answers, &mut first.server.answers);
    std::mem::swap(&mut second.client.requests, &mut first.client.requests);
    second.settle();
    assert_eq!(
        second.client.got,
        [Got::Answer {
            cookie: Some(1),
            ilp: FULFILL.to_vec()
        }]
    );
}
