//! The command line of `topology`.

use std::path::PathBuf;

use clap::Args;

use super::shape::{MOST, Shape};
use crate::tools::args::Usage;

/// Writes the files of a network of N nodes: a configuration each, secrets, and a compose file.
///
/// Nodes are called a, b, c, …; of the two with the most hops between them one has a child `sender`, the other a child
/// `receiver`. Every link has a secret of its own, drawn at random; secrets are written to files that only you can
/// read, and not shown. Nothing is started.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  ilp-connector topology linear 3                  linear-3/ with docker-compose.yml
  ilp-connector topology ring 5 --runtime mixed    tokio and smol by turns
  ilp-connector topology tree 7 --local            for this machine, without containers

What it writes passes `ilp-connector check DIR/*.yaml`. --runtime also takes `mixed` here.
Limits: 1 to 26 nodes; a mesh has at least 2, a ring at least 3.")]
pub(crate) struct TopologyArgs {
    /// How the nodes are linked
    #[arg(value_enum, value_name = "SHAPE")]
    shape: Shape,
    /// How many there are
    #[arg(value_name = "N", value_parser = nodes)]
    nodes: usize,
    /// Directory to write into [default: SHAPE-N]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write even if the directory is not empty; what an earlier call wrote there is replaced
    #[arg(long)]
    force: bool,
    /// For processes on this machine instead of containers: 127.0.0.1, and ports one after the other
    #[arg(long)]
    local: bool,
    /// Image of the containers
    #[arg(long, value_name = "NAME", default_value = "ilp-connector", conflicts_with = "local", value_parser = image)]
    image: String,
    /// Port of this machine that leads to the BTP server of node a; the next one to b, and so on
    #[arg(long, value_name = "PORT", default_value_t = 3001, value_parser = clap::value_parser!(u16).range(1..))]
    btp_port: u16,
    /// The same for /health and /metrics
    #[arg(long, value_name = "PORT", default_value_t = 8081, value_parser = clap::value_parser!(u16).range(1..))]
    http_port: u16,
}

/// A command line that makes sense.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) shape: Shape,
    pub(crate) nodes: usize,
    pub(crate) out: PathBuf,
    pub(crate) force: bool,
    /// For this machine, with this runtime if one was named; `None`: containers.
    pub(crate) local: Option<Option<String>>,
    pub(crate) image: String,
    pub(crate) btp_port: u16,
    pub(crate) http_port: u16,
    runtimes: Vec<String>,
}

/// What `--runtime` may name.
const RUNTIMES: [&str; 2] = ["tokio", "smol"];
const MIXED: &str = "mixed";

impl TopologyArgs {
    /// # Errors
    /// Too few or too many nodes, ports that there are not, no such runtime.
    pub(crate) fn plan(&self, runtime: Option<&str>) -> Result<Plan, Usage> {
        let Self { shape, nodes, .. } = *self;
        if !(shape.least()..=MOST).contains(&nodes) {
            let (what, least) = (shape.noun(), shape.least());
            let why = if nodes > MOST {
                ": every hop takes a second of a packet's 30"
            } else {
                ""
            };
            let (a, nodes) = (shape.name(), nodes.to_string());
            return Err(Usage(format!(
                "{a} {nodes}: a {what} has {least} to {MOST} nodes{why}"
            )));
        }
        self.ports()?;
        let runtimes = match runtime {
            None => Vec::new(),
            Some(name) if name == MIXED && self.local => {
                let why = "the nodes of one process share a runtime: choose tokio or smol";
                return Err(Usage(format!("--runtime mixed --local: {why}")));
            }
            Some(name) if name == MIXED => RUNTIMES.map(str::to_owned).to_vec(),
            Some(name) if RUNTIMES.contains(&name) => vec![name.to_owned()],
            Some(name) => {
                let known = "expected tokio, smol or mixed";
                return Err(Usage(format!("--runtime {name:?}: {known}")));
            }
        };
        let out = self.out.clone();
        Ok(Plan {
            shape,
            nodes,
            out: out.unwrap_or_else(|| PathBuf::from(format!("{}-{nodes}", shape.name()))),
            force: self.force,
            local: self.local.then(|| runtimes.first().cloned()),
            image: self.image.clone(),
            btp_port: self.btp_port,
            http_port: self.http_port,
            runtimes,
        })
    }

    /// All ports must exist, and none be wanted twice.
    fn ports(&self) -> Result<(), Usage> {
        let count = self.nodes;
        let last = |first: u16| usize::from(first) + count - 1;
        for (flag, first) in [
            ("--btp-port", self.btp_port),
            ("--http-port", self.http_port),
        ] {
            if last(first) > usize::from(u16::MAX) {
                let highest = usize::from(u16::MAX) + 1 - count;
                return Err(Usage(format!(
                    "{flag} {first}: {count} nodes need as many ports, so {highest} is the highest first one"
                )));
            }
        }
        let (low, high) = (
            self.btp_port.min(self.http_port),
            self.btp_port.max(self.http_port),
        );
        if last(low) >= usize::from(high) {
            return Err(Usage(format!(
                "--btp-port {} and --http-port {} are too close: {count} nodes need as many ports from each on",
                self.btp_port, self.http_port
            )));
        }
        Ok(())
    }
}

impl Plan {
    /// What node `at` shall run on, if somebody cares.
    pub(crate) fn runtime(&self, at: usize) -> Option<&str> {
        let many = self.runtimes.len().max(1);
        self.runtimes.get(at % many).map(String::as_str)
    }

    /// The port of this machine that leads to the BTP server of node `at`.
    pub(crate) fn btp_port_of(&self, at: usize) -> usize {
        usize::from(self.btp_port) + at
    }

    /// The same for its HTTP server.
    pub(crate) fn http_port_of(&self, at: usize) -> usize {
        usize::from(self.http_port) + at
    }

    /// What of the command makes a difference to the shape; begins with a space.
    pub(crate) fn arguments(&self) -> String {
        let local = if self.local.is_some() { " --local" } else { "" };
        let runtime = match &self.runtimes[..] {
            [] => String::new(),
            [one] => format!(" --runtime {one}"),
            _ => format!(" --runtime {MIXED}"),
        };
        format!(" {} {}{runtime}{local}", self.shape.name(), self.nodes)
    }
}

/// Whether it is too few or too many depends on the shape.
fn nodes(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| format!("expected a whole number, {MOST} at most"))
}

/// What a registry could have; nothing that a compose file would take for something else.
fn image(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err(
            "expected the name of an image, such as ilp-connector or registry.example/ilp:1"
                .to_owned(),
        )
    }
}
