//! `examples/monitoring` against a running node: what its alerts and its dashboard ask for is there.
#![allow(clippy::unwrap_used)]

#[path = "../../../conformance/tests/conformance/suite/tls/certs.rs"]
#[allow(dead_code, unreachable_pub)] // what the tests of the runtimes need besides
mod certs;
#[path = "../run/client.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod client;
#[path = "../run/process.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod process;
mod promql;
mod scrape;
#[path = "../tools/tool.rs"]
#[allow(dead_code)] // what the tests of the tools need besides
mod tool;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use certs::{Authority, Dir, localhost};
use client::get;
use process::{Process, Settings, secret_of};
use promql::Query;
use scrape::Exposed;
use tool::{Tool, run};

fn example(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/monitoring");
    fs::read_to_string(directory.join(name)).unwrap()
}

/// What a node with TLS says of itself after packets between its two children.
fn exposed() -> Exposed {
    let child = |id: &str| {
        format!(
            "{{id: {id}, relation: child, authToken: {}}}",
            secret_of(id)
        )
    };
    let (dir, authority) = (Dir::new(), Authority::new("ours"));
    let ca_file = authority.write(&dir, "ca.pem");
    let files = authority.sign(&localhost()).write(&dir, "server");
    let node = Settings::new("a")
        .peers(&[child("alice"), child("bob")])
        .set("certFile", files.cert_file.to_str().unwrap())
        .set("keyFile", files.key_file.to_str().unwrap());
    let node = Process::run(&[node]);
    let (btp, http) = node.listens("a");
    let account = |user: &str| format!("wss://{user}:{}@{btp}", secret_of(user));
    let trusting = ["--ca-file", ca_file.to_str().unwrap()];
    let arguments = ["receive", "--via", &account("bob"), "--key", "k"];
    let mut bob = Tool::spawn(&[&arguments[..], &trusting].concat());
    bob.wait_for("receiving at test.a.bob");
    let via = account("alice");
    let to = ["--to", "test.a.bob", "--key", "k", "--count", "5"];
    let sent = run(&[&["send", "--via", &via], &to[..], &trusting].concat());
    assert_eq!(sent.code, Some(0), "{}", sent.err);
    Exposed::parse(&get(http, "/metrics").body)
}

/// All alerts, each with its expression.
fn alerts() -> Vec<(Json, String)> {
    let rules: Json = serde_saphyr::from_str(&example("alerts.yml")).unwrap();
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap().clone());
    let with_expression = |rule: Json| {
        let expression = rule["expr"].as_str().unwrap().to_owned();
        (rule, expression)
    };
    rules.map(with_expression).collect()
}

/// What stands between `before` and the next character that no name has.
fn names(text: &str, before: &str) -> Vec<String> {
    let name = |rest: &str| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    text.split(before)
        .skip(1)
        .map(|rest| name(rest.trim_start()))
        .collect()
}

#[test]
fn alerts_ask_for_what_a_node_exposes() {
    let exposed = exposed();
    let alerts = alerts();
    assert!(alerts.len() >= 12, "{}", alerts.len());
    for (rule, expression) in alerts {
        let query = Query::parse(&expression).unwrap_or_else(|error| panic!("{error} in {rule}"));
        query
            .check(&exposed)
            .unwrap_or_else(|error| panic!("{error} in {rule}"));
        // a label that is not there would be shown as nothing
        for text in rule["annotations"].as_object().unwrap().values() {
            for label in names(text.as_str().unwrap(), "$labels.") {
                assert!(query.labels(&exposed).contains(&label), "{label} in {rule}");
            }
        }
        let severity = rule["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("critical" | "warning")), "{rule}");
    }
}

#[test]
fn the_dashboard_asks_for_what_a_node_exposes() {
    let exposed = exposed();
    let dashboard: Json = serde_json::from_str(&example("dashboard.json")).unwrap();
    let mut seen = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let query =
                Query::parse(expression).unwrap_or_else(|error| panic!("{error} in {expression}"));
            query
                .check(&exposed)
                .unwrap_or_else(|error| panic!("{error} in {expression}"));
            for label in names(target["legendFormat"].as_str().unwrap(), "{{") {
                assert!(
                    query.labels(&exposed).contains(&label),
                    "{label} in {target}"
                );
            }
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        let Some(definition) = variable["definition"].as_str() else {
            continue;
        };
        let inside = definition
            .strip_prefix("label_values(")
            .and_then(|text| text.strip_suffix(')'));
        let (metric, label) = inside.unwrap().split_once(", ").unwrap();
        assert!(
            exposed.labels(metric).unwrap().contains(label),
            "{definition}"
        );
    }
}

