//! Nodes and tools that speak TLS, as an operator sets them up: files, logs, real processes.
#![allow(clippy::unwrap_used)]

#[path = "../../conformance/tests/conformance/suite/tls/certs.rs"]
#[allow(dead_code, unreachable_pub)] // what the tests of the runtimes need besides
mod certs;
#[path = "run/client.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod client;
#[path = "run/process.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod process;
#[path = "tools/tool.rs"]
#[allow(dead_code)]
mod tool;

use std::net::SocketAddr;

use certs::{Authority, Dir, Pair, localhost, params, self_signed};
use process::{Process, Settings, command, dials, run_command, secret_of, waits_for};
use tool::{Tool, run};

/// The secret that a and b share, at b.
fn from_a() -> String {
    waits_for("a").replace("of-a", "of-b")
}

fn over_tls(peer: &str) -> String {
    peer.replace("ws://", "wss://")
}

/// Shows `pair`, which the files in `dir` hold then.
fn shows(settings: Settings, dir: &Dir, pair: &Pair) -> Settings {
    let files = pair.write(dir, "server");
    settings
        .set("certFile", files.cert_file.to_str().unwrap())
        .set("keyFile", files.key_file.to_str().unwrap())
}

/// Dials b, trusting `authority` alone.
fn dialler(dir: &Dir, authority: &Authority, b: SocketAddr) -> Settings {
    let ca_file = authority.write(dir, "ca.pem");
    Settings::new("a")
        .peers(&[over_tls(&dials("b", b)), child("alice")])
        .route("test.b", "b")
        .set("caFile", ca_file.to_str().unwrap())
}

fn child(id: &str) -> String {
    let secret = secret_of(id);
    format!("{{id: {id}, authToken: {secret}, relation: child}}")
}

fn text<'j>(line: &'j serde_json::Value, name: &str) -> &'j str {
    line[name].as_str().unwrap()
}

