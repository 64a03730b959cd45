//! A buffer that is filled at its end and emptied at its front, one message at a time.

use bytes::BytesMut;

/// An empty buffer that grew past this gives its memory back.
pub(crate) const KEEP: usize = 128 * 1024;

/// What has left at the front stays this long at the least before the rest is moved there.
const SLACK: usize = 4096;

/// Bytes from `start` on are waiting. That the front is a number, and not consumed by `advance`, makes taking
/// a message out cost next to nothing, and emptied is what the buffer is nearly always.
#[derive(Default)]
pub(crate) struct Ring {
    bytes: BytesMut,
    start: usize,
}

impl Ring {
    /// Appends what `write` adds; how much that was.
    #[inline]
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut BytesMut)) -> usize {
        if self.start >= SLACK && self.start >= self.len() / 4 {
            self.close_up();
        }
        let before = self.bytes.len();
        write(&mut self.bytes);
        self.bytes.len() - before
    }

    /// Takes `len` bytes from the front, or all if there are fewer.
    #[inline]
    pub(crate) fn consume(&mut self, len: usize) {
        self.start = self.bytes.len().min(self.start + len);
        if self.start == self.bytes.len() {
            self.clear();
        }
    }

    /// What waits.
    #[inline]
    pub(crate) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// What waits, to be changed in place.
    #[inline]
    pub(crate) fn waiting_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..).unwrap_or_default()
    }

    /// How much waits.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Keeps the first `len` bytes of what waits.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(self.start + len);
    }

    /// Drops all that waits. A large buffer is freed.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.start = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEEP {
            self.release();
        }
    }

    /// Gives the memory of an empty buffer back.
    pub(crate) fn release(&mut self) {
        if self.len() == 0 {
            *self = Self::default();
        }
    }

    /// The memory that is held.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Moves what waits to the front: at most four times what has left since the last time.
    #[cold]
    fn close_up(&mut self) {
        let len = self.len();
        self.bytes.copy_within(self.start.., 0);
        self.bytes.truncate(len);
        self.start = 0;
    }
}
