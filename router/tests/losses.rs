//! A FULFILL that its peer never got may be money lost: whatever the peer does, it is told of.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use btp_proto::{Frame, Protocol, Protocols};
use ilp_router::{CloseReason, Event};
use net::{Net, Policy, hub, pair};

const LONG: Duration = Duration::from_secs(20);

/// All FULFILLs that `node` has told the loss of.
fn told(net: &Net, node: &str) -> u64 {
    let lost = net.events_of(node).map(|event| match event {
        Event::AnswersDropped { fulfills, .. } => *fulfills,
        _ => 0,
    });
    lost.sum()
}

/// An answer to nothing, which anybody may send at any time and which is complained of.
fn nonsense() -> Vec<u8> {
    let mut response = Vec::new();
    Frame::Response {
        id: 7,
        protocols: Protocols::new(&[Protocol::octets("ilp", &[13])]),
    }
    .encode(&mut response);
    response
}

#[test]
fn no_flood_of_nonsense_hides_a_lost_fulfill() {
    let mut net = hub(|a| {
        a.limits.max_answer_buffer = 500;
    });
    net.app("x").policy = Policy::Hold;
    let now = net.now();
    for _ in 0..100 {
        net.app("sender").send(now, "test.a.x", 1, LONG);
    }
    net.run(Duration::from_secs(1));
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    for _ in 0..500 {
        net.inject(pipe, "a", Some(&nonsense()));
    }
    net.run(Duration::from_millis(1));
    assert_eq!(told(&net, "a"), 0);
    let now = net.now();
    net.app("x").policy = Policy::Fulfill;
    net.app("x").release(now);
    net.run(Duration::from_millis(20));
    assert!(told(&net, "a") > 0, "no line about the first loss");
    // and the last one is told of, too, though nothing is lost after it
    net.set_stuck(pipe, "a", false);
    for _ in 0..100 {
        for _ in 0..10 {
            net.inject(pipe, "a", Some(&nonsense()));
        }
        net.run(Duration::from_millis(50));
    }
    let mut peers = net.node("a").peers();
    let sender = peers.find(|peer| peer.config.id.as_str() == "sender");
    let lost = sender.unwrap().counters.dropped_fulfills;
    assert!(lost > 70, "{lost}");
    assert_eq!(told(&net, "a"), lost);
}

#[test]
fn an_answer_that_lives_for_long_does_not_keep_others_from_expiring() {
    let mut net = pair();
    net.app("receiver").policy = Policy::Hold;
    let now = net.now();
    let day = Duration::from_secs(86_400);
    net.app("sender").send(now, "test.b.receiver", 7, day);
    net.app("sender").send(now, "test.b.receiver", 7, LONG);
    net.run(Duration::from_millis(500));
    net.kill("a");
    net.run(Duration::from_millis(100));
    // `b` may keep the answer to the first for a day, whatever it is
    let now = net.now();
    net.app("receiver").policy = Policy::Fulfill;
    net.app("receiver").release_one(now);
    net.run(Duration::from_secs(5));
    let now = net.now();
    net.app("receiver").release_one(now);
    net.run(Duration::from_secs(20));
    assert_eq!(told(&net, "b"), 1, "the second has expired");
}

#[test]
fn a_fulfill_that_a_connected_peer_does_not_read_is_told_of_once_it_has_expired() {
    let mut net = hub(|a| {
        // stands for a peer that sends but does not read
        a.timeouts.keepalive_interval = Duration::ZERO;
    });
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    net.app("sender").send(now, "test.a.x", 1, LONG);
    net.run(Duration::from_secs(30));
    assert!(net.connected("a", "sender"));
    assert_eq!(told(&net, "a"), 1);
}

#[test]
fn an_address_that_a_child_did_not_fetch_is_no_money_lost() {
    let mut net = hub(|_| {});
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    let mut ask = Vec::new();
    ilp_proto::ildcp::request(net.now().wall).encode(&mut ask);
    net.app("sender").send_raw(&ask);
    net.run(Duration::from_secs(1));
    net.cut(pipe);
    net.run(Duration::from_secs(120));
    let mut peers = net.node("a").peers();
    let sender = peers.find(|peer| peer.config.id.as_str() == "sender");
    let counters = sender.unwrap().counters;
    assert_eq!(
        (counters.dropped_answers, counters.dropped_fulfills),
        (1, 0)
    );
    assert_eq!(told(&net, "a"), 0);
}

