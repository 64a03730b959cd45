//! The arguments of `bench`.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use btp_proto::Secret;
use clap::Args;
use ilp_proto::MAX_DATA;

use super::packets::MIN_DATA;
use super::tls::NodeTls;
use crate::config;
use crate::tools::args::Usage;
use crate::tools::load::MAX_IN_FLIGHT;

const NUMBERS: &str = "\
What the numbers mean:
  in flight    packets of one pair that wait for their answer at a time
  packets/s    answers per second, of all pairs together
  p50 … max    time from a packet to its answer: half of them, 90 %, … took no longer. With --rate it begins
               when the packet was due, even if it could not be sent then, so that a connector that stalls for
               a second is charged for all that should have been sent in it. Packets that are due within
               0.1 ms are sent together, so that above 10,000 a second it contains up to 0.1 ms of waiting for that
  CPU/1M       seconds of CPU that the nodes, all together, took for a million packets and their answers
  bench CPU    the same of sender and receiver: where it is near 1,000,000 / (packets/s), this tool is
               what is measured, not the connector
  RSS          memory of the nodes, all together, at the end of the measurement
  fulfilled    packets that came back with the right fulfillment, those before and after the time measured too;
               every answer is compared with what it must be
  failed       rejected, wrong or strange answers; with any, the exit code is 1
  of pipe      packets/s as part of what the same sender and receiver do with a relay between them that
               only copies bytes: nothing that runs on this machine can have more than about 100 %

With --idle-peers, of a node whose configuration names N peers:
  start        from starting the process to its listening, nobody connected
  connect      from there until all N have connected and authenticated, eight at a time
  RSS          memory of the node: when it listens, when all are connected, and at the end
  per peer     the last of these, all of it, divided by N
  CPU          of one core, while nothing but keepalive happens (one ping per peer every 30 s)

Compare numbers of one session on one machine only. Sender, receiver and nodes on one core (taskset -c 1) vary least.

Examples:
  ilp-connector bench
  ilp-connector bench --nodes 3 --in-flight 512 --with-pipe
  ilp-connector bench --rate 50000 --duration 30s
  ilp-connector bench --idle-peers 10000
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench \\
    -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \\
    -keyout key.pem -out cert.pem
  ilp-connector bench --tls-cert cert.pem --tls-key key.pem
  ilp-connector bench --target ws://localhost:3000 --target-user alice --target-token T1 \\
    --receiver ws://localhost:3000 --receiver-user bob --receiver-token T2 --to test.node.bob --pid 4711

Exit codes: 0 every answer was right; 1 one was not, or something failed; 2 wrong use; 130 Ctrl-C.";

/// Measures how fast a connector forwards packets, this one or any other.
///
/// A sender and a receiver attach as BTP clients; all packets go from one to the other through the connector.
/// Without --target, nodes are started for it, each a process with default settings, on loopback.
#[derive(Args, Clone, Debug)]
#[command(after_help = NUMBERS)]
pub(crate) struct BenchArgs {
    /// Server that the senders attach to, ws://HOST:PORT/PATH; {i} becomes the number of the pair
    #[arg(long, value_name = "URL", requires = "receiver", value_parser = secret)]
    pub(super) target: Option<Secret>,
    /// Account of the senders there; {i} becomes the number of the pair
    #[arg(long, value_name = "ID", requires = "target")]
    pub(super) target_user: Option<String>,
    /// Its secret; {i} as above
    #[arg(long, value_name = "TOKEN", requires = "target", env = "ILP_TARGET_TOKEN", hide_env_values = true, value_parser = secret)]
    pub(super) target_token: Option<Secret>,
    /// Server that the receivers attach to; {i} as above
    #[arg(long, value_name = "URL", requires = "target", value_parser = secret)]
    pub(super) receiver: Option<Secret>,
    /// Account of the receivers there; {i} as above
    #[arg(long, value_name = "ID", requires = "receiver")]
    pub(super) receiver_user: Option<String>,
    /// Its secret; {i} as above
    #[arg(long, value_name = "TOKEN", requires = "receiver", env = "ILP_RECEIVER_TOKEN", hide_env_values = true, value_parser = secret)]
    pub(super) receiver_token: Option<Secret>,
    /// Address of the receivers; {i} as above [default: what their server tells them, by ILDCP]
    #[arg(long, value_name = "ADDRESS", requires = "target")]
    pub(super) to: Option<String>,
    /// Certificate (PEM, for 127.0.0.1) that the nodes show: all links are wss:// then
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        conflicts_with = "target"
    )]
    pub(super) tls_cert: Option<PathBuf>,
    /// Private key (PEM) of --tls-cert
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
    /// Authorities (PEM) to trust with wss:// [default: --tls-cert itself]
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// Process whose CPU and memory are measured, with --target; may be given several times
    #[arg(long, value_name = "PID", requires = "target")]
    pub(super) pid: Vec<u32>,
    /// Connectors in a row to start
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "target", value_parser = nodes)]
    pub(super) nodes: usize,
    /// Worker threads of each of them [default: one per CPU]
    #[arg(long, value_name = "N", conflicts_with = "target", value_parser = threads)]
    pub(super) threads: Option<usize>,
    /// Instead of sending anything, connect N peers to a node, leave them idle and see what they cost it
    #[arg(long, value_name = "N", conflicts_with_all = ["target", "nodes", "pairs", "in_flight", "size", "warmup", "rate", "with_pipe"], value_parser = idle_peers)]
    pub(super) idle_peers: Option<usize>,
    /// Packets in flight of each pair; one measurement for each number [default: 1,32,512, with --rate 2048]
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = in_flight)]
    pub(super) in_flight: Vec<usize>,
    /// Senders, each with a receiver and a thread of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = pairs)]
    pub(super) pairs: usize,
    /// Bytes of data in a PREPARE [default: as many as make a BTP frame of 364 bytes]
    #[arg(long, value_name = "BYTES", value_parser = size)]
    pub(super) size: Option<usize>,
    /// Length of each measurement [default: 5s, with --idle-peers 60s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Before it, the same unmeasured [default: a fifth of it, at most 1s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    warmup: Option<Duration>,
    /// Packets per second, of all pairs together, instead of as many as are answered
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(super) rate: Option<u64>,
    /// Also measure a relay that only copies bytes, with the same sender and receiver
    #[arg(long)]
    pub(super) with_pipe: bool,
    /// Print one JSON object instead of the table
    #[arg(long)]
    pub(super) json: bool,
}

