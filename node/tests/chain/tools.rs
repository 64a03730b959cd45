//! The chain as people use it: with `send`, `receive` and `ping`.

use std::net::SocketAddr;

use crate::chain::Chain;
use crate::process::secret_of;
use crate::tool::{Tool, run};

fn account(node: SocketAddr, user: &str) -> String {
    format!("ws://{user}:{}@{node}", secret_of(user))
}

#[test]
fn a_thousand_packets_are_sent_and_received_at_the_two_ends() {
    let chain = Chain::up();
    let via = account(chain.c.btp, "bob");
    let mut bob = Tool::spawn(&["receive", "--via", &via, "--key", "k"]);
    bob.wait_for("receiving at test.c.bob");
    let via = account(chain.a.btp, "alice");
    let done = run(&[
        "send",
        "--via",
        &via,
        "--to",
        "test.c.bob",
        "--key",
        "k",
        "--count",
        "1000",
        "--amount",
        "7",
    ]);
    let ended = (done.code, done.err.as_str());
    assert_eq!(ended, (Some(0), ""), "{}", done.out);
    assert!(done.out.contains("fulfilled  1,000\n"), "{}", done.out);
    bob.signal("INT");
    assert_eq!(bob.end(), Some(0));
    let last = "in all: 1,000 packets fulfilled, amount 7,000".to_owned();
    assert!(bob.seen.contains(&last), "{:?}", bob.seen);
}

#[test]
fn each_node_of_the_chain_can_be_pinged_from_its_end() {
    let chain = Chain::up();
    let via = account(chain.a.btp, "alice");
    for node in ["test.a", "test.b", "test.c"] {
        let done = run(&[
            "ping",
            node,
            "--via",
            &via,
            "--count",
            "3",
            "--interval",
            "10ms",
        ]);
        assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
        let summary = "3 packets sent, 3 answered, 0% loss";
        assert!(done.out.contains(summary), "{}", done.out);
    }
}
