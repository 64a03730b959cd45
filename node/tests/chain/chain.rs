//! The three nodes: their files, their processes, their logs.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::client::{Answer, get, get_until};
use crate::process::{Process, command, own_loopback_address};
use crate::wallet::Wallet;

/// What all secrets of the chain end with, so that a leak is found whichever it is.
pub(crate) const MARK_OF_SECRETS: &str = "5f1d0c";

/// A configuration file to be.
#[derive(Clone)]
pub(crate) struct File(String);

impl File {
    /// Replaces a setting of the top level, or adds it.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        let key = format!("{key}:");
        let others = self.0.lines().filter(|line| !line.starts_with(&key));
        let others: String = others.map(|line| format!("{line}\n")).collect();
        self.0 = format!("{key} {value}\n{others}");
    }

    pub(crate) fn replace(&mut self, old: &str, new: &str) {
        assert!(self.0.contains(old), "no {old} in\n{}", self.0);
        self.0 = self.0.replace(old, new);
    }

    /// The address of its BTP server.
    pub(crate) fn address(&self) -> String {
        let value = |key| self.0.lines().find_map(|line| line.strip_prefix(key));
        let (host, port) = (value("btpServerHost: "), value("btpServerPort: "));
        format!("{}:{}", host.unwrap(), port.unwrap())
    }

    pub(crate) fn write(&self) -> PathBuf {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        assert!(!self.0.contains('<'), "not filled in:\n{}", self.0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("chain-{}-{count}.yaml", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, &self.0).unwrap();
        path
    }
}

/// The files of the three.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) a: File,
    pub(crate) b: File,
    pub(crate) c: File,
    /// What their BTP servers bind to.
    host: Ipv4Addr,
}

impl Plan {
    pub(crate) fn new() -> Self {
        let host = own_loopback_address();
        let file = |text: &str| File(text.replace("<HOST>", &host.to_string()));
        Self {
            a: file(include_str!("config/a.yaml")),
            b: file(include_str!("config/b.yaml")),
            c: file(include_str!("config/c.yaml")),
            host,
        }
    }

    /// The same setting for all.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        for file in [&mut self.a, &mut self.b, &mut self.c] {
            file.set(key, value);
        }
        self
    }

    /// Files with ports that were free a moment ago, for nodes that start in any order.
    pub(crate) fn with_ports(mut self) -> Self {
        // Held together, so that they differ.
        let host = self.host;
        let held = [(); 3].map(|()| TcpListener::bind((host, 0)).unwrap());
        let [a, b, c] = held.map(|listener| listener.local_addr().unwrap());
        self.a.replace("<PORT>", &a.port().to_string());
        self.b.replace("<PORT>", &b.port().to_string());
        self.c.replace("<PORT>", &c.port().to_string());
        self.a.replace("<NEXT>", &b.to_string());
        self.b.replace("<NEXT>", &c.to_string());
        self
    }

    /// Starts C, then B with C's port, then A with B's; the links are not waited for.
    pub(crate) fn start(self) -> Chain {
        self.start_with(|c| c)
    }

    /// The same with something between B and C: B dials what `between` makes of C's address.
    pub(crate) fn start_with(mut self, between: impl FnOnce(SocketAddr) -> SocketAddr) -> Chain {
        self.c.replace("<PORT>", "0");
        let c = Node::start(self.c);
        self.b.replace("<PORT>", "0");
        self.b.replace("<NEXT>", &between(c.btp).to_string());
        let b = Node::start(self.b);
        self.a.replace("<PORT>", "0");
        self.a.replace("<NEXT>", &b.btp.to_string());
        let a = Node::start(self.a);
        Chain { a, b, c }
    }

    /// Starts them and waits until all are healthy.
    pub(crate) fn up(self) -> Chain {
        let mut chain = self.start();
        chain.wait_up();
        chain
    }
}

/// The three, running.
pub(crate) struct Chain {
    pub(crate) a: Node,
    pub(crate) b: Node,
    pub(crate) c: Node,
}

impl Chain {
    pub(crate) fn up() -> Self {
        Plan::new().up()
    }

    pub(crate) fn nodes(&mut self) -> [&mut Node; 3] {
        [&mut self.a, &mut self.b, &mut self.c]
    }