impl BenchArgs {
    /// What the nodes that are started show, if they speak TLS.
    pub(super) fn node_tls(&self) -> Result<Option<NodeTls>, Usage> {
        let files = self.tls_cert.as_ref().zip(self.tls_key.as_ref());
        let Some((cert, key)) = files else {
            return match (&self.ca_file, &self.target) {
                (Some(_), None) => Err(Usage(
                    "--ca-file needs --tls-cert and --tls-key, or a --target that is wss://".into(),
                )),
                _ => Ok(None),
            };
        };
        let tls = NodeTls::of_files(cert, key, self.ca_file.as_deref()).map_err(Usage)?;
        Ok(Some(tls))
    }

    /// Every number of packets in flight to measure with.
    pub(super) fn levels(&self) -> Vec<usize> {
        match (self.in_flight.is_empty(), self.rate) {
            (false, _) => self.in_flight.clone(),
            (true, None) => vec![1, 32, 512],
            (true, Some(_)) => vec![2_048],
        }
    }

    pub(super) fn duration(&self) -> Duration {
        let usual = match self.idle_peers {
            None => Duration::from_secs(5),
            // each of them is pinged twice
            Some(_) => Duration::from_secs(60),
        };
        self.duration.unwrap_or(usual)
    }

    pub(super) fn warmup(&self) -> Duration {
        let usual = (self.duration() / 5).min(Duration::from_secs(1));
        self.warmup.unwrap_or(usual)
    }
}

/// `{i}` as the number of the pair.
pub(super) fn of_pair(text: &str, pair: usize) -> String {
    text.replace("{i}", &pair.to_string())
}

fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

fn within(text: &str, min: usize, max: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| (min..=max).contains(n));
    number.ok_or_else(|| format!("expected a number from {min} to {max}"))
}

fn nodes(text: &str) -> Result<usize, String> {
    within(text, 1, 16)
}

fn threads(text: &str) -> Result<usize, String> {
    within(text, 1, 1_024)
}

fn in_flight(text: &str) -> Result<usize, String> {
    within(text, 1, MAX_IN_FLIGHT)
}

fn pairs(text: &str) -> Result<usize, String> {
    within(text, 1, 256)
}

fn idle_peers(text: &str) -> Result<usize, String> {
    within(text, 1, 15_000)
}

fn size(text: &str) -> Result<usize, String> {
    within(text, MIN_DATA, MAX_DATA)
}

fn rate(text: &str) -> Result<u64, String> {
    let number = text.parse().ok();
    let number = number.filter(|n| (1..=100_000_000).contains(n));
    number.ok_or_else(|| "expected a number from 1 to 100000000".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let range = (Duration::from_millis(10), Duration::from_secs(86_400));
    config::time(text, range.0, range.1)
        .map_err(|invalid| format!("it {}: {}", invalid.what, invalid.fix))
}
