//! Thousands of connectors in virtual time: `cargo run --release -p ilp-router --example simulate -- --help`.
//!
//! The simulator itself is shared with the tests: `router/tests/sim/`. This file reads arguments and shows what came of it.
#![allow(clippy::disallowed_methods)] // how long a run takes is read from a clock; nothing in a run is

mod report;
#[path = "../../tests/sim/mod.rs"]
mod sim;

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use sim::clock::{SECOND, Time};
use sim::{Faults, Spec, Topology, Watch};

#[global_allocator]
static HEAP: sim::heap::Counting = sim::heap::Counting;

/// Runs a network of connectors in virtual time, with faults, and checks its invariants at every event. The same
/// arguments give the same run, bit for bit.
#[derive(Parser)]
#[command(name = "simulate")]
struct Arguments {
    /// What all that is random is drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs this many seeds in a row, up to the first violation
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Connectors; each has a wallet
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    nodes: u32,
    /// PREPAREs that wallets send
    #[arg(long, default_value_t = 2_000)]
    packets: u64,
    /// line, ring, tree, random or scale-free; `all`: by the seed
    #[arg(long, default_value = "scale-free")]
    topology: String,
    /// none, some or all
    #[arg(long, default_value = "none")]
    faults: Faults,
    /// Seconds of virtual time in which the packets are sent and faults happen
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: u64,
    /// Prints the result as JSON, one line a run
    #[arg(long)]
    json: bool,
    /// Prints what this packet does (its number, from 0)
    #[arg(long, value_name = "PACKET")]
    trace: Option<u64>,
    /// Prints what this node hears, says and reports
    #[arg(long, value_name = "NODE")]
    trace_node: Option<u32>,
    /// Prints everything from this second of virtual time on
    #[arg(long, value_name = "SECOND")]
    trace_from: Option<Time>,
}

impl Arguments {
    fn spec(&self, seed: u64) -> Result<Spec, String> {
        let nodes = self.nodes as usize;
        let topology: Topology = match self.topology.as_str() {
            "all" => Topology::ALL[(seed % Topology::ALL.len() as u64) as usize],
            name => name.parse()?,
        };
        if nodes > topology.most() {
            return Err(format!(
                "a {} has at most {} nodes: addresses follow it",
                topology.name(),
                topology.most()
            ));
        }
        let watch = Watch {
            node: self.trace_node,
            packet: self.trace,
            from: self.trace_from.map(|second| second * SECOND),
        };
        Ok(Spec {
            seed,
            nodes,
            packets: self.packets,
            topology,
            faults: self.faults,
            duration: self.duration * SECOND,
            watch,
        })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let bar = progress_bar(arguments.packets);
    let mut bad = false;
    for seed in arguments.seed..arguments.seed.saturating_add(arguments.seeds) {
        let spec = match arguments.spec(seed) {
            Ok(spec) => spec,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
        };
        let start = Instant::now();
        let mut shown = start;
        let outcome = sim::run(&spec, &mut |phase, world| {
            if let Some(bar) = &bar
                && shown.elapsed().as_millis() >= 100
            {
                shown = Instant::now();
                bar.set_message(format!(
                    "seed {seed} {phase:?} {:.1} s",
                    world.now as f64 / SECOND as f64
                ));
                bar.set_position(world.traffic.sent);
            }
        });
        let took = start.elapsed();
        let text = if arguments.json {
            report::json(&outcome, took)
        } else {
            report::table(&outcome, took, arguments.seeds > 1)
        };
        match &bar {
            Some(bar) => bar.suspend(|| println!("{text}")),
            None => println!("{text}"),
        }
        if let Some(report) = outcome.report() {
            eprintln!("{report}");
            bad = true;
            break;
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    if bad {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// On a terminal only.
fn progress_bar(packets: u64) -> Option<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} packets  {msg}").ok()?;
    stderr()
        .is_terminal()
        .then(|| ProgressBar::new(packets).with_style(style))
}
