//! `run`: nodes from their configuration to their end.
//!
//! The start is: log, signals, and then per node: routing table, health port, BTP port, peers. The main thread then
//! waits for what there is to decide: health that changes, a signal, the end. A node is ready, and says so, when
//! `/health` first turns 200; until then it takes packets already.
//!
//! The first SIGTERM or SIGINT drains all nodes, the second one ends the process at once.

mod observer;
mod start;

use std::io;
use std::process::{self, ExitCode};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use ::log::LevelFilter;
use ilp_runtime::Runtime;

use crate::config::NodeConfig;
use crate::log::node::NodeEvent;
use crate::log::{self, NodeLog};
use crate::runtime::{Choice, Job};
use crate::signals::{self, StopSignal};
use start::{Running, start};

/// How much longer than its settings say a node may take to stop before the process ends without it.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// For the last lines to be written.
const FLUSH: Duration = Duration::from_secs(1);

/// What the main thread is told.
enum Control {
    /// The start is over: the nodes, or nothing when one of them could not be started (which is logged).
    Started(Option<Vec<Running>>),
    /// Something happened that `/health` of this node may have an opinion on.
    HealthMayDiffer(usize),
    /// Stop.
    Signal(StopSignal),
    /// This node has no tasks and no sockets any more.
    Ended(usize),
}

/// Runs nodes in this process until a signal ends them. The exit code is 0 after an orderly end and 1
/// when a node could not be started or did not stop.
pub(crate) fn run(nodes: Vec<NodeConfig>, on: Choice) -> ExitCode {
    let done = prepare(&nodes).and_then(|()| {
        let (tell, told) = channel();
        watch_signals(&nodes, &tell)?;
        let threads = nodes.first().and_then(|node| node.threads).unwrap_or(0);
        on.run(threads, Nodes { nodes, tell, told })
    });
    let done = done.unwrap_or_else(|error| {
        let log = NodeLog::new("", LevelFilter::Error, false);
        NodeEvent::StartFailed { error: &error }.describe(&mut |line| log.write(&line));
        Err(Failed)
    });
    log::flush(FLUSH);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed) => ExitCode::FAILURE,
    }
}

/// Something went wrong that is in the log.
struct Failed;

/// What the main thread does while the nodes run.
struct Nodes {
    nodes: Vec<NodeConfig>,
    tell: Sender<Control>,
    told: Receiver<Control>,
}

impl Job for Nodes {
    type Outcome = Result<(), Failed>;

    fn run(self, runtime: &impl Runtime) -> Self::Outcome {
        control(runtime, self.nodes, &self.tell, &self.told)
    }
}

fn prepare(nodes: &[NodeConfig]) -> io::Result<()> {
    log::init(log::Options {
        level: nodes
            .iter()
            .map(|node| node.log_level)
            .max()
            .unwrap_or(LevelFilter::Info),
        format: nodes
            .first()
            .map(|node| node.log_format)
            .unwrap_or_default(),
        node_id: match nodes {
            [node] => Some(node.router.node_id.clone()),
            _ => None,
        },
    })?;
    log::panic::install();
    Ok(())
}

fn watch_signals(nodes: &[NodeConfig], tell: &Sender<Control>) -> io::Result<()> {
    let tell = tell.clone();
    let logs: Vec<NodeLog> = nodes.iter().map(start::log_of).collect();
    signals::watch(
        // Nobody is told when the process is at its end anyway.
        move |signal| _ = tell.send(Control::Signal(signal)),
        move |signal| {
            for log in &logs {
                NodeEvent::Killed {
                    name: signal.name(),
                }
                .describe(&mut |line| log.write(&line));
            }
            log::flush(FLUSH / 10);
            process::exit(signal.exit_code());
        },
    )
}

/// Starts the nodes and decides, until all have ended.
fn control<R: Runtime>(
    runtime: &R,
    configs: Vec<NodeConfig>,
    tell: &Sender<Control>,
    told: &Receiver<Control>,
) -> Result<(), Failed> {
    let patience = configs
        .iter()
        .map(|config| config.router.timeouts.shutdown + config.router.timeouts.close)
        .max();
    let patience = patience.unwrap_or_default() + STOP_GRACE;
    runtime.spawn(start(runtime.clone(), configs, tell.clone()));

    let mut nodes: Vec<Running> = Vec::new();
    let mut ended = 0;
    let mut signal: Option<StopSignal> = None;
    let mut stopping_since: Option<Instant> = None;
    let mut outcome = Ok(());
    loop {
        match next(told, stopping_since.map(|since| since + patience)) {
            Some(Control::Started(None)) => return Err(Failed),
            Some(Control::Started(Some(started))) => {
                nodes = started;
                nodes.iter().for_each(Running::check_health);
            }
            Some(Control::HealthMayDiffer(node)) => {
                if let Some(node) = nodes.get(node) {
                    node.check_health();
                }
            }
            Some(Control::Signal(received)) => signal = Some(received),
            Some(Control::Ended(node)) => {
                ended += 1;
                if let Some(node) = nodes.get(node) {
                    node.report_stop();
                }
                if stopping_since.is_none() {
                    outcome = Err(Failed); // nobody asked it to
                    signal.get_or_insert(StopSignal::TERM);
                }
            }
            None => {
                let waited = stopping_since
                    .map(|since| since.elapsed())
                    .unwrap_or_default();
                for node in nodes.iter().filter(|node| !node.has_ended()) {
                    node.log(&NodeEvent::StopOverdue { waited });
                    node.report_stop();
                }
                return Err(Failed);
            }
        }
        if let (Some(signal), None, false) = (signal, stopping_since, nodes.is_empty()) {
            stopping_since = Some(Instant::now());
            for node in &nodes {
                node.log(&NodeEvent::Signal {
                    name: signal.name(),
                });
                node.shutdown();
            }
        }
        if !nodes.is_empty() && ended == nodes.len() {
            return outcome;
        }
    }
}

/// The next message; `None` after `deadline`.
fn next(told: &Receiver<Control>, deadline: Option<Instant>) -> Option<Control> {
    let Some(deadline) = deadline else {
        // Not reached with an error: `control` holds a sender.
        return told.recv().ok();
    };
    let left = deadline.saturating_duration_since(Instant::now());
    told.recv_timeout(left).ok()
}