#[test]
fn every_number_that_tells_of_trouble_has_an_alert() {
    let watched: BTreeSet<String> = alerts()
        .iter()
        .flat_map(|(_, expression)| Query::parse(expression).unwrap().metrics())
        .collect();
    for metric in [
        "up",
        "ilp_healthy",
        "process_start_time_seconds",
        "ilp_link_up",
        "ilp_dial_attempts",
        "ilp_auth_failures_total",
        "ilp_tls_certificate_not_after_timestamp_seconds",
        "ilp_connections_denied_total",
        "ilp_unreadable_frames_total",
        "ilp_dropped_fulfills_total",
        "ilp_packets_total",
        "ilp_own_rejects_total",
        "ilp_in_flight_packets",
        "ilp_peer_in_flight_packets",
        "ilp_answer_bytes",
        "ilp_hop_seconds_bucket",
        "ilp_log_lines_dropped_total",
        "ilp_events_dropped_total",
    ] {
        assert!(watched.contains(metric), "{metric}");
    }
}

#[test]
fn prometheus_is_told_of_the_nodes_of_the_compose_file() {
    let config: Json = serde_saphyr::from_str(&example("prometheus.yml")).unwrap();
    let job = &config["scrape_configs"][0];
    assert_eq!(job["job_name"], scrape::JOB);
    let targets = job["static_configs"][0]["targets"].as_array().unwrap();
    let compose = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker-compose.yml");
    let compose: Json = serde_saphyr::from_str(&fs::read_to_string(compose).unwrap()).unwrap();
    let services = compose["services"].as_object().unwrap().keys();
    let nodes = services.filter(|name| name.starts_with("connector-"));
    let nodes: Vec<String> = nodes.map(|name| format!("{name}:8080")).collect();
    assert_eq!(
        targets
            .iter()
            .map(|target| target.as_str().unwrap())
            .collect::<Vec<_>>(),
        nodes
    );
}

#[test]
fn what_is_misspelt_is_found() {
    let exposed = exposed();
    let check = |text: &str| Query::parse(text).and_then(|query| query.check(&exposed));
    for good in [
        "ilp_link_up == 0",
        r#"up{job="ilp-connector"} == 0"#,
        r#"sum by (peer) (rate(ilp_packets_total{direction="in", outcome=~"rejected|fulfilled"}[5m])) > 1e3"#,
        "histogram_quantile(0.99, sum(rate(ilp_hop_seconds_bucket[5m])) by (le))",
        "ilp_link_up * on (instance) group_left (node) ilp_build_info # all of them",
        r#"ilp_link_up{instance=~"$instance"} and ilp_peer_critical"#,
        r#"{__name__="ilp_link_up"}"#,
    ] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for (bad, what) in [
        ("ilp_link_upp == 0", "ilp_link_upp"),
        ("ilp_link == 0", "ilp_link"),
        ("ilp_packets > 0", "ilp_packets"),
        ("ilp_hop_seconds > 0", "ilp_hop_seconds"),
        (r#"ilp_link_up{pear="b"}"#, "pear"),
        (r#"ilp_packets_total{outcome="lost"}"#, "lost"),
        (
            r#"ilp_packets_total{direction="in",outcome="expired"}"#,
            "expired",
        ),
        (r#"ilp_packets_total{outcome=~"rejected|lost"}"#, "lost"),
        ("sum by (pear) (ilp_link_up)", "pear"),
        ("summ(ilp_link_up)", "summ"),
        (r#"up{job="other"}"#, "other"),
        (r#"ilp_link_up{peer="b}"#, "string"),
    ] {
        let error = check(bad).unwrap_err();
        assert!(error.contains(what), "{bad}: {error}, not {what}");
    }
}
