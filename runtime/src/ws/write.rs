//! From messages to bytes.

use bytes::BytesMut;

use super::frame::{MAX_CONTROL, Opcode, Role};
use super::mask::{self, Masks};

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Puts headers in front of messages, and masks on them where that is due.
#[derive(Debug)]
pub(crate) struct Writer {
    /// Clients only.
    masks: Option<Masks>,
}

impl Writer {
    pub(crate) const fn new(role: Role) -> Self {
        let masks = match role {
            Role::Client => Some(Masks::new()),
            Role::Server => None,
        };
        Self { masks }
    }

    /// Appends a binary message, which `write` appends to `out`; `None`, and nothing appended, if it does not.
    ///
    /// Room for the header is left in front, and the message moved by what turns out not to be needed: it is
    /// written where it will be sent from.
    pub(crate) fn binary<T>(
        &mut self,
        out: &mut BytesMut,
        write: impl FnOnce(&mut BytesMut) -> Option<T>,
    ) -> Option<T> {
        let start = out.len();
        let room = if self.masks.is_some() { 8 } else { 4 };
        out.extend_from_slice(&[0; 8][..room]);
        let result = write(out);
        if result.is_none() || out.len() == start + room {
            out.truncate(start);
        } else {
            self.seal(out, start, room);
        }
        result
    }

    /// Writes the header of the binary message that begins at `start + room`.
    fn seal(&mut self, out: &mut BytesMut, start: usize, room: usize) {
        let len = out.len() - start - room;
        let masked = if self.masks.is_some() { MASKED } else { 0 };
        let first = FIN | Opcode::Binary as u8;
        let mut shift = 0;
        match (u8::try_from(len), u16::try_from(len)) {
            (Ok(short @ ..=125), _) => {
                // two bytes of length are not needed
                shift = 2;
                out.copy_within(start + room.., start + room - shift);
                out.truncate(out.len() - shift);
                out[start..start + 2].copy_from_slice(&[first, masked | short]);
            }
            (_, Ok(medium)) => {
                let [high, low] = medium.to_be_bytes();
                out[start..start + 4].copy_from_slice(&[first, masked | 126, high, low]);
            }
            _ => {
                // six more bytes are
                let message = out.split_off(start + room);
                out.truncate(start);
                out.extend_from_slice(&[first, masked | 127]);
                out.extend_from_slice(&(len as u64).to_be_bytes());
                out.extend_from_slice(&[0; 4][..room - 4]);
                out.extend_from_slice(&message);
            }
        }
        if let Some(masks) = &mut self.masks {
            let body = out.len() - len;
            debug_assert!(shift <= 2);
            let mask = masks.next();
            out[body - 4..body].copy_from_slice(&mask);
            mask::apply(&mut out[body..], mask);
        }
    }

    pub(crate) fn ping(&mut self, out: &mut BytesMut) {
        self.control(out, Opcode::Ping, &[]);
    }

    /// The answer to a ping; `payload` is the ping's.
    pub(crate) fn pong(&mut self, out: &mut BytesMut, payload: &[u8]) {
        self.control(out, Opcode::Pong, payload);
    }

    pub(crate) fn close(&mut self, out: &mut BytesMut, code: u16, reason: &str) {
        let mut payload = Vec::with_capacity(2 + reason.len());
        payload.extend_from_slice(&code.to_be_bytes());
        payload
            .extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(MAX_CONTROL - 2)]);
        self.control(out, Opcode::Close, &payload);
    }

    fn control(&mut self, out: &mut BytesMut, opcode: Opcode, payload: &[u8]) {
        // a longer one cannot have been read, and none is made here
        let payload = &payload[..payload.len().min(MAX_CONTROL)];
        let masked = if self.masks.is_some() { MASKED } else { 0 };
        out.extend_from_slice(&[FIN | opcode as u8, masked | payload.len() as u8]);
        if let Some(masks) = &mut self.masks {
            let mask = masks.next();
            out.extend_from_slice(&mask);
            let start = out.len();
            out.extend_from_slice(payload);
            mask::apply(&mut out[start..], mask);
        } else {
            out.extend_from_slice(payload);
        }
    }
}
