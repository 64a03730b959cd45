//! The networks of `examples/`, run as their first lines say, on free ports.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::process::{Process, command, free_address};
use crate::tool::{Tool, run_with};

/// The running nodes of an example, and where the port of each file leads now.
struct Example {
    nodes: Process,
    ports: BTreeMap<String, SocketAddr>,
}

impl Example {
    /// Runs all files of an example in one process and waits until each node has its peers.
    fn run(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../examples")
            .join(name);
        let mut files: Vec<PathBuf> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let texts: Vec<String> = files
            .iter()
            .map(|file| fs::read_to_string(file).unwrap())
            .collect();
        let setting = |text: &str, key: &str| {
            let mut values = text.lines().filter_map(|line| line.strip_prefix(key));
            values.next().unwrap().trim().to_owned()
        };
        let ports: BTreeMap<String, SocketAddr> = texts
            .iter()
            .map(|text| (setting(text, "btpServerPort:"), free_address()))
            .collect();

        let mut run = command(&["run"]);
        for (n, text) in texts.iter().enumerate() {
            let http = setting(text, "healthCheckPort:");
            let mut text = text.replace(
                &format!("healthCheckPort: {http}"),
                "healthCheckHost: 127.0.0.1\nhealthCheckPort: 0",
            );
            for (old, new) in &ports {
                text = text
                    .replace(&format!("localhost:{old}"), &new.to_string())
                    .replace(
                        &format!("btpServerPort: {old}"),
                        &format!("btpServerHost: 127.0.0.1\nbtpServerPort: {}", new.port()),
                    );
            }
            let file = format!("{}-{name}-{n}.yaml", std::process::id());
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
            fs::write(&file, text).unwrap();
            run.arg("--config").arg(file);
        }
        let mut nodes = Process::spawn(run);
        for _ in &files {
            nodes.wait_for("connector_ready");
        }
        assert!(nodes.all("config_warning").is_empty(), "{}", nodes.show());
        Self { nodes, ports }
    }

    /// Waits until so many nodes have got their address from their parents.
    fn wait_for_addresses(&mut self, count: usize) {
        while self.nodes.all("ildcp_address").len() < count {
            self.nodes.wait_for("ildcp_address");
        }
    }

    /// Bob receives at one port, alice sends to him from another.
    fn pay(&self, bob_at: &str, alice_at: &str, to: &str) {
        let via = |port: &str| format!("ws://{}", self.ports[port]);
        let env = |user: &str| {
            [
                ("ILP_TOKEN", format!("example-{user}")),
                ("ILP_KEY", "k".to_owned()),
            ]
        };
        let receive = ["receive", "--via", &via(bob_at), "--user", "bob"];
        let mut bob = Tool::spawn_with(&receive, &env("bob"));
        bob.wait_for(&format!("receiving at {to}"));
        let alice = via(alice_at);
        let send = ["send", "--via", &alice, "--user", "alice", "--to", to];
        let more = ["--count", "20", "--in-flight", "5"];
        let sent = run_with(&[&send[..], &more].concat(), &env("alice"));
        assert_eq!(
            (sent.code, sent.err.as_str()),
            (Some(0), ""),
            "{}",
            sent.out
        );
        bob.signal("INT");
        assert_eq!(bob.end(), Some(0));
        assert!(
            bob.seen
                .contains(&"in all: 20 packets fulfilled, amount 20".to_owned()),
            "{:?}",
            bob.seen
        );
    }

    /// Ends it in order.
    fn stop(mut self) -> Process {
        assert_eq!(self.nodes.stop().code(), Some(0));
        self.nodes
    }
}

#[test]
fn packets_go_from_end_to_end_of_linear_3() {
    let example = Example::run("linear-3");
    example.pay("3003", "3001", "test.c.bob");
    let nodes = example.stop();
    // it logs packets, so that one can watch them
    for node in ["connector-a", "connector-b", "connector-c"] {
        let here = nodes.log.iter().filter(|line| line["nodeId"] == node);
        assert!(
            here.filter(|line| line["event"] == "packet_received")
                .count()
                >= 20,
            "{node}"
        );
    }
}

#[test]
fn packets_take_the_straight_way_through_mesh_4() {
    let example = Example::run("mesh-4");
    example.pay("3004", "3001", "test.d.bob");
    let nodes = example.stop();
    for line in nodes.all("packet_forwarded") {
        let node = line["nodeId"].as_str().unwrap();
        assert!(["connector-a", "connector-d"].contains(&node), "{line}");
    }
}

#[test]
fn packets_go_from_spoke_to_spoke() {
    let mut example = Example::run("hub-and-spoke");
    example.wait_for_addresses(3);
    example.pay("3002", "3001", "test.hub.spoke-2.bob");
    example.stop();
}
