//! The neighbours of a file.

use ilp_router::config::Relation;

use super::*;

#[test]
fn a_peer_gets_its_defaults_from_the_node() {
    let node = build(
        "assetCode: EUR\nassetScale: 2\nmaxInFlightPerPeer: 10\n\
         peers:\n  - id: p\n    url: ws://p:3000\n    authToken: t\n",
    );
    let p = &node.router.peers[0];
    assert_eq!((&*p.asset.code, p.asset.scale), ("EUR", 2));
    assert_eq!(p.max_in_flight, 10);
    assert_eq!(p.username.as_deref(), Some("n"));
    assert_eq!(p.relation, Relation::Peer);
    assert_eq!((p.max_packet_amount, p.max_balance), (None, None));
    assert!(p.critical, "a peer that we dial");
}

#[test]
fn everything_about_a_peer_can_be_set() {
    let node = peer(
        "    url: wss://example.org/accounts/n/ilp/btp?x=1\n    authToken: t\n    authUsername: me\n    relation: parent\n\
         \x20   assetCode: XRP\n    assetScale: 6\n    maxInFlight: 7\n    maxPacketAmount: 1000\n    maxBalance: 5_000\n    critical: false\n",
    );
    let p = &node.router.peers[0];
    let endpoint = p.endpoint.as_ref().unwrap();
    assert_eq!(
        endpoint.to_string(),
        "wss://example.org:443/accounts/n/ilp/btp?***"
    );
    assert_eq!(p.username.as_deref(), Some("me"));
    assert_eq!(p.relation, Relation::Parent);
    assert_eq!((&*p.asset.code, p.asset.scale), ("XRP", 6));
    assert_eq!(p.max_in_flight, 7);
    assert_eq!(
        (p.max_packet_amount, p.max_balance),
        (Some(1000), Some(5000))
    );
    assert!(!p.critical);
}

#[test]
fn every_scalar_of_a_peer_can_come_from_the_environment() {
    let vars = [
        ("BTP_PEER_CONNECTOR_B_URL", "ws://elsewhere:1"),
        ("BTP_PEER_CONNECTOR_B_SECRET", "t"),
        ("BTP_PEER_CONNECTOR_B_MAX_BALANCE", "9"),
        ("BTP_PEER_CONNECTOR_B_CRITICAL", "false"),
        ("BTP_PEER_CONNECTOR_B_AUTH_USERNAME", "null"),
    ];
    let yaml = format!("{HEAD}peers:\n  - id: connector-b\n    url: ws://here:1\n");
    let node = build_with(&yaml, &vars, &[]).unwrap();
    let p = &node.router.peers[0];
    assert_eq!(p.endpoint.as_ref().unwrap().host, "elsewhere");
    assert_eq!((p.max_balance, p.critical), (Some(9), false));
    assert_eq!(p.username, None);
}

#[test]
fn auth_username_null_leaves_it_out() {
    let node = peer("    url: ws://p\n    authToken: t\n    authUsername: null\n");
    assert_eq!(node.router.peers[0].username, None);
}

#[test]
fn a_peer_that_we_wait_for_is_not_critical_unless_told() {
    let critical = |entry: &str| peer(entry).router.peers[0].critical;
    assert!(!critical("    authToken: t\n"));
    assert!(critical("    authToken: t\n    critical: true\n"));
}

#[test]
fn user_and_token_may_stand_in_a_url_copied_from_a_javascript_plugin() {
    let node = peer("    url: btp+ws://us%40er:pa%40ss@p:3000\n");
    let p = &node.router.peers[0];
    assert_eq!(p.endpoint.as_ref().unwrap().to_string(), "ws://p:3000");
    assert_eq!(p.username.as_deref(), Some("us@er"));
    assert_eq!(p.secret.as_ref().unwrap().as_str(), "pa@ss");
}

#[test]
fn a_url_with_a_token_but_no_user_sends_no_username() {
    let node = peer("    url: btp+ws://:token@p:3000\n");
    assert_eq!(node.router.peers[0].username, None);
    let node = peer("    url: btp+ws://:token@p:3000\n    authUsername: me\n");
    assert_eq!(node.router.peers[0].username.as_deref(), Some("me"));
}

