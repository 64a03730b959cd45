//! The short forms in `PEERS` and `ROUTES`.

use ilp_router::config::Relation;

use super::*;

fn from_env(vars: &[(&str, &str)]) -> Result<NodeConfig, String> {
    let mut all = vec![("NODE_ID", "n"), ("ILP_ADDRESS", "test.n")];
    all.extend(vars);
    let env = Environment::with("h", &all);
    load(&[], &[], &env)
        .map(|mut nodes| nodes.remove(0))
        .map_err(|problems| problems.to_string())
}

#[test]
fn a_node_is_configured_by_the_environment_alone() {
    let node = from_env(&[
        ("PEERS", "connector-c=ws://connector-c:3000, alice;relation=child;asset=XRP/6;critical=false;maxBalance=7"),
        ("ROUTES", "test.c=connector-c,=connector-c;priority=2"),
        ("BTP_PEER_CONNECTOR_C_SECRET", "one"),
        ("BTP_PEER_ALICE_SECRET", "two"),
    ])
    .unwrap();
    let [c, alice] = &node.router.peers[..] else {
        panic!("two peers")
    };
    assert_eq!(
        c.endpoint.as_ref().unwrap().to_string(),
        "ws://connector-c:3000"
    );
    assert_eq!(c.secret.as_ref().unwrap().as_str(), "one");
    assert_eq!(
        (alice.relation, &*alice.asset.code, alice.asset.scale),
        (Relation::Child, "XRP", 6)
    );
    assert_eq!(
        (alice.endpoint.is_none(), alice.max_balance),
        (true, Some(7))
    );
    let routes: Vec<(&str, u32)> = node
        .router
        .routes
        .iter()
        .map(|r| (r.prefix.as_str(), r.priority))
        .collect();
    assert_eq!(routes, [("test.c", 0), ("", 2)]);
}

#[test]
fn a_word_alone_means_true() {
    let node = from_env(&[("PEERS", "a;noAuth;critical")]).unwrap();
    assert!(node.router.peers[0].secret.is_none() && node.router.peers[0].critical);
}

#[test]
fn a_username_can_be_given_or_left_out() {
    let node = from_env(&[("PEERS", "a=ws://:t@a;username=me,b=ws://x:t@b;username=")]).unwrap();
    let names: Vec<Option<&str>> = node
        .router
        .peers
        .iter()
        .map(|p| p.username.as_deref())
        .collect();
    assert_eq!(names, [Some("me"), None]);
}

#[test]
fn peers_of_the_environment_replace_those_of_the_file() {
    let yaml = format!("{HEAD}peers:\n  - {{id: p, authToken: t}}\n");
    let node = build_with(&yaml, &[("PEERS", "q;noAuth")], &[]).unwrap();
    assert_eq!(node.router.peers[0].id.as_str(), "q");
}

#[test]
fn mistakes_are_told_with_the_entry_they_are_in() {
    let report = from_env(&[
        (
            "PEERS",
            "a;noAuth,b;noAuth;relatoin=child,c;noAuth;asset=USD,d d;noAuth",
        ),
        ("ROUTES", "test.x=a,test.y"),
    ])
    .unwrap_err();
    assert_said(
        &report,
        "environment variable PEERS, entry 2",
        "did you mean relation?",
    );
    assert_said(
        &report,
        "environment variable PEERS, entry 3",
        "asset has no scale",
    );
    assert_said(
        &report,
        "environment variable PEERS, entry 4",
        "id is \"d d\"",
    );
    assert_said(
        &report,
        "environment variable ROUTES, entry 2",
        "a route without a nextHop",
    );
    assert_eq!(report.lines().count(), 4, "{report}");
}

#[test]
fn a_setting_given_twice_is_refused() {
    let report = from_env(&[("PEERS", "a;noAuth;relation=child;relation=parent")]).unwrap_err();
    assert_said(
        &report,
        "environment variable PEERS, entry 1",
        "\"relation\" is given twice",
    );
    assert_eq!(report.lines().count(), 1, "{report}");
}

#[test]
fn a_token_that_is_cut_by_a_separator_is_not_shown() {
    for peers in ["a=ws://u:S3C,S3C@h:1", "a=ws://u:S3C;S3C@h:1"] {
        let report = from_env(&[("PEERS", peers), ("BTP_PEER_A_SECRET", "x")]).unwrap_err();
        assert_said(
            &report,
            "environment variable PEERS, entry ",
            "write %2C for , and %3B for ;",
        );
        assert!(!report.contains("S3C"), "{report}");
    }
    let node = from_env(&[("PEERS", "a=ws://h:1;authToken=x@y;username=me@h")]).unwrap();
    assert_eq!(node.router.peers[0].username.as_deref(), Some("me@h"));
}

#[test]
fn the_short_form_is_not_for_files() {
    let report = refused("peers: a=ws://a\nroutes: {test: a}\n");
    assert_said(
        &report,
        "node.yaml:3:8",
        "peers is a single value, not a list",
    );
    assert_said(&report, "node.yaml:4:9", "routes is a mapping, not a list");
}

#[test]
fn a_short_route_without_a_peer_is_told_the_short_form() {
    let report = build_with(HEAD, &[("ROUTES", "test.c")], &[]).unwrap_err();
    assert_said(
        &report.to_string(),
        "environment variable ROUTES, entry 1: a route without a nextHop",
        "write PREFIX=PEER",
    );
}
