//! In steady state reading and writing the frames of a WebSocket allocates nothing.
//!
//! What counts is a global allocator, hence a test program of its own. The frame layer is private: it is compiled in
//! here once more.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use bytes::{BufMut, BytesMut};

#[path = "../src/ws"]
#[allow(dead_code, unused_imports, reason = "a part of it is enough here")]
mod ws {
    mod frame;
    mod mask;
    mod read;
    mod write;

    pub(crate) use frame::Role;
    pub(crate) use read::{Found, Item, Reader};
    pub(crate) use write::Writer;
}

use ws::{Item, Reader, Role, Writer};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// The trait is unsafe to implement; each method hands its arguments to the system's allocator as they are.
#[allow(unsafe_code, reason = "there is no safe way to count allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Writes 32 messages of 364 bytes at a time and reads them at the other side, 10,000 in all, in pieces of `piece`
/// bytes; the allocations of that, behind a warm-up.
fn of_ten_thousand_messages(from: Role, to: Role, piece: usize) -> u64 {
    let mut writer = Writer::new(from);
    let mut reader = Reader::new(to, 1 << 16);
    let mut wire = BytesMut::new();
    let mut buffer = Vec::new();
    let mut found = Vec::new();
    let mut turn = || {
        let mut messages = 0;
        wire.clear();
        for _ in 0..32 {
            writer.binary(&mut wire, |out| {
                out.put_bytes(0x5a, 364);
                Some(())
            });
        }
        for bytes in wire.chunks(piece) {
            buffer.clear();
            buffer.extend_from_slice(reader.rest());
            buffer.extend_from_slice(bytes);
            assert!(reader.read(&mut buffer, &mut found).is_ok());
            for found in found.drain(..) {
                assert!(
                    matches!(found.item(&buffer), Item::Binary(message) if message == [0x5a; 364])
                );
                messages += 1;
            }
        }
        assert_eq!(messages, 32);
    };
    (0..100).for_each(|_| turn());
    let before = ALLOCATIONS.get();
    (0..313).for_each(|_| turn());
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.get();
    drop(black_box(vec![1_u8]));
    assert_eq!(ALLOCATIONS.get() - before, 1);
}

#[test]
fn whole_messages_allocate_nothing() {
    assert_eq!(
        of_ten_thousand_messages(Role::Client, Role::Server, 1 << 20),
        0
    );
    assert_eq!(
        of_ten_thousand_messages(Role::Server, Role::Client, 1 << 20),
        0
    );
}

#[test]
fn a_read_that_ends_within_a_message_costs_one_allocation_and_its_messages_none() {
    // a link that has read all there is holds no memory, so the next piece of a message needs some: once for each
    // burst of 32 messages, not for each message, nor for each read
    let seen = of_ten_thousand_messages(Role::Client, Role::Server, 8 << 10);
    assert!(seen <= 313, "{seen} allocations in 313 bursts");
}
