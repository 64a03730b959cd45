//! `bench` as people use it: it starts what it measures, and only right answers count.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "../../conformance/tests/conformance/suite/tls/certs.rs"]
#[allow(dead_code, unreachable_pub)] // what the tests of the runtimes need besides
mod certs;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use certs::{Authority, Dir, localhost, self_signed};
use ilp_runtime::tls::TlsIdentity;
use serde_json::Value as Json;

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ilp-connector"));
    command.env_clear().args(args).stdin(Stdio::null());
    command
}

fn bench(args: &[&str]) -> Output {
    command(&["bench"]).args(args).output().unwrap()
}

/// The object that it printed, if all was well.
fn good(args: &[&str]) -> Json {
    let output = bench(args);
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{args:?}: {out}{err}");
    assert_eq!(err, "");
    let json: Json = serde_json::from_str(&out).unwrap();
    assert_eq!(json["ok"], true, "{json}");
    json
}

fn number(json: &Json) -> f64 {
    json.as_f64()
        .unwrap_or_else(|| panic!("{json} is no number"))
}

/// What holds for every measurement.
fn check_run(run: &Json) {
    let quantiles = ["p50", "p90", "p99", "p99.9", "max"].map(|q| number(&run["latencyUs"][q]));
    assert!(quantiles.is_sorted() && quantiles[0] > 0.0, "{run}");
    assert!(number(&run["packetsPerSecond"]) > 10.0, "{run}");
    assert_eq!(run["fulfilled"], run["sent"], "{run}");
    for none in ["rejected", "wrong", "strange"] {
        assert_eq!(run[none], 0, "{run}");
    }
}

#[test]
fn a_node_is_started_and_measured_with_each_number_of_packets_in_flight() {
    let json = good(&["--duration", "300ms", "--in-flight", "1,8", "--json"]);
    assert_eq!(json["frameBytes"], 364);
    let runs = json["runs"].as_array().unwrap();
    let in_flight: Vec<_> = runs.iter().map(|run| run["inFlight"].clone()).collect();
    assert_eq!(in_flight, [1, 8]);
    for run in runs {
        check_run(run);
        assert!(number(&run["nodeCpuSecondsPerMillion"]) > 0.0, "{run}");
        assert!(number(&run["nodeRssBytes"]) > 1e6, "{run}");
        assert_eq!(run["pipe"], Json::Null);
    }
}

#[test]
fn every_pair_goes_through_all_nodes_of_a_row_and_through_its_pipe() {
    let json = good(&[
        "--duration",
        "300ms",
        "--in-flight",
        "16",
        "--nodes",
        "3",
        "--pairs",
        "2",
        "--with-pipe",
        "--size",
        "1000",
        "--json",
    ]);
    assert_eq!((&json["nodes"], &json["pairs"]), (&3.into(), &2.into()));
    let run = &json["runs"][0];
    check_run(run);
    check_run(&run["pipe"]);
    assert!(number(&run["ratioToPipe"]) > 0.0);
}

/// Files as `bench` takes them.
fn names(files: &TlsIdentity) -> [&str; 2] {
    [&files.cert_file, &files.key_file].map(|file| file.to_str().unwrap())
}

#[test]
fn nodes_with_tls_are_measured_when_they_are_given_a_certificate() {
    let dir = Dir::new();
    let files = self_signed(&localhost()).write(&dir, "bench");
    let [cert, key] = names(&files);
    let tls = ["--tls-cert", cert, "--tls-key", key, "--json"];
    // more in flight than are read at once, so that what TLS has read and nobody has taken matters, and more than
    // the default send buffer from one node to the next takes when the second one is slow
    let many = ["--nodes", "2", "--pairs", "2", "--in-flight", "1,4096"];
    let json = good(&[&tls[..], &many, &["--duration", "1s"]].concat());
    assert_eq!(json["tls"], true);
    for run in json["runs"].as_array().unwrap() {
        check_run(run);
    }
    let idle = ["--idle-peers", "20", "--duration", "100ms"];
    let json = good(&[&tls[..], &idle].concat());
    assert_eq!(json["lost"], 0);
}

#[test]
fn a_certificate_of_no_use_is_said_to_be_so_before_anything_is_started() {
    let dir = Dir::new();
    let authority = Authority::new("ours");
    let files = authority.sign(&localhost()).write(&dir, "bench");
    let [cert, key] = names(&files);
    let other = self_signed(&localhost()).write(&dir, "other");
    let missing = dir.write("x", "").with_file_name("missing.pem");
    let missing = missing.to_str().unwrap();
    let ca_file = authority.write(&dir, "ca.pem");
    for (args, said) in [
        (&["--tls-cert", cert][..], "--tls-key"),
        (
            &["--tls-cert", cert, "--tls-key", missing],
            "missing.pem: cannot be read",
        ),
        (
            &["--tls-cert", cert, "--tls-key", names(&other)[1]],
            "does not belong to the first certificate",
        ),
        (&["--ca-file", cert], "--ca-file needs --tls-cert"),
        (
            &["--target", "wss://a", "--receiver", "wss://a"],
            "wss:// needs --ca-file",
        ),
    ] {
        let output = bench(args);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
    // one that somebody has signed is trusted by that authority, not by itself
    let ca_file = ca_file.to_str().unwrap();
    let all = ["--tls-cert", cert, "--tls-key", key, "--ca-file", ca_file];
    good(
        &[
            &all[..],
            &["--json", "--duration", "100ms", "--in-flight", "4"],
        ]
        .concat(),
    );
}

#[test]
fn a_fixed_rate_is_kept() {
    let json = good(&["--duration", "1s", "--rate", "500", "--json"]);
    let run = &json["runs"][0];
    check_run(run);
    let rate = number(&run["packetsPerSecond"]);
    assert!((250.0..=600.0).contains(&rate), "{run}");
}

#[test]
fn people_get_a_table() {
    let output = bench(&["--duration", "100ms", "--in-flight", "4"]);
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}");
    assert!(
        out.contains("in flight  packets/s") && out.contains("CPU/1M"),
        "{out}"
    );
}

