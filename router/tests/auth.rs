//! Who gets in, in virtual time.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use btp_proto::{Frame, Protocol, Protocols};
use ilp_router::{CloseReason, Event, PeerState, Received};
use net::{App, Net, dialed, node, peer};

#[test]
fn a_wrong_secret_is_refused_on_both_sides_and_retried() {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![dialed("a", "b", "wrong")];
    let mut b = node("b", "test.b");
    b.peers = vec![peer("a", "right", false)];
    net.add_node(a);
    net.add_node(b);
    net.run(Duration::from_secs(10));
    assert!(!net.connected("a", "b") && !net.connected("b", "a"));
    assert_eq!(net.state("a", "b"), PeerState::Error);
    let denied = net.count("b",
        |event| matches!(event, Event::AuthDenied { claimed: Some(id), reason: "wrong auth_token", .. } if id == "a"),
    );
    assert!(denied >= 3, "{denied} attempts in ten seconds");
    assert_eq!(
        net.count("a",
            |event| matches!(event, Event::AuthFailed { reason, .. } if reason == "authentication failed")
        ),
        denied
    );
    assert!(!format!("{:?}", net.log).contains("right"));
}

#[test]
fn wrong_guesses_are_held_back_and_the_right_secret_is_not() {
    let mut net = Net::new();
    let mut b = node("b", "test.b");
    b.peers = vec![peer("a", "right", false)];
    net.add_node(b);
    let mut refused = Vec::new();
    for guess in 0..5 {
        let start = net.now().mono;
        net.attach("guesser", "b", App::new("a", &format!("guess{guess}")));
        net.run(Duration::from_millis(10));
        while !net.app("guesser").is_closed {
            net.run(Duration::from_millis(10));
        }
        refused.push(net.now().mono.saturating_duration_since(start).as_millis());
    }
    assert!(refused[0] < 100, "{refused:?}");
    assert!(refused[4] >= 800, "{refused:?}");
    net.attach("a", "b", App::new("a", "right"));
    net.run_until(
        Duration::from_millis(50),
        "the right secret gets in",
        |net| net.connected("b", "a"),
    );
}

#[test]
fn a_right_secret_makes_the_wrong_ones_before_it_forgotten() {
    let mut net = Net::new();
    let mut b = node("b", "test.b");
    b.peers = vec![peer("a", "right", false)];
    net.add_node(b);
    let held_back = Duration::from_millis(100);
    assert!(guess(&mut net, "wrong") < held_back);
    assert!(guess(&mut net, "wrong") >= held_back);
    assert!(guess(&mut net, "right") < held_back);
    let pipe = net.pipes_between("a", "b")[0];
    net.cut(pipe);
    net.run(Duration::from_millis(10));
    let took = guess(&mut net, "wrong");
    assert!(took < held_back, "as if it were the first: {took:?}");
}

/// How long somebody who says to be `a` waits for being let in or refused.
fn guess(net: &mut Net, secret: &str) -> Duration {
    assert!(!net.connected("b", "a"));
    let start = net.now().mono;
    net.attach("a", "b", App::new("a", secret));
    net.run(Duration::from_millis(10));
    while !net.app("a").is_closed && !net.connected("b", "a") {
        net.run(Duration::from_millis(10));
    }
    net.now().mono.saturating_duration_since(start)
}

