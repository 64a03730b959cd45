//! Where packets would go.

use std::collections::BTreeSet;

use ilp_router::config::Relation;

use super::Report;
use super::network::Network;
use crate::config::Origin;

/// A segment that nobody is called by: it stands for an address that no file names.
const NOBODY: &str = "~nobody~";

/// One line of a routing table: of a file, or the one that every child has.
struct Route<'a> {
    prefix: String,
    priority: u32,
    peer: usize,
    place: &'a Origin,
    /// Nobody wrote it, so nobody could mend it.
    of_child: bool,
}

/// How the way of a packet ends.
enum End {
    /// At the node that has its address.
    Delivered,
    /// With a peer of which nothing is known.
    Stranger,
    /// At this node, which has no route to it.
    Nowhere(usize),
    /// In a circle through these nodes.
    Circle(BTreeSet<usize>),
}

struct Tables<'n, 'a> {
    network: &'n Network<'a>,
    /// In order of preference, for each node.
    routes: Vec<Vec<Route<'a>>>,
}

pub(super) fn check(network: &Network<'_>, report: &mut Report) {
    let tables = Tables::new(network);
    let mut circles = BTreeSet::new();
    for n in 0..network.nodes.len() {
        tables.out_of_reach(n, report);
        for route in tables.routes[n].iter().filter(|route| !route.of_child) {
            tables.leads_somewhere(n, route, &mut circles, report);
        }
    }
}

