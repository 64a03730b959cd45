//! What peers cost a node that are connected and nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use super::args::BenchArgs;
use super::network::Network;
use super::socket::Socket;
use super::tls::NodeTls;
use super::{STOP, Sample, failing};
use crate::terminal::say;
use crate::tools::exit::ToolError;
use crate::tools::text::{as_f64, grouped};

/// Connections that are made at a time: fewer than a node takes from one address before they authenticate.
const DIALLERS: usize = 8;
/// Descriptors that are needed beside those of the peers.
const OTHERS: usize = 100;
/// The longest that a ping waits for its answer.
const TURN: Duration = Duration::from_millis(200);

/// What was seen.
struct Seen {
    runtime: &'static str,
    peers: usize,
    start: Duration,
    connect: Duration,
    /// Bytes: listening, connected, at the end.
    rss: [Option<u64>; 3],
    /// Of one core.
    cpu: Option<f64>,
    duration: Duration,
    /// Peers that the node has hung up on.
    lost: usize,
    pings: usize,
}

/// Whether all peers could connect, and stayed.
pub(super) fn bench(
    args: &BenchArgs,
    peers: usize,
    runtime: &'static str,
    tls: Option<&NodeTls>,
) -> Result<bool, ToolError> {
    failing(allow_descriptors(peers + OTHERS))?;
    let begin = Instant::now();
    let network = failing(Network::crowd(peers, runtime, args.threads, tls))?;
    let pids = network.pids();
    let rss = || pids.iter().map(|pid| super::process::rss(*pid)).sum();
    let start = begin.elapsed();
    let listening = rss();
    let mut sockets = failing(connect(&network, peers))?;
    let connect = begin.elapsed() - start;
    let connected = rss();
    if !args.json {
        // or nothing would be seen for a minute
        say(&Seen::heading(runtime, peers, args.duration()));
    }
    let before = Sample::take(&pids);
    let mut seen = Seen {
        runtime,
        peers,
        start,
        connect,
        rss: [listening, connected, None],
        cpu: None,
        duration: args.duration(),
        lost: 0,
        pings: 0,
    };
    failing(attend(&mut sockets, &mut seen))?;
    let after = Sample::take(&pids);
    let elapsed = after.at.duration_since(before.at).as_secs_f64();
    seen.cpu = before
        .nodes
        .zip(after.nodes)
        .map(|(before, after)| (after - before) / elapsed);
    seen.rss[2] = rss();
    say(&if args.json { seen.json() } else { seen.text() });
    Ok(seen.lost == 0)
}

/// Lets this process, and the node that it starts, have so many descriptors.
fn allow_descriptors(needed: usize) -> Result<(), String> {
    let needed = needed as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|_| {
        let most = maximum.unwrap_or(0);
        format!("{needed} descriptors are needed, and the system allows {most}: see ulimit -n")
    })
}

/// Connects and authenticates all of them.
fn connect(network: &Network, peers: usize) -> Result<Vec<Socket>, String> {
    let next = AtomicUsize::new(0);
    let dial = || {
        let mut sockets = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= peers {
                return Ok(sockets);
            }
            if STOP.load(Ordering::Relaxed) {
                return Err("interrupted".to_owned());
            }
            sockets.push(network.one_of_crowd(number)?.open()?.idle());
        }
    };
    thread::scope(|scope| {
        let diallers: Vec<_> = (0..DIALLERS).map(|_| scope.spawn(dial)).collect();
        let mut sockets = Vec::with_capacity(peers);
        for dialler in diallers {
            sockets.extend(dialler.join().unwrap_or_else(|_| Err("a panic".into()))?);
        }
        Ok(sockets)
    })
}

/// Answers pings until the time is over.
fn attend(sockets: &mut Vec<Socket>, seen: &mut Seen) -> Result<(), String> {
    let end = Instant::now() + seen.duration;
    while Instant::now() < end {
        if STOP.load(Ordering::Relaxed) {
            return Err("interrupted".into());
        }
        let left = end.saturating_duration_since(Instant::now()).min(TURN);
        // so that many pings are answered in one turn, and this costs little
        thread::sleep(left);
        let mut all: Vec<_> = sockets
            .iter()
            .map(|socket| PollFd::new(socket.stream(), PollFlags::IN))
            .collect();
        poll(&mut all, Some(&Timespec::default()))
            .map_err(|error| format!("cannot wait for sockets: {error}"))?;
        let ready: Vec<bool> = all.iter().map(|one| !one.revents().is_empty()).collect();
        let before = sockets.len();
        let mut ready = ready.into_iter();
        sockets.retain_mut(|socket| {
            if !ready.next().unwrap_or(false) {
                return true;
            }
            seen.pings += 1;
            answer(socket).is_ok()
        });
        seen.lost += before - sockets.len();
    }
    Ok(())
}

/// Reads what there is; pings are answered by the socket itself.
fn answer(socket: &mut Socket) -> Result<(), String> {
    socket.fill()?;
    while socket.next()?.is_some() {}
    socket.flush()
}

impl Seen {
    /// Bytes of all of the node for each of its peers.
    fn per_peer(&self) -> Option<f64> {
        self.rss[2].map(|rss| as_f64(rss) / self.peers as f64)
    }

    fn json(&self) -> String {
        let [listening, connected, end] = self.rss;
        let rounded = |number: f64, per: f64| (number * per).round() / per;
        json!({
            "runtime": self.runtime,
            "idlePeers": self.peers,
            "startSeconds": rounded(self.start.as_secs_f64(), 1e3),
            "connectSeconds": rounded(self.connect.as_secs_f64(), 1e3),
            "rssBytes": {"listening": listening, "connected": connected, "end": end},
            "rssBytesPerPeer": self.per_peer().map(f64::round),
            "cpuPercentOfOneCore": self.cpu.map(|cpu| rounded(cpu * 100.0, 1e3)),
            "durationSeconds": self.duration.as_secs_f64(),
            "messages": self.pings,
            "lost": self.lost,
            "ok": self.lost == 0,
        })
        .to_string()
    }

    fn heading(runtime: &str, peers: usize, duration: Duration) -> String {
        let peers = grouped(peers as u64);
        let seconds = duration.as_secs_f64();
        format!("one node on {runtime}, {peers} idle peers for {seconds} s")
    }

    fn text(&self) -> String {
        let mib = |bytes: Option<u64>| {
            bytes.map_or_else(
                || "unknown".into(),
                |bytes| format!("{:.1} MiB", as_f64(bytes) / 1_048_576.0),
            )
        };
        let [listening, connected, end] = self.rss;
        let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "unknown".into());
        let per_peer = or_unknown(
            self.per_peer()
                .map(|bytes| format!("{:.1} KiB", bytes / 1024.0)),
        );
        let cpu = or_unknown(
            self.cpu
                .map(|cpu| format!("{:.2} % of a core", cpu * 100.0)),
        );
        let lines = [
            format!("start     {:.3} s", self.start.as_secs_f64()),
            format!("connect   {:.3} s", self.connect.as_secs_f64()),
            format!(
                "RSS       {} listening, {} connected, {} at the end",
                mib(listening),
                mib(connected),
                mib(end)
            ),
            format!("per peer  {per_peer}"),
            format!(
                "CPU       {cpu}, over {} s with {} messages from the node",
                self.duration.as_secs_f64(),
                grouped(self.pings as u64)
            ),
            format!("lost      {}", self.lost),
        ];
        lines.join("\n")
    }
}
