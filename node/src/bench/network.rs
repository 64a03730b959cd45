//! Connectors in a row, each a process of this executable, on ports that the system picks.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use btp_proto::Secret;
use serde_json::Value as Json;

use super::connect::Account;
use super::tls::{NodeTls, Trust};
use crate::runtime;
use crate::tools::exit::random;
use crate::tools::load::PEER_IN_FLIGHT;

/// For a process to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// What `maxSendBuffer` is by default, and at most.
const SEND_BUFFER: usize = 1 << 20;
const MAX_SEND_BUFFER: usize = 1 << 30;
/// Lines of a log that are kept, in case it is asked for.
const TAIL: usize = 10;

/// How they should be.
pub(super) struct Wish<'a> {
    pub(super) nodes: usize,
    pub(super) pairs: usize,
    pub(super) in_flight: usize,
    /// What a PREPARE takes in its BTP frame, or a little less.
    pub(super) frame: usize,
    pub(super) runtime: &'a str,
    pub(super) threads: Option<usize>,
    pub(super) tls: Option<&'a NodeTls>,
}

/// Connectors that run; they end with it.
pub(super) struct Network {
    /// From the senders to the receivers; never empty.
    nodes: Vec<Node>,
    secret: Secret,
    /// With TLS: whom to trust.
    trust: Option<Trust>,
}

struct Node {
    process: Child,
    btp: SocketAddr,
}

impl Drop for Node {
    fn drop(&mut self) {
        // it has nothing to lose
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the link between two nodes must hold if the second one does not read for a while, where the default does not
/// suffice: else some packets of a measurement would get T03.
fn send_buffer(wish: &Wish<'_>) -> Option<usize> {
    let needed = (wish.pairs * wish.in_flight).saturating_mul(wish.frame);
    (needed > SEND_BUFFER).then(|| needed.saturating_mul(2).min(MAX_SEND_BUFFER))
}

impl Network {
    /// Starts them, each dials the one before it.
    ///
    /// # Errors
    /// When one does not start.
    pub(super) fn start(wish: &Wish<'_>) -> Result<Self, String> {
        let secret: [u8; 16] = random().map_err(|_| "no random numbers".to_owned())?;
        let mut network = Self {
            nodes: Vec::new(),
            secret: Secret::from(hex::encode(secret)),
            trust: trust(wish.tls),
        };
        for number in 1..=wish.nodes {
            let node = network.node(wish, number)?;
            network.nodes.push(node);
        }
        Ok(network)
    }

    pub(super) fn pids(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.process.id()).collect()
    }

    /// Who sends, at the first, and who receives, at the last.
    ///
    /// # Errors
    /// None that can happen: the addresses are the nodes' own.
    pub(super) fn accounts(&self, pair: usize) -> Result<(Account, Account), String> {
        let (Some(first), Some(last)) = (self.nodes.first(), self.nodes.last()) else {
            return Err("there are no nodes".into());
        };
        Ok((
            self.account(first, format!("s{pair}"))?,
            self.account(last, format!("r{pair}"))?,
        ))
    }

    fn account(&self, node: &Node, user: String) -> Result<Account, String> {
        let url = format!("{}://{}/", scheme(self.trust.is_some()), node.btp);
        let trust = self.trust.as_ref();
        Account::new(&url, Some(user), Some(self.secret.clone()), trust)
    }

    /// All settings are variables of its environment: no secret is in a file or a list of processes.
    fn node(&self, wish: &Wish<'_>, number: usize) -> Result<Node, String> {
        let secret = self.secret.as_str();
        let last = number == wish.nodes;
        let limits = |links: usize| {
            // defaults are measured wherever they suffice
            let needed = links * wish.in_flight;
            match needed > PEER_IN_FLIGHT {
                true => format!(";maxInFlight={}", needed.min(65_536)),
                false => String::new(),
            }
        };
        let mut peers = Vec::new();
        if number == 1 {
            peers.extend((0..wish.pairs).map(|n| format!("s{n};relation=child{}", limits(1))));
        }
        if last {
            peers.extend((0..wish.pairs).map(|n| format!("r{n};relation=child{}", limits(1))));
        }
        if let Some(before) = self.nodes.last() {
            let (id, btp, limits) = (number - 1, before.btp, limits(wish.pairs));
            let scheme = scheme(wish.tls.is_some());
            peers.push(format!("n{id}={scheme}://{btp}{limits}"));
        }
        if !last {
            peers.push(format!("n{}{}", number + 1, limits(wish.pairs)));
        }
        let mut command = connector(number, wish.runtime, wish.threads, wish.tls)?;
        command.stdin(Stdio::null());
        for peer in &peers {
            let id = peer.split([';', '=']).next().unwrap_or_default();
            command.env(format!("BTP_PEER_{}_SECRET", id.to_uppercase()), secret);
        }
        command.env("PEERS", peers.join(","));
        if let Some(bytes) = send_buffer(wish) {
            command.env("MAX_SEND_BUFFER", bytes.to_string());
        }
        if !last {
            command.env("ROUTES", format!("=n{}", number + 1));
        }
        started(&mut command, b"").map_err(|error| format!("node n{number}: {error}"))
    }

    /// One node with so many accounts, of which nobody is there yet. They are told to it by a pipe: there is no
    /// room for ten thousand in an environment, and a file would show their secret.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn crowd(
        peers: usize,
        runtime: &str,
        threads: Option<usize>,
        tls: Option<&NodeTls>,
    ) -> Result<Self, String> {
        let secret: [u8; 8] = random().map_err(|_| "no random numbers".to_owned())?;
        let secret = Secret::from(hex::encode(secret));
        let mut yaml = String::from("peers:\n");
        for number in 0..peers {
            let token = secret.as_str();
            yaml.push_str(&format!(
                "- {{id: p{number}, relation: child, authToken: {token:?}}}\n"
            ));
        }
        let mut command = connector(1, runtime, threads, tls)?;
        command.args(["--config", "-"]).stdin(Stdio::piped());
        let node = started(&mut command, yaml.as_bytes())?;
        Ok(Self {
            nodes: vec![node],
            secret,
            trust: trust(tls),
        })
    }

