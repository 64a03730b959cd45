//! The two ends of every link.

use ilp_router::config::{PeerConfig, Relation};
use ilp_runtime::tls::ClientCertificates;

use super::Report;
use super::network::{Ends, Network};

pub(super) fn check(network: &Network<'_>, report: &mut Report) {
    one_sided(network, report);
    for ends in network.links() {
        let peer = &network.peers(ends.node)[ends.peer];
        dialled_as_known(network, &ends, peer, report);
        same_transport(network, &ends, peer, report);
        // what concerns both ends alike is said once
        if ends.node < ends.other {
            somebody_dials(network, &ends, peer, report);
            same_secret(network, &ends, peer, report);
            relations_fit(network, &ends, peer, report);
            same_asset(network, &ends, peer, report);
        }
    }
}

/// A peer whose own file does not have us.
fn one_sided(network: &Network<'_>, report: &mut Report) {
    for (n, node) in network.nodes.iter().enumerate() {
        for (p, place) in node.places.peers.iter().enumerate() {
            let Some(m) = network.resolve(n, p) else {
                continue;
            };
            if network.back(n, p, m).is_none() {
                let (us, them) = (network.id(n), network.id(m));
                let what = format!("{them} is our peer, but has no peer {us}");
                let fix = format!("add `- id: {us}` to the peers in {}", network.place(m));
                report.error(&place.id, what, fix);
            }
        }
    }
}

/// The name that a dialler sends must be the id that the other end knows it by.
fn dialled_as_known(
    network: &Network<'_>,
    ends: &Ends<'_>,
    peer: &PeerConfig,
    report: &mut Report,
) {
    let Some(name) = peer.username.as_deref().filter(|_| peer.endpoint.is_some()) else {
        return;
    };
    if name == ends.back.id.as_str() {
        return;
    }
    let place = &network.nodes[ends.node].places.peers[ends.peer];
    let what = format!(
        "we authenticate with {} as {name}, but it knows us as {}",
        peer.id, ends.back.id
    );
    let fix = format!(
        "set authUsername: {} here, or change the id at {}",
        ends.back.id,
        back_place(network, ends)
    );
    report.error(&place.id, what, fix);
}

/// A dialler that speaks TLS needs a listener that does, and certificates where those are asked for.
fn same_transport(network: &Network<'_>, ends: &Ends<'_>, peer: &PeerConfig, report: &mut Report) {
    let Some(endpoint) = &peer.endpoint else {
        return;
    };
    let place = &network.nodes[ends.node].places.peers[ends.peer].url;
    let them = network.id(ends.other);
    let there = network.place(ends.other);
    match (endpoint.tls, &network.nodes[ends.other].tls.server) {
        (true, None) => report.warn(
            place,
            format!("the url begins with wss://, but {them} listens without TLS"),
            format!("give {them} a certFile and a keyFile at {there}, unless a proxy is between"),
        ),
        (false, Some(_)) => report.error(
            place,
            format!("the url begins with ws://, but {them} listens with TLS only"),
            format!("write wss://, or remove certFile from {there}"),
        ),
        (true, Some(server)) => {
            let required = matches!(server.clients, ClientCertificates::Required { .. });
            if required && network.nodes[ends.node].tls.client.identity.is_none() {
                let what =
                    format!("{them} asks for a client certificate, and there is none to show");
                let fix = "give dialCertFile and dialKeyFile";
                report.error(place, what, fix);
            }
        }
        (false, None) => {}
    }
}

fn back_place(network: &Network<'_>, ends: &Ends<'_>) -> String {
    network.nodes[ends.other].places.peers[ends.back_at]
        .id
        .to_string()
}

fn somebody_dials(network: &Network<'_>, ends: &Ends<'_>, peer: &PeerConfig, report: &mut Report) {
    if peer.endpoint.is_some() || ends.back.endpoint.is_some() {
        return;
    }
    let place = &network.nodes[ends.node].places.peers[ends.peer];
    let (us, them) = (network.id(ends.node), network.id(ends.other));
    let what = format!("neither {us} nor {them} has a url for the other, so nobody dials");
    report.error(
        &place.id,
        what,
        format!(
            "give one of them `url: ws://HOST:PORT`; the other is at {}",
            back_place(network, ends)
        ),
    );
}

fn same_secret(network: &Network<'_>, ends: &Ends<'_>, peer: &PeerConfig, report: &mut Report) {
    let place = &network.nodes[ends.node].places.peers[ends.peer].secret;
    let back_place = &network.nodes[ends.other].places.peers[ends.back_at].secret;
    let (us, them) = (network.id(ends.node), network.id(ends.other));
    let dialled = |from: &PeerConfig| from.endpoint.is_some();
    match (&peer.secret, &ends.back.secret) {
        (Some(ours), Some(theirs)) if !ours.ct_eq(theirs.as_str()) => {
            let what = format!("the secrets that {us} and {them} have for each other differ");
            report.error(
                back_place,
                what,
                format!("both ends need the same one; the other is at {place}"),
            );
        }
        (None, Some(_)) if dialled(peer) => {
            let what = format!("{us} dials {them} with noAuth, but {them} asks for a secret");
            report.error(place, what, format!("give the secret of {back_place} here"));
        }
        (Some(_), None) if dialled(ends.back) => {
            let what = format!("{them} dials {us} with noAuth, but {us} asks for a secret");
            report.error(back_place, what, format!("give the secret of {place} here"));
        }
        (None, Some(_)) | (Some(_), None) => {
            let what = format!(
                "only one of {us} and {them} has a secret for the other, it protects nothing"
            );
            report.warn(
                place,
                what,
                format!("give both the same; the other is at {back_place}"),
            );
        }
        _ => {}
    }
}

fn relations_fit(network: &Network<'_>, ends: &Ends<'_>, peer: &PeerConfig, report: &mut Report) {
    use Relation::{Child, Parent, Peer};
    let fit = matches!(
        (peer.relation, ends.back.relation),
        (Peer, Peer) | (Child, Parent) | (Parent, Child)
    );
    if fit {
        return;
    }
    let place = &network.nodes[ends.node].places.peers[ends.peer];
    let (us, them) = (network.id(ends.node), network.id(ends.other));
    let (ours, theirs) = (ends.back.relation.as_str(), peer.relation.as_str());
    let what = format!("{us} calls {them} its {theirs}, and {them} calls {us} its {ours}");
    let fix = format!(
        "relations are peer and peer, or parent and child; the other is at {}",
        back_place(network, ends)
    );
    report.error(&place.id, what, fix);
}

fn same_asset(network: &Network<'_>, ends: &Ends<'_>, peer: &PeerConfig, report: &mut Report) {
    if peer.asset == ends.back.asset {
        return;
    }
    let place = &network.nodes[ends.node].places.peers[ends.peer];
    let (us, them) = (network.id(ends.node), network.id(ends.other));
    let (ours, theirs) = (&peer.asset, &ends.back.asset);
    let what = format!(
        "{us} counts {}/{} with {them}, and {them} counts {}/{} with {us}",
        ours.code, ours.scale, theirs.code, theirs.scale
    );
    let fix = format!(
        "an account has one asset and scale; the other is at {}",
        back_place(network, ends)
    );
    report.error(&place.id, what, fix);
}
