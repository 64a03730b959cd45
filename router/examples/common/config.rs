//! What the examples tell a connector at its birth: defaults, except for names.

use btp_proto::Secret;
use ilp_proto::Prefix;
use ilp_router::PeerId;
use ilp_router::config::{Endpoint, PeerConfig, Relation, RouteConfig};

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
        endpoint,
        relation,
        ..PeerConfig::new(id, Secret::new(secret))
    }
}