#[test]
fn a_peer_is_found_by_path_username_or_token() {
    let mut net = Net::new();
    let mut b = node("b", "test.b");
    b.peers = vec![
        peer("a", "ta", false),
        peer("x", "shared", false),
        peer("y", "shared", false),
    ];
    net.add_node(b);
    net.attach("1", "b", App::new("", "ta"));
    net.run(Duration::from_millis(50));
    assert!(net.connected("b", "a"), "by the token alone");
    net.attach("2", "b", App::new("", "x:shared"));
    net.run(Duration::from_millis(50));
    assert!(net.connected("b", "x"), "by the name in front of the token");
    net.attach("3", "b", App::new("", "shared"));
    net.run(Duration::from_millis(50));
    assert!(
        !net.connected("b", "y"),
        "a token that two peers share identifies none"
    );
    net.attach("4", "b", App::new("nobody", "ta"));
    net.run(Duration::from_millis(50));
    let reasons: Vec<_> = net
        .events_of("b")
        .filter_map(|event| match event {
            Event::AuthDenied { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect();
    assert_eq!(
        reasons,
        [
            "several peers have this auth_token: auth_username must say which it is",
            "no peer of this id is configured"
        ]
    );
}

#[test]
fn connections_that_do_not_authenticate_are_bounded_and_cut_off() {
    let mut net = Net::new();
    let mut b = node("b", "test.b");
    b.limits.max_unauthenticated_per_address = 4;
    net.add_node(b);
    net.with_node("b", |node, now| {
        let address = [10, 0, 0, 1].into();
        for _ in 0..4 {
            node.handle_incoming(now, address).unwrap();
        }
        assert!(
            node.handle_incoming(now, address).is_err(),
            "the fifth of one address"
        );
        assert!(
            node.handle_incoming(now, [10, 0, 0, 2].into()).is_ok(),
            "another address"
        );
        assert_eq!(node.open_links(), 5);
    });
    net.run(Duration::from_secs(11));
    assert_eq!(
        net.node("b").open_links(),
        0,
        "all are cut off after handshakeTimeout"
    );
}

#[test]
fn a_flood_of_refused_connections_does_not_hide_a_failed_login() {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![dialed("a", "b", "wrong")];
    let mut b = node("b", "test.b");
    b.peers = vec![peer("a", "right", false)];
    b.limits.max_unauthenticated_per_address = 1;
    net.add_node(a);
    net.add_node(b);
    net.with_node("b", |node, now| {
        let refused =
            (0..1_000).filter(|_| node.handle_incoming(now, [10, 9, 9, 9].into()).is_err());
        assert_eq!(refused.count(), 999);
    });
    net.run(Duration::from_millis(500));
    let told = net.count("b", |event| matches!(event, Event::Refused { .. }));
    assert_eq!(told, 256, "the rest is counted");
    let denied = net.count("b", |event| matches!(event, Event::AuthDenied { .. }));
    assert_eq!(denied, 1);
}

#[test]
fn a_guesser_who_hangs_up_keeps_its_place_until_its_refusal_was_due() {
    let mut net = Net::new();
    let mut b = node("b", "test.b");
    b.peers = vec![peer("a", "right", false)];
    b.limits.max_unauthenticated_per_address = 4;
    net.add_node(b);
    let address = [10, 0, 0, 1].into();
    let entries = [
        Protocol::octets("auth", b""),
        Protocol::text("auth_username", "a"),
        Protocol::text("auth_token", "guess"),
    ];
    let mut frame = Vec::new();
    Frame::Message {
        id: 1,
        protocols: Protocols::new(&entries),
    }
    .encode(&mut frame);
    // As many as it is let in with, each gone before its refusal comes.
    let guess = |net: &mut Net| {
        net.with_node("b", |node, now| {
            let Ok(link) = node.handle_incoming(now, address) else {
                return false;
            };
            node.handle_upgraded(now, link, "/", None);
            node.handle_received(now, link, Received::Binary(&frame));
            node.handle_closed(now, link, CloseReason::Broken("gone".into()));
            true
        })
    };
    let mut guesses = 0;
    for _ in 0..6_000 {
        guesses += usize::from(guess(&mut net));
        net.run(Duration::from_millis(10));
    }
    // A minute: the first delays are short, then four places are free every five seconds.
    assert!((40..=60).contains(&guesses), "{guesses}");
    net.run(Duration::from_secs(5));
    assert_eq!(net.node("b").stats().unauthenticated, 0);
    net.run(Duration::from_secs(60));
    assert!(guess(&mut net), "all is forgotten");
}

#[test]
fn whoever_says_nothing_or_nonsense_first_is_denied_once_and_with_a_reason() {
    let mut net = Net::new();
    net.add_node(node("b", "test.b"));
    let mut deny = |what: Option<Received<'_>>| {
        let before = net.log.len();
        net.with_node("b", |node, now| {
            let link = node.handle_incoming(now, [10, 0, 0, 1].into()).unwrap();
            node.handle_upgraded(now, link, "/", None);
            if let Some(what) = what {
                node.handle_received(now, link, what);
            }
        });
        net.run(Duration::from_secs(12));
        let reasons: Vec<_> = net.log[before..]
            .iter()
            .filter_map(|(_, event)| match event {
                Event::AuthDenied { reason, .. } => Some(*reason),
                _ => None,
            })
            .collect();
        assert_eq!(net.node("b").open_links(), 0, "{reasons:?}");
        reasons
    };
    use ilp_router::Received::{Binary, Text};
    assert_eq!(deny(None), ["authentication took too long"]);
    assert_eq!(deny(Some(Text)), ["text message before authentication"]);
    assert_eq!(
        deny(Some(Binary(b"\xff"))),
        ["unreadable frame before authentication"]
    );
    let message = b"\x06\x00\x00\x00\x02\x02\x01\x00";
    assert_eq!(
        deny(Some(Binary(message))),
        ["the first entry of the first frame must be auth"]
    );
}