#[test]
fn a_url_may_name_the_user_while_the_token_comes_from_elsewhere() {
    let node = peer("    url: ws://me@p:3000\n    authToken: t\n");
    let p = &node.router.peers[0];
    assert_eq!(p.username.as_deref(), Some("me"));
    assert_eq!(p.secret.as_ref().unwrap().as_str(), "t");
}

#[test]
fn a_node_with_one_parent_and_no_address_takes_it_from_there() {
    let yaml =
        "nodeId: n\npeers:\n  - id: p\n    relation: parent\n    url: ws://p\n    authToken: t\n";
    let node = build_with(yaml, &[], &[]).unwrap();
    assert!(node.router.address_from_parent);
    assert!(node.warnings.is_empty(), "an address is on its way");
    let node = build_with(&format!("{yaml}ilpAddress: test.n\n"), &[], &[]).unwrap();
    assert!(
        !node.router.address_from_parent,
        "an address that is given stays"
    );
}

#[test]
fn two_parents_are_refused() {
    let report = refused(
        "peers:\n  - {id: p, relation: parent, authToken: t}\n  - {id: q, relation: parent, authToken: t}\n",
    );
    assert_said(&report, "node.yaml:5:10", "p and q are both parents");
}

#[test]
fn two_peers_of_one_id_are_refused() {
    let report = refused("peers:\n  - {id: p, authToken: t}\n  - {id: p, authToken: t}\n");
    assert_said(&report, "node.yaml:5:10", "two peers are called p");
    assert_said(&report, "node.yaml:5:10", "the first is at node.yaml:4:10");
}

#[test]
fn ids_that_share_a_variable_are_refused_and_both_are_named() {
    let report = refused("peers:\n  - {id: a-b, authToken: t}\n  - {id: A~b, authToken: t}\n");
    assert_said(
        &report,
        "node.yaml:5:10",
        "the peers a-b and A~b would both take their secret from BTP_PEER_A_B_SECRET",
    );
}

#[test]
fn an_id_must_be_one_address_segment() {
    for id in ["a.b", "ä", "a b", &"x".repeat(65)] {
        let report = refused(&format!("peers:\n  - id: \"{id}\"\n    authToken: t\n"));
        assert_said(
            &report,
            "node.yaml:4:9",
            "expected 1 to 64 letters, digits, _ ~ or -",
        );
    }
}

#[test]
fn a_child_whose_address_would_be_too_long_is_refused() {
    let own = format!("test.{}", vec!["x".repeat(100); 10].join("."));
    let yaml = format!(
        "nodeId: n\nilpAddress: {own}\npeers:\n  - id: {}\n    relation: child\n    authToken: t\n",
        "c".repeat(20)
    );
    let report = build_with(&yaml, &[], &[]).unwrap_err().to_string();
    assert_said(&report, "node.yaml:4:9", "would be longer than 1023 bytes");
}

#[test]
fn a_variable_for_no_peer_is_a_warning() {
    let vars = [
        ("BTP_PEER_NOBODY_SECRET", "s3cret"),
        ("BTP_PEER_P_SECRT", "s3cret"),
    ];
    let yaml = format!("{HEAD}peers:\n  - {{id: p, authToken: t}}\n");
    let node = build_with(&yaml, &vars, &[]).unwrap();
    let warnings: Vec<String> = node.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2);
    assert!(
        warnings[0]
            .starts_with("environment variable BTP_PEER_NOBODY_SECRET: it belongs to no setting")
    );
    assert!(warnings[1].starts_with("environment variable BTP_PEER_P_SECRT:"));
    assert!(warnings[1].contains("(did you mean BTP_PEER_P_SECRET?)"));
}

