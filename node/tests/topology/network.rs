//! The networks, run: a process for all nodes, or one for each; packets between the two that are furthest apart.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::client::{get, get_until};
use crate::process::{Process, command, own_loopback_address};
use crate::tool::{Done, Tool, run_with};
use crate::{configs, directory, write_to};

/// A network of `--local`, with its ports changed to free ones.
struct Network {
    out: PathBuf,
    /// What it said should be done next.
    said: String,
    host: Ipv4Addr,
    /// The BTP and the HTTP port of each node, as written and as they are now.
    ports: Vec<[(u16, u16); 2]>,
    nodes: Vec<Process>,
    dead: Option<usize>,
}

impl Network {
    fn write(shape: &str, nodes: usize) -> Self {
        let out = directory();
        let done = write_to(&out, &[shape, &nodes.to_string(), "--local"]);
        assert_eq!((done.code, done.err.as_str()), (Some(0), ""));
        let host = own_loopback_address();
        // held together, so that they differ
        let held: Vec<_> = (0..nodes)
            .map(|_| [(); 2].map(|()| TcpListener::bind((host, 0)).unwrap()))
            .collect();
        let ports = held.iter().zip(0u16..).map(|(held, at)| {
            let [btp, http] = held
                .each_ref()
                .map(|held| held.local_addr().unwrap().port());
            [(3001 + at, btp), (8081 + at, http)]
        });
        let ports: Vec<_> = ports.collect();
        for file in configs(&out) {
            let text = fs::read_to_string(&file).unwrap();
            let text = text.replace("127.0.0.1", &host.to_string());
            let line = |line: &str| {
                let written = |(old, new): &(u16, u16)| {
                    let (old, new) = (old.to_string(), new.to_string());
                    Some(line.strip_suffix(&old)?.to_owned() + &new)
                };
                let changed = ports.iter().flatten().find_map(written);
                changed.unwrap_or_else(|| line.to_owned()) + "\n"
            };
            fs::write(&file, text.lines().map(line).collect::<String>()).unwrap();
        }
        Self {
            out,
            said: done.out,
            host,
            ports,
            nodes: Vec::new(),
            dead: None,
        }
    }

    /// Runs the command that was printed, in one process.
    fn together(mut self) -> Self {
        let line = self
            .said
            .lines()
            .find_map(|line| line.trim().strip_prefix("ilp-connector "));
        let arguments: Vec<_> = line.unwrap().split(' ').collect();
        self.nodes.push(Process::spawn(command(&arguments)));
        self.up()
    }

    /// Runs a process for each node, the last one first.
    fn apart(mut self) -> Self {
        let files = configs(&self.out);
        for file in files.iter().rev() {
            let run = command(&["run", "--config", file.to_str().unwrap()]);
            self.nodes.insert(0, Process::spawn(run));
        }
        self.up()
    }

    /// Waits until every link is up and every node knows its address.
    fn up(mut self) -> Self {
        for at in 0..self.ports.len() {
            self.wait_healthy(at);
        }
        let last = self.nodes.len() - 1;
        for (at, file) in configs(&self.out).iter().enumerate() {
            if fs::read_to_string(file)
                .unwrap()
                .contains("relation: parent")
            {
                let id = node_id(file);
                let told = |line: &Json| line["event"] == "ildcp_address" && line["nodeId"] == *id;
                let process = &mut self.nodes[at.min(last)];
                if !process.log.iter().any(told) {
                    process.wait_until(told, "ildcp_address");
                }
            }
        }
        self
    }

    fn wait_healthy(&self, at: usize) {
        wait_listening(self.http(at));
        get_until(self.http(at), "/health", |answer| answer.status == 200);
    }

