//! Packets through a chain of three connectors, in virtual time.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use ilp_proto::{ErrorCode, Fulfillment};
use ilp_router::accounts::PeerAsset;
use ilp_router::{Event, Source};
use net::{
    App, Ending, Net, Policy, assert_idle, chain, child, dialed, fork, node, pay, peer, reject,
    route,
};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_payment_goes_through_three_connectors_and_its_fulfillment_comes_back() {
    let mut net = chain();
    let ending = pay(&mut net, "test.c.receiver", 100, LONG);
    assert!(
        matches!(&ending, Ending::Fulfilled { data, .. } if data == b"thanks"),
        "{ending:?}"
    );
    let got = net.app("receiver").got.clone();
    assert_eq!((got[0].0, got[0].1.as_str()), (100, "test.c.receiver"));
    assert_idle(&net);
}

#[test]
fn every_hop_takes_a_second_off_the_expiry() {
    let mut net = chain();
    let sent = net.now().wall.as_millis();
    pay(&mut net, "test.c.receiver", 1, LONG);
    assert_eq!(net.app("receiver").got[0].3, sent + 20_000 - 3_000);
}

#[test]
fn no_hop_holds_a_packet_longer_than_thirty_seconds() {
    let mut net = chain();
    let sent = net.now().wall.as_millis();
    let now = net.now();
    net.app("sender")
        .send(now, "test.c.receiver", 1, Duration::from_secs(3_600));
    net.run(Duration::from_secs(1));
    let left = net.app("receiver").got[0].3 - sent;
    assert!((27_900..28_100).contains(&left), "{left} ms");
}

#[test]
fn the_books_show_what_is_owed_on_both_sides() {
    let mut net = chain();
    pay(&mut net, "test.c.receiver", 70, LONG);
    net.app("receiver").policy = Policy::Reject(ErrorCode::F99_APPLICATION_ERROR);
    pay(&mut net, "test.c.receiver", 1_000, LONG);
    for (name, from, to) in [
        ("a", "sender", "b"),
        ("b", "a", "c"),
        ("c", "b", "receiver"),
    ] {
        let balance = |id: &str| {
            let found = net
                .node(name)
                .peers()
                .find(|view| view.config.id.as_str() == id);
            found.unwrap().account.balance()
        };
        assert_eq!((balance(from), balance(to)), (70, -70), "{name}");
    }
    assert_idle(&net);
}

#[test]
fn a_reject_from_the_receiver_is_passed_on_unchanged() {
    let mut net = chain();
    net.app("receiver").policy = Policy::Reject(ErrorCode::F99_APPLICATION_ERROR);
    let ending = pay(&mut net, "test.c.receiver", 100, LONG);
    let Ending::Rejected {
        code,
        by,
        message,
        data,
    } = ending
    else {
        panic!("{ending:?}")
    };
    assert_eq!(code, ErrorCode::F99_APPLICATION_ERROR);
    assert_eq!(by.as_deref(), Some("test.c.receiver"));
    assert_eq!(
        (message.as_str(), data.as_slice()),
        ("no, thanks", &b"because"[..])
    );
    assert_idle(&net);
}

#[test]
fn an_unknown_destination_is_f02_from_the_hop_that_has_no_route() {
    let mut net = chain();
    let ending = pay(&mut net, "test.nowhere.bob", 1, LONG);
    assert_eq!(
        reject(&ending),
        ("F02", "test.a", "No route to destination")
    );
    let ending = pay(&mut net, "test.c.nobody", 1, LONG);
    assert_eq!(
        reject(&ending),
        ("F02", "test.c", "No route to destination")
    );
    assert_idle(&net);
}

#[test]
fn a_next_hop_without_a_link_is_t01_and_named() {
    let mut net = chain();
    net.kill("c");
    net.run(Duration::from_secs(1));
    let ending = pay(&mut net, "test.c.receiver", 1, LONG);
    assert_eq!(
        reject(&ending),
        ("T01", "test.b", "BTP connection to c failed")
    );
    assert_idle(&net);
}

#[test]
fn a_packet_without_an_answer_is_r00_at_its_outgoing_expiry() {
    let mut net = chain();
    net.app("receiver").policy = Policy::Hold;
    let started = net.now().mono;
    let now = net.now();
    let number = net
        .app("sender")
        .send(now, "test.c.receiver", 9, Duration::from_secs(10));
    net.run_until(LONG, "a packet in flight", |net| {
        net.node("a").in_flight() == 1
    });
    net.run_until(LONG, "an answer", |net| net.node("a").in_flight() == 0);
    let waited = net.now().mono.saturating_duration_since(started);
    assert!(
        waited >= Duration::from_secs(7),
        "given up after {waited:?}, before C's packet expired"
    );
    net.run(Duration::from_secs(1));
    let ending = net.app("sender").ending(number).unwrap().clone();
    assert_eq!(
        reject(&ending),
        ("R00", "test.c", "no answer in time from receiver")
    );
    assert_idle(&net);
}