/// Whether `address` is `prefix` or continues it behind a dot.
fn within(address: &str, prefix: &str) -> bool {
    prefix.is_empty()
        || address
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl<'n, 'a> Tables<'n, 'a> {
    fn new(network: &'n Network<'a>) -> Self {
        let table = |n: usize| {
            let node = &network.nodes[n];
            let mut routes = Vec::new();
            for (route, place) in node.router.routes.iter().zip(&node.places.routes) {
                let Some(peer) = node
                    .router
                    .peers
                    .iter()
                    .position(|peer| peer.id == route.next_hop)
                else {
                    continue;
                };
                let prefix = route.prefix.as_str().to_owned();
                routes.push(Route {
                    prefix,
                    priority: route.priority,
                    peer,
                    place,
                    of_child: false,
                });
            }
            let children = node.router.peers.iter().enumerate().zip(&node.places.peers);
            for ((peer, config), place) in
                children.filter(|((_, peer), _)| peer.relation == Relation::Child)
            {
                let Some(own) = network.address(n) else {
                    continue;
                };
                let prefix = format!("{own}.{}", config.id);
                routes.push(Route {
                    prefix,
                    priority: 0,
                    peer,
                    place: &place.id,
                    of_child: true,
                });
            }
            routes.sort_by_key(|route| route.priority);
            routes
        };
        Self {
            network,
            routes: (0..network.nodes.len()).map(table).collect(),
        }
    }

    /// The preferred route of node `n` for an address.
    fn lookup(&self, n: usize, address: &str) -> Option<&Route<'a>> {
        let matching = self.routes[n]
            .iter()
            .filter(|route| within(address, &route.prefix));
        // of equally long prefixes the first is the preferred one
        let found = matching.rev().max_by_key(|route| route.prefix.len())?;
        // what is below a node's own address never leaves it by a broader route
        let own = self.network.address(n);
        let below = own.is_some_and(|own| within(address, own) && found.prefix.len() <= own.len());
        (!below).then_some(found)
    }

    /// Follows preferred routes from node `n`; coming by one of `seen` again is a circle.
    fn walk(&self, mut n: usize, address: &str, mut seen: Vec<usize>) -> End {
        loop {
            if self.network.address(n) == Some(address) {
                return End::Delivered;
            }
            if let Some(start) = seen.iter().position(|&before| before == n) {
                return End::Circle(seen[start..].iter().copied().collect());
            }
            seen.push(n);
            let Some(route) = self.lookup(n, address) else {
                return End::Nowhere(n);
            };
            match self.network.resolve(n, route.peer) {
                Some(next) => n = next,
                None => return End::Stranger,
            }
        }
    }

    /// The other nodes whose packets node `n` would send by this prefix.
    fn targets(&self, n: usize, prefix: &str) -> Vec<&str> {
        let others = (0..self.network.nodes.len()).filter(|&m| m != n);
        let addresses = others.filter_map(|m| self.network.address(m));
        addresses
            .filter(|address| {
                self.lookup(n, address)
                    .is_some_and(|route| route.prefix == prefix)
            })
            .collect()
    }

    fn leads_somewhere(
        &self,
        n: usize,
        route: &Route<'a>,
        circles: &mut BTreeSet<(String, BTreeSet<usize>)>,
        report: &mut Report,
    ) {
        let Some(next) = self.network.resolve(n, route.peer) else {
            return;
        };
        let preferred = self
            .lookup(n, &route.prefix)
            .is_some_and(|best| std::ptr::eq(best, route));
        // a packet that takes a detour may come by here again and find the usual way
        let seen = if preferred { vec![n] } else { Vec::new() };
        let targets = self.targets(n, &route.prefix);
        for target in &targets {
            match self.walk(next, target, seen.clone()) {
                // further away, it is that node's own route which is reported
                End::Nowhere(at) if at == next => self.dead_end(route, target, at, report),
                End::Circle(nodes) => self.circle(route, target, nodes, circles, report),
                _ => {}
            }
        }
        // and an address that nobody of the files has, would it get anywhere?
        let prefix = match route.prefix.as_str() {
            "" => self.network.nodes[n].router.address.as_addr().scheme(),
            prefix => prefix,
        };
        let probe = format!("{prefix}.{NOBODY}");
        let narrower = |m: usize| {
            self.routes[m]
                .iter()
                .any(|route| within(&route.prefix, prefix))
        };
        match self.walk(next, &probe, seen) {
            End::Nowhere(at)
                if targets.is_empty()
                    && prefix.contains('.')
                    && self.network.address(at).is_some()
                    && !narrower(at) =>
            {
                self.dead_end(route, prefix, at, report);
            }
            End::Circle(nodes) => self.circle(route, &probe, nodes, circles, report),
            _ => {}
        }
    }

    fn dead_end(&self, route: &Route<'a>, address: &str, at: usize, report: &mut Report) {
        let stuck = self.network.id(at);
        let what = format!("packets for {address} would end at {stuck}, which has no route to it");
        report.error(
            route.place,
            what,
            format!(
                "add the route in {}, or another next hop here",
                self.network.place(at)
            ),
        );
    }

    fn circle(
        &self,
        route: &Route<'a>,
        address: &str,
        nodes: BTreeSet<usize>,
        circles: &mut BTreeSet<(String, BTreeSet<usize>)>,
        report: &mut Report,
    ) {
        if !circles.insert((address.to_owned(), nodes.clone())) {
            return;
        }
        let names: Vec<&str> = nodes.iter().map(|&n| self.network.id(n)).collect();
        let shown = match address.strip_suffix(NOBODY) {
            Some(prefix) => format!("unknown addresses in {}", prefix.trim_end_matches('.')),
            None => address.to_owned(),
        };
        let what = format!(
            "packets for {shown} would go in circles between {}",
            names.join(", ")
        );
        report.error(
            route.place,
            what,
            "point the route of one of them elsewhere",
        );
    }

    /// Nodes that packets from node `n` have no route to.
    fn out_of_reach(&self, n: usize, report: &mut Report) {
        let others = (0..self.network.nodes.len()).filter(|&m| m != n);
        let lost: Vec<&str> = others
            .filter_map(|m| self.network.address(m))
            .filter(|address| {
                self.network.address(n) != Some(*address) && self.lookup(n, address).is_none()
            })
            .collect();
        if lost.is_empty() {
            return;
        }
        let what = format!("{} has no route to {}", self.network.id(n), lost.join(", "));
        let fix = "add a route, or `prefix: \"\"` for everything else, if packets shall go there";
        report.warn(self.network.place(n), what, fix);
    }
}