/// The numbers of `sender` at `a`: dropped answers, FULFILLs among them, and their amount.
fn lost_by_sender(net: &Net) -> (u64, u64, u128) {
    let mut peers = net.node("a").peers();
    let sender = peers.find(|peer| peer.config.id.as_str() == "sender");
    let counters = sender.unwrap().counters;
    let (answers, fulfills) = (counters.dropped_answers, counters.dropped_fulfills);
    (answers, fulfills, counters.dropped_amount)
}

/// `sender` pays these amounts and is gone before their answers, for good.
fn loses(amounts: &[u64]) -> Net {
    let mut net = hub(|_| {});
    let pipe = net.pipes_between("sender", "a")[0];
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    for &amount in amounts {
        net.app("sender").send(now, "test.a.x", amount, LONG);
    }
    net.run(Duration::from_secs(1));
    net.cut(pipe);
    net.run(Duration::from_secs(120));
    net
}

#[test]
fn a_lost_fulfill_is_told_of_with_its_amount() {
    let net = loses(&[0, 7, 5, u64::MAX]);
    let sum = 12 + u128::from(u64::MAX);
    assert_eq!(lost_by_sender(&net), (4, 3, sum));
    let told = net.events_of("a").map(|event| match event {
        Event::AnswersDropped { amount, .. } => *amount,
        _ => 0,
    });
    assert_eq!(told.sum::<u128>(), sum);
}

#[test]
fn a_lost_fulfill_of_nothing_is_no_money_lost() {
    let net = loses(&[0, 0]);
    assert_eq!(lost_by_sender(&net), (2, 0, 0));
    assert_eq!(told(&net, "a"), 0);
}

#[test]
fn a_lost_fulfill_waits_for_room_among_the_events_and_wakes_nobody_meanwhile() {
    let mut net = hub(|a| a.limits.event_ring = 30);
    let pipe = net.pipes_between("sender", "a")[0];
    net.with_node("a", |node, _| node.set_packet_events(false));
    net.set_stuck(pipe, "a", true);
    let now = net.now();
    net.app("sender").send(now, "test.a.x", 1, LONG);
    net.run(Duration::from_millis(500));
    net.cut(pipe);
    net.run(Duration::from_millis(500));
    net.keeps_events = true;
    let now = net.now();
    net.with_node("a", |node, _| {
        for _ in 0..40 {
            let link = node.handle_incoming(now, [192, 0, 2, 1].into()).unwrap();
            let gone = CloseReason::Broken("gone".to_string());
            node.handle_closed(now, link, gone);
        }
    });
    net.run(Duration::from_secs(300));
    assert_eq!(net.node("a").pending_events(), 31);
    let later = net.node("a").poll_timeout().unwrap();
    let wait = later.saturating_duration_since(net.now().mono);
    assert!(wait > Duration::from_secs(1), "woken in {wait:?}");
    net.keeps_events = false;
    net.run(Duration::from_secs(1));
    assert_eq!(told(&net, "a"), 1);
}

#[test]
fn a_fulfill_that_a_node_still_owes_when_it_stops_is_told_of() {
    for connected in [true, false] {
        let mut net = hub(|_| {});
        let pipe = net.pipes_between("sender", "a")[0];
        net.set_stuck(pipe, "a", true);
        let now = net.now();
        net.app("sender").send(now, "test.a.x", 1, LONG);
        net.run(Duration::from_secs(1));
        if !connected {
            net.cut(pipe);
            net.run(Duration::from_secs(1));
        }
        net.with_node("a", |node, now| node.shutdown(now));
        net.run(Duration::from_secs(10));
        assert_eq!(net.stopped, ["a"]);
        assert_eq!(told(&net, "a"), 1, "connected: {connected}");
        let mut peers = net.node("a").peers();
        let sender = peers.find(|peer| peer.config.id.as_str() == "sender");
        assert_eq!(sender.unwrap().counters.dropped_fulfills, 1);
    }
}
