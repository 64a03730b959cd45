//! Links: takeover, loss, retry, keepalive, in virtual time.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use ilp_router::config::OnDisconnect;
use ilp_router::{Direction, Event, PeerState};
use net::{App, Ending, Net, Policy, child, dialed, fork, hub, node, pair, peer, route};

const LONG: Duration = Duration::from_secs(20);

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
    assert!(net.count("a", |event| matches!(event, Event::PingSent { .. })) >= 3);
    net.pull(pipe);
    net.run_until(Duration::from_secs(45), "the dead link is noticed", |net| {
        net.count("a", |event| matches!(event, Event::PongTimeout { .. })) == 1
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
        net.count("b", |event| matches!(event, Event::Disconnected { .. })),
        0
    );
}

#[test]
fn two_nodes_with_one_id_do_not_take_the_link_from_each_other_all_the_time() {
    let mut net = Net::new();
    let mut hub = node("hub", "test.hub");
    hub.peers = vec![peer("x", "s", false)];
    net.add_node(hub);
    for name in ["x1", "x2"] {
        let mut x = node(name, "test.x");
        x.peers = vec![dialed("x", "hub", "s")];
        net.add_node(x);
    }
    let ten_minutes = Duration::from_secs(600);
    net.run(ten_minutes);
    let replaced = |net: &Net| net.count("hub", |event| matches!(event, Event::Replaced { .. }));
    // Once a second is what it was; now each has the link for 16 s at last.
    let count = replaced(&net);
    assert!((10..=60).contains(&count), "{count} times in ten minutes");
    assert!(net.connected("hub", "x"));

    // The double is found and stopped: the other comes back at its next try, and stays.
    net.kill("x2");
    net.run(Duration::from_secs(20));
    let count = replaced(&net);
    net.run(ten_minutes);
    assert_eq!(replaced(&net), count);
    assert!(net.connected("x1", "hub"));
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
        net.count("a", |event| matches!(event, Event::Disconnected { .. })),
        0
    );
    assert_eq!(
        net.count("b", |event| matches!(event, Event::Disconnected { .. })),
        0
    );
    net.run(Duration::from_secs(300));
    assert_eq!(
        net.count("a", |event| matches!(event, Event::Dialing { .. })),
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
fn a_peer_that_the_operator_disconnects_stays_away_until_it_is_wanted_again() {
    let mut net = pair();
    let id = "b".parse().unwrap();
    net.with_node("a", |node, now| node.disconnect_peer(now, &id))
        .unwrap();
    net.run(Duration::from_secs(200));
    assert_eq!(net.state("a", "b"), PeerState::Disconnected);
    assert_eq!(
        net.count("a", |event| matches!(event, Event::Dialing { .. })),
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

/// A node of two that both dial, with a client of its own.
fn both(own: &str, other: &str) -> ilp_router::config::Config {
    let mut config = node(own, &format!("test.{own}"));
    config.peers = vec![dialed(own, other, "ab"), child("app", "s")];
    config.routes = vec![route(&format!("test.{other}"), other, 0)];
    config
}

#[test]
fn after_a_power_cut_the_fresh_link_is_used_and_not_the_dead_one() {
    let mut net = Net::new();
    net.add_node(both("a", "b"));
    net.add_node(both("b", "a"));
    net.attach("app-a", "a", App::new("app", "s"));
    net.run(Duration::from_secs(60));
    net.kill_silently("b");
    net.run(Duration::from_secs(1));
    net.add_node(both("b", "a"));
    net.attach("app-b", "b", App::new("app", "s"));
    net.run(Duration::from_millis(200));
    let now = net.now();
    let number = net.app("app-b").send(now, "test.a.app", 5, LONG);
    net.run(Duration::from_millis(300));
    let ending = net.app("app-b").ending(number).cloned();
    assert!(
        matches!(ending, Some(Ending::Fulfilled { .. })),
        "{ending:?}"
    );
    net.run(Duration::from_secs(60));
    assert_eq!(
        net.count("b", |event| matches!(event, Event::Disconnected { .. })),
        0
    );
}

#[test]
fn a_fulfill_that_nobody_comes_back_for_is_given_up_at_its_expiry_and_reported() {
    let mut net = pair();
    net.app("receiver").policy = Policy::Hold;
    let now = net.now();
    net.app("sender").send(now, "test.b.receiver", 7, LONG);
    net.run(Duration::from_millis(500));
    net.kill("a");
    net.run(Duration::from_millis(100));
    let now = net.now();
    net.app("receiver").policy = Policy::Fulfill;
    net.app("receiver").release(now);
    net.run(Duration::from_secs(60));
    let dropped = |event: &Event| matches!(event, Event::AnswersDropped { fulfills: 1, .. });
    assert_eq!(net.count("b", dropped), 1);
    let peer = net.node("b").peers().next().unwrap();
    assert_eq!((peer.answer_bytes, peer.counters.dropped_answers), (0, 1));
    assert_eq!(peer.counters.dropped_fulfills, 1);
}

#[test]
fn traffic_fails_over_as_soon_as_a_peer_is_disconnected() {
    let mut net = fork("test.z");
    // it does not even answer the Close
    let pipe = net.pipes_between("x", "a")[0];
    net.pull(pipe);
    let id = "x".parse().unwrap();
    net.with_node("a", |node, now| node.disconnect_peer(now, &id))
        .unwrap();
    let now = net.now();
    let number = net.app("sender").send(now, "test.z.q", 1, LONG);
    net.run(Duration::from_millis(500));
    let ending = net.app("sender").ending(number);
    assert!(
        matches!(ending, Some(Ending::Fulfilled { .. })),
        "{ending:?}"
    );
}

#[test]
fn a_peer_that_the_operator_disconnects_has_nothing_forwarded_any_more() {
    let mut net = hub(|_| {});
    let now = net.now();
    // on its way when the operator decides
    net.app("sender").send(now, "test.a.x", 1, LONG);
    let id = "sender".parse().unwrap();
    net.with_node("a", |node, now| node.disconnect_peer(now, &id))
        .unwrap();
    net.run(Duration::from_secs(1));
    assert_eq!(net.app("x").got.len(), 0, "nobody could be told the end");
}

#[test]
fn a_dial_that_comes_to_nothing_in_time_is_given_up_and_tried_again() {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![dialed("a", "b", "ab")];
    a.timeouts.connect = Duration::from_secs(3);
    net.add_node(a);
    // the host is there and answers nothing
    net.swallows.push("b".to_string());
    net.run(Duration::from_millis(2_999));
    assert_eq!(net.state("a", "b"), PeerState::Connecting);
    net.run(Duration::from_millis(2));
    assert_eq!(net.state("a", "b"), PeerState::Error);
    let failed = |event: &Event| matches!(event, Event::DialFailed { error, .. } if error.contains("3000 ms"));
    assert_eq!(net.count("a", failed), 1);
    net.run(Duration::from_secs(1));
    assert_eq!(
        net.count("a", |event| matches!(event, Event::Dialing { .. })),
        2
    );
}

#[test]
fn a_peer_that_is_disconnected_while_it_has_two_links_is_left_with_none() {
    let mut net = Net::new();
    net.add_node(both("a", "b"));
    net.add_node(both("b", "a"));
    net.run(Duration::from_millis(100));
    assert_eq!(net.pipes_between("a", "b").len(), 2, "one is spare");
    let id = "b".parse().unwrap();
    net.with_node("a", |node, now| node.disconnect_peer(now, &id))
        .unwrap();
    net.run(Duration::from_millis(100));
    assert!(!net.connected("a", "b"));
    assert!(net.pipes_between("a", "b").is_empty());
    assert_eq!(net.node("a").open_links(), 0);
}
