//! FULFILL and REJECT, the answers to a PREPARE.
//!
//! RFC-0027 bounds their data and message too. That is not held against what is received: the
//! answer decides about money, and it can still be relayed. What carries the packets has bounds of
//! its own.

use core::fmt;

use bytes::BufMut;

use super::{Fulfillment, PacketType, envelope};
use crate::{
    address::Addr,
    code::ErrorCode,
    error::{DecodeError, DecodeErrorKind},
    oer::{self, Reader},
};

/// Shows the fulfillment, and so claims the money (RFC-0027, "ILP Fulfill").
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fulfill<'a> {
    /// The preimage of the PREPARE's condition. Reading a packet does not check that it is.
    pub fulfillment: Fulfillment,
    /// What the receiver tells the sender; [`MAX_DATA`](super::MAX_DATA) bytes at most in a packet
    /// of our own.
    pub data: &'a [u8],
}

impl<'a> Fulfill<'a> {
    #[inline]
    pub(super) fn read(fields: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let fulfillment = fields.array_ref("fulfillment")?;
        let data = fields.var_octets("data")?;
        Ok(Self {
            fulfillment: Fulfillment(*fulfillment),
            data,
        })
    }

    #[inline]
    const fn contents_len(&self) -> usize {
        32 + oer::var_octets_len(self.data.len())
    }

    /// How many bytes [`encode`](Self::encode) appends.
    #[must_use]
    #[inline]
    pub const fn encoded_len(&self) -> usize {
        envelope::len(self.contents_len())
    }

    /// Appends the canonical form.
    #[inline]
    pub fn encode(&self, out: &mut impl BufMut) {
        let contents = self.contents_len();
        if contents < 0x80 {
            // One append of a known size for all but the data, whose length has one byte then too.
            let mut head = [0; 2 + 32 + 1];
            [head[0], head[1]] = [PacketType::Fulfill as u8, contents as u8];
            head[2..34].copy_from_slice(&self.fulfillment.0);
            head[34] = self.data.len() as u8;
            out.put_slice(&head);
            out.put_slice(self.data);
        } else {
            envelope::put(out, PacketType::Fulfill, contents);
            out.put_slice(&self.fulfillment.0);
            oer::put_var_octets(out, self.data);
        }
    }
}

impl fmt::Debug for Fulfill<'_> {
    /// The data's length only: a fulfillment is worth money until it has been paid for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fulfill({} bytes of data)", self.data.len())
    }
}

/// Says why there is no fulfillment, and so releases the money (RFC-0027, "ILP Reject").
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reject<'a> {
    /// Why.
    pub code: ErrorCode,
    /// The node that refused. `None` is an empty field: common enough to be read, but some peers
    /// cannot read it, so a REJECT of our own should name its node.
    pub triggered_by: Option<Addr<'a>>,
    /// For people; meant to be UTF-8, and relayed as it is if it is not.
    /// [`MAX_MESSAGE`](super::MAX_MESSAGE) bytes at most in a packet of our own.
    pub message: &'a [u8],
    /// For the sender's program; [`MAX_DATA`](super::MAX_DATA) bytes at most in a packet of our
    /// own.
    pub data: &'a [u8],
}

impl<'a> Reject<'a> {
    #[inline]
    pub(super) fn read(fields: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = fields.offset();
        let code = fields.array("code")?;
        let code = ErrorCode::new(code).ok_or_else(|| {
            // Invariant: a code that is refused has a byte above 127.
            let at = code.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
            DecodeError::new("code", DecodeErrorKind::NotAscii, start + at)
        })?;
        // An empty string is one zero byte.
        let triggered_by = match fields.rest() {
            [0, ..] => {
                fields.u8("triggeredBy")?;
                None
            }
            _ => Some(oer::read_address(fields, "triggeredBy")?),
        };
        Ok(Self {
            code,
            triggered_by,
            message: fields.var_octets("message")?,
            data: fields.var_octets("data")?,
        })
    }

    /// The bytes of `triggeredBy`, none at all for `None`.
    #[inline]
    const fn triggered_by_bytes(&self) -> &'a [u8] {
        match self.triggered_by {
            Some(addr) => addr.as_bytes(),
            None => &[],
        }
    }

    #[inline]
    const fn contents_len(&self) -> usize {
        3 + oer::var_octets_len(self.triggered_by_bytes().len())
            + oer::var_octets_len(self.message.len())
            + oer::var_octets_len(self.data.len())
    }

    /// How many bytes [`encode`](Self::encode) appends.
    #[must_use]
    #[inline]
    pub const fn encoded_len(&self) -> usize {
        envelope::len(self.contents_len())
    }

    /// Appends the canonical form.
    #[inline]
    pub fn encode(&self, out: &mut impl BufMut) {
        envelope::put(out, PacketType::Reject, self.contents_len());
        out.put_slice(self.code.as_bytes());
        oer::put_var_octets(out, self.triggered_by_bytes());
        oer::put_var_octets(out, self.message);
        oer::put_var_octets(out, self.data);
    }
}

impl fmt::Debug for Reject<'_> {
    /// Code, node, the message with anything odd escaped and cut at 64 bytes, and the data's
    /// length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self
            .message
            .get(..64)
            .unwrap_or(self.message)
            .escape_ascii();
        let by = self.triggered_by.map_or("nobody", Addr::as_str);
        let Self { code, data, .. } = self;
        write!(
            f,
            "Reject({code} by {by}, \"{message}\", {} bytes of data)",
            data.len()
        )
    }
}
