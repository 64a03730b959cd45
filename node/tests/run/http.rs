//! The health port of a running node.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::client::{Answer, connect, get, get_until, request};
use crate::link::Link;
use crate::process::{Process, Settings, dials, free_address, waits_for};

#[test]
fn health_follows_a_critical_peer_up_and_down() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut node =
        Process::run(&[Settings::new("a").peers(&[dials("b", listener.local_addr().unwrap())])]);
    let http = node.listens("a").1;

    let answer = get(http, "/health");
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (503, &"starting".into())
    );
    assert_eq!(
        get(http, "/ready").status,
        200,
        "it takes packets whatever its peers do"
    );
    assert_eq!(get(http, "/live").status, 200);

    let link = Link::accept(&listener);
    node.wait_for("connector_ready");
    let answer = get(http, "/health");
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (200, &"healthy".into())
    );
    assert_eq!(answer.json()["peersConnected"], 1);

    drop(link);
    drop(listener);
    node.wait_for("health_changed");
    let answer = get(http, "/health");
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (503, &"unhealthy".into())
    );
    assert_eq!(answer.json()["criticalPeersDown"], serde_json::json!(["b"]));
    assert_eq!(get(http, "/ready").status, 200);
}

#[test]
fn a_peer_that_is_not_critical_does_not_make_a_node_unhealthy() {
    let dead = free_address();
    let peer = dials("b", dead).replace('}', ", critical: false}");
    let node = Process::run(&[Settings::new("a").peers(&[peer, waits_for("c")])]);
    assert_eq!(get(node.listens("a").1, "/health").status, 200);
}

/// Name and labels of a sample, and its value.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    let mut samples = BTreeMap::new();
    let mut lines = text.lines();
    for line in lines.by_ref() {
        if line == "# EOF" {
            break;
        }
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').unwrap();
            assert!(types.insert(name, kind).is_none(), "declared twice: {line}");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            if let Some(labels) = series
                .strip_prefix(name)
                .filter(|labels| !labels.is_empty())
            {
                let labels = labels.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
                for label in labels.split(',') {
                    let (key, value) = label.split_once('=').unwrap();
                    assert!(key.chars().all(|c| c.is_ascii_lowercase()), "{line}");
                    assert!(
                        value.len() >= 2 && value.starts_with('"') && value.ends_with('"'),
                        "{line}"
                    );
                }
            }
            let declared = types.iter().any(|(family, kind)| {
                let suffixes: &[&str] = match *kind {
                    "counter" => &["_total"],
                    "gauge" => &[""],
                    "info" => &["_info"],
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => panic!("{kind}"),
                };
                suffixes
                    .iter()
                    .any(|suffix| name.strip_suffix(suffix) == Some(*family))
            });
            assert!(declared, "not declared: {line}");
            assert!(
                samples
                    .insert(series.to_owned(), value.parse().unwrap())
                    .is_none(),
                "twice: {line}"
            );
        }
    }
    assert_eq!(lines.next(), None, "nothing follows # EOF");
    samples
}

/// A node with alice at one side and bob at the other.
fn between_alice_and_bob() -> (Process, Link, Link) {
    let node = Process::run(&[Settings::new("a")
        .peers(&[waits_for("alice"), waits_for("bob")])
        .route("test.bob", "bob")]);
    let btp = node.listens("a").0;
    let (alice, bob) = (Link::dial(btp, "alice"), Link::dial(btp, "bob"));
    (node, alice, bob)
}

/// The metrics as Prometheus asks for them.
fn open_metrics(http: SocketAddr) -> Answer {
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1";
    request(
        http,
        &format!("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{accept}\r\n\r\n"),
    )
}

#[test]
fn who_does_not_ask_for_open_metrics_gets_the_format_that_everything_reads() {
    let node = Process::run(&[Settings::new("a").peers(&[waits_for("b")])]);
    let answer = get(node.listens("a").1, "/metrics");
    assert!(
        answer
            .head
            .contains("content-type: text/plain; version=0.0.4"),
        "{}",
        answer.head
    );
    assert!(
        answer
            .body
            .contains("\n# TYPE ilp_prepares_total counter\n")
    );
    assert!(answer.body.contains("\n# TYPE ilp_build_info gauge\n"));
    assert!(!answer.body.contains("# EOF"));
}

