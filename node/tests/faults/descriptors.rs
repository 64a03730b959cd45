//! No file descriptors are left.

use std::net::{TcpListener, TcpStream};
use std::process::Command;

use crate::link::Link;
use crate::node::{Node, settings};
use crate::process::{Process, dials, waits_for};

/// Sets how many files a process may have open.
fn allow(process: &Process, files: usize) {
    let status = Command::new("prlimit")
        .args([
            format!("--pid={}", process.id()),
            format!("--nofile={files}:1024"),
        ])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_node_out_of_descriptors_serves_the_links_it_has_and_takes_others_when_it_has_some() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let carol = dials("carol", listener.local_addr().unwrap());
    let peers = ["alice", "bob", "mallory"].map(waits_for);
    let settings = settings()
        .peers(&[&peers[..], &[carol]].concat())
        .set("retryInitialDelay", "20ms")
        .set("retryMaxDelay", "50ms")
        .set("retryPause", "50ms");
    let mut node = Node::start(settings);
    let carol = Link::accept(&listener);
    node.process.wait_for("btp_connected");
    let mut honest = node.honest();

    // Those that are open stay open; there is no other.
    allow(&node.process, 3);
    // The system takes the connection; the node cannot.
    let waiting = TcpStream::connect(node.btp).unwrap();
    let line = node.process.wait_for("btp_accept_failed");
    assert!(line["retryMs"].is_u64(), "{line}");
    honest.pay();
    // Nor is there a socket to dial with.
    drop(carol);
    let line = node.process.wait_for("btp_connection_error");
    let error = line["error"].as_str().unwrap();
    assert!(error.contains("open files"), "{error}");
    for _ in 0..10 {
        honest.pay();
    }

    allow(&node.process, 1024);
    let mut carol = Link::accept(&listener);
    node.process.wait_for("btp_connected");
    carol.prepare("test.bob", 1, std::time::Duration::from_secs(30));
    honest.bob.fulfill();
    assert_eq!(carol.outcome(), "fulfilled");
    // Whoever has waited is served, and whoever comes now.
    let (mut waiting, _) = tungstenite::client::client("ws://node/", waiting).unwrap();
    waiting.close(None).unwrap();
    drop(node.link("mallory"));
    honest.pay();
}
