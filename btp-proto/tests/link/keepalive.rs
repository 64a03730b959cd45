//! Life signs.

use std::time::Duration;

use btp_proto::{Carrier, Config, ConnectionEvent, Inbound, State, put_ilp_frame};
use bytes::{BufMut, BytesMut};

use crate::pair::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_quiet_link_is_pinged_and_lives() {
    let mut pair = Pair::open();
    pair.run(SECOND * 3600);
    assert_eq!(pair.client.link.state(), State::Open);
    assert_eq!(pair.server.link.state(), State::Open);
    let pings = pair.client.count(&Wire::Ping) + pair.server.count(&Wire::Ping);
    assert!((100..=240).contains(&pings), "{pings}");
}

#[test]
fn the_first_ping_comes_after_the_interval() {
    let mut pair = Pair::open();
    let start = pair.now.mono;
    pair.server.mute = true;
    pair.run(SECOND * 31);
    let (at, wire) = &pair.client.sent[0];
    assert_eq!(*wire, Wire::Ping);
    assert_eq!(at.saturating_duration_since(start), SECOND * 30);
}

#[test]
fn a_dead_peer_is_closed_after_the_ping_goes_unanswered() {
    let mut pair = Pair::open();
    let start = pair.now.mono;
    pair.server.mute = true;
    pair.run(SECOND * 39);
    assert_eq!(pair.client.link.state(), State::Open);
    pair.run(SECOND);
    assert_eq!(
        pair.client.closed(),
        Some((1011, "the peer does not respond"))
    );
    let at = pair.client.sent.last().unwrap().0;
    assert_eq!(at.saturating_duration_since(start), SECOND * 40);
    assert_eq!(
        pair.client.events,
        [ConnectionEvent::Closing {
            code: 1011,
            why: "the peer does not respond"
        }]
    );
    assert_eq!(pair.client.link.poll_timeout(), None);
}

#[test]
fn an_answer_that_was_on_the_way_when_a_peer_was_given_up_still_counts() {
    let mut pair = Pair::open();
    pair.server.mute = true;
    pair.run(SECOND * 40);
    assert!(pair.client.closed().is_some());
    let mut answer = BytesMut::new();
    put_ilp_frame(&mut answer, Carrier::Response, 7, FULFILL.len());
    answer.put_slice(FULFILL);
    assert_eq!(
        pair.client.link.handle_message(pair.now, &answer),
        Inbound::Answer {
            id: 7,
            ilp: FULFILL
        }
    );
}

#[test]
fn traffic_counts_as_life() {
    let mut pair = Pair::open();
    pair.server.reply = Some(FULFILL);
    for cookie in 0..20 {
        pair.client.ask(cookie, PREPARE).unwrap();
        pair.run(SECOND * 20);
    }
    assert_eq!(
        pair.client.count(&Wire::Ping) + pair.server.count(&Wire::Ping),
        0
    );
}

#[test]
fn a_message_after_the_ping_is_as_good_as_a_pong() {
    let mut pair = Pair::open();
    pair.server.mute = true;
    pair.run(SECOND * 35);
    assert_eq!(pair.client.count(&Wire::Ping), 1);
    pair.client
        .receive(pair.now, &ilp_frame(message, 1, PREPARE));
    pair.run(SECOND * 6);
    assert_eq!(pair.client.link.state(), State::Open);
    pair.run(SECOND * 24);
    assert_eq!(pair.client.count(&Wire::Ping), 2, "30 s after that message");
    pair.run(SECOND * 10);
    assert_eq!(pair.client.link.state(), State::Closed);
}

#[test]
fn what_is_unreadable_or_text_is_a_life_sign_too() {
    let mut pair = Pair::open();
    pair.server.mute = true;
    pair.run(SECOND * 35);
    pair.client.link.handle_text(pair.now);
    pair.run(SECOND * 6);
    assert_eq!(pair.client.link.state(), State::Open);
}

#[test]
fn traffic_does_not_move_the_deadline() {
    let mut pair = Pair::open();
    let deadline = pair.client.link.poll_timeout();
    pair.run(SECOND);
    pair.client
        .receive(pair.now, &ilp_frame(message, 1, PREPARE));
    pair.client.link.handle_control(pair.now);
    assert_eq!(
        pair.client.link.poll_timeout(),
        deadline,
        "a message costs no timer"
    );
    pair.client.link.handle_timeout(pair.now);
    assert_eq!(
        pair.client.link.poll_timeout(),
        deadline,
        "too early a call does nothing"
    );
}

#[test]
fn zero_turns_keepalive_off() {
    let cfg = Config {
        keepalive_interval: Duration::ZERO,
        ..Config::default()
    };
    let mut pair = Pair::open_with(cfg);
    pair.client.mute = true;
    pair.run(SECOND * 100_000);
    assert_eq!(pair.server.link.poll_timeout(), None);
    assert_eq!(pair.server.link.state(), State::Open);
}

#[test]
fn a_timeout_that_is_longer_than_the_interval_pings_at_once_again() {
    let cfg = Config {
        keepalive_timeout: SECOND * 100,
        ..Config::default()
    };
    let mut pair = Pair::open_with(cfg);
    pair.server.mute = true;
    pair.run(SECOND * 31);
    pair.client
        .receive(pair.now, &ilp_frame(message, 1, PREPARE));
    pair.run(SECOND * 100);
    assert_eq!(pair.client.count(&Wire::Ping), 2);
}

#[test]
fn time_that_goes_backwards_stands_still() {
    let mut pair = Pair::open();
    let deadline = pair.client.link.poll_timeout();
    pair.client.link.handle_control(ilp_proto::Now::default());
    pair.client.link.handle_timeout(ilp_proto::Now::default());
    assert_eq!(pair.client.link.poll_timeout(), deadline);
    assert_eq!(pair.client.link.state(), State::Open);
}
