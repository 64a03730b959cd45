//! The three packets of ILPv4 (RFC-0027).
//!
//! Each is one plain struct, which is the view of received bytes and the builder of new ones in
//! one. On the wire every packet is a type byte and an octet string around its fields:
//!
//! | packet | fields |
//! |---|---|
//! | PREPARE 12 | amount u64, expiresAt 17 digits, executionCondition 32 bytes, destination, data |
//! | FULFILL 13 | fulfillment 32 bytes, data |
//! | REJECT 14 | code 3 bytes, triggeredBy, message, data |
//!
//! Bytes behind a packet, and inside of it behind its last field, are ignored when read (RFC-0030)
//! and never written.
//!
//! `encode` appends exactly `encoded_len()` bytes; only a buffer that can neither grow nor hold as
//! much panics, as the `bytes` crate says. Nothing here checks the length of a PREPARE's `data` in
//! release builds: keep it within [`MAX_DATA`], or the next hop will refuse the packet.

mod crypto;
mod envelope;
mod prepare;
mod replies;
#[cfg(test)]
mod tests;

use bytes::BufMut;

pub use crypto::{Condition, Fulfillment};
pub use prepare::{Prepare, WholePrepare};
pub use replies::{Fulfill, Reject};

use crate::error::{DecodeError, DecodeErrorKind};

/// The most bytes of data that a packet may carry (RFC-0027). Held against PREPAREs; a longer
/// answer is still an answer.
pub const MAX_DATA: usize = 32_767;
/// The most bytes that the message of a REJECT may have (RFC-0027). Not held against what is
/// received.
pub const MAX_MESSAGE: usize = 8_191;

/// The first byte of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum PacketType {
    /// Asks for a fulfillment, and promises money for it.
    Prepare = 12,
    /// The fulfillment.
    Fulfill = 13,
    /// Why there is none.
    Reject = 14,
}

impl PacketType {
    /// What the first byte says a packet is, without reading further; `None` for an unknown type or
    /// no byte at all.
    #[must_use]
    #[inline]
    pub const fn peek(packet: &[u8]) -> Option<Self> {
        match packet {
            [12, ..] => Some(Self::Prepare),
            [13, ..] => Some(Self::Fulfill),
            [14, ..] => Some(Self::Reject),
            _ => None,
        }
    }
}

/// Any packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packet<'a> {
    /// Asks for a fulfillment, and promises money for it.
    Prepare(Prepare<'a>),
    /// The fulfillment.
    Fulfill(Fulfill<'a>),
    /// Why there is none.
    Reject(Reject<'a>),
}

impl<'a> Packet<'a> {
    /// Reads the packet at the start of `buf`. What it returns borrows from `buf`.
    ///
    /// # Errors
    /// A [`DecodeError`] with the field, the byte and the reason: not all there, a length that is
    /// not canonical, an unknown type, a time or an address that is none, a code that is not ASCII,
    /// or a PREPARE with more than [`MAX_DATA`] bytes of data.
    #[inline]
    pub fn parse(buf: &'a [u8]) -> Result<Self, DecodeError> {
        match PacketType::peek(buf) {
            Some(PacketType::Fulfill) => {
                Fulfill::read(&mut envelope::open(buf)?).map(Self::Fulfill)
            }
            kind => Self::parse_other(kind, buf),
        }
    }

    /// What is no FULFILL, apart from these: one packet in three is one, and to be read where it is wanted.
    fn parse_other(kind: Option<PacketType>, buf: &'a [u8]) -> Result<Self, DecodeError> {
        let kind = kind.ok_or_else(|| no_type(buf))?;
        let mut fields = envelope::open(buf)?;
        match kind {
            PacketType::Prepare => Prepare::read(&mut fields).map(Self::Prepare),
            PacketType::Fulfill => Fulfill::read(&mut fields).map(Self::Fulfill),
            PacketType::Reject => Reject::read(&mut fields).map(Self::Reject),
        }
    }

    /// Reads a packet as [`parse`](Self::parse) does, and says whether `buf` is the canonical form of a PREPARE with nothing
    /// inside or behind it that is not read.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse).
    // a call would copy all fields twice
    #[inline(always)]
    pub fn parse_whole(buf: &'a [u8]) -> Result<(Self, Option<WholePrepare<'a>>), DecodeError> {
        if PacketType::peek(buf) != Some(PacketType::Prepare) {
            return Ok((Self::parse(buf)?, None));
        }
        let prepare = Prepare::read(&mut envelope::open(buf)?)?;
        let whole = WholePrepare::new(&prepare, buf);
        Ok((Self::Prepare(prepare), whole))
    }

    /// Which of the three it is.
    #[must_use]
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Prepare(_) => PacketType::Prepare,
            Self::Fulfill(_) => PacketType::Fulfill,
            Self::Reject(_) => PacketType::Reject,
        }
    }

    /// How many bytes [`encode`](Self::encode) appends.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        match self {
            Self::Prepare(prepare) => prepare.encoded_len(),
            Self::Fulfill(fulfill) => fulfill.encoded_len(),
            Self::Reject(reject) => reject.encoded_len(),
        }
    }

    /// Appends the canonical form.
    pub fn encode(&self, out: &mut impl BufMut) {
        match self {
            Self::Prepare(prepare) => prepare.encode(out),
            Self::Fulfill(fulfill) => fulfill.encode(out),
            Self::Reject(reject) => reject.encode(out),
        }
    }
}

impl<'a> From<Prepare<'a>> for Packet<'a> {
    fn from(prepare: Prepare<'a>) -> Self {
        Self::Prepare(prepare)
    }
}

impl<'a> From<Fulfill<'a>> for Packet<'a> {
    fn from(fulfill: Fulfill<'a>) -> Self {
        Self::Fulfill(fulfill)
    }
}

impl<'a> From<Reject<'a>> for Packet<'a> {
    fn from(reject: Reject<'a>) -> Self {
        Self::Reject(reject)
    }
}

#[cold]
fn no_type(buf: &[u8]) -> DecodeError {
    let kind = match buf.first() {
        Some(byte) => DecodeErrorKind::UnknownType(*byte),
        None => DecodeErrorKind::Truncated {
            needed: 1,
            available: 0,
        },
    };
    DecodeError::new("type", kind, 0)
}
