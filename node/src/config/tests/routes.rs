//! The routing table of a file.

use super::*;

fn with_peer(routes: &str) -> String {
    format!("peers:\n  - {{id: p, authToken: t}}\nroutes:\n{routes}")
}

#[test]
fn a_route_has_a_prefix_a_next_hop_and_a_priority() {
    let node = build(&with_peer(
        "  - {prefix: test.c, nextHop: p, priority: 3}\n  - {prefix: '', nextHop: p}\n  - {prefix: private, nextHop: p}\n",
    ));
    let routes: Vec<(&str, u32)> = node
        .router
        .routes
        .iter()
        .map(|r| (r.prefix.as_str(), r.priority))
        .collect();
    assert_eq!(routes, [("test.c", 3), ("", 0), ("private", 0)]);
}

#[test]
fn a_next_hop_must_be_a_peer() {
    let report = refused(&with_peer("  - {prefix: test.c, nextHop: q}\n"));
    assert_said(
        &report,
        "node.yaml:6:31",
        "nextHop is \"q\", which is no peer",
    );
    let report = refused("routes:\n  - {prefix: test.c, nextHop: q}\n");
    assert_said(&report, "node.yaml:4:31", "add it to peers");
}

#[test]
fn a_next_hop_that_is_nearly_a_peer_is_suggested() {
    let report = refused(
        "peers:\n  - {id: connector-c, authToken: t}\nroutes:\n  - {prefix: test.c, nextHop: conector-c}\n",
    );
    assert!(report.contains("did you mean connector-c?"), "{report}");
}

#[test]
fn a_next_hop_whose_own_entry_is_wrong_is_a_peer_all_the_same() {
    let report = refused("peers:\n  - {id: p}\nroutes:\n  - {prefix: test.c, nextHop: p}\n");
    assert_eq!(report.lines().count(), 1, "{report}");
}

#[test]
fn prefixes_that_can_never_be_forwarded_are_refused() {
    for (prefix, why) in [
        ("peer.config", "never forwarded"),
        ("self.x", "never leave a node"),
        ("test..c", "empty segment"),
        ("nowhere.x", "unknown scheme"),
        ("test.n", "is our own address"),
    ] {
        let report = refused(&with_peer(&format!(
            "  - {{prefix: {prefix}, nextHop: p}}\n"
        )));
        assert!(report.contains(why), "{prefix}: {report}");
    }
}

#[test]
fn a_route_given_twice_is_refused() {
    let report = refused(&with_peer(
        "  - {prefix: g, nextHop: p}\n  - {prefix: g, nextHop: p, priority: 1}\n",
    ));
    assert_said(&report, "node.yaml:7:5", "the route g to p is given twice");
    assert_said(&report, "node.yaml:7:5", "the first is at node.yaml:6:5");
}

#[test]
fn parts_that_are_missing_are_named() {
    let report = refused(&with_peer("  - {nextHop: p}\n  - {prefix: g}\n  - g\n"));
    assert_said(&report, "node.yaml:6:5", "a route without a prefix");
    assert_said(&report, "node.yaml:7:5", "a route without a nextHop");
    assert_said(&report, "node.yaml:8:5", "a route is a mapping");
}

#[test]
fn a_route_to_the_live_network_from_a_test_address_is_a_warning() {
    let node = build(&with_peer(
        "  - {prefix: g, nextHop: p}\n  - {prefix: private, nextHop: p}\n",
    ));
    assert_eq!(node.warnings.len(), 1);
    assert!(
        node.warnings[0]
            .what
            .contains("the route g leads to another network")
    );
}

#[test]
fn an_own_address_must_be_one_that_packets_can_be_sent_to() {
    for (address, why) in [
        ("test", "no segment"),
        ("peer.b", "no node has an address in peer"),
        ("self.b", "no node has an address in self"),
        ("b", "unknown scheme"),
    ] {
        let report = build_with(&format!("nodeId: n\nilpAddress: {address}\n"), &[], &[])
            .unwrap_err()
            .to_string();
        assert_said(&report, "node.yaml:2:13", why);
    }
}
