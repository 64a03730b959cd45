//! Bytes on the heap, counted by the allocator of the program: for each thread, so that runs may be side by side.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator with a counter.
pub struct Counting;

/// Bytes that this thread has allocated and not freed; 0 in a program without [`Counting`].
pub fn live() -> usize {
    usize::try_from(LIVE.get()).unwrap_or(0)
}

/// No allocation is larger than `isize::MAX`.
fn count(more: usize, less: usize) {
    LIVE.set(
        LIVE.get()
            .wrapping_add_unsigned(more)
            .wrapping_sub_unsigned(less),
    );
}

// The trait is unsafe to implement; each method hands its arguments to the system's allocator as they are.
#[allow(
    unsafe_code,
    reason = "there is no safe way to count bytes on the heap"
)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size, layout.size());
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(ptr, layout) }
    }
}
