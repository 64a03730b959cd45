//! What only one node may have: an id, an address, a port of a machine.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ilp_router::config::Endpoint;

use super::Report;
use super::network::Network;
use crate::config::{NodeConfig, Origin, clash};

pub(super) fn check(network: &Network<'_>, report: &mut Report) {
    same_name(network, report);
    same_port(network, report);
    dialled_port(network, report);
}

/// What nodes of one process may not share.
pub(super) fn exclusive(nodes: &[NodeConfig], report: &mut Report) {
    let network = Network::new(nodes);
    same_name(&network, report);
    for (n, node) in nodes.iter().enumerate() {
        for (m, other) in nodes.iter().enumerate().skip(n + 1) {
            if let Some(clash) = clashes(listeners(node), listeners(other)) {
                clash_here(&network, n, m, clash, report);
            }
        }
    }
}

fn same_name(network: &Network<'_>, report: &mut Report) {
    let mut ids = BTreeMap::new();
    let mut addresses = BTreeMap::new();
    for (n, node) in network.nodes.iter().enumerate() {
        let places = &node.places;
        if let Some(first) = ids.insert(network.id(n), &places.node_id) {
            let what = format!("two nodes are called {}", network.id(n));
            report.error(
                &places.node_id,
                what,
                format!("give each its own nodeId; the other is at {first}"),
            );
        }
        let Some(address) = network.address(n) else {
            continue;
        };
        if let Some(first) = addresses.insert(address, &places.address) {
            let what = format!("two nodes have the address {address}");
            report.error(
                &places.address,
                what,
                format!("give each its own ilpAddress; the other is at {first}"),
            );
        }
    }
}

fn loopback(endpoint: &Endpoint) -> bool {
    let ip = endpoint.host.parse::<IpAddr>();
    endpoint.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// Which nodes share a machine, by what their URLs tell.
struct Machines {
    /// Nodes of one group dial each other over loopback.
    group: Vec<usize>,
    /// Nodes that are dialled, or dial, by the name of a machine or container.
    named: Vec<bool>,
}

impl Machines {
    fn new(network: &Network<'_>) -> Self {
        let count = network.nodes.len();
        let mut machines = Self {
            group: (0..count).collect(),
            named: vec![false; count],
        };
        for n in 0..count {
            for (p, peer) in network.peers(n).iter().enumerate() {
                let Some(m) = network.resolve(n, p) else {
                    continue;
                };
                match &peer.endpoint {
                    Some(endpoint) if loopback(endpoint) => machines.join(n, m),
                    Some(_) => {
                        machines.named[n] = true;
                        machines.named[m] = true;
                    }
                    None => {}
                }
            }
        }
        machines
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.group[a], self.group[b]);
        for group in self.group.iter_mut().filter(|group| **group == b) {
            *group = a;
        }
    }
}

/// An error on one machine; a warning where the files do not tell; nothing between containers.
fn same_port(network: &Network<'_>, report: &mut Report) {
    let machines = Machines::new(network);
    for (n, node) in network.nodes.iter().enumerate() {
        for (m, other) in network.nodes.iter().enumerate().skip(n + 1) {
            let together = machines.group[n] == machines.group[m];
            if !together && (machines.named[n] || machines.named[m]) {
                continue;
            }
            let Some(clash) = clashes(listeners(node), listeners(other)) else {
                continue;
            };
            if together {
                clash_here(network, n, m, clash, report);
            } else {
                let (a, b) = (network.id(n), network.id(m));
                let (address, first, second) = clash;
                let port = address.port();
                let what = format!(
                    "{b} listens on port {port} like {a}, which clashes if they share a machine"
                );
                report.warn(
                    second,
                    what,
                    format!(
                        "give one of them another port, or run them apart; the other is at {first}"
                    ),
                );
            }
        }
    }
}

fn clash_here(network: &Network<'_>, n: usize, m: usize, clash: Clash<'_>, report: &mut Report) {
    let (address, first, second) = clash;
    let (a, b, port) = (network.id(n), network.id(m), address.port());
    let what = format!("{a} and {b} run on one machine, and both listen on port {port}");
    let fix = format!("give one of them another port; the other is at {first}");
    report.error(second, what, fix);
}

/// What two nodes both listen on, and where that was written.
type Clash<'a> = (SocketAddr, &'a Origin, &'a Origin);

type Listener<'a> = (SocketAddr, &'a Origin);

fn listeners(node: &NodeConfig) -> [Listener<'_>; 2] {
    [
        (node.listen, &node.places.listen),
        (node.health_listen, &node.places.health_listen),
    ]
}

fn clashes<'a>(ours: [Listener<'a>; 2], theirs: [Listener<'a>; 2]) -> Option<Clash<'a>> {
    let pairs = ours
        .into_iter()
        .flat_map(|a| theirs.into_iter().map(move |b| (a, b)));
    pairs
        .into_iter()
        .find(|((a, _), (b, _))| clash(*a, *b))
        .map(|((a, first), (_, second))| (a, first, second))
}

/// A URL whose port is not the one that the node listens on; a proxy or port mapping may be between.
fn dialled_port(network: &Network<'_>, report: &mut Report) {
    for ends in network.links() {
        let Some(endpoint) = &network.peers(ends.node)[ends.peer].endpoint else {
            continue;
        };
        let listens = network.nodes[ends.other].listen.port();
        if endpoint.port == listens {
            continue;
        }
        let place = &network.nodes[ends.node].places.peers[ends.peer].url;
        let them = network.id(ends.other);
        let (what, fix) = match listens {
            0 => (
                format!(
                    "{them} takes a free port at its start, nobody knows it to be {}",
                    endpoint.port
                ),
                format!("give {them} a btpServerPort"),
            ),
            listens => (
                format!(
                    "the url has port {}, but {them} listens on {listens}",
                    endpoint.port
                ),
                "make them equal, unless a proxy or a port mapping is between".to_owned(),
            ),
        };
        report.warn(place, what, fix);
    }
}
