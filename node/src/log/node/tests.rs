use std::collections::BTreeSet;

use ilp_proto::Timestamp;
use log::LevelFilter;
use serde_json::{Value as Json, json};

use super::*;
use crate::log::NodeLog;
use crate::log::format::{self, Defaults, Format};

/// The line of an event, without what is the same in all.
fn line(event: &NodeEvent<'_>) -> Json {
    let log = NodeLog::new("a", LevelFilter::Trace, true);
    let mut lines = Vec::new();
    event.describe(&mut |line| {
        log.record(&line, |record| {
            let mut text = Vec::new();
            let defaults = Defaults {
                node_id: None,
                now: Timestamp::default(),
            };
            format::write(&mut text, Format::Json, record, defaults);
            lines.push(serde_json::from_slice::<Json>(&text).unwrap());
        });
    });
    let [mut line] = <[Json; 1]>::try_from(lines).unwrap();
    let object = line.as_object_mut().unwrap();
    assert_eq!(object.remove("nodeId"), Some(json!("a")));
    assert_eq!(object.remove("time"), Some(json!(0)));
    let msg = object.remove("msg").unwrap();
    assert!(!msg.as_str().unwrap().is_empty());
    line
}

/// Every event, with the line it becomes.
#[rustfmt::skip] // a table
fn table() -> Vec<(&'static str, NodeEvent<'static>, Json)> {
    let address = SocketAddr::from(([127, 0, 0, 1], 3000));
    let second = Duration::from_secs(1);
    vec![
        ("ConfigWarning", NodeEvent::ConfigWarning("nodeId is not set"), json!({"level": "warn", "component": "node", "event": "config_warning"})),
        ("Starting", NodeEvent::Starting { peers: 2, routes: 3 }, json!({"level": "info", "component": "node", "event": "connector_starting", "version": env!("CARGO_PKG_VERSION"), "peersCount": 2, "routesCount": 3})),
        (
            "ListenFailed", NodeEvent::ListenFailed { setting: "btpServerPort, the default", address, error: &"in use", fix: "stop the other" },
            json!({"level": "error", "component": "node", "event": "listen_failed", "setting": "btpServerPort, the default", "address": "127.0.0.1:3000", "error": "in use", "fix": "stop the other"}),
        ),
        ("StartFailed", NodeEvent::StartFailed { error: &"no threads" }, json!({"level": "error", "component": "node", "event": "start_failed", "error": "no threads"})),
        ("TlsReloaded", NodeEvent::TlsReloaded { role: &"server" }, json!({"level": "info", "component": "node", "event": "tls_reloaded", "role": "server"})),
        ("TlsReloadFailed", NodeEvent::TlsReloadFailed { role: &"client", error: &"ca.pem: is no PEM file" }, json!({"level": "error", "component": "node", "event": "tls_reload_failed", "role": "client", "error": "ca.pem: is no PEM file"})),
        ("TlsWarning", NodeEvent::TlsWarning(&"cert.pem: the certificate has expired"), json!({"level": "warn", "component": "node", "event": "tls_warning"})),
        ("Listening", NodeEvent::Listening { btp: address, tls: true, health: address }, json!({"level": "info", "component": "node", "event": "connector_listening", "btpAddress": "127.0.0.1:3000", "tls": true, "healthAddress": "127.0.0.1:3000"})),
        ("Ready", NodeEvent::Ready { connected: 2 }, json!({"level": "info", "component": "node", "event": "connector_ready", "connectedPeers": 2})),
        ("Health", NodeEvent::Health { from: "healthy", to: "unhealthy", down: &"b", reason: Some("b is gone") }, json!({"level": "warn", "component": "node", "event": "health_changed", "from": "healthy", "status": "unhealthy", "criticalPeersDown": "b", "reason": "b is gone"})),
        ("Health", NodeEvent::Health { from: "unhealthy", to: "healthy", down: &"", reason: None }, json!({"level": "info", "component": "node", "event": "health_changed", "from": "unhealthy", "status": "healthy", "criticalPeersDown": "", "reason": null})),
        ("Signal", NodeEvent::Signal { name: "SIGTERM" }, json!({"level": "info", "component": "node", "event": "shutdown_requested", "signal": "SIGTERM"})),
        ("Killed", NodeEvent::Killed { name: "SIGINT", in_flight: Some(3) }, json!({"level": "warn", "component": "node", "event": "shutdown_forced", "signal": "SIGINT", "inFlight": 3})),
        ("Killed", NodeEvent::Killed { name: "SIGINT", in_flight: None }, json!({"level": "warn", "component": "node", "event": "shutdown_forced", "signal": "SIGINT", "inFlight": null})),
        (
            "Balance", NodeEvent::Balance { peer: "b", balance: -7, asset_code: "USD", asset_scale: 9 },
            json!({"level": "info", "component": "node", "event": "account_balance", "peerId": "b", "balance": "-7", "assetCode": "USD", "assetScale": 9}),
        ),
        ("Stopped", NodeEvent::Stopped { drained: 3, unanswered: 0, uptime: 9 }, json!({"level": "info", "component": "node", "event": "connector_stopped", "drained": 3, "unanswered": 0, "uptime": 9})),
        ("Stopped", NodeEvent::Stopped { drained: 0, unanswered: 1, uptime: 9 }, json!({"level": "warn", "component": "node", "event": "connector_stopped", "drained": 0, "unanswered": 1, "uptime": 9})),
        ("StopOverdue", NodeEvent::StopOverdue { waited: second }, json!({"level": "error", "component": "node", "event": "stop_overdue", "waitedMs": 1000})),
        ("Request", NodeEvent::Request { method: "GET", path: "/health", status: 200, remote: address }, json!({"level": "debug", "component": "http", "event": "http_request", "method": "GET", "path": "/health", "status": 200, "remoteAddress": "127.0.0.1:3000"})),
        ("HttpAcceptFailed", NodeEvent::HttpAcceptFailed { error: &"too many" }, json!({"level": "warn", "component": "http", "event": "http_accept_failed", "error": "too many"})),
        ("AcceptFailed", NodeEvent::AcceptFailed { error: &"too many", retry: second }, json!({"level": "error", "component": "btp-server", "event": "btp_accept_failed", "error": "too many", "retryMs": 1000})),
        ("LinkPanicked", NodeEvent::LinkPanicked, json!({"level": "error", "component": "node", "event": "link_panicked"})),
        ("Fatal", NodeEvent::Fatal, json!({"level": "error", "component": "node", "event": "fatal"})),
        ("LogDropped", NodeEvent::LogDropped(Dropped { ordinary: 1, severe: 2, unwritable: 3 }), json!({"level": "warn", "component": "node", "event": "log_dropped", "debugAndInfo": 1, "warnAndError": 2, "unwritable": 3})),
        ("Panic", NodeEvent::Panic { thread: "main", place: &"a.rs:1:2", message: "no", trace: "" }, json!({"level": "error", "component": "node", "event": "panic", "thread": "main", "place": "a.rs:1:2", "backtrace": ""})),
    ]
}

#[test]
fn every_event_becomes_the_line_that_the_table_says() {
    for (name, event, expected) in table() {
        assert_eq!(line(&event), expected, "{name}");
    }
}

#[test]
fn no_event_is_forgotten_here() {
    let source = include_str!("../node.rs");
    let body = source.split_once("enum NodeEvent<'a> {").unwrap().1;
    let body = body.split_once("\n}").unwrap().0;
    let declared: BTreeSet<String> = body
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| {
            line.chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect()
        })
        .collect();
    let tested: BTreeSet<String> = table()
        .iter()
        .map(|(name, ..)| (*name).to_owned())
        .collect();
    assert_eq!(tested, declared);
}

#[test]
fn a_forced_stop_says_what_it_costs() {
    let mut said = String::new();
    let killed = NodeEvent::Killed {
        name: "SIGINT",
        in_flight: Some(3),
    };
    killed.describe(&mut |line| said = line.msg.to_string());
    assert_eq!(said, "SIGINT again: packets in flight get no answer: 3");
}
