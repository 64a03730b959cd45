//! Memory that a link needs only while it is at work: lent by the thread, so that an idle link holds none.

use std::cell::Cell;

use bytes::BytesMut;

use crate::ws::Found;

/// What is lent to one poll of one link at a time.
#[derive(Default)]
pub(crate) struct Scratch {
    /// What is read into.
    pub(crate) bytes: Vec<u8>,
    /// What was found in it.
    pub(crate) found: Vec<Found>,
    /// What is written from, unless the socket does not take it all.
    pub(crate) out: BytesMut,
}

/// A thread keeps no more than this of each.
const KEEP: usize = 1 << 20;

thread_local! {
    static SPARE: Cell<Option<Scratch>> = const { Cell::new(None) };
}

impl Scratch {
    /// Takes the thread's, or begins anew if that is lent already.
    pub(crate) fn take() -> Self {
        SPARE.take().unwrap_or_default()
    }

    /// Gives it back.
    pub(crate) fn give(mut self) {
        self.found.clear();
        self.out.clear();
        let found = self.found.capacity() * size_of::<Found>();
        if self.bytes.capacity().max(self.out.capacity()).max(found) <= KEEP {
            SPARE.set(Some(self));
        }
    }
}
