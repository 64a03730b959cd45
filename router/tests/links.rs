//! Links: auth, takeover, loss, retry, keepalive, shutdown, in virtual time.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use ilp_router::config::OnDisconnect;
use ilp_router::{Direction, Event, PeerState};
use net::{App, Ending, Net, Policy, chain, child, dialed, node, peer, route};

const LONG: Duration = Duration::from_secs(20);

fn count(net: &Net, node: &str, what: impl Fn(&Event) -> bool) -> usize {
    net.events_of(node).filter(|event| what(event)).count()
}

/// Two nodes; A dials B.
fn pair() -> Net {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![dialed("a", "b", "ab"), child("sender", "s")];
    a.routes = vec![route("test.b", "b", 0)];
    let mut b = node("b", "test.b");
    b.peers = vec![peer("a", "ab", false), child("receiver", "r")];
    net.add_node(a);
    net.add_node(b);
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("receiver", "b", App::new("receiver", "r"));
    net.run_until(Duration::from_secs(1), "a pair, connected", |net| {
        net.connected("a", "b") && net.connected("a", "sender") && net.connected("b", "receiver")
    });
    net
}

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
    let denied = count(
        &net,
        "b",
        |event| matches!(event, Event::AuthDenied { claimed: Some(id), reason: "wrong auth_token", .. } if id == "a"),
    );
    assert!(denied >= 3, "{denied} attempts in ten seconds");
    assert_eq!(
        count(
            &net,
            "a",
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
fn a_lost_link_is_dialled_again_on_the_schedule() {
    let mut net = pair();
    net.kill("b");
    let start = net.now().mono;
    net.run(Duration::from_secs(200));
    let mut delays = Vec::new();
    for event in net.events_of("a") {
        match event {
            Event::RetryScheduled { delay, .. } => delays.push(delay.as_secs()),
            Event::RetriesExhausted {
                pause, attempts, ..
            } => {
                assert_eq!(*attempts, 5);
                delays.push(pause.as_secs());
            }
            _ => {}
        }
    }
    assert_eq!(delays[..8], [1, 2, 4, 8, 16, 60, 1, 2], "after {start:?}");
    let mut b = node("b", "test.b");
    b.peers = vec![peer("a", "ab", false)];
    net.add_node(b);
    net.run_until(Duration::from_secs(80), "connected again", |net| {
        net.connected("a", "b")
    });
    assert_eq!(net.state("b", "a"), PeerState::Connected);
}

#[test]
fn a_silent_link_is_pinged_and_then_given_up() {
    let mut net = pair();
    let pipe = net.pipes_between("a", "b")[0];
    net.run(Duration::from_secs(120));
    assert!(net.connected("a", "b"), "an idle link stays");
    assert!(count(&net, "a", |event| matches!(event, Event::PingSent { .. })) >= 3);
    net.pull(pipe);
    net.run_until(Duration::from_secs(45), "the dead link is noticed", |net| {
        count(net, "a", |event| matches!(event, Event::PongTimeout { .. })) == 1
    });
    net.run_until(Duration::from_secs(5), "a new link", |net| {
        net.connected("a", "b")
    });
    assert_ne!(net.pipes_between("a", "b"), [pipe]);
}

#[test]
fn an_idle_connected_node_wakes_up_only_for_its_keepalive() {
    let mut net = pair();
    // past the deadlines of the handshakes, which are only found out to be void when they come
    net.run(Duration::from_secs(12));
    let due = net.node("a").poll_timeout().unwrap();
    let wait = due.saturating_duration_since(net.now().mono);
    assert!(
        wait > Duration::from_secs(15),
        "the next thing is due in {wait:?}"
    );
}

#[test]
fn the_newer_of_two_links_of_one_side_wins_and_the_older_is_closed() {
    let mut net = Net::new();
    let mut b = node("b", "test.b");
    b.peers = vec![child("x", "x"), child("sender", "s")];
    net.add_node(b);
    net.attach("sender", "b", App::new("sender", "s"));
    net.attach("old", "b", App::new("x", "x").with_policy(Policy::Hold));
    net.run(Duration::from_millis(50));
    let now = net.now();
    net.app("sender").send(now, "test.b.x", 1, LONG);
    net.run(Duration::from_millis(50));
    assert_eq!(net.app("old").held(), 1);
    net.attach("new", "b", App::new("x", "x"));
    net.run(Duration::from_millis(100));
    assert!(net.app("old").is_closed && !net.app("new").is_closed);
    assert!(net.connected("b", "x"));
    let now = net.now();
    let number = net.app("sender").send(now, "test.b.x", 1, LONG);
    net.run(Duration::from_millis(50));
    assert!(matches!(
        net.app("sender").ending(number),
        Some(Ending::Fulfilled { .. })
    ));
    assert_eq!(
        count(&net, "b", |event| matches!(
            event,
            Event::Disconnected { .. }
        )),
        0
    );
}

#[test]
fn when_both_sides_dial_both_keep_the_link_that_the_smaller_id_dialled() {
    let mut net = Net::new();
    for (own, other) in [("a", "b"), ("b", "a")] {
        let mut config = node(own, &format!("test.{own}"));
        config.peers = vec![dialed(own, other, "ab")];
        net.add_node(config);
    }
    net.run(Duration::from_secs(5));
    let direction = |name: &str| net.node(name).peers().next().unwrap().direction;
    assert_eq!(direction("a"), Some(Direction::Dialed));
    assert_eq!(direction("b"), Some(Direction::Accepted));
    assert_eq!(net.pipes_between("a", "b").len(), 1);
    assert_eq!(
        count(&net, "a", |event| matches!(
            event,
            Event::Disconnected { .. }
        )),
        0
    );
    assert_eq!(
        count(&net, "b", |event| matches!(
            event,
            Event::Disconnected { .. }
        )),
        0
    );
    net.run(Duration::from_secs(300));
    assert_eq!(
        count(&net, "a", |event| matches!(event, Event::Dialing { .. })),
        1,
        "nobody dials a live peer"
    );
}

#[test]
fn two_nodes_that_disagree_about_the_winner_still_end_with_one_link() {
    let mut net = Net::new();
    // each calls the other something that is larger than its own name
    let mut a = node("m", "test.m");
    a.peers = vec![dialed("za", "n", "ab")];
    let mut b = node("n", "test.n");
    b.peers = vec![dialed("n", "za", "ab")];
    b.peers[0].endpoint.as_mut().unwrap().host = "m".to_string();
    net.add_node(a);
    net.add_node(b);
    net.run(Duration::from_secs(30));
    assert!(net.connected("m", "n") && net.connected("n", "za"));
    assert_eq!(net.pipes_between("m", "n").len(), 1);
}

#[test]
fn an_answer_may_come_over_a_newer_link() {
    let mut net = pair();
    net.app("receiver").policy = Policy::Hold;
    let now = net.now();
    let number = net.app("sender").send(now, "test.b.receiver", 7, LONG);
    net.run(Duration::from_secs(1));
    let pipe = net.pipes_between("a", "b")[0];
    net.cut(pipe);
    net.run_until(Duration::from_secs(5), "a new link", |net| {
        net.connected("a", "b") && net.pipes_between("a", "b") != [pipe]
    });
    assert_eq!(
        net.app("sender").ending(number),
        None,
        "what was sent is held"
    );
    let now = net.now();
    net.app("receiver").policy = Policy::Fulfill;
    net.app("receiver").release(now);
    net.run(Duration::from_secs(1));
    assert!(matches!(
        net.app("sender").ending(number),
        Some(Ending::Fulfilled { .. })
    ));
}

#[test]
fn an_answer_that_is_owed_when_the_link_is_lost_goes_out_on_the_next_one() {
    let mut net = pair();
    net.app("receiver").policy = Policy::Hold;
    let now = net.now();
    let number = net.app("sender").send(now, "test.b.receiver", 7, LONG);
    net.run(Duration::from_secs(1));
    let pipe = net.pipes_between("a", "b")[0];
    net.cut(pipe);
    net.run_until(Duration::from_secs(1), "the link is down", |net| {
        !net.connected("b", "a")
    });
    let now = net.now();
    net.app("receiver").policy = Policy::Fulfill;
    net.app("receiver").release(now);
    net.run_until(Duration::from_secs(5), "a new link", |net| {
        net.connected("a", "b")
    });
    net.run(Duration::from_secs(1));
    assert!(matches!(
        net.app("sender").ending(number),
        Some(Ending::Fulfilled { .. })
    ));
}

#[test]
fn a_packet_whose_link_was_lost_is_t01_when_it_expires_unless_told_to_reject_at_once() {
    for (policy, at_once) in [(OnDisconnect::Hold, false), (OnDisconnect::Reject, true)] {
        let mut net = Net::new();
        let mut a = node("a", "test.a");
        a.on_disconnect = policy;
        a.peers = vec![child("sender", "s"), child("x", "x")];
        net.add_node(a);
        net.attach("sender", "a", App::new("sender", "s"));
        net.attach("x", "a", App::new("x", "x").with_policy(Policy::Hold));
        net.run(Duration::from_secs(1));
        let now = net.now();
        let number = net
            .app("sender")
            .send(now, "test.a.x", 1, Duration::from_secs(10));
        net.run(Duration::from_secs(1));
        let pipe = net.pipes_between("x", "a")[0];
        net.cut(pipe);
        net.run(Duration::from_secs(1));
        assert_eq!(
            net.app("sender").ending(number).is_some(),
            at_once,
            "{policy:?}"
        );
        net.run(LONG);
        assert_eq!(
            net.app("sender").ending(number).unwrap().code(),
            Some("T01"),
            "{policy:?}"
        );
    }
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
fn a_peer_that_takes_nothing_fills_its_send_buffer_and_then_gets_t03() {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.limits.max_send_buffer = 1_000;
    a.peers = vec![child("sender", "s"), child("x", "x")];
    net.add_node(a);
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("x", "a", App::new("x", "x"));
    net.run(Duration::from_secs(1));
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

#[test]
fn a_peer_that_does_not_read_its_answers_is_not_read_and_then_closed() {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.limits.max_answer_buffer = 2_000;
    a.peers = vec![child("sender", "s"), child("x", "x")];
    net.add_node(a);
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("x", "a", App::new("x", "x"));
    net.run(Duration::from_secs(1));
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    for _ in 0..40 {
        net.app("sender").send(now, "test.a.x", 1, LONG);
    }
    net.run(Duration::from_secs(1));
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
        count(&net, "a", |event| matches!(event, Event::Stalled { .. })),
        1
    );
    assert!(net.connected("a", "x"), "nobody else is hurt");
}

#[test]
fn a_peer_that_reads_again_is_read_again() {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.limits.max_answer_buffer = 2_000;
    a.peers = vec![child("sender", "s"), child("x", "x")];
    net.add_node(a);
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("x", "a", App::new("x", "x"));
    net.run(Duration::from_secs(1));
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    for _ in 0..40 {
        net.app("sender").send(now, "test.a.x", 1, LONG);
    }
    net.run(Duration::from_secs(1));
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
        count(&net, "a", |event| matches!(
            event,
            Event::Unreadable { peer: Some(_), .. }
        )),
        3
    );
    assert!(!net.connected("a", "sender") && net.connected("a", "b"));
}

#[test]
fn text_messages_are_unreadable_frames() {
    let mut net = chain();
    let pipe = net.pipes_between("sender", "a")[0];
    net.inject(pipe, "a", None);
    net.run(Duration::from_secs(1));
    assert_eq!(
        count(&net, "a", |event| matches!(
            event,
            Event::TextMessage { .. }
        )),
        1
    );
    assert!(net.connected("a", "sender"), "one is not enough to close");
}

#[test]
fn a_peer_that_the_operator_disconnects_stays_away_until_it_is_wanted_again() {
    let mut net = pair();
    let id = "b".parse().unwrap();
    net.with_node("a", |node, now| node.disconnect_peer(now, &id))
        .unwrap();
    net.run(Duration::from_secs(200));
    assert_eq!(net.state("a", "b"), PeerState::Disconnected);
    assert_eq!(
        count(&net, "a", |event| matches!(event, Event::Dialing { .. })),
        1
    );
    net.with_node("a", |node, now| node.connect_peer(now, &id))
        .unwrap();
    net.run_until(Duration::from_secs(1), "connected", |net| {
        net.connected("a", "b")
    });
    let again = net.with_node("a", |node, now| node.connect_peer(now, &id));
    assert_eq!(again, Ok(()), "a second time does nothing");
    let nobody = "nobody".parse().unwrap();
    let unknown = net.with_node("a", |node, now| node.connect_peer(now, &nobody));
    assert_eq!(unknown.unwrap_err().to_string(), "Peer not found: nobody");
    net.run(Duration::from_secs(10));
    assert_eq!(net.pipes_between("a", "b").len(), 1);
}

#[test]
fn shutdown_refuses_new_packets_waits_for_old_ones_and_closes_all_links() {
    let mut net = pair();
    net.app("receiver").policy = Policy::Hold;
    let now = net.now();
    let old = net.app("sender").send(now, "test.b.receiver", 1, LONG);
    net.run(Duration::from_secs(1));
    net.with_node("a", |node, now| node.shutdown(now));
    let now = net.now();
    let new = net.app("sender").send(now, "test.b.receiver", 1, LONG);
    net.run(Duration::from_secs(1));
    assert_eq!(net.app("sender").ending(new).unwrap().code(), Some("T03"));
    assert!(net.stopped.is_empty());
    let now = net.now();
    net.app("receiver").policy = Policy::Fulfill;
    net.app("receiver").release(now);
    net.run(Duration::from_secs(1));
    assert!(
        matches!(
            net.app("sender").ending(old),
            Some(Ending::Fulfilled { .. })
        ),
        "its answer went out first"
    );
    assert_eq!(net.stopped, ["a"]);
    assert!(net.app("sender").is_closed);
    assert_eq!(net.node("a").open_links(), 0);
    net.with_node("a", |node, now| node.shutdown(now));
    net.run(Duration::from_secs(1));
    assert_eq!(net.stopped, ["a"], "a second shutdown does nothing");
}

#[test]
fn shutdown_does_not_wait_for_ever() {
    let mut net = pair();
    net.app("receiver").policy = Policy::Hold;
    let now = net.now();
    let number = net.app("sender").send(now, "test.b.receiver", 1, LONG);
    net.run(Duration::from_secs(1));
    net.with_node("a", |node, now| node.shutdown(now));
    net.run_until(Duration::from_secs(10), "stopped", |net| {
        net.stopped == ["a"]
    });
    assert_eq!(
        net.app("sender").ending(number),
        None,
        "a REJECT could lose money"
    );
    assert_eq!(
        count(&net, "a", |event| matches!(
            event,
            Event::Drained { unanswered: 1 }
        )),
        1
    );
}

#[test]
fn a_child_takes_its_address_from_its_parent_and_gives_its_own_children_theirs() {
    let mut net = Net::new();
    let mut top = node("top", "test.top");
    top.peers = vec![child("mid", "m"), child("sender", "s")];
    net.add_node(top);
    let mut mid = node("mid", "test.mid");
    mid.address_from_parent = true;
    mid.peers = vec![dialed("mid", "top", "m"), child("leaf", "l")];
    mid.peers[0].relation = ilp_router::config::Relation::Parent;
    mid.routes = vec![route("", "top", 0)];
    net.add_node(mid);
    assert!(!net.node("mid").knows_its_address());
    net.attach("sender", "top", App::new("sender", "s"));
    net.attach("leaf", "mid", App::new("leaf", "l"));
    net.run(Duration::from_secs(1));
    assert_eq!(net.node("mid").address().to_string(), "test.top.mid");
    let now = net.now();
    let number = net.app("sender").send(now, "test.top.mid.leaf", 3, LONG);
    net.run(Duration::from_secs(1));
    assert!(matches!(
        net.app("sender").ending(number),
        Some(Ending::Fulfilled { .. })
    ));
    assert_eq!(net.node("mid").in_flight(), 0);
}

#[test]
fn a_node_whose_parent_does_not_know_it_as_a_child_asks_again() {
    let mut net = Net::new();
    let mut top = node("top", "test.top");
    top.peers = vec![peer("mid", "m", false)];
    net.add_node(top);
    let mut mid = node("mid", "test.mid");
    mid.address_from_parent = true;
    mid.peers = vec![dialed("mid", "top", "m")];
    mid.peers[0].relation = ilp_router::config::Relation::Parent;
    net.add_node(mid);
    net.run(Duration::from_secs(12));
    let refused = count(
        &net,
        "mid",
        |event| matches!(event, Event::AddressRefused { reason, .. } if reason.starts_with("F00")),
    );
    assert_eq!(refused, 3);
    assert!(!net.node("mid").knows_its_address());
}

#[test]
fn whoever_says_nothing_or_nonsense_first_is_denied_once_and_with_a_reason() {
    let mut net = Net::new();
    net.add_node(node("b", "test.b"));
    let mut deny = |what: Option<ilp_router::Received<'_>>| {
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
