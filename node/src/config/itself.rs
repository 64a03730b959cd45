//! Peers that are this node itself, by mistake: a copied file, or a port too many on one machine.

use std::net::{IpAddr, SocketAddr};

use ilp_router::config::Endpoint;

use super::peers::Peer;
use super::problem::Problem;

/// Where a node listens, and by which setting.
pub(super) type Listener = (SocketAddr, &'static str);

/// Warns of peers that have the name of the node, and of those whose URL leads to one of its own ports.
pub(super) fn warn(
    node_id: &str,
    listeners: [Listener; 2],
    peers: &[Peer],
    warnings: &mut Vec<Problem>,
) {
    for (peer, place) in peers {
        let id = &peer.id;
        if id.as_str() == node_id {
            let what = format!("peer {id} has the nodeId of this node");
            let fix = "give each node a nodeId of its own, and its peers that name";
            warnings.push(Problem::new(&place.id, what, fix));
        }
        let Some(endpoint) = &peer.endpoint else {
            continue;
        };
        for (own, setting) in listeners {
            if leads_to(endpoint, own) {
                let what = format!("peer {id}: url leads to this node itself ({setting})");
                let fix = "write the host and the port where the peer listens";
                warnings.push(Problem::new(&place.url, what, fix));
            }
        }
    }
}

/// As far as numbers tell; what names stand for is found out by whoever dials.
fn leads_to(endpoint: &Endpoint, own: SocketAddr) -> bool {
    let here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    let same_ip = match (endpoint.host.parse::<IpAddr>(), own.ip()) {
        (Ok(ip), own) => ip == own || (own.is_unspecified() && here(ip)),
        (Err(_), own) => *endpoint.host == *"localhost" && here(own),
    };
    same_ip && endpoint.port == own.port() && own.port() != 0
}