    /// The account of one of a [`crowd`](Self::crowd).
    ///
    /// # Errors
    /// None that can happen: the address is the node's own.
    pub(super) fn one_of_crowd(&self, number: usize) -> Result<Account, String> {
        let node = self.nodes.first().ok_or("there are no nodes")?;
        self.account(node, format!("p{number}"))
    }
}

const fn scheme(tls: bool) -> &'static str {
    if tls { "wss" } else { "ws" }
}

fn trust(tls: Option<&NodeTls>) -> Option<Trust> {
    tls.map(|tls| tls.trust.clone())
}

/// What starts this executable as a node.
fn connector(
    number: usize,
    runtime: &str,
    threads: Option<usize>,
    tls: Option<&NodeTls>,
) -> Result<Command, String> {
    let executable =
        std::env::current_exe().map_err(|error| format!("cannot find the executable: {error}"))?;
    let mut command = Command::new(executable);
    command
        .arg("run")
        .env_clear()
        .env(runtime::VARIABLE, runtime)
        .env("NODE_ID", format!("n{number}"))
        .env("ILP_ADDRESS", format!("test.n{number}"))
        .env("BTP_SERVER_HOST", "127.0.0.1")
        .env("BTP_SERVER_PORT", "0")
        .env("HEALTH_CHECK_HOST", "127.0.0.1")
        .env("HEALTH_CHECK_PORT", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if let Some(tls) = tls {
        command
            .env("CERT_FILE", &tls.cert_file)
            .env("KEY_FILE", &tls.key_file)
            .env("CA_FILE", &tls.ca_file);
    }
    if let Some(threads) = threads {
        command.env("THREADS", threads.to_string());
    }
    Ok(command)
}

/// Starts it, tells it what it wants to read and waits until it listens.
fn started(command: &mut Command, input: &[u8]) -> Result<Node, String> {
    let process = command.spawn();
    let mut process = process.map_err(|error| format!("cannot start: {error}"))?;
    let (stdin, stderr) = (process.stdin.take(), process.stderr.take());
    let mut node = Node {
        process,
        btp: SocketAddr::from(([127, 0, 0, 1], 0)),
    };
    let (tell, told) = channel();
    if let Some(stderr) = stderr {
        thread::spawn(move || listen(stderr, &tell));
    }
    if let Some(mut stdin) = stdin {
        // a node that ends instead of reading says why in its log
        let _ = stdin.write_all(input);
    }
    node.btp = listening(&told)?;
    Ok(node)
}

/// Waits until it says where it listens.
fn listening(told: &Receiver<Result<SocketAddr, String>>) -> Result<SocketAddr, String> {
    match told.recv_timeout(PATIENCE) {
        Ok(Ok(address)) => Ok(address),
        Ok(Err(log)) => Err(format!("ended before it listened:\n{log}")),
        Err(RecvTimeoutError::Timeout) => Err("does not listen".into()),
        Err(RecvTimeoutError::Disconnected) => Err("ended before it listened".into()),
    }
}

/// Reads the log to its end, so that the node can go on writing it.
fn listen(stderr: ChildStderr, tell: &Sender<Result<SocketAddr, String>>) {
    let mut tail = VecDeque::new();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let fields = serde_json::from_str::<Json>(&line).unwrap_or_default();
        if fields["event"] == "connector_listening"
            && let Some(address) = fields["btpAddress"].as_str()
            && let Ok(address) = address.parse()
        {
            // whoever waits may have given up
            let _ = tell.send(Ok(address));
        }
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    let _ = tell.send(Err(Vec::from(tail).join("\n")));
}
