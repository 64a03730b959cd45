//! Messages that wait to be sent: one byte ring, no allocation per message in steady state.

use alloc::collections::VecDeque;

use bytes::{Buf, BytesMut};

/// An empty ring that grew past this gives its memory back.
pub(crate) const KEEP: usize = 128 * 1024;

/// A queue of whole messages. It knows no bound: its owner checks [`Lane::bytes`] before a push.
#[derive(Default)]
pub(crate) struct Lane {
    bytes: BytesMut,
    lens: VecDeque<usize>,
}

impl Lane {
    /// Appends one message: whatever `write` adds to the buffer.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let before = self.bytes.len();
        write(&mut self.bytes);
        self.lens.push_back(self.bytes.len() - before);
    }

    /// Moves the oldest message to the end of `out`; its length.
    pub(crate) fn pop(&mut self, out: &mut BytesMut) -> Option<usize> {
        let len = self.lens.pop_front()?;
        out.extend_from_slice(self.bytes.get(..len).unwrap_or_default());
        self.discard(len);
        Some(len)
    }

    /// Drops the oldest message and shows its first bytes to `look`.
    pub(crate) fn pop_with<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let len = self.lens.pop_front()?;
        let seen = look(self.bytes.get(..len).unwrap_or_default());
        self.discard(len);
        Some(seen)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lens.is_empty()
    }

    fn discard(&mut self, len: usize) {
        self.bytes.advance(len.min(self.bytes.len()));
        if self.lens.is_empty() {
            rewind(&mut self.bytes);
        }
    }
}

/// Readies an emptied ring for its next message: a large one is freed.
pub(crate) fn rewind(bytes: &mut BytesMut) {
    debug_assert!(bytes.is_empty());
    if bytes.capacity() > KEEP {
        *bytes = BytesMut::new();
    }
}

#[cfg(test)]
mod tests;
