//! Who is whose neighbour, and which way packets go.
//!
//! Addresses follow a spanning tree: `test.n0` is its root, `test.n0.n4` a neighbour below, and so on. Each node has a
//! route to each of its subtrees and one to its parent for all the rest; a neighbour that is not in the tree is a
//! short cut to its own subtree. Such routes have no loops: after the last step up each hop's address is a longer
//! prefix of the destination than the one before.

use std::collections::{BTreeMap, VecDeque};
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

    fn depth(&self, node: u32) -> usize {
        self.address[node as usize].split('.').count()
    }

    /// The ways that a node may take when the one that it prefers is down: a prefix and the neighbours that lead there, in
    /// order. Up: to any neighbour that is nearer to the root, after its parent. Down: to a grandchild by another neighbour
    /// that knows it, after its own child. Either is progress, so that such packets do not go in circles either.
    pub fn detours(&self, node: u32) -> Vec<(&str, Vec<u32>)> {
        let at = node as usize;
        let mut ways = Vec::new();
        if let Some(parent) = self.parent[at] {
            let up = self.neighbours[at].iter().map(|&(other, _)| other);
            let up = up.filter(|&other| other != parent && self.depth(other) < self.depth(node));
            let hops: Vec<u32> = std::iter::once(parent).chain(up).collect();
            ways.push(("", hops));
        }
        let mut down = BTreeMap::<u32, Vec<u32>>::new();
        for &(other, _) in &self.neighbours[at] {
            for &(below, _) in &self.neighbours[other as usize] {
                let child = self.parent[below as usize];
                if let Some(child) = child
                    .filter(|&child| child != other && self.parent[child as usize] == Some(node))
                {
                    down.entry(below).or_insert_with(|| vec![child]).push(other);
                }
            }
        }
        for (below, hops) in down {
            ways.push((&self.address[below as usize], hops));
        }
        ways.retain(|(_, hops)| hops.len() > 1);
        ways
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
            // whichever hop is taken at each step: nowhere is come to again, and nothing but the target ends it
            let mut done = [false; 60];
            for from in 0..60 {
                graph.walk(from, to, &target, &mut Vec::new(), &mut done);
            }
        }
    }
}

#[test]
fn there_are_detours_up_and_down() {
    let graph = Graph::new(Topology::ScaleFree, 60, &mut Rng::new(3));
    let all = (0..60).flat_map(|node| graph.detours(node));
    let (up, down): (Vec<_>, Vec<_>) = all.partition(|(prefix, _)| prefix.is_empty());
    assert!(up.len() > 10 && down.len() > 10, "{up:?} {down:?}");
}

#[cfg(test)]
impl Graph {
    fn walk(&self, at: usize, to: usize, target: &str, way: &mut Vec<usize>, done: &mut [bool]) {
        assert!(!way.contains(&at), "to {to} in circles: {way:?} {at}");
        if at == to || done[at] {
            return;
        }
        way.push(at);
        let hops = self.steps(at, target);
        assert!(!hops.is_empty(), "no way from {at} to {to}");
        for hop in hops {
            self.walk(hop as usize, to, target, way, done);
        }
        way.pop();
        done[at] = true;
    }

    /// Where a packet may go next, by the rules of a routing table.
    fn steps(&self, at: usize, target: &str) -> Vec<u32> {
        let mut routes: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for &(next, _) in &self.neighbours[at] {
            let is_parent = self.parent[at] == Some(next);
            let prefix: &str = if is_parent {
                ""
            } else {
                &self.address[next as usize]
            };
            routes.entry(prefix).or_default().push(next);
        }
        for (prefix, hops) in self.detours(at as u32) {
            routes.insert(prefix, hops);
        }
        let covers = |prefix: &&str| {
            let rest = target.strip_prefix(*prefix);
            prefix.is_empty() || rest.is_some_and(|rest| rest.starts_with('.'))
        };
        let best = routes
            .keys()
            .copied()
            .filter(covers)
            .max_by_key(|prefix| prefix.len());
        best.map(|prefix| routes[prefix].clone())
            .unwrap_or_default()
    }
}
