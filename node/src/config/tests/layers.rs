//! Which of several values for one key wins.

use super::*;

#[test]
fn a_node_without_settings_takes_the_host_name_and_says_so() {
    let node = build_with("", &[], &[]).unwrap();
    assert_eq!(node.router.node_id, "the-host");
    assert_eq!(node.router.address.as_str(), "test.the-host");
    assert_eq!(node.listen.to_string(), "0.0.0.0:3000");
    assert_eq!(node.health_listen.to_string(), "0.0.0.0:8080");
    let warnings: Vec<&str> = node.warnings.iter().map(|w| w.what.as_str()).collect();
    assert_eq!(
        warnings,
        [
            "nodeId is not set, the host name the-host is used",
            "ilpAddress is not set, test.the-host is used",
            "no peers are set, so nobody can connect",
        ]
    );
}

#[test]
fn a_host_name_becomes_one_address_segment() {
    let id = |host: &str| {
        let env = Environment::with(host, &[]);
        load(&[], &[], &env).unwrap()[0].router.node_id.clone()
    };
    assert_eq!(id("node1.example.org"), "node1-example-org");
    assert_eq!(id("bücher"), "b-cher");
    assert_eq!(id(""), "connector");
    assert_eq!(id(&"x".repeat(80)).len(), 64);
}

#[test]
fn the_port_is_3000_by_default() {
    assert_eq!(build("").listen.port(), 3000);
}

#[test]
fn the_port_can_be_set_in_the_file() {
    assert_eq!(build("btpServerPort: 3001\n").listen.port(), 3001);
}

#[test]
fn the_port_of_the_environment_beats_that_of_the_file() {
    let node = build_with("btpServerPort: 3001", &[("BTP_SERVER_PORT", "3002")], &[]).unwrap();
    assert_eq!(node.listen.port(), 3002);
}

#[test]
fn the_port_of_a_flag_beats_all_others() {
    let vars = [("BTP_SERVER_PORT", "3002")];
    let flags = [("btpServerPort", "3003")];
    let node = build_with("btpServerPort: 3001", &vars, &flags).unwrap();
    assert_eq!(node.listen.port(), 3003);
}

#[test]
fn port_zero_asks_for_a_free_one_at_both_servers() {
    let node = build("btpServerPort: 0\nhealthCheckPort: 0\n");
    assert_eq!((node.listen.port(), node.health_listen.port()), (0, 0));
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let vars = [
        ("BTP_SERVER_PORT", ""),
        ("NODE_ID", ""),
        ("PEERS", ""),
        ("LOG_LEVEL", ""),
    ];
    let node = build_with("nodeId: n\nbtpServerPort: 3001", &vars, &[]).unwrap();
    assert_eq!(
        (node.router.node_id.as_str(), node.listen.port()),
        ("n", 3001)
    );
}

#[test]
fn every_scalar_of_a_node_can_come_from_the_environment() {
    let vars = [
        ("NODE_ID", "e"),
        ("ILP_ADDRESS", "example.e"),
        ("BTP_SERVER_HOST", "::1"),
        ("HEALTH_CHECK_HOST", "localhost"),
        ("HEALTH_CHECK_PORT", "9090"),
        ("LOG_LEVEL", "debug"),
        ("LOG_FORMAT", "text"),
        ("LOG_PACKETS", "true"),
        ("THREADS", "3"),
        ("MAX_HOLD_TIME", "10s"),
        ("MAX_MESSAGE", "128KiB"),
        ("IN_FLIGHT_ON_DISCONNECT", "reject"),
        ("RETRY_ATTEMPTS", "7"),
    ];
    let node = build_with("", &vars, &[]).unwrap();
    assert_eq!(node.router.node_id, "e");
    assert_eq!(node.router.address.as_str(), "example.e");
    assert_eq!(node.listen.to_string(), "[::1]:3000");
    assert_eq!(node.health_listen.to_string(), "127.0.0.1:9090");
    assert_eq!(node.log_level, LevelFilter::Debug);
    assert_eq!(node.log_format, LogFormat::Text);
    assert!(node.log_packets);
    assert_eq!(node.threads, Some(3));
    assert_eq!(node.router.timeouts.max_hold.as_secs(), 10);
    assert_eq!(node.router.limits.max_message, 128 << 10);
    assert_eq!(
        node.router.on_disconnect,
        ilp_router::config::OnDisconnect::Reject
    );
    assert_eq!(node.router.retry.tries, 7);
    assert!(node.warnings.is_empty());
}

#[test]
fn a_bad_variable_is_named_in_the_error() {
    let report = build_with(HEAD, &[("BTP_SERVER_PORT", "http")], &[])
        .unwrap_err()
        .to_string();
    assert_eq!(
        report,
        "environment variable BTP_SERVER_PORT: btpServerPort is \"http\": \
         expected a whole number from 0 to 65535"
    );
}

#[test]
fn a_bad_flag_is_named_in_the_error() {
    let report = build_with(HEAD, &[], &[("btpServerPrt", "1")])
        .unwrap_err()
        .to_string();
    assert_said(
        &report,
        "flag --set: unknown key",
        "did you mean btpServerPort?",
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut env = Environment::with("h", &[]);
    env.set_for_test("NODE_ID", std::ffi::OsString::from_vec(vec![0xff]));
    let report = load(&[], &[], &env).unwrap_err().to_string();
    assert_said(&report, "environment variable NODE_ID", "is not UTF-8");
}
