//! In steady state a packet and its answer allocate nothing: not in the router, nor in the crates below it.
//!
//! What counts is a global allocator, hence a test program of its own. It counts per thread, so that tests may run
//! side by side.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;

#[allow(dead_code, reason = "the benches use the rest")]
#[path = "../benches/bodies/mod.rs"]
mod bodies;

use bodies::connector::{Answer, Load, Node};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<Option<u64>> = const { Cell::new(None) };
}

fn count() {
    // where the count is `None` nobody is measuring
    let Some(seen) = ALLOCATIONS.get() else {
        return;
    };
    if seen == 0 {
        // to look for it: RUST_BACKTRACE=1. Taking a trace allocates, which shall not count.
        ALLOCATIONS.set(None);
        eprintln!("the first allocation:\n{}", Backtrace::capture());
    }
    ALLOCATIONS.set(Some(seen + 1));
}

// The trait is unsafe to implement; each method hands its arguments to the system's allocator as they are.
#[allow(unsafe_code, reason = "there is no safe way to count allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The allocations of this thread in `run`.
fn allocations(run: impl FnOnce()) -> u64 {
    ALLOCATIONS.set(Some(0));
    run();
    ALLOCATIONS.take().unwrap_or_default()
}

/// Warms up, then forwards 10,000 packets and their answers.
fn of_ten_thousand_packets(load: Load) -> u64 {
    let mut node = Node::new(load);
    let packets = |count: usize| count.div_ceil(load.batch);
    // until every buffer has seen the most it holds
    let most = load.in_flight.max(10_000);
    for _ in 0..packets(4 * most) {
        node.turn();
    }
    let before = node.answered();
    let seen = allocations(|| (0..packets(10_000)).for_each(|_| node.turn()));
    assert!(node.answered() - before >= 10_000);
    assert_eq!(node.in_flight(), load.in_flight);
    let (fulfills, rejects) = node.answers_out();
    match load.answer {
        Answer::Fulfill => assert_eq!((fulfills, rejects), (node.answered(), 0)),
        Answer::Reject => assert_eq!((fulfills, rejects), (0, node.answered())),
    }
    seen
}

const FEW: Load = Load {
    routes: 100,
    in_flight: 512,
    ..Load::TYPICAL
};

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8]))), 1);
}

#[test]
fn a_packet_that_is_fulfilled_allocates_nothing() {
    assert_eq!(of_ten_thousand_packets(FEW), 0);
}

#[test]
fn a_packet_that_is_rejected_allocates_nothing() {
    let load = Load {
        answer: Answer::Reject,
        ..FEW
    };
    assert_eq!(of_ten_thousand_packets(load), 0);
}

#[test]
fn packets_one_at_a_time_allocate_nothing() {
    let load = Load {
        in_flight: 1,
        batch: 1,
        ..FEW
    };
    assert_eq!(of_ten_thousand_packets(load), 0);
}

#[test]
fn packets_in_batches_of_a_full_read_allocate_nothing() {
    let load = Load { batch: 256, ..FEW };
    assert_eq!(of_ten_thousand_packets(load), 0);
}

#[test]
fn packets_of_twenty_peers_allocate_nothing() {
    let load = Load { peers: 20, ..FEW };
    assert_eq!(of_ten_thousand_packets(load), 0);
}

#[test]
fn packets_with_fifty_thousand_in_flight_allocate_nothing() {
    assert_eq!(of_ten_thousand_packets(Load::TYPICAL), 0);
}