#[test]
fn a_fulfillment_after_the_expiry_moves_no_money() {
    let mut net = chain();
    net.app("receiver").policy = Policy::Hold;
    let ending = pay(&mut net, "test.c.receiver", 9, Duration::from_secs(5));
    assert_eq!(reject(&ending).0, "R00");
    net.app("receiver").policy = Policy::Fulfill;
    let now = net.now();
    net.app("receiver").release(now);
    net.run(Duration::from_secs(1));
    let receiver = net
        .node("c")
        .peers()
        .find(|view| view.config.id.as_str() == "receiver");
    let receiver = receiver.unwrap();
    assert_eq!(
        (receiver.account.balance(), receiver.counters.late_answers),
        (0, 1)
    );
    assert!(
        net.events_of("c")
            .any(|event| matches!(event, Event::LateAnswer { .. }))
    );
}

#[test]
fn an_expired_packet_is_r00_and_one_with_too_little_time_r02() {
    let mut net = chain();
    assert_eq!(
        reject(&pay(&mut net, "test.c.receiver", 1, Duration::ZERO)).0,
        "R00"
    );
    assert_eq!(
        reject(&pay(
            &mut net,
            "test.c.receiver",
            1,
            Duration::from_millis(900)
        ))
        .0,
        "R02"
    );
    // enough for A and B, not for C
    let ending = pay(&mut net, "test.c.receiver", 1, Duration::from_millis(2_500));
    assert_eq!((reject(&ending).0, reject(&ending).1), ("R02", "test.c"));
    assert!(net.app("receiver").got.is_empty());
}

#[test]
fn a_wrong_fulfillment_is_not_relayed_and_not_credited() {
    let mut net = chain();
    net.app("receiver").policy = Policy::Lie;
    let ending = pay(&mut net, "test.c.receiver", 50, LONG);
    let (code, by, message) = reject(&ending);
    assert_eq!((code, by), ("F05", "test.c"));
    assert!(message.starts_with("receiver answered"), "{message}");
    let receiver = net
        .node("c")
        .peers()
        .find(|view| view.config.id.as_str() == "receiver")
        .unwrap();
    assert_eq!(
        (
            receiver.account.balance(),
            receiver.counters.bad_fulfillments
        ),
        (0, 1)
    );
    assert!(
        net.events_of("c")
            .any(|event| matches!(event, Event::BadFulfillment { .. }))
    );
    assert_idle(&net);
}

#[test]
fn an_unreadable_answer_ends_that_packet_only() {
    let mut net = chain();
    net.app("receiver").policy = Policy::Garbage;
    assert_eq!(reject(&pay(&mut net, "test.c.receiver", 50, LONG)).0, "T01");
    net.app("receiver").policy = Policy::Fulfill;
    assert!(matches!(
        pay(&mut net, "test.c.receiver", 50, LONG),
        Ending::Fulfilled { .. }
    ));
    assert_idle(&net);
}

#[test]
fn malformed_ilp_in_a_good_frame_is_f01_and_the_link_goes_on() {
    let mut net = chain();
    for bytes in [&b""[..], b"\x0c", b"\x00\x01\x02", b"\x0c\x81\xffxx"] {
        let number = net.app("sender").send_raw(bytes);
        net.run(Duration::from_secs(1));
        assert_eq!(
            reject(net.app("sender").ending(number).unwrap()).0,
            "F01",
            "{bytes:?}"
        );
    }
    assert!(matches!(
        pay(&mut net, "test.c.receiver", 50, LONG),
        Ending::Fulfilled { .. }
    ));
}

#[test]
fn fifty_packets_in_flight_are_not_mixed_up() {
    let mut net = chain();
    let now = net.now();
    let numbers: Vec<_> = (0..50)
        .map(|n| net.app("sender").send(now, "test.c.receiver", n, LONG))
        .collect();
    net.run(Duration::from_secs(1));
    for number in numbers {
        let mut preimage = [0; 32];
        preimage[..8].copy_from_slice(&number.to_be_bytes());
        let ending = net.app("sender").ending(number).unwrap();
        assert!(
            matches!(ending, Ending::Fulfilled { fulfillment, .. } if *fulfillment == Fulfillment(preimage)),
            "{number}: {ending:?}"
        );
    }
}

