//! Who is whose peer, among nodes that were configured apart from each other.

use std::collections::BTreeMap;

use ilp_router::config::{PeerConfig, Relation};

use crate::config::{NodeConfig, Origin};

/// The nodes of all files, by their place in the list.
pub(super) struct Network<'a> {
    pub(super) nodes: &'a [NodeConfig],
    by_id: BTreeMap<&'a str, usize>,
    /// The address of each node, where the files tell.
    addresses: Vec<Option<String>>,
}

/// A link that both ends know of: the entry of each.
pub(super) struct Ends<'a> {
    pub(super) node: usize,
    pub(super) peer: usize,
    pub(super) other: usize,
    /// The entry for `node` in the peers of `other`.
    pub(super) back: &'a PeerConfig,
    pub(super) back_at: usize,
}

impl<'a> Network<'a> {
    pub(super) fn new(nodes: &'a [NodeConfig]) -> Self {
        let mut by_id = BTreeMap::new();
        for (n, node) in nodes.iter().enumerate() {
            by_id.entry(node.router.node_id.as_str()).or_insert(n);
        }
        let mut network = Self {
            nodes,
            by_id,
            addresses: vec![None; nodes.len()],
        };
        network.addresses = (0..nodes.len())
            .map(|n| network.find_address(n, nodes.len()))
            .collect();
        network
    }

    /// The id of node `n`.
    pub(super) fn id(&self, n: usize) -> &'a str {
        &self.nodes[n].router.node_id
    }

    pub(super) fn peers(&self, n: usize) -> &'a [PeerConfig] {
        &self.nodes[n].router.peers
    }

    /// The address of node `n`; `None` if a parent that is not among the files gives it.
    pub(super) fn address(&self, n: usize) -> Option<&str> {
        self.addresses[n].as_deref()
    }

    /// Where node `n` was written.
    pub(super) fn place(&self, n: usize) -> &'a Origin {
        &self.nodes[n].places.node
    }

    /// The node that peer `p` of node `n` is; `None` for a stranger.
    pub(super) fn resolve(&self, n: usize, p: usize) -> Option<usize> {
        let id = self.peers(n)[p].id.as_str();
        if let Some(&m) = self.by_id.get(id) {
            return (m != n).then_some(m);
        }
        // a node that dials us under another name
        let dials_as = |peer: &PeerConfig| {
            peer.id.as_str() == self.id(n)
                && peer.endpoint.is_some()
                && peer.username.as_deref() == Some(id)
        };
        (0..self.nodes.len()).find(|&m| m != n && self.peers(m).iter().any(dials_as))
    }

    /// The entry in the peers of `m` that stands for node `n`, whose peer `p` is `m`.
    pub(super) fn back(&self, n: usize, p: usize, m: usize) -> Option<usize> {
        let peer = &self.peers(n)[p];
        let name = peer.username.as_deref().filter(|_| peer.endpoint.is_some());
        let called = |name: &str| {
            self.peers(m)
                .iter()
                .position(|peer| peer.id.as_str() == name)
        };
        name.and_then(called).or_else(|| called(self.id(n)))
    }

    /// Every link that both ends know, from both ends.
    pub(super) fn links(&self) -> impl Iterator<Item = Ends<'a>> + '_ {
        let peers =
            (0..self.nodes.len()).flat_map(|n| (0..self.peers(n).len()).map(move |p| (n, p)));
        peers.filter_map(|(node, peer)| {
            let other = self.resolve(node, peer)?;
            let back_at = self.back(node, peer, other)?;
            Some(Ends {
                node,
                peer,
                other,
                back: &self.peers(other)[back_at],
                back_at,
            })
        })
    }

    /// Follows parents upwards, `depth` of them at most.
    fn find_address(&self, n: usize, depth: usize) -> Option<String> {
        let config = &self.nodes[n].router;
        if !config.address_from_parent {
            return Some(config.address.as_str().to_owned());
        }
        let depth = depth.checked_sub(1)?;
        let p = config
            .peers
            .iter()
            .position(|peer| peer.relation == Relation::Parent)?;
        let parent = self.resolve(n, p)?;
        let me = &self.peers(parent)[self.back(n, p, parent)?];
        Some(format!("{}.{}", self.find_address(parent, depth)?, me.id))
    }
}