    /// Waits until all are healthy, which they are when both links are up: all four ends are critical.
    pub(crate) fn wait_up(&mut self) {
        for node in self.nodes() {
            node.wait_health(200);
        }
    }

    /// Alice at A and bob at C.
    pub(crate) fn alice_and_bob(&self) -> (Wallet, Wallet) {
        (self.a.wallet("alice"), self.c.wallet("bob"))
    }
}

/// One of the nodes.
pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) btp: SocketAddr,
    pub(crate) http: SocketAddr,
    file: Option<File>,
    /// Processes before this one, kept for their logs.
    gone: Vec<Process>,
}

impl Node {
    pub(crate) fn start(file: File) -> Self {
        let path = file.write();
        let mut node = Self::spawn(command(&["run", "--config", path.to_str().unwrap()]));
        node.file = Some(file);
        node
    }

    /// Starts a node and waits until it listens.
    pub(crate) fn spawn(command: Command) -> Self {
        let mut process = Process::spawn(command);
        let line = process.wait_for("connector_listening");
        let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
        Self {
            btp: address("btpAddress"),
            http: address("healthAddress"),
            process,
            file: None,
            gone: Vec::new(),
        }
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        self.process.signal("KILL");
        assert_eq!(self.process.end().code(), None, "killed by a signal");
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.process.stop()
    }

    /// Runs its file again, on the port that it had, after a [`kill`](Self::kill) or a [`stop`](Self::stop).
    pub(crate) fn restart(&mut self) {
        self.restart_with(|_| ());
    }

    /// The same with a change to its file.
    pub(crate) fn restart_with(&mut self, change: impl FnOnce(&mut File)) {
        let mut file = self.file.clone().unwrap();
        file.set("btpServerPort", &self.btp.port().to_string());
        change(&mut file);
        let gone = std::mem::take(&mut self.gone);
        let old = std::mem::replace(self, Self::start(file));
        self.gone = gone;
        self.gone.push(old.process);
    }

    /// Attaches a child of the node.
    pub(crate) fn wallet(&self, user: &str) -> Wallet {
        Wallet::attach(self.btp, user)
    }

    pub(crate) fn health(&self) -> Answer {
        get(self.http, "/health")
    }

    /// Waits until `/health` has this status.
    pub(crate) fn wait_health(&self, status: u16) -> Answer {
        get_until(self.http, "/health", |answer| answer.status == status)
    }

    /// Waits until `count` lines are `wanted`, those already read included.
    pub(crate) fn wait_lines(
        &mut self,
        count: usize,
        wanted: impl Fn(&Json) -> bool,
        what: &str,
    ) -> Vec<Json> {
        let seen = self.process.log.iter().filter(|line| wanted(line));
        let mut lines: Vec<_> = seen.cloned().collect();
        while lines.len() < count {
            lines.push(self.process.wait_until(&wanted, what));
        }
        lines
    }

    /// The first line of this event about this peer, be it already there or to come.
    pub(crate) fn wait_event(&mut self, event: &str, peer: &str) -> Json {
        let wanted = |line: &Json| line["event"] == event && line["peerId"] == peer;
        self.wait_lines(1, wanted, &format!("{event} of {peer}"))
            .swap_remove(0)
    }

    /// Waits until a restarted neighbour, or whoever comes back, is connected `times` times in all.
    pub(crate) fn wait_connected(&mut self, peer: &str, times: usize) {
        let wanted = |line: &Json| {
            let event = line["event"].as_str();
            matches!(event, Some("btp_connected" | "btp_server_peer_connected"))
                && line["peerId"] == peer
        };
        self.wait_lines(times, wanted, &format!("connection {times} with {peer}"));
    }

    /// Resident memory in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().trim_end_matches(" kB");
        kib.parse::<u64>().unwrap() << 10
    }

    /// Not to be had everywhere in a few lines.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn memory(&self) -> u64 {
        0
    }
}

/// Fails if this took longer.
pub(crate) fn within(limit: Duration, since: Instant) {
    let took = since.elapsed();
    assert!(took < limit, "took {took:?} instead of {limit:?}");
}
