//! Messages that wait to be sent: one byte ring, no allocation per message in steady state.

use alloc::collections::VecDeque;

use bytes::{Buf, BytesMut};
use ilp_proto::Instant;

/// An empty ring that grew past this gives its memory back.
pub(crate) const KEEP: usize = 128 * 1024;

/// A queue of whole messages. It knows no bound: its owner checks [`Lane::bytes`] before a push.
#[derive(Default)]
pub(crate) struct Lane {
    bytes: BytesMut,
    entries: VecDeque<Entry>,
}

/// One message.
struct Entry {
    len: usize,
    /// From then on it is not worth sending.
    expires: Instant,
}

impl Lane {
    /// Appends one message: whatever `write` adds to the buffer.
    pub(crate) fn push(&mut self, expires: Instant, write: impl FnOnce(&mut BytesMut)) {
        let before = self.bytes.len();
        write(&mut self.bytes);
        let len = self.bytes.len() - before;
        self.entries.push_back(Entry { len, expires });
    }

    /// Moves the oldest message that is still worth sending to the end of `out`; its length.
    pub(crate) fn pop(&mut self, now: Instant, out: &mut BytesMut) -> Option<usize> {
        self.expire(now);
        let Entry { len, .. } = self.entries.pop_front()?;
        out.extend_from_slice(self.bytes.get(..len).unwrap_or_default());
        self.discard(len);
        Some(len)
    }

    /// Drops what is not worth sending any more, up to the first message that is.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some(&Entry { len, expires }) = self.entries.front()
            && expires <= now
        {
            self.entries.pop_front();
            self.discard(len);
        }
    }

    /// Drops the oldest message and shows its first bytes to `look`.
    pub(crate) fn pop_with<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let Entry { len, .. } = self.entries.pop_front()?;
        let seen = look(self.bytes.get(..len).unwrap_or_default());
        self.discard(len);
        Some(seen)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn discard(&mut self, len: usize) {
        self.bytes.advance(len.min(self.bytes.len()));
        if self.entries.is_empty() {
            rewind(&mut self.bytes);
        }
    }
}

/// Readies an emptied ring for its next message: a large one is freed.
pub(crate) fn rewind(bytes: &mut BytesMut) {
    debug_assert!(bytes.is_empty());
    // `capacity` alone does not count what has been consumed at the front
    if bytes.try_reclaim(KEEP + 1) {
        *bytes = BytesMut::new();
    }
}

#[cfg(test)]
mod tests;
