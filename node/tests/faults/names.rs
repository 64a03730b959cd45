//! Names that do not resolve, and do again.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::dns::{Dns, Mood};
use crate::link::Link;
use crate::node::{Honest, settings};
use crate::process::{Process, dials, waits_for};
use crate::skip;

/// A command that sees another file in the place of one of the system's.
fn with_resolv_conf(resolv_conf: &str) -> Option<Command> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("resolv-{}.conf", std::process::id()));
    std::fs::write(&path, resolv_conf).unwrap();
    let mount = format!("mount --bind '{}' /etc/resolv.conf", path.display());
    let works = Command::new("unshare")
        .args(["-rm", "sh", "-c", &mount])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &format!("{mount} && exec \"$0\" \"$@\"")]);
    works.then_some(command)
}

#[test]
fn a_peer_whose_name_does_not_resolve_is_reached_as_soon_as_it_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let Some(dns) = Dns::start(Mood::Failing) else {
        return skip("port 53 cannot be bound");
    };
    let conf = format!("nameserver {}\noptions timeout:1 attempts:1\n", dns.address);
    let Some(mut command) = with_resolv_conf(&conf) else {
        return skip("there are no mount namespaces");
    };
    let address = listener.local_addr().unwrap();
    let carol = dials("carol", address).replace("127.0.0.1", "carol.example");
    let peers = ["alice", "bob"].map(waits_for);
    let settings = settings()
        .set("routes", "[{prefix: test.bob, nextHop: bob}]")
        .peers(&[&peers[..], &[carol]].concat())
        .set("connectTimeout", "200ms")
        .set("retryInitialDelay", "20ms")
        .set("retryMaxDelay", "50ms")
        .set("retryPause", "50ms");
    command
        .arg(env!("CARGO_BIN_EXE_ilp-connector"))
        .args(["run", "--config"])
        .arg(settings.file())
        .stdin(Stdio::null())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    if let Some(runtime) = std::env::var_os("ILP_RUNTIME") {
        command.env("ILP_RUNTIME", runtime);
    }
    let mut node = Process::spawn(command);
    node.wait_for("connector_listening");
    let (btp, _) = node.listens("a");
    let mut honest = Honest {
        alice: Link::dial(btp, "alice"),
        bob: Link::dial(btp, "bob"),
    };
    let failed = |line: &Json| line["peerId"] == "carol" && line["event"] == "btp_connection_error";

    let line = node.wait_until(failed, "a dial without an address");
    let error = line["error"].as_str().unwrap().to_owned();
    assert!(error.contains("cannot connect"), "{error}");
    dns.wait_asked(Mood::Failing);
    honest.pay();

    // A server that says nothing costs the dial its time, and nobody else any.
    dns.set(Mood::Silent);
    dns.wait_asked(Mood::Silent);
    for _ in 0..3 {
        node.wait_until(failed, "a dial that took too long");
        honest.pay();
    }

    dns.set(Mood::Is(Ipv4Addr::LOCALHOST));
    let carol = Link::accept(&listener);
    node.wait_for("btp_connected");
    honest.pay();

    // The peer moves: the name is asked for again at each dial.
    let elsewhere = TcpListener::bind(("127.0.53.1", address.port())).unwrap();
    dns.set(Mood::Is(Ipv4Addr::new(127, 0, 53, 1)));
    drop(carol);
    let _carol = Link::accept(&elsewhere);
    node.wait_for("btp_connected");
    honest.pay();
}
