//! A node's YAML.

use std::fmt::Write as _;

use super::args::Plan;
use super::files::MARK;
use super::network::{Kind, Network};

/// The port that every node listens on in a container of its own.
pub(crate) const BTP: u16 = 3000;
/// The same for HTTP.
pub(crate) const HTTP: u16 = 8080;

/// The configuration of node `at`.
pub(crate) fn text(plan: &Plan, network: &Network, at: usize) -> String {
    let node = &network.nodes[at];
    let mut out = format!("{MARK}{}`.\n", plan.arguments());
    // Writing to a `String` cannot fail.
    let _ = header(plan, network, at, &mut out);
    if node.neighbours.is_empty() && network.guests(at).next().is_none() {
        return out;
    }
    let _ = peers(plan, network, at, &mut out);
    let _ = routes(network, at, &mut out);
    out
}

fn header(plan: &Plan, network: &Network, at: usize, out: &mut String) -> std::fmt::Result {
    let node = &network.nodes[at];
    writeln!(out, "nodeId: {}", node.id())?;
    let has_parent = node
        .neighbours
        .iter()
        .any(|other| other.kind == Kind::Parent);
    if has_parent {
        writeln!(
            out,
            "# its address, {}, is given by its parent",
            node.address
        )?;
    } else {
        writeln!(out, "ilpAddress: {}", node.address)?;
    }
    if plan.local.is_some() {
        writeln!(out, "btpServerHost: 127.0.0.1")?;
        writeln!(out, "btpServerPort: {}", plan.btp_port_of(at))?;
        writeln!(out, "healthCheckHost: 127.0.0.1")?;
        writeln!(out, "healthCheckPort: {}", plan.http_port_of(at))?;
    }
    writeln!(
        out,
        "logPackets: true               # the way of each packet; slow under load"
    )
}

fn peers(plan: &Plan, network: &Network, at: usize, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\npeers:")?;
    for other in &network.nodes[at].neighbours {
        let id = network.nodes[other.node].id();
        writeln!(out, "  - id: {id}")?;
        if other.dialled {
            match plan.local {
                Some(_) => writeln!(
                    out,
                    "    url: ws://127.0.0.1:{}",
                    plan.btp_port_of(other.node)
                )?,
                None => writeln!(out, "    url: ws://{id}:{BTP}")?,
            }
        }
        if !other.dialled {
            // what we dial is so anyway
            writeln!(
                out,
                "    critical: true             # no good health without it"
            )?;
        }
        match other.kind {
            Kind::Peer => {}
            Kind::Parent => writeln!(out, "    relation: parent")?,
            Kind::Child => writeln!(out, "    relation: child")?,
        }
        writeln!(out, "    authTokenFile: secrets/{}", other.secret)?;
    }
    for guest in network.guests(at) {
        writeln!(out, "  - id: {guest}")?;
        writeln!(
            out,
            "    relation: child            # {}.{guest}",
            network.nodes[at].address
        )?;
        writeln!(out, "    authTokenFile: secrets/{guest}")?;
    }
    Ok(())
}

fn routes(network: &Network, at: usize, out: &mut String) -> std::fmt::Result {
    let routes = &network.nodes[at].routes;
    if routes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nroutes:")?;
    for route in routes {
        match route.prefix.as_str() {
            "" => writeln!(
                out,
                "  - prefix: \"\"                 # all that is not our own"
            )?,
            prefix => writeln!(out, "  - prefix: {prefix}")?,
        }
        writeln!(out, "    nextHop: {}", network.nodes[route.next_hop].id())?;
        if route.priority > 0 {
            writeln!(
                out,
                "    priority: {}                # while the other one is down",
                route.priority
            )?;
        }
    }
    Ok(())
}
