//! A WebSocket of the load generator: many messages per system call, and nothing allocated for one.
//!
//! It has frames of its own (RFC 6455 section 5) rather than the connector's, so that what measures does not share
//! the faults, nor the speed, of what is measured.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::ops::Range;

use super::tls::Tls;
use crate::tools::text::printable;

/// Bytes that one read takes at most, and the longest message.
const READ: usize = 256 << 10;
/// The same on an idle link: more than a ping or a Close frame has.
const SMALL: usize = 512;
/// Unsent bytes beyond which nothing more should be written.
const ENOUGH: usize = 256 << 10;

const FIN: u8 = 0x80;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const MASKED: u8 = 0x80;

/// The client's side, after the handshake. The TCP stream does not block.
pub(super) struct Socket {
    stream: TcpStream,
    tls: Option<Tls>,
    input: Box<[u8]>,
    /// What was read of `input` but not looked at.
    unread: Range<usize>,
    output: Vec<u8>,
    /// How much of `output` is sent.
    sent: usize,
    /// One for all messages, since nobody is to be protected from what this client sends.
    mask: [u8; 4],
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Result<Self, String> {
        let of_io = |error| format!("cannot set up a socket: {error}");
        stream.set_nodelay(true).map_err(of_io)?;
        stream.set_nonblocking(true).map_err(of_io)?;
        Ok(Self {
            stream,
            tls: None,
            input: vec![0; READ].into_boxed_slice(),
            unread: 0..0,
            output: Vec::new(),
            sent: 0,
            mask: fastrand::u32(1..).to_ne_bytes(),
        })
    }

    /// The same over TLS, after its handshake.
    pub(super) fn secure(stream: TcpStream, tls: Tls) -> Result<Self, String> {
        Ok(Self {
            tls: Some(tls),
            ..Self::new(stream)?
        })
    }

    /// The same for a link on which nothing but pings will come: half a KiB of memory instead of 256.
    pub(super) fn idle(self) -> Self {
        Self {
            input: vec![0; SMALL].into_boxed_slice(),
            unread: 0..0,
            output: Vec::new(),
            ..self
        }
    }

    pub(super) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Bytes that wait for the socket.
    pub(super) fn unsent(&self) -> bool {
        self.sent < self.output.len() || self.tls.as_ref().is_some_and(Tls::wants_write)
    }

    /// Whether there is something to read without waiting for the stream.
    pub(super) fn more(&self) -> bool {
        self.tls.as_ref().is_some_and(Tls::more)
    }

    /// Whether more may be written before the socket has taken what there is.
    pub(super) fn has_room(&self) -> bool {
        self.output.len() - self.sent < ENOUGH
    }

