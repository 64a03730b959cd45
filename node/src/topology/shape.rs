//! Which nodes are linked.

use std::collections::VecDeque;

use clap::ValueEnum;

/// Every hop keeps a second of a packet's time, which is 30 seconds where nobody says otherwise. Also, nodes are
/// called by letters.
pub(crate) const MOST: usize = 26;

/// How nodes are linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// One after the other
    Linear,
    /// One after the other, and the last with the first; with a detour for every link
    Ring,
    /// Each with every other; with detours
    Mesh,
    /// A hub and N-1 spokes; the spokes are children of the hub
    Star,
    /// A root, two children each; packets go up and down
    Tree,
}

impl Shape {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Ring => "ring",
            Self::Mesh => "mesh",
            Self::Star => "star",
            Self::Tree => "tree",
        }
    }

    /// What people would call it.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Linear => "line",
            Self::Ring => "ring",
            Self::Mesh => "full mesh",
            Self::Star => "star",
            Self::Tree => "tree",
        }
    }

    /// The fewest nodes that make one.
    pub(crate) const fn least(self) -> usize {
        match self {
            Self::Linear | Self::Star | Self::Tree => 1,
            Self::Mesh => 2,
            Self::Ring => 3,
        }
    }

    /// Whether nodes get their addresses from a parent, and send it all that they do not know better.
    pub(crate) const fn has_parents(self) -> bool {
        matches!(self, Self::Star | Self::Tree)
    }

    /// The parent of a node, where there is one.
    pub(crate) fn parent(self, node: usize) -> Option<usize> {
        let above = node.checked_sub(1)?;
        match self {
            Self::Star => Some(0),
            Self::Tree => Some(above / 2),
            Self::Linear | Self::Ring | Self::Mesh => None,
        }
    }

    /// The links of so many nodes: the earlier node of each first, in order.
    pub(crate) fn links(self, nodes: usize) -> Vec<(usize, usize)> {
        let mut links: Vec<(usize, usize)> = match self {
            Self::Linear => (1..nodes).map(|node| (node - 1, node)).collect(),
            Self::Ring => {
                let last = nodes - 1;
                (0..last)
                    .map(|node| (node, node + 1))
                    .chain([(0, last)])
                    .collect()
            }
            Self::Mesh => (0..nodes)
                .flat_map(|node| (node + 1..nodes).map(move |other| (node, other)))
                .collect(),
            Self::Star | Self::Tree => (0..nodes)
                .filter_map(|node| Some((self.parent(node)?, node)))
                .collect(),
        };
        links.sort_unstable();
        links
    }

    /// Two nodes with the most hops between them: the earliest that have a partner, and its latest.
    pub(crate) fn ends(self, nodes: usize) -> (usize, usize) {
        let links = self.links(nodes);
        let mut best = (0, 0, 0);
        for from in 0..nodes {
            for (to, hops) in distances(&links, nodes, from).into_iter().enumerate() {
                let later = hops == best.0 && from == best.1 && to > best.2;
                if hops > best.0 || later {
                    best = (hops, from, to);
                }
            }
        }
        (best.1, best.2)
    }
}

/// How many hops each node is from one.
fn distances(links: &[(usize, usize)], nodes: usize, from: usize) -> Vec<usize> {
    let mut hops = vec![usize::MAX; nodes];
    hops[from] = 0;
    let mut next = VecDeque::from([from]);
    while let Some(node) = next.pop_front() {
        for &(a, b) in links {
            let other = match node {
                node if node == a => b,
                node if node == b => a,
                _ => continue,
            };
            if hops[other] == usize::MAX {
                hops[other] = hops[node] + 1;
                next.push_back(other);
            }
        }
    }
    hops
}
