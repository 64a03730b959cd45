//! The same chain, configured and started in other ways.

use std::process::Command;

use serde_json::Value as Json;

use crate::chain::{Chain, Node, Plan};
use crate::client::get_until;
use crate::process::{Process, command};
use crate::wallet::{Payment, Wallet, pay};

/// A node without a file.
fn by_environment(id: &str, peers: &str, routes: &str, secrets: &[(&str, &str)]) -> Node {
    let mut command: Command = command(&["run"]);
    command
        .env("NODE_ID", format!("connector-{id}"))
        .env("ILP_ADDRESS", format!("test.{id}"))
        .env("BTP_SERVER_HOST", "127.0.0.1")
        .env("BTP_SERVER_PORT", "0")
        .env("HEALTH_CHECK_HOST", "127.0.0.1")
        .env("HEALTH_CHECK_PORT", "0")
        .env("PEERS", peers)
        .env("ROUTES", routes);
    for (peer, secret) in secrets {
        command.env(format!("BTP_PEER_{peer}_SECRET"), secret);
    }
    Node::spawn(command)
}

#[test]
fn a_chain_can_be_configured_by_environment_alone() {
    let (ab, bc) = ("secret-of-a-and-b-5f1d0c", "secret-of-b-and-c-5f1d0c");
    let (alice, bob) = ("secret-of-alice-5f1d0c", "secret-of-bob-5f1d0c");
    let c = by_environment(
        "c",
        "connector-b;critical,bob;relation=child",
        "=connector-b",
        &[("CONNECTOR_B", bc), ("BOB", bob)],
    );
    let b = by_environment(
        "b",
        &format!("connector-a;critical,connector-c=ws://{}", c.btp),
        "test.a=connector-a,test.c=connector-c",
        &[("CONNECTOR_A", ab), ("CONNECTOR_C", bc)],
    );
    let a = by_environment(
        "a",
        &format!("connector-b=ws://{},alice;relation=child", b.btp),
        "test.b=connector-b,test.c=connector-b",
        &[("CONNECTOR_B", ab), ("ALICE", alice)],
    );
    let mut chain = Chain { a, b, c };
    chain.wait_up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    pay(&mut alice, &mut bob, &Payment::new(1, "test.c.bob"));
    pay(&mut bob, &mut alice, &Payment::new(2, "test.a.alice"));
    for node in chain.nodes() {
        assert!(node.process.all("config_warning").is_empty());
    }
}

#[test]
fn a_chain_can_run_in_one_process() {
    let Plan { a, b, c, .. } = Plan::new().with_ports();
    let mut run = command(&["run"]);
    for file in [a, b, c] {
        run.arg("--config").arg(file.write());
    }
    let mut process = Process::spawn(run);
    let nodes = ["connector-a", "connector-b", "connector-c"];
    for _ in nodes {
        process.wait_for("connector_listening");
    }
    let [a, b, c] = nodes.map(|id| process.listens(id));
    for (_, http) in [a, b, c] {
        get_until(http, "/health", |answer| answer.status == 200);
    }
    let mut alice = Wallet::attach(a.0, "alice");
    let mut bob = Wallet::attach(c.0, "bob");
    let payment = Payment::new(1, "test.c.bob");
    pay(&mut alice, &mut bob, &payment);
    drop((alice, bob));
    assert_eq!(process.stop().code(), Some(0));
    let id = payment.packet_id().to_string();
    let mut received: Vec<_> = process
        .all("packet_received")
        .into_iter()
        .filter(|line| line["packetId"] == id)
        .map(|line| line["nodeId"].as_str().unwrap())
        .collect();
    // the lines of one node are in order, those of different ones in any
    received.sort_unstable();
    assert_eq!(received, nodes);
    assert_eq!(process.all("connector_stopped").len(), 3);
}

#[test]
fn a_chain_that_starts_at_the_wrong_end_finds_together() {
    let Plan { a, b, c, .. } = Plan::new().with_ports();
    let retried = |peer: &'static str| {
        move |line: &Json| line["event"] == "btp_retry" && line["peerId"] == peer
    };
    let mut a = Node::start(a);
    let retries = a.wait_lines(2, retried("connector-b"), "two retries");
    assert_eq!(
        (&retries[0]["retryCount"], &retries[1]["retryCount"]),
        (&1.into(), &2.into())
    );
    assert!(retries[0]["backoffMs"].as_u64().unwrap() <= 20);
    assert_eq!(a.health().json()["status"], "starting");

    let mut b = Node::start(b);
    a.wait_connected("connector-b", 1);
    b.wait_lines(1, retried("connector-c"), "a retry");
    assert_eq!((a.wait_health(200).status, b.health().status), (200, 503));

    let c = Node::start(c);
    let mut chain = Chain { a, b, c };
    chain.wait_up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    pay(&mut alice, &mut bob, &Payment::new(1, "test.c.bob"));
}
