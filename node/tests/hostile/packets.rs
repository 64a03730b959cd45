//! Packets of a peer that is let in and means harm.

use std::collections::BTreeMap;
use std::time::Duration;

use btp_proto::{Frame, Protocol, Protocols};
use ilp_proto::{Addr, Condition, Packet, Prepare, Timestamp};

use crate::link::Link;
use crate::node::{Node, settings};
use crate::process::waits_for;

/// `{id: mallory, …, maxInFlight: 8}`
fn bounded(id: &str, in_flight: usize) -> String {
    waits_for(id).replace('}', &format!(", maxInFlight: {in_flight}}}"))
}

#[test]
fn a_peer_that_fills_its_places_in_flight_gets_t03_and_leaves_those_of_others() {
    let peers = [waits_for("alice"), waits_for("bob"), bounded("mallory", 8)];
    let node = Node::start(settings().peers(&peers));
    let mut honest = node.honest();
    let mut mallory = node.link("mallory");
    for _ in 0..20 {
        mallory.prepare("test.bob", 1, Duration::from_secs(60));
    }
    for _ in 0..12 {
        assert_eq!(mallory.outcome(), "T03");
    }
    // Bob holds eight of his, and answers alice's all the same.
    let held: Vec<_> = (0..8).map(|_| honest.bob.packet().0).collect();
    honest.pay();
    for id in held {
        honest.bob.fulfill_as(id);
        assert_eq!(mallory.outcome(), "fulfilled");
    }
    assert_eq!(node.metric("ilp_in_flight_packets"), 0);
    // And they are his again.
    mallory.prepare("test.bob", 1, Duration::from_secs(60));
    honest.bob.fulfill();
    assert_eq!(mallory.outcome(), "fulfilled");
}

#[test]
fn places_in_flight_outlive_the_link_so_that_nobody_gets_more_by_coming_back() {
    let peers = [waits_for("alice"), waits_for("bob"), bounded("mallory", 8)];
    let node = Node::start(settings().peers(&peers));
    let mut honest = node.honest();
    for round in 0..4 {
        let mut mallory = node.link("mallory");
        for _ in 0..8 {
            mallory.prepare("test.bob", 1, Duration::from_secs(60));
        }
        if round > 0 {
            for _ in 0..8 {
                assert_eq!(mallory.outcome(), "T03");
            }
        } else {
            node.wait_metric("ilp_in_flight_packets", |count| count == 8);
        }
    }
    assert_eq!(node.metric("ilp_in_flight_packets"), 8);
    for _ in 0..8 {
        honest.bob.packet();
    }
    honest.pay();
}

fn prepare(link: &mut Link, id: u32, amount: u64) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = Timestamp::from_millis(i64::try_from(now.unwrap().as_millis()).unwrap());
    let mut ilp = Vec::new();
    Prepare {
        amount,
        expires_at: now.saturating_add(Duration::from_secs(60)),
        condition: Condition::OF_ZERO,
        destination: Addr::new("test.bob").unwrap(),
        data: b"",
    }
    .encode(&mut ilp);
    let protocols = [Protocol::octets("ilp", &ilp)];
    link.send(&Frame::Message {
        id,
        protocols: Protocols::new(&protocols),
    });
}

#[test]
fn an_id_that_is_used_again_while_in_flight_is_another_request_and_each_is_answered_once() {
    let node = Node::start(settings());
    let mut honest = node.honest();
    let mut mallory = node.link("mallory");
    for amount in [1, 2, 3] {
        prepare(&mut mallory, 7, amount);
    }
    let mut ids = BTreeMap::new();
    for _ in 0..3 {
        let (id, packet) = honest.bob.packet();
        let Packet::Prepare(prepare) = Packet::parse(&packet).unwrap() else {
            panic!("no PREPARE")
        };
        assert_eq!(ids.insert(prepare.amount, id), None);
    }
    assert_eq!(ids.len(), 3, "bob can tell them apart");
    honest.bob.fulfill_as(ids[&2]);
    assert_eq!(mallory.packet().0, 7);
    let owed = || node.metric(r#"ilp_account_balance{peer="mallory"}"#);
    assert_eq!(owed(), 2, "for the one that was fulfilled");
    for amount in [1, 3] {
        honest.bob.fulfill_as(ids[&amount]);
        assert_eq!(mallory.packet().0, 7);
    }
    assert_eq!(owed(), 6);
    honest.pay();
}

#[test]
fn an_answer_that_is_given_twice_or_for_a_strangers_packet_moves_no_money() {
    let mut node = Node::start(settings());
    let mut honest = node.honest();
    let mut mallory = node.link("mallory");
    honest.alice.prepare("test.bob", 7, Duration::from_secs(30));
    let (id, _) = honest.bob.packet();
    // Mallory answers what bob was asked, with the right fulfilment.
    for guess in [id, id.wrapping_add(1), 1, 2] {
        mallory.fulfill_as(guess);
    }
    node.wait_about_mallory("late_answer");
    assert_eq!(node.metric("ilp_in_flight_packets"), 1);
    for _ in 0..2 {
        honest.bob.fulfill_as(id);
    }
    assert_eq!(honest.alice.outcome(), "fulfilled");
    honest.pay();
    let balance = |peer: &str| node.metric(&format!("ilp_account_balance{{peer=\"{peer}\"}}"));
    assert_eq!(["alice", "bob", "mallory"].map(balance), [14, -14, 0]);
}
