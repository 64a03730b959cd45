//! Frames that arrive behind an auth frame, before its fate is known.

use alloc::collections::VecDeque;

use bytes::Bytes;

/// At most this many frames are kept.
const MAX_FRAMES: usize = 64;

/// Copies of early frames, oldest first. What they hold is not looked at until the peer is let in.
#[derive(Default)]
pub(super) struct Pending {
    frames: VecDeque<Bytes>,
    bytes: usize,
}

impl Pending {
    /// Keeps a copy; false when there is no room.
    pub(super) fn push(&mut self, frame: &[u8], max_bytes: usize) -> bool {
        if self.frames.len() >= MAX_FRAMES || self.bytes + frame.len() > max_bytes {
            return false;
        }
        self.bytes += frame.len();
        self.frames.push_back(Bytes::copy_from_slice(frame));
        true
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