#[test]
fn nodes_and_tools_trust_a_private_authority() {
    let (dir, authority) = (Dir::new(), Authority::new("our own"));
    let b = Settings::new("b")
        .peers(&[from_a(), child("bob")])
        .route("", "a");
    let b = Process::run(&[shows(b, &dir, &authority.sign(&localhost()))]);
    let address = b.listens("b").0;
    assert_eq!(b.log.last().unwrap()["tls"], true);
    let mut a = Process::run(&[dialler(&dir, &authority, address)]);
    assert_eq!(a.log.last().unwrap()["tls"], false);
    assert_eq!(a.wait_for("connector_ready")["connectedPeers"], 1);
    assert!(text(a.all("btp_connected")[0], "url").starts_with("wss://"));

    let ca_file = dir.write("ca.pem", &authority.cert);
    let bob = format!("wss://bob:{}@{address}", secret_of("bob"));
    let alice = format!("ws://alice:{}@{}", secret_of("alice"), a.listens("a").0);
    let trusting = ["--ca-file", ca_file.to_str().unwrap()];
    let arguments = ["receive", "--via", &bob, "--key", "k"];
    let mut receiver = Tool::spawn(&[&arguments[..], &trusting].concat());
    receiver.wait_for("receiving at test.b.bob");
    let arguments = ["send", "--via", &alice, "--key", "k", "--count", "20"];
    let sent = run(&[&arguments[..], &["--to", "test.b.bob"]].concat());
    assert_eq!(sent.code, Some(0), "{}{}", sent.out, sent.err);
    let pinged = run(&[
        &["ping", "test.b", "--via", &bob, "--count", "1"],
        &trusting[..],
    ]
    .concat());
    assert_eq!(pinged.code, Some(0), "{}{}", pinged.out, pinged.err);

    // without the file it is an unknown one
    let refused = run(&["ping", "test.b", "--via", &bob, "--count", "1"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.err.ends_with(
            "is not signed by a trusted authority (self-signed?): give --ca-file FILE\n"
        ),
        "{}",
        refused.err
    );
    assert!(!refused.err.contains(&secret_of("bob")));
}

#[test]
fn a_self_signed_certificate_is_refused_and_both_ends_say_why() {
    let (dir, authority) = (Dir::new(), Authority::new("our own"));
    let b = Settings::new("b")
        .peers(&[from_a()])
        .set("logLevel", "debug");
    let mut b = Process::run(&[shows(b, &dir, &self_signed(&localhost()))]);
    let mut a = Process::run(&[dialler(&dir, &authority, b.listens("b").0)]);
    let line = a.wait_for("btp_connection_error");
    assert!(text(&line, "error").contains("self-signed"), "{line}");
    let line = b.wait_for("btp_handshake_failed");
    assert!(text(&line, "reason").contains("certificate"), "{line}");
    assert!(a.all("btp_connected").is_empty());
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let (dir, authority) = (Dir::new(), Authority::new("our own"));
    let elsewhere = authority.sign(&params("", &["b.example"]));
    let b = shows(Settings::new("b").peers(&[from_a()]), &dir, &elsewhere);
    let b = Process::run(&[b]);
    let mut a = Process::run(&[dialler(&dir, &authority, b.listens("b").0)]);
    let line = a.wait_for("btp_connection_error");
    let error = text(&line, "error");
    assert!(
        error.contains("127.0.0.1") && error.contains("b.example"),
        "{line}"
    );
}

#[test]
fn files_that_change_are_read_again_and_the_log_says_so() {
    let (dir, authority) = (Dir::new(), Authority::new("our own"));
    let b = Settings::new("b")
        .peers(&[from_a()])
        .set("tlsReloadInterval", "5ms");
    // nobody trusts this one
    let mut b = Process::run(&[shows(b, &dir, &self_signed(&localhost()))]);
    let a = dialler(&dir, &authority, b.listens("b").0).set("retryInitialDelay", "10ms");
    let mut a = Process::run(&[a]);
    a.wait_for("btp_connection_error");

    dir.write("server.pem", "a key that was written first\n");
    let line = b.wait_for("tls_reload_failed");
    assert_eq!(
        (&line["role"], &line["level"]),
        (&"server".into(), &"error".into())
    );
    assert!(
        text(&line, "error").contains("server.pem: is no PEM file"),
        "{line}"
    );

    authority.sign(&localhost()).write(&dir, "server");
    assert_eq!(b.wait_for("tls_reloaded")["role"], "server");
    a.wait_for("btp_connected");
}

#[test]
fn an_expired_certificate_is_a_warning_at_the_start() {
    let (dir, authority) = (Dir::new(), Authority::new("our own"));
    let mut old = localhost();
    old.not_before = rcgen::date_time_ymd(2019, 1, 1);
    old.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let b = shows(
        Settings::new("b").peers(&[from_a()]),
        &dir,
        &authority.sign(&old),
    );
    let b = Process::run(&[b]);
    assert_eq!(b.all("tls_warning").len(), 1, "{}", b.show());
    assert!(text(b.all("tls_warning")[0], "msg").contains("has expired"));
    let mut a = Process::run(&[dialler(&dir, &authority, b.listens("b").0)]);
    let line = a.wait_for("btp_connection_error");
    assert!(text(&line, "error").contains("expired"), "{line}");
}

#[test]
fn clients_show_the_certificates_that_a_listener_requires() {
    let (dir, authority) = (Dir::new(), Authority::new("our own"));
    let ca_file = authority.write(&dir, "ca.pem");
    let b = Settings::new("b")
        .peers(&[from_a()])
        .set("logLevel", "debug")
        .set("clientCaFile", ca_file.to_str().unwrap())
        .set("requireClientCert", "true");
    let mut b = Process::run(&[shows(b, &dir, &authority.sign(&localhost()))]);
    let without = dialler(&dir, &authority, b.listens("b").0);
    let files = authority.sign(&params("a", &[])).write(&dir, "client");
    let with = without
        .clone()
        .set("dialCertFile", files.cert_file.to_str().unwrap())
        .set("dialKeyFile", files.key_file.to_str().unwrap());
    let mut a = Process::run(&[with]);
    a.wait_for("btp_connected");
    drop(a);
    let mut a = Process::run(&[without]);
    a.wait_for("btp_connection_error");
    b.wait_for("btp_handshake_failed");
}

#[test]
fn files_that_are_of_no_use_are_refused_by_check_and_run_alike() {
    let dir = Dir::new();
    let (one, other) = (self_signed(&localhost()), self_signed(&localhost()));
    let pair = Pair {
        key: other.key,
        ..one
    };
    let settings = shows(Settings::new("b").peers(&[from_a()]), &dir, &pair);
    let file = settings.file();
    let mut check = command(&["check"]);
    check.arg(&file);
    for mut command in [check, run_command(&[settings])] {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(".yaml:10:10: keyFile "), "{said}");
        assert!(
            said.contains("does not belong to the first certificate of"),
            "{said}"
        );
    }
}

#[test]
fn metrics_tell_when_the_certificates_end_and_follow_their_files() {
    let dir = Dir::new();
    let mut params = localhost();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2100, 1, 1);
    let b = Settings::new("b").set("tlsReloadInterval", "10ms");
    let mut b = Process::run(&[shows(b, &dir, &self_signed(&params))]);
    let http = b.listens("b").1;
    let line = |what: &str| {
        let name = format!("ilp_tls_certificate_{what}_timestamp_seconds{{role=\"server\"}} ");
        let text = client::get(http, "/metrics").body;
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap().parse::<f64>().unwrap()
    };
    assert_eq!(line("not_before"), 1_577_836_800.0);
    assert_eq!(line("not_after"), 4_102_444_800.0);
    params.not_after = rcgen::date_time_ymd(2101, 1, 1);
    self_signed(&params).write(&dir, "server");
    // the files are written one after the other, which may be told of as an error in between
    b.wait_for("tls_reloaded");
    assert_eq!(line("not_after"), 4_133_980_800.0);
}
