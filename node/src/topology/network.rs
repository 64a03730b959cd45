//! Addresses and routes of a shape.

use super::shape::Shape;

/// A network to be written.
pub(crate) struct Network {
    pub(crate) nodes: Vec<Node>,
    /// Where the child `sender` attaches.
    pub(crate) sender: usize,
    /// Where the child `receiver` does: as far away as can be.
    pub(crate) receiver: usize,
}

pub(crate) struct Node {
    letter: char,
    /// As it is in the end: configured, or given by the parent.
    pub(crate) address: String,
    pub(crate) neighbours: Vec<Neighbour>,
    pub(crate) routes: Vec<Route>,
}

/// The other end of a link, from one end.
pub(crate) struct Neighbour {
    pub(crate) node: usize,
    pub(crate) kind: Kind,
    /// We dial it; else it dials us. One end does, so that no link is made twice.
    pub(crate) dialled: bool,
    /// The name of the secret of the link.
    pub(crate) secret: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Peer,
    Parent,
    Child,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) prefix: String,
    pub(crate) next_hop: usize,
    pub(crate) priority: u32,
}

impl Route {
    fn new(prefix: &str, next_hop: usize, priority: u32) -> Self {
        Self {
            prefix: prefix.to_owned(),
            next_hop,
            priority,
        }
    }
}

impl Node {
    /// Its name in the network.
    pub(crate) fn id(&self) -> String {
        format!("connector-{}", self.letter)
    }

    /// The name of its configuration.
    pub(crate) fn file(&self) -> String {
        format!("{}.yaml", self.letter)
    }
}

impl Network {
    /// `nodes` must be at least what the shape needs, and at most [`MOST`](super::shape::MOST).
    pub(crate) fn new(shape: Shape, nodes: usize) -> Self {
        let (sender, receiver) = shape.ends(nodes);
        let mut network = Self {
            nodes: Vec::new(),
            sender,
            receiver,
        };
        for (at, letter) in ('a'..='z').take(nodes).enumerate() {
            let address = match shape.parent(at) {
                Some(parent) => format!("{}.connector-{letter}", network.nodes[parent].address),
                None => format!("test.{letter}"),
            };
            network.nodes.push(Node {
                letter,
                address,
                neighbours: Vec::new(),
                routes: Vec::new(),
            });
        }
        for (earlier, later) in shape.links(nodes) {
            network.link(shape, earlier, later);
        }
        for at in 0..nodes {
            network.nodes[at].routes = network.routes(shape, at);
        }
        network
    }

    /// Of two peers the earlier one dials, of parent and child the child.
    fn link(&mut self, shape: Shape, earlier: usize, later: usize) {
        let letter = |node: usize| self.nodes[node].letter;
        let secret = format!("{}-{}", letter(earlier), letter(later));
        let (kinds, child_dials) = if shape.has_parents() {
            ([Kind::Child, Kind::Parent], true)
        } else {
            ([Kind::Peer, Kind::Peer], false)
        };
        let ends = [
            (earlier, later, kinds[0], !child_dials),
            (later, earlier, kinds[1], child_dials),
        ];
        for (here, node, kind, dialled) in ends {
            self.nodes[here].neighbours.push(Neighbour {
                node,
                kind,
                dialled,
                secret: secret.clone(),
            });
        }
    }

    fn routes(&self, shape: Shape, here: usize) -> Vec<Route> {
        let count = self.nodes.len();
        let address = |node: usize| self.nodes[node].address.as_str();
        let others = (0..count).filter(|&node| node != here);
        match shape {
            Shape::Linear => others
                .map(|to| Route::new(address(to), if to > here { here + 1 } else { here - 1 }, 0))
                .collect(),
            Shape::Ring => others
                .flat_map(|to| {
                    let (onward, back) = ((here + 1) % count, (here + count - 1) % count);
                    let ahead = (to + count - here) % count;
                    let (near, far) = if 2 * ahead <= count {
                        (onward, back)
                    } else {
                        (back, onward)
                    };
                    [
                        Route::new(address(to), near, 0),
                        Route::new(address(to), far, 1),
                    ]
                })
                .collect(),
            // All detours to a node go by way of the one behind it, which has none itself: else packets could go in
            // circles while the node is down.
            Shape::Mesh => others
                .flat_map(|to| {
                    let by = (to + 1) % count;
                    let detour = (by != here).then(|| Route::new(address(to), by, 1));
                    [Some(Route::new(address(to), to, 0)), detour]
                })
                .flatten()
                .collect(),
            // children are known, the parent takes the rest
            Shape::Star | Shape::Tree => {
                let parent = shape.parent(here);
                parent
                    .map(|parent| Route::new("", parent, 0))
                    .into_iter()
                    .collect()
            }
        }
    }

    /// The names of all secrets: one for each link, then those of the two children and the key that they share.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .nodes
            .iter()
            .enumerate()
            .flat_map(|(at, node)| node.neighbours.iter().map(move |other| (at, other)))
            .filter(|(at, other)| *at < other.node)
            .map(|(_, other)| other.secret.clone())
            .collect();
        names.extend([SENDER, RECEIVER, KEY].map(str::to_owned));
        names
    }

    /// The address of the child `receiver`.
    pub(crate) fn destination(&self) -> String {
        format!("{}.{RECEIVER}", self.nodes[self.receiver].address)
    }

    /// The children of a node that are no connectors.
    pub(crate) fn guests(&self, node: usize) -> impl Iterator<Item = &'static str> {
        let sender = (node == self.sender).then_some(SENDER);
        let receiver = (node == self.receiver).then_some(RECEIVER);
        sender.into_iter().chain(receiver)
    }
}

pub(crate) const SENDER: &str = "sender";
pub(crate) const RECEIVER: &str = "receiver";
/// What the fulfillments are made of.
pub(crate) const KEY: &str = "key";