#[test]
fn metrics_are_well_formed_and_count_packets() {
    let (node, mut alice, mut bob) = between_alice_and_bob();
    for _ in 0..3 {
        alice.prepare("test.bob", 7, Duration::from_secs(30));
        bob.fulfill();
        assert_eq!(alice.outcome(), "fulfilled");
    }
    alice.prepare("test.nowhere", 1, Duration::from_secs(30));
    assert_eq!(alice.outcome(), "F02");

    let answer = open_metrics(node.listens("a").1);
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{}",
        answer.head
    );
    let samples = samples(&answer.body);
    for (series, value) in [
        (r#"ilp_prepares_total{peer="alice",direction="in"}"#, 4.0),
        (r#"ilp_prepares_total{peer="bob",direction="out"}"#, 3.0),
        (
            r#"ilp_packets_total{peer="alice",direction="in",outcome="fulfilled"}"#,
            3.0,
        ),
        (
            r#"ilp_packets_total{peer="alice",direction="in",outcome="rejected"}"#,
            1.0,
        ),
        (
            r#"ilp_packets_total{peer="bob",direction="out",outcome="fulfilled"}"#,
            3.0,
        ),
        (r#"ilp_own_rejects_total{code="F02"}"#, 1.0),
        (r#"ilp_link_up{peer="bob"}"#, 1.0),
        (r#"ilp_account_balance{peer="alice"}"#, 21.0),
        (r#"ilp_account_balance{peer="bob"}"#, -21.0),
        ("ilp_hop_seconds_count", 3.0),
        ("ilp_in_flight_packets", 0.0),
        ("ilp_healthy", 1.0),
    ] {
        assert_eq!(
            samples.get(series),
            Some(&value),
            "{series} in {}",
            answer.body
        );
    }
}

#[test]
fn peers_and_routes_show_what_is() {
    let (node, mut alice, mut bob) = between_alice_and_bob();
    alice.prepare("test.bob.shop", 7, Duration::from_secs(30));
    bob.fulfill();
    assert_eq!(alice.outcome(), "fulfilled");
    let http = node.listens("a").1;
    let body = get(http, "/peers").json();
    let alice = &body["peers"][0];
    assert_eq!(
        (&alice["id"], &alice["state"]),
        (&"alice".into(), &"connected".into())
    );
    assert_eq!(alice["direction"], "accepted");
    assert_eq!(alice["account"]["balance"], "7");
    assert_eq!(alice["counters"]["fulfillsOut"], 1);
    assert!(alice["lastSeenMsAgo"].is_u64());
    assert_eq!(get(http, "/routes").json()["routes"][0]["up"], true);
    let way = get(http, "/routes?for=test.bob.shop").json();
    assert_eq!(
        (&way["matched"], &way["nextHop"]),
        (&"test.bob".into(), &"bob".into())
    );
}

#[test]
fn a_peer_was_last_seen_when_its_last_packet_came() {
    let (node, mut alice, mut bob) = between_alice_and_bob();
    let http = node.listens("a").1;
    let seen = |body: &Json| body["peers"][0]["lastSeenMsAgo"].as_u64().unwrap();
    let silent = get_until(http, "/health", |answer| seen(&answer.json()) >= 20);
    let began = Instant::now();
    alice.prepare("test.bob", 7, Duration::from_secs(30));
    bob.fulfill();
    assert_eq!(alice.outcome(), "fulfilled");
    let body = get(http, "/health").json();
    let took = u64::try_from(began.elapsed().as_millis()).unwrap();
    assert!(
        seen(&body) <= took,
        "{} ms ago, in {took} ms, before {}",
        seen(&body),
        silent.body
    );
}

#[test]
fn what_cannot_be_answered_gets_a_clear_status() {
    let node = Process::run(&[Settings::new("a")]);
    let http = node.listens("a").1;
    let answer = get(http, "/nothing");
    assert_eq!(answer.status, 404);
    assert!(
        answer.json()["paths"]
            .as_array()
            .unwrap()
            .contains(&"/health".into())
    );

    let answer = request(
        http,
        "POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
    );
    assert_eq!(answer.status, 405);
    assert!(answer.head.contains("allow: get, head"), "{}", answer.head);

    let answer = request(
        http,
        "HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert!(answer.head.contains("content-length: "), "{}", answer.head);

    let long = "x".repeat(10_000);
    let answer = request(
        http,
        &format!("GET /health HTTP/1.1\r\nHost: {long}\r\n\r\n"),
    );
    assert_eq!(answer.status, 431);

    assert_eq!(request(http, "rubbish\r\n\r\n").status, 400);
    assert_eq!(get(http, "/health").status, 200, "none of that did harm");
}

/// Reads until the other side closes.
fn is_closed(mut stream: std::net::TcpStream) -> bool {
    matches!(stream.read(&mut [0; 64]), Ok(0))
}

#[test]
fn a_client_that_never_asks_is_sent_away() {
    let node = Process::run(&[Settings::new("a")]);
    let http: SocketAddr = node.listens("a").1;
    let mut slow = connect(http);
    slow.write_all(b"GET /health HTTP/1.1\r\n").unwrap();
    let silent = connect(http);
    assert!(is_closed(slow) && is_closed(silent));
}

#[test]
fn connections_are_limited_and_free_again() {
    let node = Process::run(&[Settings::new("a")]);
    let http = node.listens("a").1;
    let mut held: Vec<_> = (0..64)
        .map(|_| {
            let mut stream = connect(http);
            // Answered, so accepted; and kept alive.
            stream
                .write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
                .unwrap();
            assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
            stream
        })
        .collect();
    assert!(is_closed(connect(http)), "the 65th");
    held.pop();
    held.pop();
    // The node needs a moment to see that they are gone.
    let deadline = Instant::now() + crate::process::PATIENCE;
    loop {
        let mut stream = connect(http);
        let _ = stream.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n");
        if stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {
            return;
        }
        assert!(Instant::now() < deadline, "the place is not free again");
    }
}

#[test]
fn health_is_asked_at_debug() {
    let mut node = Process::run(&[Settings::new("a").set("logLevel", "debug")]);
    get_until(node.listens("a").1, "/health", |answer| {
        answer.status == 200
    });
    let line = node.wait_for("http_request");
    assert_eq!(line["level"], "debug");
    assert_eq!(
        (&line["path"], &line["status"]),
        (&"/health".into(), &200.into())
    );
}
