//! The configuration of each node of a run.

use std::time::Duration;

use btp_proto::Secret;
use ilp_router::accounts::PeerAsset;
use ilp_router::config::{
    Config, Endpoint, Limits, OnDisconnect, PeerConfig, Relation, RouteConfig, Timeouts,
};

use super::Spec;
use super::money::{Asset, COARSEST, FINEST, Terms};
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
    /// The most messages of a link that drivers hand over at once.
    pub most_read: usize,
    /// What the owner of each seat has agreed with the other side.
    pub terms: Vec<Terms>,
    /// Neighbours may run into the limits of their balances, not only wallets.
    pub tight: bool,
    rough: bool,
    seed: u64,
}

/// What is drawn for a node by its number.
#[derive(Clone, Copy)]
enum Trait {
    Adopts = 1,
    Rejects,
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
        let mut plan = Self {
            graph,
            limits,
            timeouts,
            max_in_flight,
            window,
            // of its own, so that all else that a seed decides does not depend on it
            most_read: [1, 4, 64, 512][Rng::new(spec.seed).fork(7).below(4) as usize],
            terms: Vec::new(),
            tight: false,
            rough: spec.faults.is_on(),
            seed: spec.seed,
        };
        plan.agree(&mut rng);
        plan
    }

    /// Draws the terms of all seats.
    fn agree(&mut self, rng: &mut Rng) {
        let edges = self.graph.edges.len();
        let nodes = self.graph.address.len();
        self.terms = vec![Terms::default(); 2 * (edges + nodes)];
        for node in 0..nodes as u32 {
            if let Some(parent) = self.parent_of(node) {
                let (own, other) = (self.seat(node, parent), self.seat(parent, node));
                self.terms[own as usize].relation = Relation::Parent;
                self.terms[other as usize].relation = Relation::Child;
            }
            self.terms[2 * (edges + node as usize)].relation = Relation::Child;
        }
        if !self.rough {
            return;
        }
        self.tight = rng.below(3) == 0;
        for (pair, seats) in self.terms.chunks_mut(2).enumerate() {
            let is_wallet = pair >= edges;
            let mut asset = Asset::USUAL;
            if rng.below(4) == 0 {
                asset.scale = rng.range(COARSEST.into(), u64::from(FINEST) + 1) as u32;
            }
            if is_wallet && rng.below(25) == 0 {
                asset.code = "EUR";
            }
            for terms in seats {
                terms.asset = asset;
                let (chance, usual) = if is_wallet {
                    (6, 3_000_000)
                } else {
                    (8, 20_000_000)
                };
                if (is_wallet || self.tight) && rng.below(chance) == 0 {
                    terms.max_balance = Some(asset.amount(usual));
                }
            }
        }
    }

    fn has(&self, node: u32, what: Trait) -> bool {
        mix(self.seed ^ mix(u64::from(node) << 8 | what as u64)).is_multiple_of(4)
    }

    /// Whom a node gets its address from, if it is not configured.
    pub fn parent_of(&self, node: u32) -> Option<u32> {
        self.graph.parent[node as usize].filter(|_| self.has(node, Trait::Adopts))
    }

    /// Whether it rejects what is in flight on a link that it loses.
    pub fn rejects_on_loss(&self, node: u32) -> bool {
        self.rough && self.has(node, Trait::Rejects)
    }

    /// A node's side of one neighbour.
    fn seat(&self, node: u32, other: u32) -> u32 {
        let found = self.graph.neighbours[node as usize]
            .iter()
            .find(|(next, _)| *next == other);
        let &(_, edge) = found.expect("they are neighbours");
        2 * edge + u32::from(node > other)
    }

    pub fn asset_of_wallet(&self, node: u32) -> Asset {
        self.terms[self.wallet_seat(node) as usize].asset
    }

    /// A node's side of its wallet.
    pub fn wallet_seat(&self, node: u32) -> u32 {
        2 * (self.graph.edges.len() as u32 + node)
    }

    /// Whether the smaller and the larger node of an edge dial: one of them, or both.
    fn dials(&self, edge: u32) -> (bool, bool) {
        match mix(self.seed ^ mix(edge.into())) % 10 {
            0..4 => (true, false),
            4..8 => (false, true),
            _ => (true, true),
        }
    }

    fn peer(&self, id: &str, secret: &str, seat: u32) -> PeerConfig {
        let Terms {
            asset,
            max_balance,
            relation,
        } = self.terms[seat as usize];
        PeerConfig {
            max_in_flight: self.max_in_flight,
            asset: PeerAsset {
                code: asset.code.into(),
                scale: asset.scale as u8,
            },
            max_balance,
            relation,
            ..PeerConfig::new(
                id.parse().expect("ids are built valid"),
                Secret::new(secret),
            )
        }
    }

    pub fn config(&self, node: u32) -> Config {
        let name = format!("n{node}");
        let graph = &self.graph;
        let parent = self.parent_of(node);
        let address = match parent {
            Some(_) => format!("test.unknown.{name}"),
            None => graph.address[node as usize].to_string(),
        };
        let address = address.parse().expect("addresses are built valid");
        let mut config = Config::new(&name, address);
        config.address_from_parent = parent.is_some();
        if self.rejects_on_loss(node) {
            config.on_disconnect = OnDisconnect::Reject;
        }
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
            let seat = self.seat(node, other);
            // the route to a child is there by itself
            if self.terms[seat as usize].relation != Relation::Child {
                config.routes.push(route(prefix, other, 0));
            }
            config.peers.push(PeerConfig {
                endpoint,
                username: Some(name.clone()),
                ..self.peer(&next_hop, &format!("between e{edge}"), seat)
            });
        }
        if self.rough {
            for (prefix, hops) in graph.detours(node) {
                let routes = hops
                    .iter()
                    .zip(0..)
                    .map(|(&hop, at)| route(prefix, hop, at));
                config.routes.extend(routes);
            }
        }
        let seat = self.wallet_seat(node);
        config
            .peers
            .push(self.peer(WALLET, &format!("wallet {node}"), seat));
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
        // one of them may be draining
        let drain = timeouts.shutdown + timeouts.close;
        notice + retry.max.max(retry.pause) + link + drain + Duration::from_secs(2)
    }
}

fn route(prefix: &str, hop: u32, priority: u32) -> RouteConfig {
    RouteConfig {
        prefix: prefix.parse().expect("addresses are built valid"),
        next_hop: format!("n{hop}").parse().expect("ids are built valid"),
        priority,
    }
}
