//! A process of the binary, its settings, and what it says.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// No test waits that long for anything, unless it is about to fail.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of each node's log that a failing test prints.
const TAIL: usize = 20;

/// The configuration file of a node, on free ports of loopback.
#[derive(Clone)]
pub(crate) struct Settings(String);

impl Settings {
    pub(crate) fn new(id: &str) -> Self {
        Self(format!(
            "nodeId: {id}\nilpAddress: test.{id}\nbtpServerHost: 127.0.0.1\nbtpServerPort: 0\n\
             healthCheckHost: 127.0.0.1\nhealthCheckPort: 0\nthreads: 2\n"
        ))
    }

    /// Adds or replaces a line of the top level.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        let others = self
            .0
            .lines()
            .filter(|line| !line.starts_with(&format!("{key}:")));
        self.0 = others.map(|line| format!("{line}\n")).collect();
        writeln!(self.0, "{key}: {value}").unwrap();
        self
    }

    pub(crate) fn peers(self, peers: &[String]) -> Self {
        self.set("peers", &format!("[{}]", peers.join(", ")))
    }

    pub(crate) fn route(self, prefix: &str, next_hop: &str) -> Self {
        self.set(
            "routes",
            &format!("[{{prefix: \"{prefix}\", nextHop: {next_hop}}}]"),
        )
    }

    /// Writes it to a file of its own.
    pub(crate) fn file(&self) -> PathBuf {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "{}-{}.yaml",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, &self.0).unwrap();
        path
    }
}

/// A peer that we wait for.
pub(crate) fn waits_for(id: &str) -> String {
    format!("{{id: {id}, authToken: {}}}", secret_of(id))
}

/// A peer that we dial.
pub(crate) fn dials(id: &str, address: SocketAddr) -> String {
    format!(
        "{{id: {id}, url: \"ws://{address}\", authToken: {}}}",
        secret_of(id)
    )
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// A loopback address that no other test uses, so that a port of it which was free, or which a node has left, stays
/// so: one of 127.0.0.1 may be given to a connection of another test. Where there is only one such address, that one.
pub(crate) fn own_loopback_address() -> Ipv4Addr {
    static COUNT: AtomicU8 = AtomicU8::new(2);
    let [.., high, low] = std::process::id().to_be_bytes();
    let own = Ipv4Addr::new(127, high, low, COUNT.fetch_add(1, Ordering::Relaxed));
    match TcpListener::bind((own, 0)) {
        Ok(_) => own,
        Err(_) => Ipv4Addr::LOCALHOST,
    }
}

/// A port of such an address, which stays free until a node takes it.
pub(crate) fn own_address() -> SocketAddr {
    TcpListener::bind((own_loopback_address(), 0))
        .unwrap()
        .local_addr()
        .unwrap()
}

/// What must never be printed.
pub(crate) fn secret_of(id: &str) -> String {
    format!("secret-of-{id}-5f1d0c")
}

/// The binary without any settings of the environment that the tests run in, but on the runtime that it names.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ilp-connector"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    if let Some(runtime) = std::env::var_os("ILP_RUNTIME") {
        command.env("ILP_RUNTIME", runtime);
    }
    command
}

pub(crate) fn run_command(settings: &[Settings]) -> Command {
    let mut command = command(&["run"]);
    for settings in settings {
        command.arg("--config").arg(settings.file());
    }
    command
}

/// A running process; killed on drop.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    /// All lines so far, parsed.
    pub(crate) log: Vec<Json>,
}

impl Process {
    /// Runs nodes and waits until each listens.
    pub(crate) fn run(settings: &[Settings]) -> Self {
        let mut process = Self::spawn(run_command(settings));
        for _ in settings {
            process.wait_for("connector_listening");
        }
        process
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            log: Vec::new(),
        }
    }

    /// The next line that is `event`, from here on.
    pub(crate) fn wait_for(&mut self, event: &str) -> Json {
        self.wait_until(|line| line["event"] == event, event)
    }

    /// The next line that `wanted` accepts, from here on.
    pub(crate) fn wait_until(&mut self, wanted: impl Fn(&Json) -> bool, what: &str) -> Json {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("{what} did not come. The log:\n{}", self.show());
            };
            let line = parse(&line);
            self.log.push(line.clone());
            if wanted(&line) {
                return line;
            }
        }
    }

    /// The addresses that the node `id` listens on: BTP and HTTP.
    pub(crate) fn listens(&self, id: &str) -> (SocketAddr, SocketAddr) {
        let line = self
            .log
            .iter()
            .find(|line| line["event"] == "connector_listening" && line["nodeId"] == id);
        let line = line.unwrap();
        let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
        (address("btpAddress"), address("healthAddress"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its short name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        assert!(
            Command::new("sh")
                .arg("-c")
                .arg(kill)
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the end, reading what it still has to say.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.log.push(parse(&line)),
                Err(_) if left.is_zero() => panic!("it does not end. The log:\n{}", self.show()),
                Err(_) => return self.child.wait().unwrap(),
            }
        }
    }

    /// Closes the other end of its stderr, at the next line that comes.
    pub(crate) fn stop_reading(&mut self) {
        self.lines = channel().1;
    }

    /// Waits for the end of one that nobody listens to.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.end()
    }

    /// The lines so far of one event.
    pub(crate) fn all(&self, event: &str) -> Vec<&Json> {
        self.log
            .iter()
            .filter(|line| line["event"] == event)
            .collect()
    }

    /// Prints the last lines that it wrote, for the reader of a test that fails.
    fn show_end(&mut self) {
        // It is dead, so its lines end.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.log
                .push(serde_json::from_str(&line).unwrap_or(Json::String(line)));
        }
        eprintln!("The end of the log of process {}:", self.id());
        // Packets would soon crowd out everything else, so they are shown only if they are the very last.
        let last = self.log.len().saturating_sub(TAIL);
        let of_packets = |line: &Json| {
            let event = line["event"].as_str().unwrap_or_default();
            line["packetId"].is_string()
                || ["message_sent", "message_received", "response_sent"]
                    .iter()
                    .any(|kind| event.ends_with(kind))
        };
        let (before, end) = self.log.split_at(last);
        let other: Vec<_> = before.iter().filter(|line| !of_packets(line)).collect();
        for line in &other[other.len().saturating_sub(TAIL)..] {
            eprintln!("{line}");
        }
        if !other.is_empty() {
            eprintln!("… and after all packets:");
        }
        for line in end {
            eprintln!("{line}");
        }
    }

    pub(crate) fn show(&self) -> String {
        self.log.iter().map(|line| format!("{line}\n")).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            self.show_end();
        }
    }
}

fn parse(line: &str) -> Json {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the log line {line}"))
}
