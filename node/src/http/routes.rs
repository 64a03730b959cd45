//! `/routes`: the routing table in order, and which way a packet would take.

use ilp_proto::Addr;
use ilp_router::{Connector, PeerId, RouteView, Way};
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
pub(crate) struct Explained<'a> {
    node_id: String,
    destination: &'a str,
    /// The longest prefix that covers it.
    matched: Option<String>,
    /// Who would get the packet; `null` when it goes to nobody.
    next_hop: Option<String>,
    why: String,
}

/// The table, in order.
pub(crate) fn table(connector: &Connector) -> Vec<Route> {
    connector
        .routes()
        .map(|route| Route::copy(&route))
        .collect()
}

/// Which way a packet for `destination` would take now, and why.
pub(crate) fn way<'a>(connector: &Connector, destination: Addr<'a>) -> Explained<'a> {
    let nowhere = |why: String| Explained {
        node_id: connector.node_id().to_owned(),
        destination: destination.as_str(),
        matched: None,
        next_hop: None,
        why,
    };
    match connector.way(destination) {
        Way::Here => nowhere("it is this node's own address".to_owned()),
        Way::Nowhere { why } => nowhere(format!("{why}: F02")),
        Way::Hop {
            prefix,
            next_hop,
            up,
        } => Explained {
            matched: Some(prefix.to_owned()),
            next_hop: Some(next_hop.to_string()),
            ..nowhere(match up {
                true => "longest prefix, first next hop that is up".to_owned(),
                false => "longest prefix, but no next hop is up: T01".to_owned(),
            })
        },
    }
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
