//! From bytes to messages.

use std::ops::Range;

use super::frame::{CloseFrame, Header, Opcode, Role, WsError};
use super::mask;

/// One message, or a control frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    Binary(&'a [u8]),
    /// Nobody wants to know what it says.
    Text,
    /// Must be answered with a pong of the same payload.
    Ping(&'a [u8]),
    Pong,
    Close(CloseFrame),
}

/// What a reader keeps from one read to the next: the beginning of a frame that is not all there, and
/// the beginning of a message whose other fragments are to come. Empty, and without memory, while idle.
#[derive(Debug)]
pub(crate) struct Reader {
    role: Role,
    max_message: usize,
    /// The beginning of a frame, and room behind it.
    rest: Vec<u8>,
    /// How much of it is the beginning.
    kept: usize,
    /// The fragments so far, and what they are.
    fragments: Option<(Opcode, Vec<u8>)>,
    /// A Close frame or an error was the last: nothing more is read.
    ended: bool,
}

/// A message in a buffer, or what it is instead.
#[derive(Debug)]
pub(crate) enum Found {
    Binary(Range<usize>),
    /// A message in fragments, put together.
    Joined(Vec<u8>),
    Text,
    Ping(Range<usize>),
    Pong,
    Close(CloseFrame),
}

impl Found {
    /// The item itself, in the buffer that it was found in.
    pub(crate) fn item<'a>(&'a self, buffer: &'a [u8]) -> Item<'a> {
        let slice = |range: &Range<usize>| buffer.get(range.clone()).unwrap_or_default();
        match self {
            Self::Binary(range) => Item::Binary(slice(range)),
            Self::Joined(message) => Item::Binary(message),
            Self::Text => Item::Text,
            Self::Ping(range) => Item::Ping(slice(range)),
            Self::Pong => Item::Pong,
            Self::Close(frame) => Item::Close(frame.clone()),
        }
    }
}

impl Reader {
    pub(crate) const fn new(role: Role, max_message: usize) -> Self {
        Self {
            role,
            max_message,
            rest: Vec::new(),
            kept: 0,
            fragments: None,
            ended: false,
        }
    }

    /// Bytes that are kept from one read to the next.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.rest.capacity()
            + self
                .fragments
                .as_ref()
                .map_or(0, |(_, bytes)| bytes.capacity())
    }

    /// What was kept of the last read: it belongs in front of what is read next.
    pub(crate) fn rest(&self) -> &[u8] {
        self.rest.get(..self.kept).unwrap_or_default()
    }

    /// How many bytes the frame lacks whose beginning is all of the rest; 0 if its header is not all there.
    pub(crate) fn lacks(&self) -> usize {
        match Header::parse(self.rest(), self.role) {
            Ok(Some(header)) => (header.size + header.len).saturating_sub(self.kept),
            _ => 0,
        }
    }

    /// Reads behind the rest, in its own memory: `room` bytes at most, by `read`, which says how many there were.
    pub(crate) fn read_on<E>(
        &mut self,
        room: usize,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let end = self.kept + room;
        if self.rest.len() < end {
            self.rest.resize(end, 0);
        }
        let len = read(&mut self.rest[self.kept..end])?;
        self.kept += len;
        Ok(len)
    }

    /// Finds and unmasks all that is complete in `buffer`, which begins with the [`rest`](Self::rest), and keeps what is
    /// not. Returns the number of frames, which fragments make larger than that of the items.
    ///
    /// # Errors
    /// What the other side did wrong; all that came before it is in `found`.
    pub(crate) fn read(
        &mut self,
        buffer: &mut [u8],
        found: &mut Vec<Found>,
    ) -> Result<usize, WsError> {
        self.rest.clear();
        self.kept = 0;
        let (mut at, mut frames) = (0, 0);
        while !self.ended {
            match self.read_frame(buffer, at, found) {
                Ok(Some(taken)) => {
                    at += taken;
                    frames += 1;
                }
                Ok(None) => break,
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
        }
        let rest = buffer.get(at..).unwrap_or_default();
        if self.ended || rest.is_empty() {
            // an idle link holds no memory
            self.rest = Vec::new();
        } else {
            self.rest.extend_from_slice(rest);
        }
        self.kept = self.rest.len();
        Ok(frames)
    }

    /// The frame at `at`: its length, or `None` if it is not all there.
    fn read_frame(
        &mut self,
        buffer: &mut [u8],
        at: usize,
        found: &mut Vec<Found>,
    ) -> Result<Option<usize>, WsError> {
        let Some(header) = Header::parse(buffer.get(at..).unwrap_or_default(), self.role)? else {
            return Ok(None);
        };
        let before = self.fragments.as_ref().map_or(0, |(_, bytes)| bytes.len());
        if header.len > self.max_message - before.min(self.max_message) {
            // said by the header alone: no memory is spent on it
            return Err(WsError::TooLarge);
        }
        let payload = at + header.size..at + header.size + header.len;
        let Some(bytes) = buffer.get_mut(payload.clone()) else {
            return Ok(None);
        };
        if let Some(mask) = header.mask {
            mask::apply(bytes, mask);
        }
        let item = match (header.opcode, header.fin, self.fragments.is_some()) {
            (Opcode::Binary, true, false) => Some(Found::Binary(payload)),
            (Opcode::Text, true, false) => Some(text(bytes)?),
            (Opcode::Ping, ..) => Some(Found::Ping(payload)),
            (Opcode::Pong, ..) => Some(Found::Pong),
            (Opcode::Close, ..) => {
                self.ended = true;
                Some(Found::Close(CloseFrame::parse(bytes)?))
            }
            (Opcode::Binary | Opcode::Text, false, false) => {
                self.fragments = Some((header.opcode, bytes.to_vec()));
                None
            }
            (Opcode::Continuation, fin, true) => self.join(bytes, fin)?,
            (Opcode::Binary | Opcode::Text, _, true) | (Opcode::Continuation, _, false) => {
                return Err(WsError::Continuation);
            }
        };
        found.extend(item);
        Ok(Some(header.size + header.len))
    }

    fn join(&mut self, bytes: &[u8], fin: bool) -> Result<Option<Found>, WsError> {
        let Some((opcode, mut message)) = self.fragments.take() else {
            return Err(WsError::Continuation);
        };
        message.extend_from_slice(bytes);
        if !fin {
            self.fragments = Some((opcode, message));
            return Ok(None);
        }
        Ok(Some(match opcode {
            Opcode::Text => text(&message)?,
            _ => Found::Joined(message),
        }))
    }
}

/// RFC 6455 section 8.1, though nobody here reads text.
fn text(bytes: &[u8]) -> Result<Found, WsError> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(Found::Text),
        Err(_) => Err(WsError::Utf8),
    }
}
