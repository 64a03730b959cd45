//! What a node answers itself, in virtual time.

#![allow(clippy::unwrap_used)]

mod net;

use std::time::Duration;

use ilp_proto::{Condition, Fulfillment, Packet, Prepare};
use net::{App, Ending, Net, Policy, chain, child, node, pay, reject, route};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn special_addresses_are_never_forwarded() {
    let mut net = chain();
    for to in [
        "peer.route.update",
        "peer.settle",
        "self.x",
        "local.x",
        "g.x",
        "test.a",
    ] {
        let ending = pay(&mut net, to, 1, LONG);
        assert_eq!(
            (reject(&ending).0, reject(&ending).1),
            ("F02", "test.a"),
            "{to}"
        );
    }
}

#[test]
fn a_child_is_told_its_address_and_others_are_not() {
    let mut net = chain();
    let now = net.now();
    let mut ask = |condition: Condition| {
        let prepare = Prepare {
            condition,
            ..ilp_proto::ildcp::request(now.wall)
        };
        let mut ilp = Vec::new();
        Packet::Prepare(prepare).encode(&mut ilp);
        let number = net.app("sender").send_raw(&ilp);
        net.run(Duration::from_secs(1));
        net.app("sender").ending(number).unwrap().clone()
    };
    let answer = ask(Condition::OF_ZERO);
    let Ending::Fulfilled { fulfillment, data } = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(fulfillment, Fulfillment::ZERO);
    let response = ilp_proto::IldcpResponse::parse(&data).unwrap();
    assert_eq!(response.client_address.as_str(), "test.a.sender");
    assert_eq!((response.asset_scale, response.asset_code), (9, "USD"));
    assert_eq!(reject(&ask(Condition([7; 32]))).0, "F01");
}

#[test]
fn an_echo_request_comes_back_to_its_source() {
    let mut net = chain();
    // the sender fulfils what it is sent; the data of the response has no preimage in it, so use the hash of zeros
    let now = net.now();
    let source = ilp_proto::Addr::new("test.a.sender").unwrap();
    let mut data = Vec::new();
    ilp_proto::EchoPacket::Request { source }.encode(&mut data);
    net.app("sender").policy = Policy::Hold;
    let number = net
        .app("sender")
        .send_data(now, "test.c", 5, LONG, &data, Fulfillment([9; 32]));
    net.run(Duration::from_secs(1));
    let got = net.app("sender").got.clone();
    assert_eq!((got[0].0, got[0].1.as_str()), (5, "test.a.sender"));
    assert_eq!(got[0].2, b"ECHOECHOECHOECHO\x01");
    assert_eq!(
        net.node("c").in_flight(),
        1,
        "the echo is in flight, nothing is invented"
    );
    assert_eq!(net.app("sender").ending(number), None);
}

#[test]
fn a_bad_echo_is_f01() {
    let mut net = chain();
    for data in [
        &b"ECHOECHOECHOECHO"[..],
        b"ECHOECHOECHOECHO\x02",
        b"ECHOECHOECHOECHO\x01",
        b"ECHOECHOECHOECHO\x00\x03foo",
    ] {
        let now = net.now();
        let number =
            net.app("sender")
                .send_data(now, "test.c", 5, LONG, data, Fulfillment([9; 32]));
        net.run(Duration::from_secs(1));
        assert_eq!(
            reject(net.app("sender").ending(number).unwrap()).0,
            "F01",
            "{data:?}"
        );
    }
}

#[test]
fn the_way_that_is_shown_is_the_way_that_is_taken() {
    use ilp_proto::Addr;
    use ilp_router::Way;
    let mut net = chain();
    for to in [
        "test.c.receiver",
        "test.a",
        "test.a.nobody",
        "g.x",
        "self.x",
        "test.nowhere",
    ] {
        let shown = match net.node("a").way(Addr::new(to).unwrap()) {
            Way::Hop { next_hop, up, .. } => (up.then(|| next_hop.to_string()), None),
            Way::Nowhere { why } => (None, Some(why.to_string())),
            Way::Here => (
                None,
                Some("this node takes no packets but echo requests".to_string()),
            ),
        };
        let taken = match pay(&mut net, to, 1, LONG) {
            Ending::Fulfilled { .. } => (Some("b".to_string()), None),
            Ending::Rejected { message, .. } => (None, Some(message)),
            Ending::Failed(why) => panic!("{why}"),
        };
        assert_eq!(shown, taken, "{to}");
    }
}

#[test]
fn a_default_route_does_not_take_packets_for_our_own_unknown_accounts() {
    let mut net = Net::new();
    let mut a = node("a", "test.a");
    a.peers = vec![child("sender", "s"), child("other", "o")];
    a.routes = vec![route("", "other", 0)];
    net.add_node(a);
    net.attach("sender", "a", App::new("sender", "s"));
    net.attach("other", "a", App::new("other", "o"));
    net.run(Duration::from_secs(1));
    assert_eq!(reject(&pay(&mut net, "test.a.nobody", 1, LONG)).0, "F02");
    assert!(matches!(
        pay(&mut net, "test.elsewhere", 1, LONG),
        Ending::Fulfilled { .. }
    ));
}
