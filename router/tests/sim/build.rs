//! The configuration of each node of a run.

use std::time::Duration;

use btp_proto::Secret;
use ilp_router::config::{Config, Endpoint, Limits, PeerConfig, Relation, RouteConfig, Timeouts};

use super::Spec;
use super::rng::{Rng, mix};
use super::topology::{Graph, Topology};

/// The wallet of a node, to the node.
pub const WALLET: &str = "w";

/// What all nodes of a run have in common.
pub struct Plan {
    pub graph: Graph,
    pub limits: Limits,
    pub timeouts: Timeouts,
    /// Packets in flight of a peer in each direction.
    pub max_in_flight: usize,
    /// Bytes that a socket and the network behind it take in before anybody reads them.
    pub window: usize,
    seed: u64,
}

impl Plan {
    pub fn new(spec: &Spec) -> Self {
        let mut rng = Rng::new(spec.seed).fork(1);
        let graph = Graph::new(spec.topology, spec.nodes, &mut rng);
        let mut limits = Limits {
            event_ring: 256,
            ..Limits::default()
        };
        let mut timeouts = Timeouts::default();
        // a packet loses a margin at each hop, and these have many
        if matches!(spec.topology, Topology::Line | Topology::Ring) {
            timeouts.expiry_margin = Duration::from_millis(200);
        }
        let mut max_in_flight = 4_096;
        let mut window = 64 << 10;
        if spec.faults.is_on() {
            // small enough to be reached
            limits.max_in_flight = 256 << rng.below(4);
            limits.max_send_buffer = 16_384 << rng.below(3);
            limits.max_answer_buffer = 16_384 << rng.below(3);
            max_in_flight = 32 << rng.below(5);
            window = 8_192 << rng.below(3);
        }
        Self {
            graph,
            limits,
            timeouts,
            max_in_flight,
            window,
            seed: spec.seed,
        }
    }

    /// Whether the smaller and the larger node of an edge dial: one of them, or both.
    fn dials(&self, edge: u32) -> (bool, bool) {
        match mix(self.seed ^ mix(edge.into())) % 10 {
            0..4 => (true, false),
            4..8 => (false, true),
            _ => (true, true),
        }
    }

    fn peer(&self, id: &str, secret: &str) -> PeerConfig {
        PeerConfig {
            max_in_flight: self.max_in_flight,
            ..PeerConfig::new(
                id.parse().expect("ids are built valid"),
                Secret::new(secret),
            )
        }
    }

    pub fn config(&self, node: u32) -> Config {
        let name = format!("n{node}");
        let graph = &self.graph;
        let address = graph.address[node as usize]
            .parse()
            .expect("addresses are built valid");
        let mut config = Config::new(&name, address);
        config.limits = self.limits.clone();
        config.timeouts = self.timeouts.clone();
        for &(other, edge) in &graph.neighbours[node as usize] {
            let (smaller, larger) = self.dials(edge);
            let dials = if node < other { smaller } else { larger };
            let endpoint = dials.then(|| Endpoint {
                tls: false,
                host: format!("e{edge}"),
                port: 3000,
                path: "/".into(),
            });
            let next_hop = format!("n{other}");
            let is_parent = graph.parent[node as usize] == Some(other);
            let prefix = if is_parent {
                ""
            } else {
                &graph.address[other as usize]
            };
            config.routes.push(RouteConfig {
                prefix: prefix.parse().expect("addresses are built valid"),
                next_hop: next_hop.parse().expect("ids are built valid"),
                priority: 0,
            });
            config.peers.push(PeerConfig {
                endpoint,
                username: Some(name.clone()),
                ..self.peer(&next_hop, &format!("between e{edge}"))
            });
        }
        config.peers.push(PeerConfig {
            relation: Relation::Child,
            ..self.peer(WALLET, &format!("wallet {node}"))
        });
        config
    }

    /// The seats of a node's peers, in the order of the connector's list: by id.
    pub fn seats(&self, node: u32) -> Vec<u32> {
        let edges = self.graph.edges.len() as u32;
        let mut seats: Vec<(String, u32)> = self.graph.neighbours[node as usize]
            .iter()
            .map(|&(other, edge)| (format!("n{other}"), 2 * edge + u32::from(node > other)))
            .collect();
        seats.push((WALLET.into(), 2 * (edges + node)));
        seats.sort();
        seats.into_iter().map(|(_, seat)| seat).collect()
    }

    /// Whether a packet that lives for 30 s gets from one to the other and has 10 s left.
    pub fn is_within_reach(&self, from: u32, to: u32) -> bool {
        let hops = self.graph.hops(from, to) as u32;
        hops * self.timeouts.expiry_margin <= Duration::from_secs(20)
    }

    /// Within this time after the last fault every pair of neighbours is connected: a dead link is noticed, its dialler
    /// is in its longest pause, and one more dial takes as long as it may.
    pub fn retry_bound(&self) -> Duration {
        let timeouts = &self.timeouts;
        let retry = ilp_router::config::Retry::default();
        let notice = timeouts.keepalive_interval + timeouts.keepalive + timeouts.close;
        let link = timeouts.connect + timeouts.auth + timeouts.handshake;
        notice + retry.max.max(retry.pause) + link + Duration::from_secs(2)
    }
}