    /// A tool with what was printed for it, at the port that is the right one now.
    fn tool(&self, name: &str) -> (Vec<String>, [(&'static str, String); 2]) {
        let secret = |name: &str| {
            let text = fs::read_to_string(self.out.join("secrets").join(name)).unwrap();
            text.trim().to_owned()
        };
        let user = format!("--user {name}");
        let line = self.said.lines().find(|line| line.contains(&user)).unwrap();
        let mut arguments: Vec<String> = line.trim().split(' ').map(str::to_owned).collect();
        let (_, port) = arguments[1].rsplit_once(':').unwrap();
        let written = self.ports.iter().find(|node| node[0].0.to_string() == port);
        arguments[1] = format!("ws://{}:{}", self.host, written.unwrap()[0].1);
        (
            arguments,
            [("ILP_TOKEN", secret(name)), ("ILP_KEY", secret("key"))],
        )
    }

    /// Attaches the receiver.
    fn receiver(&self) -> Tool {
        let (arguments, env) = self.tool("receiver");
        let arguments: Vec<&str> = ["receive"]
            .into_iter()
            .chain(arguments.iter().map(String::as_str))
            .collect();
        let mut receiver = Tool::spawn_with(&arguments, &env);
        receiver.wait_for("receiving at ");
        receiver
    }

    /// Sends packets from the sender.
    fn send(&self, count: &str) -> Done {
        let (arguments, env) = self.tool("sender");
        let mut arguments: Vec<&str> = ["send"]
            .into_iter()
            .chain(arguments.iter().map(String::as_str))
            .collect();
        let last = arguments.len() - 1;
        assert_eq!(arguments[last - 1..], ["--count", "1000"]);
        arguments[last] = count;
        run_with(&arguments, &env)
    }

    /// How many packets each node took in; none of one that is dead.
    fn packets(&self) -> Vec<u64> {
        let prepares = |at: usize| -> u64 {
            if self.dead == Some(at) {
                return 0;
            }
            let peers = get(self.http(at), "/peers").json();
            let peers = peers["peers"].as_array().unwrap().iter();
            peers
                .map(|peer| peer["counters"]["preparesIn"].as_u64().unwrap())
                .sum()
        };
        (0..self.ports.len()).map(prepares).collect()
    }

    /// All packets of the sender go to the receiver, through these nodes and no others.
    fn pays_through(&self, nodes: &[&str]) {
        let _receiver = self.receiver();
        // ILDCP sends some as well
        let before = self.packets();
        let done = self.send("50");
        let well = (done.code, done.err.as_str()) == (Some(0), "");
        assert!(well && done.out.contains("fulfilled  50\n"), "{}", done.out);
        let after = self.packets().into_iter().zip(before);
        let files = configs(&self.out);
        let through = files
            .iter()
            .zip(after)
            .map(|(file, (after, before))| (node_id(file), after - before));
        let through: Vec<_> = through.filter(|(_, count)| *count > 0).collect();
        let expected = nodes.iter().map(|id| (format!("connector-{id}"), 50));
        assert_eq!(through, expected.collect::<Vec<_>>());
    }

    fn http(&self, at: usize) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.host), self.ports[at][1].1)
    }

    fn stop(mut self) {
        for node in &mut self.nodes {
            assert!(node.all("config_warning").is_empty(), "{}", node.show());
            assert_eq!(node.stop().code(), Some(0));
        }
    }
}

/// The name of the node that a file is for.
fn node_id(file: &Path) -> String {
    format!("connector-{}", file.file_stem().unwrap().to_str().unwrap())
}

/// Waits for a server: connections are refused until it listens.
fn wait_listening(address: SocketAddr) {
    let deadline = std::time::Instant::now() + crate::process::PATIENCE;
    while std::net::TcpStream::connect(address).is_err() {
        assert!(
            std::time::Instant::now() < deadline,
            "nobody listens on {address}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn a_line_of_twelve_works() {
    let network = Network::write("linear", 12).together();
    network.pays_through(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]);
    network.stop();
}

#[test]
fn the_longest_line_leaves_a_packet_enough_time() {
    let all: Vec<String> = ('a'..='z').map(String::from).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    Network::write("linear", 26).together().pays_through(&all);
}

#[test]
fn a_single_node_is_a_network() {
    Network::write("linear", 1).together().pays_through(&["a"]);
}

#[test]
fn a_full_mesh_takes_the_straight_way() {
    let network = Network::write("mesh", 4).together();
    network.pays_through(&["a", "d"]);
    network.stop();
}

#[test]
fn a_star_of_six_pays_from_spoke_to_spoke() {
    let network = Network::write("star", 6).apart();
    network.pays_through(&["a", "b", "f"]);
    network.stop();
}

#[test]
fn a_tree_of_seven_pays_from_leaf_to_leaf() {
    let network = Network::write("tree", 7).apart();
    network.pays_through(&["a", "b", "c", "d", "g"]);
    network.stop();
}

#[test]
fn a_ring_of_five_pays_the_short_way_and_the_long_way_when_a_node_is_dead() {
    let mut network = Network::write("ring", 5).apart();
    network.pays_through(&["a", "d", "e"]);
    network.nodes[4].signal("KILL");
    network.dead = Some(4);
    network.nodes[0].wait_for("btp_disconnected");
    network.pays_through(&["a", "b", "c", "d"]);
}
