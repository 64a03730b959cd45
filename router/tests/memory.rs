//! What a peer costs in memory: inside the connector, without its socket.
//!
//! What counts is a global allocator, hence a test program of its own. It counts per thread, so that tests may run
//! side by side.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

#[allow(dead_code, reason = "the benches use the rest")]
#[path = "../benches/bodies/mod.rs"]
mod bodies;

use bodies::connector::{Load, Node};

struct Counting;

thread_local! {
    /// Bytes that this thread took and has not given back.
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: isize) {
    // after a thread's end nobody asks
    let _ = LIVE.try_with(|live| live.set(live.get() + sign * bytes as isize));
}

// The trait is unsafe to implement; each method hands its arguments to the system's allocator as they are.
#[allow(unsafe_code, reason = "there is no safe way to count allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(new_size, 1);
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What each of 10,000 connected peers adds, with so much in flight for each, after `use_it`.
fn bytes_per_peer(in_flight: usize, use_it: impl Fn(&mut Node)) -> usize {
    let [few, many] = [100, 10_000].map(|peers| {
        let before = LIVE.get();
        let mut node = Node::new(Load {
            routes: 10_000,
            peers,
            in_flight: in_flight * peers,
            ..Load::TYPICAL
        });
        use_it(&mut node);
        usize::try_from(LIVE.get() - before).unwrap()
    });
    let bytes = (many - few) / 9_900;
    println!("{bytes} bytes per peer");
    bytes
}

#[test]
fn the_counter_counts() {
    let before = LIVE.get();
    let bytes = std::hint::black_box(vec![1_u8; 1_000]);
    assert_eq!(LIVE.get() - before, 1_000);
    drop(bytes);
    assert_eq!(LIVE.get(), before);
}

/// Its state, its link and its configuration; vectors that doubled on the way have room for as many again.
#[test]
fn a_connected_peer_takes_less_than_2_and_a_half_kib() {
    assert!(bytes_per_peer(0, |_| {}) < 2_560);
}

/// Five packets in flight for each peer, with their records in the slab, the wheel and the peer's table: buffers as
/// large as the largest burst that came.
#[test]
fn a_peer_that_packets_go_through_takes_less_than_6_kib() {
    assert!(bytes_per_peer(5, |_| {}) < 6 * 1_024);
}

/// What is left of the packets belongs to the node: it is reused by whoever has packets next.
#[test]
fn a_peer_that_has_fallen_silent_gives_back_what_packets_took() {
    let bytes = bytes_per_peer(5, |node| {
        node.rest(Duration::from_secs(35));
    });
    assert!(bytes < 2_560 + 5 * RECORD);
}

/// A packet in flight in the node's slab and wheel, where vectors doubled.
const RECORD: usize = 2 * (128 + 16 + 4);
