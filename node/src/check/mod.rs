//! `check`: files judged before they run, each alone and all together as one network.
//!
//! | file | finds |
//! |---|---|
//! | [`crate::config`] | what is wrong with one file alone |
//! | [`links`] | two ends of a link that do not fit: one is missing, secrets differ, nobody dials |
//! | [`reach`] | routes that end nowhere or go in circles, addresses out of reach |
//! | [`ports`] | nodes of one machine that want the same port, ids and addresses given twice |
//!
//! A peer that is in none of the files is a stranger: nothing is assumed about it.

mod links;
mod network;
mod ports;
mod reach;

#[cfg(test)]
mod tests;

use std::fmt;
use std::process::ExitCode;

use crate::cli::CheckArgs;
use crate::config::{self, Environment, NodeConfig, Problem};
use crate::terminal;
use network::Network;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What must be mended; in the order of the files.
    pub(crate) errors: Vec<Problem>,
    /// What may be meant.
    pub(crate) warnings: Vec<Problem>,
    nodes: usize,
    peers: usize,
    routes: usize,
}

/// Runs the command: 0 if nothing is wrong, 2 otherwise.
pub(crate) fn main(args: &CheckArgs) -> ExitCode {
    let report = files(args, &Environment::of_process());
    for problem in &report.errors {
        terminal::complain(&problem.to_string());
    }
    for warning in &report.warnings {
        terminal::complain(&warning.as_warning());
    }
    if report.errors.is_empty() {
        terminal::say(&report.to_string());
        ExitCode::SUCCESS
    } else {
        terminal::complain(&report.to_string());
        ExitCode::from(2)
    }
}

fn files(args: &CheckArgs, env: &Environment) -> Report {
    let loaded = config::load_each(&args.files, &[], env);
    let mut report = nodes(&loaded.nodes);
    report.errors.extend(loaded.problems);
    report.warnings.extend(loaded.warnings);
    for node in loaded.nodes {
        report.warnings.extend(node.warnings);
        report.warnings.extend(node.certificate_warnings);
    }
    report.sort();
    report
}

/// What keeps nodes from running in one process: names, addresses and ports that two of them want.
pub(crate) fn together(nodes: &[NodeConfig]) -> Vec<Problem> {
    let mut report = Report::default();
    ports::exclusive(nodes, &mut report);
    report.sort();
    report.errors
}

/// Judges nodes that are good alone.
fn nodes(nodes: &[NodeConfig]) -> Report {
    let mut report = Report {
        nodes: nodes.len(),
        peers: nodes.iter().map(|node| node.router.peers.len()).sum(),
        routes: nodes.iter().map(|node| node.router.routes.len()).sum(),
        ..Report::default()
    };
    let network = Network::new(nodes);
    ports::check(&network, &mut report);
    links::check(&network, &mut report);
    reach::check(&network, &mut report);
    report
}

impl Report {
    fn error(&mut self, origin: &config::Origin, what: impl Into<String>, fix: impl Into<String>) {
        self.errors.push(Problem::new(origin, what, fix));
    }

    fn warn(&mut self, origin: &config::Origin, what: impl Into<String>, fix: impl Into<String>) {
        self.warnings.push(Problem::new(origin, what, fix));
    }

    fn sort(&mut self) {
        for list in [&mut self.errors, &mut self.warnings] {
            list.sort();
            list.dedup();
        }
    }
}

/// The last line: `ok: 3 nodes, 4 peers, 4 routes` or `2 errors, 1 warning`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        if self.errors.is_empty() {
            let (nodes, peers) = (plural(self.nodes, "node"), plural(self.peers, "peer"));
            write!(f, "ok: {nodes}, {peers}, {}", plural(self.routes, "route"))?;
        } else {
            f.write_str(&plural(self.errors.len(), "error"))?;
        }
        if !self.warnings.is_empty() {
            write!(f, ", {}", plural(self.warnings.len(), "warning"))?;
        }
        Ok(())
    }
}