    /// Reads what is there, once.
    ///
    /// # Errors
    /// When the other side is gone.
    pub(super) fn fill(&mut self) -> Result<(), String> {
        if self.unread.start > 0 {
            self.input.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        let room = &mut self.input[self.unread.end..];
        let read = match &mut self.tls {
            None => self.stream.read(room),
            Some(tls) => tls.read(&mut self.stream, room),
        };
        match read {
            Ok(0) => Err("the connection was closed".into()),
            Ok(len) => {
                self.unread.end += len;
                Ok(())
            }
            Err(error) if passes(error.kind()) => Ok(()),
            Err(error) => Err(format!("the connection broke: {error}")),
        }
    }

    /// The next whole message of what was read; it lies in [`bytes`](Self::bytes) until the next
    /// [`fill`](Self::fill).
    ///
    /// # Errors
    /// When the other side closes, or sends what nobody should.
    pub(super) fn next(&mut self) -> Result<Option<Range<usize>>, String> {
        while let Some((opcode, payload)) = self.frame()? {
            match opcode {
                BINARY => return Ok(Some(payload)),
                PING => {
                    let echo = self.input[payload].to_vec();
                    self.message(PONG, &echo, |_| {});
                }
                CLOSE => {
                    let (code, reason) = match self.input[payload].split_first_chunk() {
                        Some((code, reason)) => (u16::from_be_bytes(*code), printable(reason)),
                        None => (1005, String::new()),
                    };
                    return Err(format!("the connection was closed: {code} {reason}"));
                }
                PONG => {}
                _ => return Err("a message that is in pieces, or is text".into()),
            }
        }
        Ok(None)
    }

    pub(super) fn bytes(&self, message: Range<usize>) -> &[u8] {
        &self.input[message]
    }

    /// The next frame, unmasked if it was masked, as it is when another client sent it through a byte pipe.
    fn frame(&mut self) -> Result<Option<(u8, Range<usize>)>, String> {
        let &[first, second, ref rest @ ..] = &self.input[self.unread.clone()] else {
            return Ok(None);
        };
        let (len, header) = match second & 0x7f {
            126 => match rest.first_chunk() {
                Some(len) => (usize::from(u16::from_be_bytes(*len)), 4),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                // what does not fit is too long as well
                Some(len) => (u64::from_be_bytes(*len).try_into().unwrap_or(READ), 10),
                None => return Ok(None),
            },
            len => (usize::from(len), 2),
        };
        let header = header + if second & MASKED == 0 { 0 } else { 4 };
        if len > READ - header {
            return Err("a message that is too long".into());
        }
        if self.unread.len() < header + len {
            return Ok(None);
        }
        let payload = self.unread.start + header..self.unread.start + header + len;
        self.unread.start = payload.end;
        if second & MASKED != 0 {
            let (front, bytes) = self.input[..payload.end].split_at_mut(payload.start);
            if let Some(mask) = front.last_chunk() {
                apply(*mask, bytes);
            }
        }
        // a fragment is no opcode that anyone takes
        let opcode = if first & FIN == 0 { 0 } else { first & 0x7f };
        Ok(Some((opcode, payload)))
    }

    /// Appends a binary message that is `like` another, but for what `patch` changes.
    pub(super) fn send(&mut self, like: &[u8], patch: impl FnOnce(&mut [u8])) {
        self.message(BINARY, like, patch);
    }

    fn message(&mut self, opcode: u8, like: &[u8], patch: impl FnOnce(&mut [u8])) {
        let out = &mut self.output;
        match like.len() {
            len @ 0..126 => out.extend_from_slice(&[FIN | opcode, MASKED | len as u8]),
            len @ 126..0x1_0000 => {
                let [high, low] = (len as u16).to_be_bytes();
                out.extend_from_slice(&[FIN | opcode, MASKED | 126, high, low]);
            }
            len => {
                out.extend_from_slice(&[FIN | opcode, MASKED | 127]);
                out.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(&self.mask);
        let start = out.len();
        out.extend_from_slice(like);
        let payload = &mut out[start..];
        patch(payload);
        apply(self.mask, payload);
    }

    /// Sends what the socket takes now.
    ///
    /// # Errors
    /// When the other side is gone.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        while self.unsent() {
            let rest = &self.output[self.sent..];
            let written = match &mut self.tls {
                None => self.stream.write(rest),
                Some(tls) => tls.write(&mut self.stream, rest),
            };
            match written {
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if passes(error.kind()) => {
                    // what is sent would be carried along for ever while the other side is slower
                    self.output.drain(..self.sent);
                    self.sent = 0;
                    return Ok(());
                }
                Err(error) => return Err(format!("the connection broke: {error}")),
            }
        }
        self.output.clear();
        self.sent = 0;
        Ok(())
    }
}

/// Whether it is only not the time.
pub(super) const fn passes(error: ErrorKind) -> bool {
    matches!(error, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn apply(mask: [u8; 4], bytes: &mut [u8]) {
    let word = u64::from(u32::from_ne_bytes(mask));
    let word = (word << 32 | word).to_ne_bytes();
    let (words, rest) = bytes.as_chunks_mut();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ u64::from_ne_bytes(word)).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(word) {
        *byte ^= mask;
    }
}
