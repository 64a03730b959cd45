//! Which way a packet should take: a naive reading of a node's table, to be held against what it does.

use super::check::Way;
use super::world::World;

impl World {
    /// Where a node should send a packet that comes from `seat`, as its links are now.
    pub(super) fn way(&self, node: u32, seat: u32, destination: &str) -> Way {
        let entry = &self.nodes[node as usize];
        let connector = match &entry.connector {
            Some(connector) if connector.knows_its_address() => connector,
            _ => return Way::Unknown,
        };
        let covers = |prefix: &str| {
            let rest = destination.strip_prefix(prefix);
            prefix.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        // in the order of preference
        let mut longest = "";
        let mut hops = Vec::new();
        for route in connector.routes().filter(|route| covers(route.prefix)) {
            if route.prefix.len() > longest.len() {
                hops.clear();
            }
            longest = route.prefix;
            hops.push((route.next_hop, route.up));
        }
        let own = connector.address().as_str();
        let below = destination
            .strip_prefix(own)
            .is_some_and(|rest| rest.starts_with('.'));
        if below && longest.len() <= own.len() {
            return Way::Nowhere;
        }
        let peer =
            |id: &ilp_router::PeerId| connector.peers().position(|view| view.config.id == *id);
        let seat_of = |id| peer(id).map_or(u32::MAX, |at| entry.seats[at]);
        let found = hops
            .iter()
            .position(|&(hop, up)| up && seat_of(hop) != seat);
        match found {
            Some(at) => Way::To {
                seat: seat_of(hops[at].0),
                detour: at > 0,
            },
            // back only where it is the most preferred, and nothing else is up
            None if hops
                .first()
                .is_some_and(|&(hop, up)| up && seat_of(hop) == seat) =>
            {
                Way::To {
                    seat,
                    detour: false,
                }
            }
            None => Way::Nowhere,
        }
    }
}
