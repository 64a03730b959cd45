//! A network of real connectors in virtual time, under faults, with a referee. One seed is one run, bit for bit.
//!
//! | module | what it is |
//! |---|---|
//! | `world` | the event loop: nodes, what they are told and what they want |
//! | `driver` | what a driver does: carry out actions, keep deadlines |
//! | `sending`, `reading` | and carry messages, one by one or all that is there |
//! | `sockets` | what becomes of them on their way |
//! | `dials` | how a connection comes about |
//! | `pipe` | connections with latency, windows and ends that may be gone |
//! | `wallet` | a scripted peer at each node: pays, is paid, lies |
//! | `faults` | what goes wrong, when, and how it is repaired |
//! | `check` | the referee and its invariants, at each message |
//! | `ways` | which way a packet should take |
//! | `drain` | shutdowns under load |
//! | `stall` | wallets that ask and do not read |
//! | `audit` | the invariants that look into a connector |
//! | `run` | the phases of a run, and what came of it |
//! | `referee` | the proof that each invariant can fail |
//! | `reach` | what a run came to |
//! | `topology`, `build` | who is whose neighbour; the configuration of each node |
//! | `clock`, `money`, `queue`, `rng`, `trace`, `wire`, `heap` | what it is made of |
//!
//! Shared by `tests/simulator.rs` and `examples/simulate`.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used
)]

pub mod audit;
pub mod build;
pub mod check;
pub mod clock;
mod dials;
pub mod drain;
mod driver;
pub mod faults;
pub mod heap;
pub mod money;
pub mod pipe;
pub mod queue;
pub mod reach;
mod reading;
#[cfg(test)]
mod referee;
pub mod rng;
pub mod run;
mod sending;
mod sockets;
mod stall;
pub mod topology;
pub mod trace;
pub mod wallet;
mod ways;
pub mod wire;
pub mod world;

use clock::{SECOND, Time};
pub use faults::Faults;
pub use run::{Outcome, Phase, run};
pub use topology::Topology;
pub use trace::Watch;

/// What a run is made of. The same spec gives the same run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub seed: u64,
    pub nodes: usize,
    pub packets: u64,
    pub topology: Topology,
    pub faults: Faults,
    /// How long packets are sent and faults happen.
    pub duration: Time,
    pub watch: Watch,
}

impl Spec {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            nodes: 50,
            packets: 2_000,
            topology: Topology::ScaleFree,
            faults: Faults::All,
            duration: 60 * SECOND,
            watch: Watch::default(),
        }
    }

    /// How to do it again.
    pub fn command(&self) -> String {
        format!(
            "cargo run --release -p ilp-router --example simulate -- --seed {} --nodes {} --packets {} --topology {} --faults {} --duration {}",
            self.seed,
            self.nodes,
            self.packets,
            self.topology.name(),
            self.faults.name(),
            self.duration / SECOND,
        )
    }
}
