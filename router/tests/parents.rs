//! Nodes that take their address from a parent (RFC-0031), in virtual time.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use ilp_router::Event;
use ilp_router::config::{Config, Relation};
use net::{App, Ending, Net, child, dialed, node, peer, route};

const LONG: Duration = Duration::from_secs(20);

/// A node that has its address from top, and is at `placeholder` until then. With a child it has a leaf, whose packets it
/// sends up.
fn below_top(placeholder: &str, with_child: bool) -> Config {
    let mut mid = node("mid", placeholder);
    mid.address_from_parent = true;
    mid.peers = vec![dialed("mid", "top", "m")];
    mid.peers[0].relation = Relation::Parent;
    if with_child {
        mid.peers.push(child("leaf", "l"));
        mid.routes = vec![route("", "top", 0)];
    }
    mid
}

#[test]
fn a_child_takes_its_address_from_its_parent_and_gives_its_own_children_theirs() {
    let mut net = Net::new();
    let mut top = node("top", "test.top");
    top.peers = vec![child("mid", "m"), child("sender", "s")];
    net.add_node(top);
    net.add_node(below_top("test.mid", true));
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
    net.add_node(below_top("test.mid", false));
    net.run(Duration::from_secs(12));
    let refused = net.count(
        "mid",
        |event| matches!(event, Event::AddressRefused { reason, .. } if reason.starts_with("F00")),
    );
    assert_eq!(refused, 3);
    assert!(!net.node("mid").knows_its_address());
}

#[test]
fn a_node_that_does_not_know_its_address_yet_sends_nothing_back_to_its_parent() {
    let mut net = Net::new();
    let mut top = node("top", "test.top");
    // it gives no address, so that the other waits
    top.peers = vec![peer("mid", "m", false), child("sender", "s")];
    top.routes = vec![route("test.top.mid", "mid", 0)];
    net.add_node(top);
    net.add_node(below_top("test.unknown", true));
    net.attach("sender", "top", App::new("sender", "s"));
    net.attach("leaf", "mid", App::new("leaf", "l"));
    net.run(Duration::from_secs(1));
    let now = net.now();
    let down = net.app("sender").send(now, "test.top.mid.leaf", 3, LONG);
    let up = net.app("leaf").send(now, "test.top.sender", 3, LONG);
    net.run(Duration::from_secs(1));
    assert_eq!(net.app("sender").ending(down).unwrap().code(), Some("T00"));
    assert!(matches!(
        net.app("leaf").ending(up),
        Some(Ending::Fulfilled { .. })
    ));
    let mut peers = net.node("mid").peers();
    let from_top = peers.find(|peer| peer.config.id.as_str() == "top").unwrap();
    assert_eq!(from_top.counters.prepares_in, 1, "it did not come again");
}

#[test]
fn a_child_may_send_up_before_its_parents_address_is_known_whatever_network_that_is_on() {
    let mut net = Net::new();
    let mut top = node("top", "g.top");
    // it gives no address, so that the other waits
    top.peers = vec![peer("mid", "m", false), child("receiver", "r")];
    net.add_node(top);
    // the node has to say something in the meantime, and says this
    net.add_node(below_top("test.mid", true));
    net.attach("receiver", "top", App::new("receiver", "r"));
    net.attach("leaf", "mid", App::new("leaf", "l"));
    net.run(Duration::from_secs(1));
    let now = net.now();
    let number = net.app("leaf").send(now, "g.top.receiver", 3, LONG);
    net.run(Duration::from_secs(1));
    let ending = net.app("leaf").ending(number);
    assert!(
        matches!(ending, Some(Ending::Fulfilled { .. })),
        "{ending:?}"
    );
}

#[test]
fn an_address_that_no_node_can_have_is_not_taken_from_a_parent() {
    for scheme in ["peer", "self"] {
        let mut net = Net::new();
        let mut top = node("top", &format!("{scheme}.top"));
        top.peers = vec![child("mid", "m")];
        net.add_node(top);
        net.add_node(below_top("test.mid", false));
        net.run(Duration::from_secs(1));
        assert!(!net.node("mid").knows_its_address(), "{scheme}");
        assert_eq!(net.node("mid").address().to_string(), "test.mid");
    }
}

#[test]
fn a_question_that_was_lost_with_its_link_is_no_refusal_once_it_was_asked_again() {
    let mut net = Net::new();
    let mut top = node("top", "test.top");
    top.peers = vec![child("mid", "m")];
    net.add_node(top);
    net.add_node(below_top("test.mid", false));
    net.run_until(Duration::from_secs(1), "they are connected", |net| {
        net.connected("mid", "top")
    });
    // the question is under way
    let pipe = net.pipes_between("mid", "top")[0];
    net.cut(pipe);
    net.run(Duration::from_secs(60));
    assert!(net.node("mid").knows_its_address());
    let refused = |event: &Event| matches!(event, Event::AddressRefused { .. });
    assert_eq!(net.count("mid", refused), 0);
    let learned = |event: &Event| matches!(event, Event::AddressLearned { .. });
    assert_eq!(net.count("mid", learned), 1);
}
