//! Peers that read too little or write nonsense, in virtual time.

#![allow(clippy::unwrap_used)]

mod net;

use std::cell::Cell;
use std::time::Duration;

use btp_proto::{Carrier, Frame, Protocol, Protocols, put_ilp_frame};
use bytes::BytesMut;
use ilp_proto::{ErrorCode, Reject};

use ilp_router::Event;
use net::{Ending, Net, Policy, chain, hub, pair, pay};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_peer_that_takes_nothing_fills_its_send_buffer_and_then_gets_t03() {
    let mut net = hub(|a| {
        a.limits.max_send_buffer = 1_000;
    });
    let pipe = net.pipes_between("x", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    let numbers: Vec<_> = (0..20)
        .map(|_| net.app("sender").send(now, "test.a.x", 1, LONG))
        .collect();
    net.run(Duration::from_secs(1));
    let busy = numbers
        .iter()
        .filter(|&&n| net.app("sender").ending(n).and_then(Ending::code) == Some("T03"));
    assert!(busy.count() > 10);
    net.set_stuck(pipe, "a", false);
    net.run(Duration::from_secs(1));
    assert!(
        numbers
            .iter()
            .all(|&n| net.app("sender").ending(n).is_some()),
        "each has its one answer"
    );
}

/// The sender does not read, and more answers are due to it than `a` keeps. Names the pipe between the two.
fn unread_answers() -> (Net, usize) {
    let mut net = hub(|a| {
        a.limits.max_answer_buffer = 2_000;
    });
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    for _ in 0..40 {
        net.app("sender").send(now, "test.a.x", 1, LONG);
    }
    net.run(Duration::from_secs(1));
    (net, pipe)
}

#[test]
fn a_peer_that_does_not_read_its_answers_is_not_read_and_then_closed() {
    let (mut net, pipe) = unread_answers();
    assert!(!net.wants_read(pipe, "a"));
    let waiting = net
        .node("a")
        .peers()
        .find(|view| view.config.id.as_str() == "sender")
        .unwrap()
        .answer_bytes;
    assert!(waiting <= 4_000, "{waiting} bytes wait");
    net.run_until(Duration::from_secs(35), "it is cut off", |net| {
        !net.connected("a", "sender")
    });
    assert_eq!(
        net.count("a", |event| matches!(event, Event::Stalled { .. })),
        1
    );
    assert!(net.connected("a", "x"), "nobody else is hurt");
}

#[test]
fn a_peer_that_reads_again_is_read_again() {
    let (mut net, pipe) = unread_answers();
    net.set_stuck(pipe, "a", false);
    net.run(Duration::from_secs(1));
    assert!(net.wants_read(pipe, "a"));
    assert_eq!(net.resumed, ["a"]);
}

#[test]
fn three_unreadable_frames_close_the_link_with_1002_and_nobody_else_is_hurt() {
    let mut net = chain();
    let pipe = net.pipes_between("sender", "a")[0];
    for _ in 0..3 {
        net.inject(pipe, "a", Some(b"\x06\x00\x00\x01\x00\x01\x2d"));
    }
    net.run(Duration::from_secs(1));
    assert_eq!(
        net.count("a", |event| matches!(
            event,
            Event::Unreadable { peer: Some(_), .. }
        )),
        3
    );
    assert!(!net.connected("a", "sender") && net.connected("a", "b"));
}

#[test]
fn a_server_that_sends_nonsense_is_left_and_dialled_again() {
    let mut net = pair();
    let pipe = net.pipes_between("a", "b")[0];
    for _ in 0..3 {
        net.inject(pipe, "a", Some(b"nonsense"));
    }
    net.run(Duration::from_millis(500));
    let unreadable = |event: &Event| matches!(event, Event::Unreadable { peer: Some(_), .. });
    assert_eq!(net.count("a", unreadable), 3);
    assert!(!net.connected("a", "b"));
    net.run_until(Duration::from_secs(5), "connected again", |net| {
        net.connected("a", "b")
    });
    assert!(matches!(
        pay(&mut net, "test.b.receiver", 1, LONG),
        Ending::Fulfilled { .. }
    ));
}

#[test]
fn whoever_gives_cause_for_complaint_all_the_time_is_not_complained_of_all_the_time() {
    let mut net = chain();
    let pipe = net.pipes_between("sender", "a")[0];
    let mut response = Vec::new();
    Frame::Response {
        id: 7,
        protocols: Protocols::new(&[Protocol::octets("ilp", &[13])]),
    }
    .encode(&mut response);
    // A thousand answers to nothing.
    for _ in 0..100 {
        for _ in 0..10 {
            net.inject(pipe, "a", Some(&response));
        }
        net.run(Duration::from_millis(10));
    }
    let told = net.count("a", |event| matches!(event, Event::LateAnswer { .. }));
    assert!((64..=69).contains(&told), "{told}");
    let a = net.node("a");
    assert_eq!(a.stats().events_dropped, 1_000 - told as u64);
    let late = a.peers().find(|peer| peer.config.id.as_str() == "sender");
    assert_eq!(
        late.unwrap().counters.late_answers,
        1_000,
        "all are counted"
    );
    // Others have not lost their say.
    assert!(net.connected("a", "sender") && net.connected("a", "b"));
}

#[test]
fn whoever_lies_all_the_time_is_told_of_now_and_then_and_always_counted() {
    let mut net = chain();
    net.app("receiver").policy = Policy::Lie;
    for _ in 0..500 {
        let now = net.now();
        net.app("sender").send(now, "test.c.receiver", 7, LONG);
    }
    net.run(Duration::from_secs(1));
    let told = net.count("c", |event| matches!(event, Event::BadFulfillment { .. }));
    assert!((64..=68).contains(&told), "{told}");
    let c = net.node("c");
    assert_eq!(c.stats().events_dropped, 500 - told as u64);
    let liar = c.peers().find(|peer| peer.config.id.as_str() == "receiver");
    assert_eq!(liar.unwrap().counters.bad_fulfillments, 500);
}

#[test]
fn answers_that_are_dropped_one_by_one_are_told_of_now_and_then_and_all_in_the_end() {
    let mut net = hub(|a| {
        a.limits.max_answer_buffer = 2_000;
    });
    net.app("x").policy = Policy::Hold;
    let now = net.now();
    for _ in 0..500 {
        net.app("sender").send(now, "test.a.x", 1, LONG);
    }
    net.run(Duration::from_secs(1));
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    net.app("x").policy = Policy::Fulfill;
    net.app("x").release(now);
    net.run(Duration::from_secs(1));
    let told = |net: &Net| {
        let (events, fulfills) = (Cell::new(0), Cell::new(0));
        net.count("a", |event| match event {
            Event::AnswersDropped { fulfills: some, .. } => {
                events.set(events.get() + 1);
                fulfills.set(fulfills.get() + some);
                true
            }
            _ => false,
        });
        (events.get(), fulfills.get())
    };
    let dropped = |net: &mut Net| {
        let mut peers = net.node("a").peers();
        let sender = peers.find(|peer| peer.config.id.as_str() == "sender");
        sender.unwrap().counters.dropped_fulfills
    };
    let (events, fulfills) = told(&net);
    let dropped_now = dropped(&mut net);
    assert!(dropped_now > 300, "{dropped_now} are too many to be kept");
    assert_eq!(
        events, 65,
        "and the last has all that came after the one before"
    );
    assert_eq!(fulfills, dropped_now);
    // What was kept goes when they have expired and it has been cut off.
    net.run(Duration::from_secs(60));
    assert_eq!(dropped(&mut net), 500);
    assert_eq!(told(&net), (events + 1, 500));
}

#[test]
fn text_messages_are_unreadable_frames() {
    let mut net = chain();
    let pipe = net.pipes_between("sender", "a")[0];
    net.inject(pipe, "a", None);
    net.run(Duration::from_secs(1));
    assert_eq!(
        net.count("a", |event| matches!(event, Event::TextMessage { .. })),
        1
    );
    assert!(net.connected("a", "sender"), "one is not enough to close");
}

#[test]
fn requests_that_were_never_sent_are_t01_at_once() {
    let mut net = pair();
    let pipe = net.pipes_between("a", "b")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    let number = net.app("sender").send(now, "test.b.receiver", 7, LONG);
    net.run(Duration::from_secs(1));
    assert_eq!(net.app("sender").ending(number), None);
    net.cut(pipe);
    net.run(Duration::from_millis(100));
    assert_eq!(
        net.app("sender").ending(number).unwrap().code(),
        Some("T01")
    );
}

#[test]
fn a_reject_does_not_grow_beyond_what_the_next_peer_takes() {
    let mut net = pair();
    net.app("receiver").policy = Policy::Hold;
    let now = net.now();
    let number = net.app("sender").send(now, "test.b.receiver", 7, LONG);
    net.run(Duration::from_millis(100));
    let link = net.pipes_between("a", "b");
    let pipe = net.pipes_between("receiver", "b")[0];
    let id = net.app("receiver").held_ids()[0];
    // without triggeredBy, and as long as a frame may be
    let data = vec![0; 65_536];
    let frame = (0..=data.len()).rev().find_map(|len| {
        let reject = Reject {
            code: ErrorCode::F99_APPLICATION_ERROR,
            triggered_by: None,
            message: b"",
            data: &data[..len],
        };
        let mut frame = BytesMut::new();
        put_ilp_frame(&mut frame, Carrier::Response, id, reject.encoded_len());
        reject.encode(&mut frame);
        (frame.len() == 65_536).then_some(frame)
    });
    net.inject(pipe, "b", Some(&frame.unwrap()));
    net.run(Duration::from_millis(500));
    assert_eq!(
        net.app("sender").ending(number).and_then(Ending::code),
        Some("F99")
    );
    assert_eq!(net.pipes_between("a", "b"), link);
}

#[test]
fn expired_requests_do_not_fill_the_send_buffer_and_are_not_sent() {
    let mut net = hub(|a| {
        a.limits.max_send_buffer = 2_000;
        // stands for a peer that sends but does not read
        a.timeouts.keepalive_interval = Duration::ZERO;
    });
    let pipe = net.pipes_between("x", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    for _ in 0..30 {
        net.app("sender").send(now, "test.a.x", 1, LONG);
    }
    net.run(Duration::from_secs(60));
    let now = net.now();
    let number = net.app("sender").send(now, "test.a.x", 1, LONG);
    net.run(Duration::from_millis(100));
    assert_eq!(
        net.app("sender").ending(number),
        None,
        "there is room again"
    );
    net.set_stuck(pipe, "a", false);
    net.run(Duration::from_secs(1));
    assert!(matches!(
        net.app("sender").ending(number),
        Some(Ending::Fulfilled { .. })
    ));
    assert_eq!(
        net.app("x").got.len(),
        1,
        "only the one that is still alive was sent"
    );
}