#[test]
fn too_many_packets_in_flight_are_t03_at_once() {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.limits.max_in_flight = 5;
    a.peers = vec![child("sender", "s"), child("receiver", "r")];
    a.peers[1].max_in_flight = 3;
    net.add_node(a);
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach(
        "receiver",
        "a",
        App::new("receiver", "r").with_policy(Policy::Hold),
    );
    net.run(Duration::from_secs(1));
    let now = net.now();
    let numbers: Vec<_> = (0..10)
        .map(|n| net.app("sender").send(now, "test.a.receiver", n, LONG))
        .collect();
    net.run(Duration::from_secs(1));
    let refused: Vec<_> = numbers
        .iter()
        .filter_map(|&n| net.app("sender").ending(n).cloned())
        .collect();
    assert_eq!(refused.len(), 7);
    assert!(
        refused.iter().all(|ending| reject(ending).0 == "T03"),
        "{refused:?}"
    );
    let now = net.now();
    net.app("receiver").policy = Policy::Fulfill;
    net.app("receiver").release(now);
    net.run(Duration::from_secs(1));
    let fulfilled = numbers
        .iter()
        .filter(|&&n| matches!(net.app("sender").ending(n), Some(Ending::Fulfilled { .. })));
    assert_eq!(fulfilled.count(), 3);
    assert_eq!(net.node("a").in_flight(), 0);
}

#[test]
fn an_amount_above_the_peers_maximum_is_f08_with_both_amounts() {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![child("sender", "s"), child("receiver", "r")];
    a.peers[0].max_packet_amount = Some(500);
    net.add_node(a);
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("receiver", "a", App::new("receiver", "r"));
    net.run(Duration::from_secs(1));
    let ending = pay(&mut net, "test.a.receiver", 1_000, LONG);
    let Ending::Rejected { code, data, .. } = ending else {
        panic!("{ending:?}")
    };
    assert_eq!(code.as_str(), "F08");
    assert_eq!(
        data,
        [1_000u64.to_be_bytes(), 500u64.to_be_bytes()].concat()
    );
    assert!(matches!(
        pay(&mut net, "test.a.receiver", 500, LONG),
        Ending::Fulfilled { .. }
    ));
}

#[test]
fn a_peer_that_owes_too_much_is_t04_until_it_is_owed() {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![child("sender", "s"), child("receiver", "r")];
    a.peers[0].max_balance = Some(100);
    net.add_node(a);
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("receiver", "a", App::new("receiver", "r"));
    net.run(Duration::from_secs(1));
    assert!(matches!(
        pay(&mut net, "test.a.receiver", 80, LONG),
        Ending::Fulfilled { .. }
    ));
    assert_eq!(reject(&pay(&mut net, "test.a.receiver", 21, LONG)).0, "T04");
    assert!(matches!(
        pay(&mut net, "test.a.receiver", 20, LONG),
        Ending::Fulfilled { .. }
    ));
}

#[test]
fn amounts_are_scaled_between_assets_and_never_rounded_up() {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![
        child("sender", "s"),
        child("receiver", "r"),
        child("euro", "e"),
    ];
    a.peers[1].asset = PeerAsset {
        code: "USD".into(),
        scale: 7,
    };
    a.peers[2].asset = PeerAsset {
        code: "EUR".into(),
        scale: 9,
    };
    net.add_node(a);
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("receiver", "a", App::new("receiver", "r"));
    net.attach("euro", "a", App::new("euro", "e"));
    net.run(Duration::from_secs(1));
    assert!(matches!(
        pay(&mut net, "test.a.receiver", 1_299, LONG),
        Ending::Fulfilled { .. }
    ));
    assert_eq!(net.app("receiver").got[0].0, 12);
    assert_eq!(reject(&pay(&mut net, "test.a.receiver", 99, LONG)).0, "R01");
    assert!(matches!(
        pay(&mut net, "test.a.receiver", 0, LONG),
        Ending::Fulfilled { .. }
    ));
    assert_eq!(reject(&pay(&mut net, "test.a.euro", 99, LONG)).0, "T00");
}

#[test]
fn a_packet_has_one_id_at_every_hop_and_its_path_can_be_read_from_the_events() {
    let mut net = chain();
    pay(&mut net, "test.c.receiver", 3, LONG);
    let mut path = Vec::new();
    let mut ids = Vec::new();
    for (node, event) in &net.log {
        match event {
            Event::PacketReceived {
                packet,
                source: Source::Peer(from),
                ..
            } => {
                ids.push(*packet);
                path.push(format!("{from}>{node}"));
            }
            Event::PacketForwarded {
                packet, next_hop, ..
            } => {
                ids.push(*packet);
                path.push(format!("{node}>{next_hop}"));
            }
            Event::PacketAnswered {
                packet,
                to: Source::Peer(to),
                code,
                ..
            } => {
                assert_eq!(*code, None);
                ids.push(*packet);
                path.push(format!("{node}={to}"));
            }
            _ => {}
        }
    }
    assert_eq!(
        path,
        [
            "sender>a",
            "a>b",
            "a>b",
            "b>c",
            "b>c",
            "c>receiver",
            "c=b",
            "b=a",
            "a=sender"
        ]
    );
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
}