fn warnings(yaml: &str) -> Vec<String> {
    let node = build(yaml);
    node.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_url_that_leads_to_the_node_itself_is_a_warning() {
    let url = |own: &str, url: &str| {
        warnings(&format!(
            "{own}\npeers:\n  - {{id: p, authToken: t, url: \"{url}\"}}\n"
        ))
    };
    for (own, to, setting) in [
        ("", "ws://127.0.0.1:3000", "btpServerPort"),
        ("", "wss://localhost:3000/x", "btpServerPort"),
        ("", "ws://[::1]:8080", "healthCheckPort"),
        ("", "ws://0.0.0.0:3000", "btpServerPort"),
        (
            "btpServerHost: '::1'",
            "ws://localhost:3000",
            "btpServerPort",
        ),
        (
            "btpServerHost: 10.0.0.1",
            "ws://10.0.0.1:3000",
            "btpServerPort",
        ),
    ] {
        let said = url(own, to);
        let expected = format!("peer p: url leads to this node itself ({setting})");
        assert!(
            matches!(&said[..], [one] if one.contains(&expected)),
            "{to}: {said:?}"
        );
    }
    for (own, to) in [
        ("", "ws://127.0.0.1:3001"),
        ("", "ws://b:3000"),
        ("", "ws://10.0.0.1:3000"),
        ("btpServerHost: 10.0.0.1", "ws://127.0.0.1:3000"),
        ("btpServerHost: 127.0.0.1", "ws://127.0.0.2:3000"),
        ("btpServerPort: 0", "ws://127.0.0.1:3000"),
    ] {
        assert_eq!(url(own, to), [""; 0], "{own} {to}");
    }
}

#[test]
fn a_peer_that_has_the_name_of_the_node_is_a_warning() {
    let said = warnings("peers:\n  - {id: n, authToken: t}\n");
    assert!(
        matches!(&said[..], [one] if one.starts_with("node.yaml:4:10: peer n has the nodeId of this node")),
        "{said:?}"
    );
}

#[test]
fn settings_that_leave_each_other_no_room_are_a_warning() {
    for (yaml, what) in [
        (
            "logPackets: true\nlogLevel: warn\n",
            "node.yaml:3:13: logPackets has no effect while logLevel is warn",
        ),
        (
            "maxHoldTime: 1s\nexpiryMargin: 1s\n",
            "node.yaml:4:15: expiryMargin is 1s, not less than maxHoldTime, which is 1s",
        ),
        (
            "maxInFlight: 100\nmaxInFlightPerPeer: 101\n",
            "node.yaml:4:21: maxInFlightPerPeer is 101, above the node's maxInFlight, which is 100",
        ),
        (
            "maxInFlight: 100\npeers:\n  - {id: p, authToken: t, maxInFlight: 101}\n",
            "node.yaml:5:40: peer p: maxInFlight is 101, above the node's maxInFlight, which is 100",
        ),
    ] {
        let said = warnings(yaml);
        assert!(
            matches!(&said[..], [one] if one.starts_with(what)),
            "{said:?}"
        );
    }
    assert_eq!(warnings("logPackets: true\nlogLevel: debug\n"), [""; 0]);
    assert_eq!(warnings("logPackets: false\nlogLevel: warn\n"), [""; 0]);
    let room = "maxInFlight: 100\nmaxInFlightPerPeer: 100\npeers:\n  - {id: p, authToken: t, maxInFlight: 100}\n";
    assert_eq!(warnings(room), [""; 0]);
    // nobody wrote the bound of a peer
    let small = "maxInFlight: 100\npeers:\n  - {id: p, authToken: t}\n";
    assert_eq!(warnings(small), [""; 0]);
}

#[test]
fn peers_that_are_wrong_are_not_said_to_be_missing() {
    for yaml in [
        "peers:\n  - {id: a b, authToken: t}\n",
        "peers: x\n",
        "peer: []\n",
    ] {
        let report = build_with(yaml, &[], &[]).unwrap_err().to_string();
        assert!(!report.contains("no peers are set"), "{report}");
    }
}

#[test]
fn the_name_of_a_peer_may_be_the_beginning_of_anothers() {
    let vars = [
        ("BTP_PEER_A_SECRET", "one"),
        ("BTP_PEER_A_URL_SECRET", "two"),
    ];
    let yaml = format!("{HEAD}peers:\n  - id: a\n  - id: a-url\n");
    let node = build_with(&yaml, &vars, &[]).unwrap();
    let secrets: Vec<&str> = node
        .router
        .peers
        .iter()
        .map(|p| p.secret.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(secrets, ["one", "two"]);
    assert!(node.warnings.is_empty());
}
