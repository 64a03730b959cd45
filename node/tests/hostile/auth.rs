//! Guesses and replays.

use std::io::Write;
use std::time::{Duration, Instant};

use btp_proto::Frame;

use crate::node::{Node, settings};
use crate::process::secret_of;
use crate::raw::{
    BINARY, auth, authenticated, connect_from, encode, frame, read_frame, source, upgraded,
};

const UNAUTHENTICATED: &str = "ilp_connections_unauthenticated";
const DENIED: &str = "ilp_connections_denied_total";

#[test]
fn an_auth_frame_that_is_sent_again_on_a_link_changes_nothing_about_it() {
    let node = Node::start(settings());
    let mut honest = node.honest();
    let mut mallory = authenticated(source(1), node.btp, "mallory");
    // His own, and one that he may have seen on another wire.
    for user in ["mallory", "alice"] {
        let replay = auth(user, &secret_of(user));
        mallory.write_all(&frame(BINARY, &replay)).unwrap();
        let (_, answer) = read_frame(&mut mallory).unwrap();
        let Frame::Error { id: 1, error, .. } = Frame::parse(&answer).unwrap() else {
            panic!("{answer:?}")
        };
        assert_eq!(error.code.as_bytes(), b"F00");
    }
    // Alice's link is still hers, and his still his.
    honest.pay();
    honest
        .alice
        .prepare("test.mallory", 1, Duration::from_secs(30));
    let (_, packet) = read_frame(&mut mallory).unwrap();
    assert!(matches!(
        Frame::parse(&packet).unwrap(),
        Frame::Message { .. }
    ));
}

#[test]
fn an_answer_to_an_auth_frame_that_was_seen_elsewhere_lets_nobody_in() {
    let node = Node::start(settings());
    let mut stranger = upgraded(source(1), node.btp).unwrap();
    let response = encode(&Frame::Response {
        id: 1,
        protocols: btp_proto::Protocols::EMPTY,
    });
    stranger.write_all(&frame(BINARY, &response)).unwrap();
    assert_eq!(crate::raw::close_code(&mut stranger), Some(1008));
}

#[test]
fn a_guesser_who_does_not_wait_for_the_refusal_gets_no_more_guesses_than_one_who_does() {
    let node = Node::start(settings());
    let (began, length) = (Instant::now(), Duration::from_secs(2));
    let guess = [
        crate::raw::UPGRADE.as_bytes(),
        &frame(BINARY, &auth("alice", "a guess")),
    ]
    .concat();
    let mut tries = 0;
    while began.elapsed() < length {
        // The answer to the upgrade shows that it was taken; a moment later the guess is judged, and a right one would be
        // answered at once.
        let Ok(mut stream) = connect_from(source(1), node.btp) else {
            continue;
        };
        tries += 1;
        let _ = stream.write_all(&guess);
        let _ = stream.set_read_timeout(Some(Duration::from_millis(5)));
        while read_frame(&mut stream).is_ok() {}
    }
    // 16 places, each held for up to 5 s: six are free again within these two seconds (0, 0.1, 0.2 … s).
    let denied = node.metric(DENIED);
    assert!(
        (10..=24).contains(&denied),
        "{denied} of {tries} guesses were judged"
    );
    // Bob comes from elsewhere, and alice with the right secret too.
    drop(authenticated(source(2), node.btp, "bob"));
    drop(authenticated(source(3), node.btp, "alice"));
    node.wait_metric(UNAUTHENTICATED, |count| count <= 16);
}

#[test]
fn an_auth_flood_from_many_addresses_keeps_no_right_secret_waiting() {
    let node = Node::start(settings());
    let mut honest = node.honest();
    let mut waiting = Vec::new();
    for address in 1..=8 {
        for _ in 0..8 {
            let mut stream = upgraded(source(address), node.btp).unwrap();
            let guess = auth("mallory", "a guess");
            stream.write_all(&frame(BINARY, &guess)).unwrap();
            waiting.push(stream);
        }
    }
    node.wait_metric(DENIED, |count| count == 64);
    // Even beside guessers at the same address.
    let began = Instant::now();
    for address in 1..=8 {
        drop(authenticated(source(address), node.btp, "mallory"));
    }
    let took = began.elapsed();
    assert!(
        took < Duration::from_secs(2),
        "{took:?} for eight handshakes"
    );
    honest.pay();
}
