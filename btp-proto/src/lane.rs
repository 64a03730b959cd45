//! Messages that wait to be sent: one byte ring, no allocation per message in steady state.

use bytes::BytesMut;
use ilp_proto::Instant;

use crate::ring::Ring;

/// What stands before each message in the ring: from when on it is not worth sending, and its length.
const HEAD: usize = 8 + 8;

/// A queue of whole messages. It knows no bound: its owner checks [`Lane::bytes`] before a push.
#[derive(Default)]
pub(crate) struct Lane {
    ring: Ring,
    /// Bytes of all messages, without what stands before them.
    bytes: usize,
}

impl Lane {
    /// Appends one message of `len` bytes, which `write` adds to the buffer.
    #[inline]
    pub(crate) fn push(&mut self, expires: Instant, len: usize, write: impl FnOnce(&mut BytesMut)) {
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(&expires.as_nanos().to_le_bytes());
        head[8..].copy_from_slice(&(len as u64).to_le_bytes());
        let added = self.ring.append(|out| {
            out.reserve(HEAD + len);
            out.extend_from_slice(&head);
            write(out);
        }) - HEAD;
        if added != len {
            self.correct(added);
        }
        self.bytes += added;
    }

    /// Writes down how long the last message is, which is not what its writer said.
    #[cold]
    fn correct(&mut self, len: usize) {
        let at = self.ring.len() - len - 8;
        if let Some(place) = self.ring.waiting_mut()[at..].first_chunk_mut() {
            *place = (len as u64).to_le_bytes();
        }
    }

    /// Moves the oldest message that is still worth sending to the end of `out`; its length.
    #[inline]
    pub(crate) fn pop(&mut self, now: Instant, out: &mut BytesMut) -> Option<usize> {
        loop {
            let (expires, len) = self.front()?;
            let send = now < expires;
            if send {
                let message = self.ring.waiting().get(HEAD..HEAD + len);
                out.extend_from_slice(message.unwrap_or_default());
            }
            self.discard(len);
            if send {
                return Some(len);
            }
        }
    }

    /// Drops what is not worth sending any more, up to the first message that is.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some((expires, len)) = self.front()
            && expires <= now
        {
            self.discard(len);
        }
    }

    /// Drops the oldest message and shows it to `look`.
    #[inline]
    pub(crate) fn pop_with<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let (_, len) = self.front()?;
        let message = self.ring.waiting().get(HEAD..HEAD + len);
        let seen = look(message.unwrap_or_default());
        self.discard(len);
        Some(seen)
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.len() == 0
    }

    /// Gives the memory of an empty queue back.
    pub(crate) fn release(&mut self) {
        self.ring.release();
    }

    /// The expiry and the length of the oldest message.
    #[inline]
    fn front(&self) -> Option<(Instant, usize)> {
        let (expires, rest) = self.ring.waiting().split_first_chunk()?;
        let expires = Instant::from_nanos(u64::from_le_bytes(*expires));
        // It was a length when it was written.
        Some((expires, u64::from_le_bytes(*rest.first_chunk()?) as usize))
    }

    #[inline]
    fn discard(&mut self, len: usize) {
        self.bytes -= len;
        self.ring.consume(HEAD + len);
    }
}

#[cfg(test)]
mod tests;
