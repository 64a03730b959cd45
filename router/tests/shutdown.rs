//! Going down in order, in virtual time.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use ilp_proto::{Instant, Now, Timestamp};
use ilp_router::config::OnDisconnect;
use ilp_router::{Action, CloseReason, Connector, Event};
use net::{Ending, Policy, hub, node, pair, peer};

const LONG: Duration = Duration::from_secs(20);

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
fn a_dial_that_a_shutdown_ends_is_not_blamed_on_the_peer() {
    let now = Now {
        mono: Instant::ZERO,
        wall: Timestamp::from_millis(1_795_219_200_000),
    };
    for upgraded in [false, true] {
        let mut config = node("a", "test.a");
        config.peers.push(peer("b", "s", true));
        let mut connector = Connector::new(config, 1, now).unwrap();
        let Some(Action::Dial { link, .. }) = connector.poll_action() else {
            panic!("no dial")
        };
        if upgraded {
            connector.handle_dialed(now, link);
        }
        connector.shutdown(now);
        connector.handle_closed(now, link, CloseReason::Broken("gone".into()));
        let told: Vec<String> = std::iter::from_fn(|| connector.poll_event())
            .filter_map(|event| match event {
                Event::DialFailed { error, .. } => Some(error),
                _ => None,
            })
            .collect();
        assert_eq!(told, ["given up: this node is shutting down"]);
        let peer = connector.peers().next().unwrap();
        assert_eq!(peer.counters.dial_failures, 0);
    }
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
        net.count("a", |event| matches!(
            event,
            Event::Drained { unanswered: 1 }
        )),
        1
    );
}

#[test]
fn the_end_of_a_drain_rejects_nothing_even_where_a_lost_link_would() {
    let mut net = hub(|a| {
        a.on_disconnect = OnDisconnect::Reject;
    });
    net.app("x").policy = Policy::Hold;
    let now = net.now();
    let number = net.app("sender").send(now, "test.a.x", 1, LONG);
    net.run(Duration::from_millis(100));
    // the sender reads slowly: its Close waits behind what is in the socket
    let pipe = net.pipes_between("sender", "a")[0];
    net.with_node("a", |node, now| node.shutdown(now));
    net.run(Duration::from_millis(7_950));
    net.set_stuck(pipe, "a", true);
    net.run(Duration::from_millis(500));
    net.set_stuck(pipe, "a", false);
    net.run(Duration::from_secs(2));
    assert_eq!(net.app("sender").ending(number), None);
    assert_eq!(net.stopped, ["a"]);
}

#[test]
fn a_link_that_does_not_answer_the_close_keeps_no_node_from_stopping() {
    let mut net = pair();
    let pipe = net.pipes_between("a", "b")[0];
    net.pull(pipe);
    net.with_node("a", |node, now| node.shutdown(now));
    net.run(Duration::from_secs(2));
    assert_eq!(net.stopped, ["a"]);
    assert!(
        net.app("sender").is_closed,
        "the others were closed in order"
    );
    assert_eq!(net.node("a").open_links(), 0);
}

#[test]
fn a_drain_waits_for_those_who_take_their_fulfills_slowly() {
    let mut net = pair();
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    let number = net.app("sender").send(now, "test.b.receiver", 1, LONG);
    net.run(Duration::from_secs(1));
    assert_eq!(net.node("a").in_flight(), 0, "it was fulfilled");
    net.with_node("a", |node, now| node.shutdown(now));
    net.run(Duration::from_secs(5));
    assert!(net.stopped.is_empty());
    net.set_stuck(pipe, "a", false);
    net.run(Duration::from_secs(1));
    let ending = net.app("sender").ending(number);
    assert!(
        matches!(ending, Some(Ending::Fulfilled { .. })),
        "{ending:?}"
    );
    assert_eq!(net.stopped, ["a"], "there is nothing more to wait for");
}

#[test]
fn a_drain_waits_for_nobody_whom_it_owes_no_more_than_rejects() {
    let mut net = pair();
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    net.app("sender").send(now, "test.nobody", 1, LONG);
    net.run(Duration::from_secs(1));
    net.with_node("a", |node, now| node.shutdown(now));
    net.run(Duration::from_secs(2));
    assert_eq!(net.stopped, ["a"]);
}

#[test]
fn a_drain_does_not_wait_for_those_who_have_gone_with_what_they_are_owed() {
    let mut net = pair();
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    net.app("sender").send(now, "test.b.receiver", 1, LONG);
    net.run(Duration::from_secs(1));
    net.with_node("a", |node, now| node.shutdown(now));
    net.run(Duration::from_secs(1));
    assert!(net.stopped.is_empty());
    net.cut(pipe);
    net.run(Duration::from_secs(2));
    assert_eq!(net.stopped, ["a"]);
}

#[test]
fn what_expires_after_a_node_has_stopped_is_not_held_for_ever() {
    let mut net = hub(|_| {});
    net.app("x").policy = Policy::Hold;
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    net.app("sender").send(now, "test.nobody", 1, LONG);
    net.run(Duration::from_secs(15));
    let now = net.now();
    net.app("sender").send(now, "test.a.x", 1, LONG);
    net.run(Duration::from_secs(1));
    net.with_node("a", |node, now| node.shutdown(now));
    net.run(Duration::from_secs(12));
    assert_eq!(net.stopped, ["a"]);
    assert_eq!(net.node("a").in_flight(), 1);
    net.run(Duration::from_secs(120));
    assert_eq!(net.node("a").in_flight(), 0, "it has expired");
    let held: usize = net.node("a").peers().map(|peer| peer.answer_bytes).sum();
    assert_eq!(held, 0);
    assert_eq!(net.node("a").poll_timeout(), None);
}