#[test]
fn a_step_of_the_wall_clock_does_not_expire_what_is_in_flight() {
    let mut net = chain();
    net.app("receiver").policy = Policy::Hold;
    let now = net.now();
    let number = net.app("sender").send(now, "test.c.receiver", 1, LONG);
    net.run(Duration::from_secs(1));
    net.step_wall(3_600_000);
    net.run(Duration::from_secs(5));
    assert_eq!(net.app("sender").ending(number), None);
    net.app("receiver").policy = Policy::Fulfill;
    let now = net.now();
    net.app("receiver").release(now);
    net.run(Duration::from_secs(1));
    assert!(matches!(
        net.app("sender").ending(number),
        Some(Ending::Fulfilled { .. })
    ));
}

#[test]
fn traffic_fails_over_to_the_next_hop_of_lower_preference() {
    let mut net = fork("test.far");
    pay(&mut net, "test.far.bob", 1, LONG);
    assert_eq!((net.app("x").got.len(), net.app("y").got.len()), (1, 0));
    let pipe = net.pipes_between("x", "a")[0];
    net.cut(pipe);
    net.run(Duration::from_secs(1));
    assert!(matches!(
        pay(&mut net, "test.far.bob", 1, LONG),
        Ending::Fulfilled { .. }
    ));
    assert_eq!((net.app("x").got.len(), net.app("y").got.len()), (1, 1));
}

/// Four nodes in a ring, a to d, each with both ways to every other; the sender is at b, the receiver at c.
fn ring() -> Net {
    let names = ["a", "b", "c", "d"];
    let mut net = Net::new();
    for (at, name) in names.iter().enumerate() {
        let (onward, back) = (names[(at + 1) % 4], names[(at + 3) % 4]);
        let mut config = node(name, &format!("test.{name}"));
        config.peers = vec![dialed(name, onward, "s3cret"), peer(back, "s3cret", false)];
        for ahead in 1..4 {
            let to = format!("test.{}", names[(at + ahead) % 4]);
            let ways = if ahead < 3 {
                [onward, back]
            } else {
                [back, onward]
            };
            config.routes.push(route(&to, ways[0], 0));
            config.routes.push(route(&to, ways[1], 1));
        }
        match *name {
            "b" => config.peers.push(child("sender", "s")),
            "c" => config.peers.push(child("receiver", "r")),
            _ => {}
        }
        net.add_node(config);
    }
    net.attach("sender", "b", App::new("sender", "s"));
    net.attach("receiver", "c", App::new("receiver", "r"));
    let pairs = [
        ("a", "b"),
        ("b", "c"),
        ("c", "d"),
        ("d", "a"),
        ("b", "sender"),
        ("c", "receiver"),
    ];
    net.run_until(Duration::from_secs(5), "a ring, connected", |net| {
        pairs.iter().all(|(node, peer)| net.connected(node, peer))
    });
    net
}

#[test]
fn a_detour_does_not_come_back_to_the_node_that_took_it() {
    let mut net = ring();
    let c = "c".parse().unwrap();
    net.with_node("b", |b, now| b.disconnect_peer(now, &c))
        .unwrap();
    let sent = net.now().wall.as_millis();
    // a prefers b for this, but it is b that cannot
    let ending = pay(&mut net, "test.c.receiver", 1, LONG);
    assert!(matches!(ending, Ending::Fulfilled { .. }), "{ending:?}");
    assert_eq!(
        net.app("receiver").got[0].3,
        sent + 20_000 - 4_000,
        "b, a, d, c"
    );
    assert_idle(&net);
}

#[test]
fn packets_for_a_dead_node_end_at_its_last_neighbour_and_do_not_go_in_circles() {
    let mut net = ring();
    net.kill("c");
    let ending = pay(&mut net, "test.c.receiver", 1, LONG);
    let (code, by, _) = reject(&ending);
    assert_eq!((code, by), ("T01", "test.d"));
    assert_idle(&net);
}

#[test]
fn an_account_may_pay_itself() {
    let mut net = chain();
    let ending = pay(&mut net, "test.a.sender", 1, LONG);
    assert!(matches!(ending, Ending::Fulfilled { .. }), "{ending:?}");
    assert_eq!(net.app("sender").got.len(), 1);
}
