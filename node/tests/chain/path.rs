//! The way of a packet, from nothing but the logs of the nodes.

use serde_json::Value as Json;

use crate::chain::Chain;
use crate::wallet::{Payment, pay};

/// The lines of a node about one packet that an answer ended.
struct Hop<'l> {
    node: &'l str,
    from: &'l str,
    next: Option<&'l str>,
    answer: &'l str,
    answered_by: Option<&'l str>,
    times: (u64, u64),
}

/// Reads what each node says of a packet.
fn hops<'l>(lines: &'l [Json], packet: &str) -> Vec<Hop<'l>> {
    let of_packet = |event: &'static str| {
        lines
            .iter()
            .filter(move |line| line["packetId"] == packet && line["event"] == event)
    };
    let mut hops = Vec::new();
    for received in of_packet("packet_received") {
        let node = received["nodeId"].as_str().unwrap();
        let here = |event| {
            let mut found = of_packet(event).filter(|line| line["nodeId"] == node);
            let line = found.next();
            assert!(found.next().is_none(), "{event} twice at {node}");
            line
        };
        let response = here("packet_response").unwrap_or_else(|| panic!("no answer by {node}"));
        hops.push(Hop {
            node,
            from: received["peerId"].as_str().unwrap(),
            next: here("packet_forwarded").map(|line| line["nextHop"].as_str().unwrap()),
            answer: response["code"]
                .as_str()
                .or_else(|| response["responseType"].as_str())
                .unwrap(),
            answered_by: response["answeredBy"].as_str(),
            times: (
                received["time"].as_u64().unwrap(),
                response["time"].as_u64().unwrap(),
            ),
        });
    }
    hops
}

/// Lines get their time when they are told, by when the packet may be on its way already; in milliseconds.
const LATE: u64 = 50;

/// `alice > connector-a > … = answer`, in the order that the packet took.
fn way(lines: &[Json], packet: &str) -> String {
    let hops = hops(lines, packet);
    let is_node = |name: &str| hops.iter().any(|hop| hop.node == name);
    let mut hop = hops.iter().find(|hop| !is_node(hop.from)).unwrap();
    let mut way = hop.from.to_owned();
    let mut seen = 0;
    loop {
        seen += 1;
        way = format!("{way} > {}", hop.node);
        let Some(next) = hop.next else { break };
        assert_eq!(hop.answered_by, Some(next), "the answer came the same way");
        let Some(following) = hops.iter().find(|hop| hop.node == next) else {
            way = format!("{way} > {next}");
            break;
        };
        assert_eq!(following.from, hop.node);
        assert_eq!(following.answer, hop.answer, "and is the same");
        let (outer, inner) = (hop.times, following.times);
        assert!(outer.0 <= inner.0 + LATE && inner.1 <= outer.1 + LATE);
        hop = following;
    }
    assert_eq!(seen, hops.len(), "no hop is left over");
    format!("{way} = {}", hop.answer)
}

#[test]
fn the_way_of_each_packet_can_be_rebuilt_from_the_logs_of_all_nodes() {
    let mut chain = Chain::up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    let paid = Payment::new(1, "test.c.bob");
    let back = Payment::new(2, "test.a.alice");
    let lost = Payment::new(3, "test.c.nobody");
    pay(&mut alice, &mut bob, &paid);
    pay(&mut bob, &mut alice, &back);
    alice.send(&lost);
    assert_eq!(alice.answer_to(3).code(), "F02");
    // They would not answer a Close, which the nodes would wait for.
    drop((alice, bob));
    let mut lines = Vec::new();
    for node in chain.nodes() {
        assert!(node.stop().success());
        lines.extend(node.process.log.iter().cloned());
    }

    for (payment, expected) in [
        (
            &paid,
            "alice > connector-a > connector-b > connector-c > bob = FULFILL",
        ),
        (
            &back,
            "bob > connector-c > connector-b > connector-a > alice = FULFILL",
        ),
        (
            &lost,
            "alice > connector-a > connector-b > connector-c = F02",
        ),
    ] {
        // The id that a sender can compute is the one in all logs.
        assert_eq!(way(&lines, &payment.packet_id().to_string()), expected);
    }
    let received = lines
        .iter()
        .filter(|line| line["event"] == "packet_received");
    for line in received {
        let amount = line["amount"].as_str().unwrap();
        let payment = [&paid, &back, &lost]
            .into_iter()
            .find(|payment| payment.amount.to_string() == amount);
        let payment = payment.unwrap_or_else(|| panic!("{line}"));
        assert_eq!(line["destination"], payment.to);
        assert_eq!(line["packetId"], payment.packet_id().to_string());
    }
}
