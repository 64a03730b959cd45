//! The networks that are simulated with every change: `tests/sim/` holds the simulator and the proof that each of its
//! invariants can fail.
//!
//! An optimised build runs 200 seeds (the step `simulator` of `.ci/run`), any other a few of them.
#![allow(clippy::unwrap_used)]

mod sim;

use std::collections::BTreeMap;

use sim::clock::SECOND;
use sim::{Faults, Outcome, Spec, Topology};

#[global_allocator]
static HEAP: sim::heap::Counting = sim::heap::Counting;

const SEEDS: u64 = if cfg!(debug_assertions) { 6 } else { 200 };

#[track_caller]
fn run(spec: &Spec) -> Outcome {
    let outcome = sim::run(spec, &mut |_, _| {});
    if let Some(report) = outcome.report() {
        panic!("{report}");
    }
    outcome
}

/// Seeds that must come to each thing that is simulated, of all that are run: what silently never happens proves nothing.
const ENOUGH: u64 = if cfg!(debug_assertions) { 1 } else { 20 };

#[test]
fn fifty_nodes_keep_all_invariants_whatever_goes_wrong() {
    let mut reached = BTreeMap::<&str, u64>::new();
    for seed in 1..=SEEDS {
        let topology = Topology::ALL[(seed % 5) as usize];
        let outcome = run(&Spec {
            topology,
            ..Spec::new(seed)
        });
        // things did go wrong, and packets got through all the same
        assert!(
            outcome.counts.faults > 20 && outcome.counts.lies > 0 && outcome.counts.restarts > 0,
            "seed {seed}: {:?}",
            outcome.counts
        );
        assert!(
            outcome.fulfilled > 50 && outcome.converged.is_some(),
            "seed {seed}: {} fulfilled",
            outcome.fulfilled
        );
        for (what, count) in outcome.reached.each(&outcome.checked) {
            *reached.entry(what).or_default() += u64::from(count > 0);
        }
    }
    let missed: Vec<_> = reached
        .iter()
        .filter(|(_, seeds)| **seeds < ENOUGH)
        .collect();
    assert!(
        missed.is_empty(),
        "of {SEEDS} seeds at least {ENOUGH} reach each; {missed:?}"
    );
}

#[test]
fn without_faults_every_packet_is_answered_as_its_receiver_wants() {
    for topology in Topology::ALL {
        let spec = Spec {
            topology,
            faults: Faults::None,
            packets: 1_000,
            duration: 5 * SECOND,
            ..Spec::new(3)
        };
        let outcome = run(&spec);
        assert_eq!(outcome.failed, 0, "{topology:?}");
        let codes: Vec<&str> = outcome.codes.keys().map(String::as_str).collect();
        assert_eq!(codes, ["F99"], "{topology:?}");
        assert_eq!(
            outcome.fulfilled + outcome.rejected,
            outcome.sent,
            "{topology:?}"
        );
        assert_eq!(
            (outcome.checked.excused, outcome.counts.lies),
            (0, 0),
            "{topology:?}"
        );
    }
}

#[test]
fn one_seed_is_one_run_bit_for_bit() {
    let spec = Spec {
        packets: 500,
        ..Spec::new(7)
    };
    let (one, other) = (run(&spec), run(&spec));
    assert_eq!(one.hash, other.hash);
    assert_eq!((one.counts, one.checked), (other.counts, other.checked));
    assert_eq!(one.reached, other.reached);
    let another = run(&Spec { seed: 8, ..spec });
    assert_ne!(one.hash, another.hash);
}
