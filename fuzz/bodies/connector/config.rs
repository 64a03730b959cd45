//! The node that is fuzzed, in a few variants, with bounds that a short script can reach.

use btp_proto::Secret;
use ilp_router::accounts::PeerAsset;
use ilp_router::config::{Config, Endpoint, OnDisconnect, PeerConfig, Relation, RouteConfig};

/// One of them is before the node's own name `m`, and one behind it: that decides which of two links is kept.
pub(super) const PEERS: [&str; 3] = ["a", "b", "z"];
pub(super) const SECRETS: [&str; 3] = [
    "secret of the first",
    "secret of the second",
    "secret of the third",
];

/// `bits` choose the variant.
pub(super) fn config(bits: u8) -> Config {
    let mut config = Config::new("m", "test.m".parse().unwrap());
    for (at, id) in PEERS.into_iter().enumerate() {
        let mut peer = PeerConfig::new(id.parse().unwrap(), Secret::new(SECRETS[at]));
        peer.max_in_flight = 3;
        peer.username = Some("m".into());
        if at > 0 {
            peer.endpoint = Some(Endpoint {
                tls: false,
                host: id.into(),
                port: 3000,
                path: "/".into(),
            });
        }
        config.peers.push(peer);
    }
    let [a, b, z] = &mut config.peers[..] else {
        unreachable!()
    };
    a.relation = Relation::Child;
    a.max_packet_amount = Some(1 << 40);
    b.max_balance = Some(40_000);
    if bits & 1 != 0 {
        b.asset = PeerAsset {
            code: "USD".into(),
            scale: 7,
        };
    }
    if bits & 2 != 0 {
        z.relation = Relation::Parent;
        config.address_from_parent = true;
    }
    if bits & 4 != 0 {
        config.on_disconnect = OnDisconnect::Reject;
    }
    if bits & 8 != 0 {
        a.secret = None;
    }
    if bits & 16 != 0 {
        z.endpoint = None;
    }
    let routes = [
        ("test.b", "b", 0),
        ("test.b", "z", 1),
        ("test.z", "z", 0),
        ("test", "b", 5),
        ("g", "z", 0),
    ];
    config.routes = routes
        .iter()
        .map(|(prefix, hop, priority)| RouteConfig {
            prefix: prefix.parse().unwrap(),
            next_hop: hop.parse().unwrap(),
            priority: *priority,
        })
        .collect();
    config.limits.max_in_flight = 5;
    config.limits.max_send_buffer = 700;
    config.limits.max_answer_buffer = 600;
    config.limits.max_message = 600;
    config.limits.max_unauthenticated = 4;
    config.limits.max_unauthenticated_per_address = 3;
    config.limits.event_ring = 24;
    config
}
