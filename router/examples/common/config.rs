//! What the examples tell a connector at its birth: defaults, except for names.

use btp_proto::Secret;
use ilp_proto::{Address, Prefix};
use ilp_router::PeerId;
use ilp_router::accounts::PeerAsset;
use ilp_router::config::{
    Config, Endpoint, Limits, OnDisconnect, PeerConfig, Relation, Retry, RouteConfig, Timeouts,
};

/// A node that knows nobody.
pub(crate) fn config(node_id: &str, address: Address) -> Config {
    Config {
        node_id: node_id.to_owned(),
        address,
        address_from_parent: false,
        peers: Vec::new(),
        routes: Vec::new(),
        on_disconnect: OnDisconnect::default(),
        limits: Limits::default(),
        timeouts: Timeouts::default(),
        retry: Retry::default(),
    }
}

/// `ws://host:port/path`.
pub(crate) fn endpoint(host: &str, port: u16, path: &str) -> Endpoint {
    Endpoint {
        tls: false,
        host: host.to_owned(),
        port,
        path: path.to_owned(),
    }
}

/// Packets to `prefix` go to `next_hop`.
pub(crate) fn route(prefix: Prefix, next_hop: PeerId) -> RouteConfig {
    RouteConfig {
        prefix,
        next_hop,
        priority: 0,
    }
}

/// A neighbour; without an endpoint it is waited for.
pub(crate) fn neighbour(
    id: PeerId,
    secret: &str,
    endpoint: Option<Endpoint>,
    relation: Relation,
) -> PeerConfig {
    PeerConfig {
        id,
        endpoint,
        secret: Some(Secret::new(secret)),
        username: None,
        relation,
        asset: PeerAsset {
            code: "USD".into(),
            scale: 9,
        },
        max_packet_amount: None,
        max_balance: None,
        max_in_flight: 4_096,
        critical: true,
    }
}
