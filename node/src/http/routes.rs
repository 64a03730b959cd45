//! `/routes`: the routing table in order, and which way a packet would take.

use ilp_proto::Addr;
use ilp_router::{Connector, PeerId, RouteView};
use serde::Serialize;

/// The body without a question.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Routes<'a> {
    pub(crate) node_id: &'a str,
    pub(crate) routes: Vec<Route>,
}

/// A line of the table.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Route {
    prefix: String,
    #[serde(serialize_with = "peer_id")]
    next_hop: PeerId,
    priority: u32,
    up: bool,
}

/// The body of `?for=ADDRESS`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Way<'a> {
    node_id: &'a str,
    destination: &'a str,
    /// The longest prefix that covers it.
    matched: Option<String>,
    /// Who would get the packet; `null` when it goes to nobody.
    next_hop: Option<String>,
    why: &'static str,
}

/// The table, in order.
pub(crate) fn table(connector: &Connector) -> Vec<Route> {
    connector
        .routes()
        .map(|route| Route::copy(&route))
        .collect()
}

/// Which way a packet for `destination` would take now.
pub(crate) fn way<'a>(
    node_id: &'a str,
    own: &str,
    table: &[Route],
    destination: Addr<'a>,
) -> Way<'a> {
    let local = |why| Way {
        node_id,
        destination: destination.as_str(),
        matched: None,
        next_hop: None,
        why,
    };
    if let Some(why) = not_forwarded(own, destination) {
        return local(why);
    }
    let best = table
        .iter()
        .filter(|route| covers(&route.prefix, destination))
        .map(|route| route.prefix.len())
        .max()
        // Below our own address only our children's routes count.
        .filter(|longest| *longest > own.len() || !destination.is_within(own));
    let Some(longest) = best else {
        return local("no route: F02");
    };
    // Of equal prefixes the table has the preferred one first.
    let mut hops = table
        .iter()
        .filter(|route| route.prefix.len() == longest && covers(&route.prefix, destination));
    let preferred = hops.clone().next();
    let usable = hops.find(|route| route.up);
    let way = |route: &Route, why| Way {
        matched: Some(route.prefix.clone()),
        next_hop: Some(route.next_hop.to_string()),
        ..local(why)
    };
    match (preferred, usable) {
        (Some(preferred), Some(usable)) if preferred.next_hop == usable.next_hop => {
            way(usable, "longest prefix, preferred next hop")
        }
        (_, Some(usable)) => way(
            usable,
            "longest prefix; next hops that are preferred are down",
        ),
        (Some(preferred), None) => way(preferred, "longest prefix, but no next hop is up: T01"),
        (None, None) => local("no route: F02"),
    }
}

/// What the connector decides before it looks at its table.
fn not_forwarded(own: &str, destination: Addr<'_>) -> Option<&'static str> {
    let network = |scheme: &str| match scheme {
        "g" => Some("live"),
        _ if scheme.starts_with("test") => Some("test"),
        _ => None,
    };
    let own_scheme = own.split('.').next().unwrap_or_default();
    match (
        destination.scheme(),
        network(own_scheme),
        network(destination.scheme()),
    ) {
        ("peer", ..) => {
            Some("addresses of the peer scheme concern this node and are never forwarded")
        }
        ("self" | "local", ..) => Some("self and local addresses do not leave a node: F02"),
        (_, Some("test"), Some("live")) => Some("this node is on the test network: F02"),
        (_, Some("live"), Some("test")) => Some("this node is on the live network: F02"),
        _ if destination.as_str() == own => Some("it is this node's own address"),
        _ => None,
    }
}

fn covers(prefix: &str, destination: Addr<'_>) -> bool {
    prefix.is_empty() || destination.is_within(prefix)
}

impl Route {
    fn copy(route: &RouteView<'_>) -> Self {
        Self {
            prefix: route.prefix.to_owned(),
            next_hop: route.next_hop.clone(),
            priority: route.priority,
            up: route.up,
        }
    }
}

fn peer_id<S: serde::Serializer>(id: &PeerId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

#[cfg(test)]
impl Route {
    pub(crate) fn set_up(&mut self, up: bool) {
        self.up = up;
    }
}
