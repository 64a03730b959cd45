//! What is wrong with a file, all of it, and where.

use super::*;

#[test]
fn every_problem_is_found_at_once_in_the_order_of_the_file() {
    let report = refused(
        "btpServerPort: 70000\nlogLevel: loud\nmaxHoldTime: 10\nhealthCheckPort: [1]\nretryJitter: 101\n\
         peers:\n  - id: p\n  - {id: q, authToken: t, relation: chidl}\nroutes:\n  - {prefix: test.x, nextHop: r}\n",
    );
    let places: Vec<&str> = report
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "node.yaml:3:16",
            "node.yaml:4:11",
            "node.yaml:5:14",
            "node.yaml:6:18",
            "node.yaml:7:14",
            "node.yaml:9:5",
            "node.yaml:10:37",
            "node.yaml:12:31"
        ]
    );
}

#[test]
fn unknown_keys_are_refused_and_near_misses_are_suggested() {
    for (key, meant) in [
        ("node_id", "nodeId"),
        ("NodeID", "nodeId"),
        ("btpServerProt", "btpServerPort"),
        ("healthPort", "healthCheckPort"),
        ("route", "routes"),
        ("max-hold-time", "maxHoldTime"),
    ] {
        let report = build_with(&format!("{key}: 1\n"), &[], &[])
            .unwrap_err()
            .to_string();
        assert_said(
            &report,
            "node.yaml:1:1: unknown key",
            &format!("did you mean {meant}?"),
        );
    }
}

#[test]
fn a_key_that_is_like_none_gets_no_suggestion() {
    let report = refused("heartbeat_interval_seconds: 60\n");
    assert_said(
        &report,
        "node.yaml:3:1",
        "unknown key \"heartbeat_interval_seconds\": remove it",
    );
    assert!(!report.contains("did you mean"), "{report}");
}

#[test]
fn unknown_keys_of_peers_and_routes_list_those_that_there_are() {
    let report = refused(
        "peers:\n  - {id: p, authToken: t, zzz: 1}\nroutes:\n  - {prefix: g, nextHop: p, zzz: 1}\n",
    );
    assert_said(
        &report,
        "node.yaml:4:27",
        "the keys here are id, url, authToken",
    );
    assert_said(
        &report,
        "node.yaml:6:29",
        "the keys here are prefix, nextHop, priority",
    );
}

#[test]
fn a_key_of_another_connector_is_read_past_with_a_warning() {
    let node = build("dashboardTelemetryUrl: ws://dashboard:9000\n");
    assert_eq!(node.warnings.len(), 1);
    assert_eq!(
        node.warnings[0].to_string(),
        "node.yaml:3:1: dashboardTelemetryUrl is not used: remove it, it has no effect"
    );
}

#[test]
fn a_key_without_a_value_is_refused() {
    let report = refused("btpServerPort:\nlogLevel: ~\n");
    assert_said(&report, "node.yaml:3:", "btpServerPort has no value");
    assert_said(&report, "node.yaml:4:11", "logLevel has no value");
}

#[test]
fn lists_may_be_empty() {
    let node = build("peers:\nroutes: []\n");
    assert!(node.router.peers.is_empty() && node.router.routes.is_empty());
}

#[test]
fn a_file_that_is_no_mapping_is_refused() {
    let report = build_with("- a\n- b\n", &[], &[]).unwrap_err().to_string();
    assert_said(
        &report,
        "node.yaml:1:1",
        "expected keys and values, found a list",
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for (yaml, why) in [
        (
            "btpServerPort: 8080\n",
            "btpServerPort and healthCheckPort are both 8080",
        ),
        (
            "retryInitialDelay: 20s\n",
            "retryInitialDelay is 20s, more than retryMaxDelay",
        ),
        (
            "maxSendBuffer: 64KiB\nmaxMessage: 128KiB\n",
            "maxSendBuffer is 64KiB, less than one message",
        ),
        (
            "maxMessage: 8MiB\nmaxSendBuffer: 8MiB\n",
            "maxAnswerBuffer is 4MiB, less than one message",
        ),
    ] {
        let report = refused(yaml);
        assert_said(&report, "node.yaml:", why);
        assert_eq!(report.lines().count(), 1, "{report}");
    }
}

#[test]
fn the_same_port_on_two_addresses_is_no_contradiction() {
    build("btpServerPort: 8080\nbtpServerHost: 127.0.0.1\nhealthCheckHost: 127.0.0.2\n");
    build("btpServerPort: 0\nhealthCheckPort: 0\n");
}

#[test]
fn a_message_limit_below_legal_frames_is_a_warning() {
    let node = build("maxMessage: 32KiB\n");
    assert!(node.warnings[0].what.contains("maxMessage is 32KiB"));
}

#[test]
fn a_name_with_control_characters_is_printed_without_them() {
    let mut env = Environment::with("the-host", &[]);
    env.set_for_test("BTP_PEER_\u{1b}[2J_SECRET", "s".into());
    let nodes = load(&[], &[], &env).unwrap();
    let warning = nodes[0]
        .warnings
        .iter()
        .find(|warning| warning.to_string().contains("BTP_PEER_"))
        .unwrap()
        .to_string();
    assert!(warning.contains("BTP_PEER_\\u{1b}[2J_SECRET"), "{warning}");
    assert!(!warning.contains(char::is_control), "{warning}");
}

#[test]
fn the_name_of_a_file_is_printed_without_control_characters() {
    let report = refused("caFile: \"no\\e[2Jsuch\"\n");
    assert_said(&report, "node.yaml:3:9", "no\\u{1b}[2Jsuch");
    assert!(!report.contains(char::is_control), "{report:?}");
}