#[test]
fn a_thousand_idle_peers_connect_at_once_and_cost_little_memory() {
    let json = good(&["--idle-peers", "1000", "--duration", "100ms", "--json"]);
    assert_eq!(
        (&json["idlePeers"], &json["lost"]),
        (&1_000.into(), &0.into())
    );
    let rss = ["listening", "end"].map(|when| number(&json["rssBytes"][when]));
    // what their handshakes needed is gone; before it was, this was 18 KiB
    let each = (rss[1] - rss[0]) / 1_000.0;
    assert!((100.0..10_240.0).contains(&each), "{json}");
    assert!(number(&json["connectSeconds"]) < 60.0, "{json}");
}

#[test]
fn people_are_told_what_the_idle_peers_are_left_alone_for() {
    let output = bench(&["--idle-peers", "2", "--duration", "100ms"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "one node on tokio, 2 idle peers for 0.1 s");
    assert!(lines.len() > 3, "{text}");
}

/// A node that runs already, with the children alice and bob.
struct Node(Child, String);

impl Node {
    fn start() -> Self {
        let mut child = command(&["run"])
            .envs([
                ("NODE_ID", "n"),
                ("BTP_SERVER_HOST", "127.0.0.1"),
                ("BTP_SERVER_PORT", "0"),
                ("HEALTH_CHECK_HOST", "127.0.0.1"),
                ("HEALTH_CHECK_PORT", "0"),
                ("PEERS", "alice;relation=child,bob;relation=child"),
                ("BTP_PEER_ALICE_SECRET", "alice's secret"),
                ("BTP_PEER_BOB_SECRET", "bob's secret"),
            ])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = log
            .by_ref()
            .map(|line| serde_json::from_str::<Json>(&line.unwrap()).unwrap())
            .find(|line| line["event"] == "connector_listening")
            .map(|line| format!("ws://{}", line["btpAddress"].as_str().unwrap()))
            .unwrap();
        std::thread::spawn(move || log.for_each(drop));
        Self(child, url)
    }

    fn args<'a>(&'a self, token: &'a str) -> Vec<&'a str> {
        let url = self.1.as_str();
        vec![
            "--target",
            url,
            "--target-user",
            "alice",
            "--target-token",
            token,
            "--receiver",
            url,
            "--receiver-user",
            "bob",
            "--receiver-token",
            "bob's secret",
            "--duration",
            "100ms",
            "--in-flight",
            "8",
            "--json",
        ]
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_node_that_runs_already_is_measured_too() {
    let node = Node::start();
    let pid = node.0.id().to_string();
    let mut args = node.args("alice's secret");
    args.extend(["--pid", &pid]);
    let json = good(&args);
    assert_eq!(json["nodes"], Json::Null);
    check_run(&json["runs"][0]);
    assert!(number(&json["runs"][0]["nodeRssBytes"]) > 1e6);
}

#[test]
fn a_wrong_token_is_said_to_be_wrong_but_not_said() {
    let node = Node::start();
    let output = bench(&node.args("wr0ng"));
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(
        err.contains(&format!(
            "cannot attach to {} as \"alice\": refused: F00",
            node.1
        )),
        "{err}"
    );
    assert!(!err.contains("wr0ng"), "{err}");
    assert!(output.stdout.is_empty());
}

#[test]
fn packets_that_are_rejected_are_a_failure() {
    let node = Node::start();
    let mut args = node.args("alice's secret");
    // nobody there: the probe finds out before anything is measured
    args.extend(["--to", "test.n.carol"]);
    let output = bench(&args);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(
        err.contains("no packet gets through: rejected: F02"),
        "{err}"
    );
}

#[test]
fn what_makes_no_sense_exits_with_2() {
    for args in [
        &["--in-flight", "0"][..],
        &["--size", "3"],
        &["--rate", "x"],
        &["--target", "ws://127.0.0.1:1"],
        &["--target", "nope", "--receiver", "nope"],
        &["--target", "wss://a", "--receiver", "wss://a"],
    ] {
        assert_eq!(bench(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn ctrl_c_ends_a_bench_with_a_word() {
    let mut child = command(&["bench", "--in-flight", "1", "--duration", "10m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    assert!(out.read_line(&mut line).unwrap() > 0, "it ended");
    let kill = format!("kill -INT {}", child.id());
    let killed = Command::new("sh").arg("-c").arg(kill).status().unwrap();
    assert!(killed.success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    assert_eq!(ended.stderr, b"bench: stopped by SIGINT\n");
}
