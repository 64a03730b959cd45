//! `run`: nodes from their configuration to their end.
//!
//! The start is: log, signals, and then per node: routing table, health port, BTP port, peers. The main thread then
//! waits for what there is to decide: health that changes, a signal, the end. A node is ready, and says so, when
//! its critical peers are connected or the first round of tries is over; until then it takes packets already.
//!
//! The first SIGTERM, SIGINT or SIGHUP drains all nodes, the second one ends the process at once.

mod listen;
mod observer;
mod start;

use std::io;
use std::process::{self, ExitCode};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use ::log::LevelFilter;
use ilp_runtime::Runtime;

use crate::config::NodeConfig;
use crate::log::node::NodeEvent;
use crate::log::{self, NodeLog};
use crate::runtime::{Choice, Job};
use crate::signals::{self, StopSignal};
use start::{Left, Running, start};

/// How much longer than its settings say a node may take to stop before the process ends without it.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// For the last lines to be written.
const FLUSH: Duration = Duration::from_secs(1);
/// How long a second signal waits for numbers and lines, and an orderly end for each batch of many lines.
const HURRY: Duration = Duration::from_millis(100);

/// The nodes, once they have been started.
type Started = Arc<OnceLock<Vec<Running>>>;

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
        let running = Started::default();
        watch_signals(&nodes, &running, &tell)?;
        let threads = nodes.first().and_then(|node| node.threads).unwrap_or(0);
        let job = Nodes {
            nodes,
            running,
            tell,
            told,
        };
        on.run(threads, job)
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
    running: Started,
    tell: Sender<Control>,
    told: Receiver<Control>,
}

impl Job for Nodes {
    type Outcome = Result<(), Failed>;

    fn run(self, runtime: &impl Runtime) -> Self::Outcome {
        control(runtime, self.nodes, &self.running, &self.tell, &self.told)
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

fn watch_signals(
    configs: &[NodeConfig],
    nodes: &Started,
    tell: &Sender<Control>,
) -> io::Result<()> {
    let (tell, nodes) = (tell.clone(), Arc::clone(nodes));
    let logs: Vec<NodeLog> = configs.iter().map(start::log_of).collect();
    signals::watch(
        // Nobody is told when the process is at its end anyway.
        move |signal| _ = tell.send(Control::Signal(signal)),
        move |signal| {
            let left = left_now(&nodes);
            for (n, log) in logs.iter().enumerate() {
                let event = NodeEvent::Killed {
                    name: signal.name(),
                    in_flight: left.as_ref().map(|all| all[n].in_flight),
                };
                event.describe(&mut |line| log.write(&line));
            }
            let running = nodes.get().into_iter().flatten();
            for (node, left) in running.zip(left.iter().flatten()) {
                node.report_kill(left);
            }
            log::flush(HURRY);
            process::exit(signal.exit_code());
        },
    )
}

/// What each node has left; `None` if that takes too long or nothing has been started. Asked on another thread, so that
/// a connector that hangs does not hold up its own end.
fn left_now(nodes: &Started) -> Option<Vec<Left>> {
    let (nodes, (tell, told)) = (Arc::clone(nodes), channel());
    let ask = move || {
        let counts = |nodes: &Vec<Running>| nodes.iter().map(Running::left).collect();
        // Nobody listens when it took too long.
        let _ = tell.send(nodes.get().map(counts));
    };
    thread::Builder::new().spawn(ask).ok()?;
    told.recv_timeout(HURRY).ok()?
}

/// Starts the nodes and decides, until all have ended.
fn control<R: Runtime>(
    runtime: &R,
    configs: Vec<NodeConfig>,
    running: &Started,
    tell: &Sender<Control>,
    told: &Receiver<Control>,
) -> Result<(), Failed> {
    let patience = configs
        .iter()
        .map(|config| config.router.timeouts.shutdown + config.router.timeouts.close)
        .max();
    let patience = patience.unwrap_or_default() + STOP_GRACE;
    runtime.spawn(start(runtime.clone(), configs, tell.clone()));

    let mut ended = 0;
    let mut signal: Option<StopSignal> = None;
    let mut stopping_since: Option<Instant> = None;
    let mut outcome = Ok(());
    loop {
        let nodes = running.get().map_or(&[][..], Vec::as_slice);
        match next(told, stopping_since.map(|since| since + patience)) {
            Some(Control::Started(None)) => return Err(Failed),
            Some(Control::Started(Some(started))) => {
                running
                    .get_or_init(|| started)
                    .iter()
                    .for_each(Running::check_health);
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
                    node.report_overdue();
                }
                return Err(Failed);
            }
        }
        let nodes = running.get().map_or(&[][..], Vec::as_slice);
        if let (Some(signal), None, false) = (signal, stopping_since, nodes.is_empty()) {
            stopping_since = Some(Instant::now());
            for node in nodes {
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
