//! The routing table as configured.

use std::collections::BTreeMap;

use ilp_proto::{Address, Prefix};
use ilp_router::config::{PeerId, RouteConfig};

use super::fields::Fields;
use super::peers::Peer;
use super::problem::{Origin, Problem, did_you_mean, quoted};
use super::table::ROUTE;
use super::value::Invalid;
use super::yaml::{Node, Value};

/// A route and where it was written.
pub(crate) type Route = (RouteConfig, Origin);

/// Reads all entries; those that are wrong are left out.
///
/// `ids` are the peers that were written down, good or not.
pub(crate) fn read(
    nodes: Vec<Node>,
    ids: &[PeerId],
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    let mut seen: BTreeMap<(Prefix, PeerId), Origin> = BTreeMap::new();
    for node in nodes {
        let Some((route, origin)) = one(node, ids, problems, warnings) else {
            continue;
        };
        let key = (route.prefix.clone(), route.next_hop.clone());
        if let Some(first) = seen.get(&key) {
            let what = format!(
                "the route {} to {} is given twice",
                shown(&route.prefix),
                route.next_hop
            );
            problems.push(Problem::new(
                &origin,
                what,
                format!("remove one; the first is at {first}"),
            ));
            continue;
        }
        seen.insert(key, origin.clone());
        routes.push((route, origin));
    }
    routes
}

fn one(
    node: Node,
    ids: &[PeerId],
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> Option<Route> {
    let entry = node.origin.clone();
    if !matches!(node.value, Value::Map(_)) {
        let what = format!("a route is a mapping, found {}", node.value.kind());
        let fix = "write `- prefix: ADDRESS` with `nextHop: PEER` below";
        problems.push(Problem::new(&entry, what, fix));
        return None;
    }
    let mut fields = Fields::new(
        ROUTE,
        "a route: ".to_owned(),
        Some(node),
        problems,
        warnings,
    );
    // the short form of a variable or flag has no keys of these names
    let short = !matches!(entry, Origin::File { .. });
    if !fields.given_or_meant("prefix") {
        fields.problem(
            "a route without a prefix",
            "add `prefix: ADDRESS`, or `prefix: \"\"` for everything else",
        );
    }
    let prefix = fields.parsed("prefix", |text, _| prefix(text));
    if !fields.given_or_meant("nextHop") {
        let fix = if short {
            "write PREFIX=PEER, such as test.c=connector-c, or =connector-c for everything else"
        } else {
            "add `nextHop: PEER`, the id of one of the peers"
        };
        fields.problem("a route without a nextHop", fix);
    }
    let next_hop = fields.parsed("nextHop", |text, _| next_hop(text, ids));
    let priority = fields.number("priority").unwrap_or(0);
    fields.finish();
    let route = RouteConfig {
        prefix: prefix?,
        next_hop: next_hop?,
        priority,
    };
    Some((route, entry))
}

fn prefix(text: &str) -> Result<Prefix, Invalid> {
    let invalid = |why: String| {
        Invalid::new(
            format!("is {}: {why}", quoted(text)),
            "expected an ILP address, a bare scheme such as g, or \"\"",
        )
    };
    // `test.` is how some write the prefix of a whole network
    let prefix = Prefix::new(text).map_err(|error| invalid(error.to_string()))?;
    match scheme(prefix.as_str()) {
        "peer" => Err(invalid(
            "peer addresses are for the two ends of a link, never forwarded".to_owned(),
        )),
        "self" => Err(invalid("self addresses never leave a node".to_owned())),
        _ => Ok(prefix),
    }
}

fn next_hop(text: &str, ids: &[PeerId]) -> Result<PeerId, Invalid> {
    if let Some(id) = ids.iter().find(|id| id.as_str() == text) {
        return Ok(id.clone());
    }
    let names: Vec<&str> = ids.iter().map(PeerId::as_str).collect();
    let hint = did_you_mean(text, names.iter().copied());
    let fix = if names.is_empty() {
        "add it to peers, there are none".to_owned()
    } else {
        format!("expected one of the peers: {}", names.join(", "))
    };
    Err(Invalid::new(
        format!("is {}, which is no peer{hint}", quoted(text)),
        fix,
    ))
}

/// What stands before the first dot.
pub(crate) fn scheme(prefix: &str) -> &str {
    prefix.split('.').next().unwrap_or_default()
}

/// A prefix in messages: the empty one must be seen.
pub(crate) fn shown(prefix: &Prefix) -> String {
    match prefix.as_str() {
        "" => "\"\"".to_owned(),
        text => text.to_owned(),
    }
}

/// Holds routes and peers against our own address.
pub(crate) fn check_address(
    own: &Address,
    routes: &[Route],
    peers: &[Peer],
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    let live = |scheme: &str| match scheme {
        "g" => Some(true),
        "test" | "test1" | "test2" | "test3" => Some(false),
        _ => None,
    };
    let ours = scheme(own.as_str());
    for (route, origin) in routes {
        let theirs = scheme(route.prefix.as_str());
        if route.prefix.as_str() == own.as_str() {
            let what = format!("the route {} is our own address", shown(&route.prefix));
            problems.push(Problem::new(
                origin,
                what,
                "packets for it end here; remove the route",
            ));
        } else if live(ours).zip(live(theirs)).is_some_and(|(a, b)| a != b) {
            let what = format!(
                "the route {} leads to another network than our address {own} is on",
                shown(&route.prefix)
            );
            let fix = "keep the live network (g) and the test networks apart";
            warnings.push(Problem::new(origin, what, fix));
        }
    }
    let children = peers
        .iter()
        .filter(|(peer, _)| peer.relation == ilp_router::config::Relation::Child);
    for (peer, place) in children {
        if own.with_suffix(peer.id.as_str()).is_err() {
            let what = format!(
                "the address of child {} would be longer than 1023 bytes",
                peer.id
            );
            problems.push(Problem::new(
                &place.id,
                what,
                "shorten its id or our ilpAddress",
            ));
        }
    }
}
