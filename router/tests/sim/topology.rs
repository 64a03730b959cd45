//! Who is whose neighbour, and which way packets go.
//!
//! Addresses follow a spanning tree: `test.n0` is its root, `test.n0.n4` a neighbour below, and so on. Each node has a
//! route to each of its subtrees and one to its parent for all the rest; a neighbour that is not in the tree is a
//! short cut to its own subtree. Such routes have no loops: after the last step up each hop's address is a longer
//! prefix of the destination than the one before.

use std::collections::VecDeque;
use std::str::FromStr;

use super::rng::Rng;

/// The longest address that is built, in segments: each has at most 7 characters and ILP addresses 1,023.
const DEEPEST: usize = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    Line,
    Ring,
    /// Each node joins a random one of the half that came last.
    Tree,
    /// A random tree and as many random edges again.
    Random,
    /// Each node joins two that are chosen by their degree (Barabási and Albert).
    ScaleFree,
}

impl Topology {
    pub const ALL: [Self; 5] = [
        Self::Line,
        Self::Ring,
        Self::Tree,
        Self::Random,
        Self::ScaleFree,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Ring => "ring",
            Self::Tree => "tree",
            Self::Random => "random",
            Self::ScaleFree => "scale-free",
        }
    }

    /// The most nodes that it can have: the ends of a line must have addresses.
    pub const fn most(self) -> usize {
        match self {
            Self::Line | Self::Ring => 2 * DEEPEST,
            Self::Tree | Self::Random | Self::ScaleFree => 1 << 20,
        }
    }
}

impl FromStr for Topology {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL
            .into_iter()
            .find(|topology| topology.name() == name);
        known.ok_or_else(|| format!("{name:?} is none of line, ring, tree, random, scale-free"))
    }
}

pub struct Graph {
    /// Pairs of neighbours, without doubles.
    pub edges: Vec<(u32, u32)>,
    /// The neighbours of each node, with the edge that leads there.
    pub neighbours: Vec<Vec<(u32, u32)>>,
    pub parent: Vec<Option<u32>>,
    pub address: Vec<Box<str>>,
}

impl Graph {
    pub fn new(topology: Topology, nodes: usize, rng: &mut Rng) -> Self {
        let count = nodes as u32;
        let mut edges = Vec::new();
        match topology {
            Topology::Line | Topology::Ring => {
                edges.extend((1..count).map(|node| (node - 1, node)));
                if topology == Topology::Ring && count > 2 {
                    edges.push((0, count - 1));
                }
            }
            Topology::Tree | Topology::Random => {
                for node in 1..count {
                    let from = if topology == Topology::Tree {
                        u64::from(node / 2)
                    } else {
                        0
                    };
                    edges.push((rng.range(from, node.into()) as u32, node));
                }
                if topology == Topology::Random {
                    let more = (0..count).map(|_| {
                        (
                            rng.below(count.into()) as u32,
                            rng.below(count.into()) as u32,
                        )
                    });
                    edges.extend(
                        more.filter(|(a, b)| a != b)
                            .map(|(a, b)| (a.min(b), a.max(b))),
                    );
                }
            }
            Topology::ScaleFree => {
                // an end of a random edge is a node with a chance in proportion to its degree
                for node in 1..count {
                    for _ in 0..2 {
                        let ends = edges
                            .get(rng.index(edges.len().max(1)))
                            .copied()
                            .unwrap_or((0, 0));
                        let end = if rng.below(2) == 0 { ends.0 } else { ends.1 };
                        edges.push((if end == node { ends.0 } else { end }, node));
                    }
                }
                edges.retain(|(a, b)| a != b);
            }
        }
        edges.sort_unstable();
        edges.dedup();
        let root = match topology {
            Topology::Line => count / 2,
            _ => 0,
        };
        Self::route(edges, nodes, root)
    }

    /// Steps from one node to another along the tree: there may be a shorter way.
    pub fn hops(&self, from: u32, to: u32) -> usize {
        let segments = |node: u32| self.address[node as usize].split('.');
        let common = segments(from)
            .zip(segments(to))
            .take_while(|(a, b)| a == b)
            .count();
        segments(from).count() + segments(to).count() - 2 * common
    }

    fn route(edges: Vec<(u32, u32)>, nodes: usize, root: u32) -> Self {
        let mut neighbours = vec![Vec::new(); nodes];
        for (edge, &(a, b)) in edges.iter().enumerate() {
            neighbours[a as usize].push((b, edge as u32));
            neighbours[b as usize].push((a, edge as u32));
        }
        let mut parent = vec![None; nodes];
        let mut address: Vec<Box<str>> = vec!["".into(); nodes];
        address[root as usize] = format!("test.n{root}").into();
        let mut queue = VecDeque::from([root]);
        while let Some(node) = queue.pop_front() {
            for &(next, _) in &neighbours[node as usize] {
                if address[next as usize].is_empty() {
                    address[next as usize] = format!("{}.n{next}", address[node as usize]).into();
                    parent[next as usize] = Some(node);
                    queue.push_back(next);
                }
            }
        }
        Self {
            edges,
            neighbours,
            parent,
            address,
        }
    }
}

#[test]
fn every_topology_is_connected_and_every_step_of_a_packet_is_progress() {
    for topology in Topology::ALL {
        let graph = Graph::new(topology, 60, &mut Rng::new(3));
        assert!(
            graph.address.iter().all(|address| !address.is_empty()),
            "{topology:?}"
        );
        for to in 0..60 {
            let target = format!("{}.w", graph.address[to]);
            let mut at = 59;
            let mut steps = 0;
            while at != to {
                at = graph.step(at, &target).expect("a way");
                steps += 1;
                assert!(steps < 120, "{topology:?}: to {to} in circles");
            }
        }
    }
}

#[cfg(test)]
impl Graph {
    /// Where a packet goes next, by the rules of a routing table.
    fn step(&self, at: usize, target: &str) -> Option<usize> {
        let below = |prefix: &str| {
            target
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let best = self.neighbours[at].iter().filter(|(next, _)| {
            self.parent[at] != Some(*next) && below(&self.address[*next as usize])
        });
        let best = best.max_by_key(|(next, _)| self.address[*next as usize].len());
        best.map(|(next, _)| *next as usize)
            .or_else(|| self.parent[at].map(|parent| parent as usize))
    }
}
